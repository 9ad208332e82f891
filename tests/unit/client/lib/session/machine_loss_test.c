/* Sessions that are lost: silence, a broker that does not know them any more, its bye, connections that break. */
#include "fixture_machine.h"
#include "machine_ask.h"

#define NO_ANSWER                                                                                                      \
    "disconnected [unreachable] there is no answer: is that a broker, and does a firewall let you through?"

TEST(test_greeting_without_answer_backs_off_with_fresh_sockets) {
    SENT(HELLO);
    fixture_tick(4999);
    fixture_actions_are("front ");
    fixture_tick(1);
    fixture_actions_are("disconnect ");
    ck_assert_uint_le(machine_due(b.machine), b.now + 100);
    NOTHING_SENT();
    fixture_wait();
    fixture_actions_are("front ");
    SENT(HELLO);
    EVENTS(NO_ANSWER, "");
}

TEST(test_back_off_is_random_and_doubles_to_ten_seconds) {
    uint64_t window = 100;
    for (int attempt = 0; attempt < 12; attempt++) {
        fixture_tick(5000);
        uint64_t wait = machine_due(b.machine) - b.now;
        ck_assert_uint_le(wait, window);
        fixture_tick(wait);
        window = 2 * window > 10000 ? 10000 : 2 * window;
    }

    /* Over many draws the whole window is used. */
    uint64_t least = UINT64_MAX, most = 0;
    for (int i = 0; i < 200; i++) {
        fixture_init();
        b.dice = (uint8_t)(i * 5);
        fixture_tick(5000);
        uint64_t wait = machine_due(b.machine) - b.now;
        least = wait < least ? wait : least;
        most = wait > most ? wait : most;
    }
    ck_assert_uint_lt(least, 20);
    ck_assert_uint_gt(most, 80);
    ck_assert_uint_le(most, 100);
}

TEST(test_three_silent_heartbeats_make_both_sockets_anew) {
    fixture_live_room("a", 5);
    fixture_tick(5000);
    fixture_tick(5000);
    fixture_tick(4999);
    SENTS("ping", "ping");
    NO_EVENT();
    fixture_tick(1);
    EVENT("disconnected silent");
    NOTHING_SENT();
    fixture_actions_are("disconnect ");
    fixture_wait();
    fixture_actions_are("front ");
    fixture_welcome_with(EPOCH_1, true, "");
    EVENT("connected " EPOCH_1 " me resumed");
    ck_assert_ptr_nonnull(strstr(b.actions, "back=tcp://back +a0 +~"));
    fixture_synced();
    SENT("join room=a after=5");
}

TEST(test_a_program_that_was_busy_is_not_a_silent_broker) {
    fixture_welcome();
    fixture_tick(600000);
    SENT("ping");
    NO_EVENT();
    fixture_tick(9999);
    NO_EVENT();
    fixture_json("{'op':'pong','time':1,'heads':{}}");
    fixture_tick(1);
    NO_EVENT();
}

TEST(test_no_session_says_only_hello_and_resumes) {
    fixture_live_room("a", 5);
    machine_publish(b.machine, "a", NULL, 0, 0, "1", 1, NULL);
    SENT("publish a 1");
    fixture_no_session();
    fixture_no_session(); /* one for each frame that was under way */
    SENT(HELLO " resume=token");
    machine_publish(b.machine, "a", NULL, 0, 0, "2", 1, NULL);
    machine_who(b.machine, "a", NULL);
    machine_join(b.machine, "b", ZRELAY_FROM_NOW, 0, b.now);
    fixture_run();
    fixture_tick(4000);
    NOTHING_SENT();
    EVENT("disconnected the broker does not know the session any more");
    fixture_actions_are("");
    b.looked = b.sent_count - 1;
    fixture_welcome_with(EPOCH_1, true, "");
    EVENT("connected " EPOCH_1 " me resumed");
    SENT("who room=a");
    SENT("publish a 1"); /* as it was, before anything new */
    SENT("publish a 2");
    ck_assert_str_eq(b.actions, "+b0 +~0202020202020202 ");
    fixture_synced();
    SENTS("join room=a after=5", "join room=b");
}

TEST(test_a_blocked_action_is_void_after_a_loss) {
    fixture_welcome();
    uint64_t connection = machine_connection(b.machine);
    fixture_no_session();
    ck_assert_uint_eq(machine_connection(b.machine), connection); /* the same DEALER */
    fixture_tick(5000);
    ck_assert_uint_gt(machine_connection(b.machine), connection);
}

TEST(test_bye_shutdown_backs_off) {
    fixture_welcome();
    b.actions[0] = '\0';
    fixture_json("{'op':'bye','reason':'shutdown'}");
    EVENT("disconnected shutdown [=]");
    fixture_actions_are("disconnect ");
    ck_assert_uint_le(machine_due(b.machine), b.now + 100);
    fixture_wait();
    SENT(HELLO " resume=token");
}

TEST(test_bye_expired_says_hello_at_once) {
    fixture_welcome();
    b.actions[0] = '\0';
    fixture_json("{'op':'bye','reason':'expired'}");
    EVENT("disconnected expired [=]");
    SENT(HELLO " resume=token");
    fixture_actions_are("");
}

/* It was a late hello of our own that did it: nobody else knows the client id. */
TEST(test_bye_replaced_backs_off) {
    fixture_welcome();
    fixture_json("{'op':'bye','reason':'replaced'}");
    EVENTS("disconnected replaced [=]", "");
    NOTHING_SENT();
    fixture_tick(1600);
    SENT(HELLO " resume=token");
}

/* A program that was stopped, and libzmq's thread with it, has answers that it did not see yet. */
TEST(test_a_late_program_waits_before_it_judges) {
    fixture_live_room("a", 5);
    fixture_tick(5000);
    fixture_tick(60000);
    SENTS("ping", "ping");
    NO_EVENT();
    ck_assert_uint_le(machine_due(b.machine), b.now + 100);
    fixture_json("{'op':'pong','time':1,'heads':{}}");
    fixture_wait();
    NO_EVENT();
    fixture_init();
    fixture_live_room("a", 5);
    fixture_tick(5000);
    fixture_tick(60000);
    SENTS("ping", "ping");
    fixture_tick(99);
    NO_EVENT();
    fixture_tick(1);
    EVENT("disconnected silent");
}

TEST(test_without_reconnect_the_first_loss_closes) {
    fixture_init_with((machine_config_t){.nick = "me"});
    fixture_welcome();
    fixture_no_session();
    EVENTS("disconnected the broker does not know the session any more", "closed");
    NOTHING_SENT();

    fixture_init_with((machine_config_t){.nick = "me"});
    fixture_tick(5000);
    EVENTS(NO_ANSWER, "closed");
}

/* --- Connections that break --- */

#define BROKE "disconnected the connection to the broker broke"

/* Fresh sockets after the back-off, which has just begun. */
static void s_expect_back_off(uint64_t window) {
    fixture_actions_are("disconnect ");
    NOTHING_SENT();
    ck_assert_uint_le(machine_due(b.machine), b.now + window);
    fixture_wait();
    fixture_actions_are("front ");
}

TEST(test_a_broken_connection_is_told_at_once) {
    fixture_up();
    fixture_live_room("a", 5);
    machine_publish(b.machine, "a", NULL, 0, 0, "1", 1, NULL);
    SENT("publish a 1");
    fixture_down();
    EVENT(BROKE);
    machine_publish(b.machine, "a", NULL, 0, 0, "2", 1, NULL);
    fixture_down(); /* told once */
    fixture_run();
    s_expect_back_off(100);
    fixture_up(); /* hello is in the DEALER already */
    fixture_welcome_with(EPOCH_1, true, "");
    EVENTS("connected " EPOCH_1 " me resumed", "");
    SENTS("publish a 1", "publish a 2");
    fixture_synced();
    SENT("join room=a after=5");
}

TEST(test_a_connection_breaks_while_greeting) {
    SENT(HELLO);
    b.actions[0] = '\0';
    fixture_down(); /* it never stood: libzmq goes on trying */
    fixture_actions_are("");
    ck_assert_uint_eq(machine_due(b.machine), b.now + 5000);
    for (uint64_t window = 100; window <= 400; window *= 2) { /* the hello may have gone with it */
        fixture_up();
        fixture_down();
        s_expect_back_off(window);
        SENT(HELLO);
    }
    EVENTS("disconnected [unreachable] the connection ended before the broker answered", "");
}

TEST(test_a_connection_breaks_while_a_session_is_renewed_or_asked_for) {
    fixture_up();
    fixture_welcome();
    b.actions[0] = '\0';
    machine_rename(b.machine, "you", b.now);
    SENT("hello proto=1 client=00000000000000000000000000000000 nick=you");
    fixture_down();
    EVENT(BROKE);
    s_expect_back_off(100);
    SENT("hello proto=1 client=00000000000000000000000000000000 nick=you resume=token");

    fixture_init();
    fixture_up();
    fixture_welcome();
    fixture_no_session();
    EVENT("disconnected the broker does not know the session any more");
    SENT(HELLO " resume=token");
    b.actions[0] = '\0';
    fixture_down();
    NO_EVENT();
    s_expect_back_off(100);
}

TEST(test_a_connection_breaks_while_a_nick_is_chosen) {
    fixture_up();
    SENT(HELLO);
    fixture_json("{'op':'error','re':%d,'code':'nick-in-use','text':'taken'}", fixture_id());
    EVENT("refused nick-in-use - mid=0-0 request=0 seq=0");
    b.actions[0] = '\0';
    fixture_down();
    fixture_actions_are("");
    ck_assert_uint_eq(machine_due(b.machine), UINT64_MAX);
    fixture_up(); /* libzmq did that */
    NOTHING_SENT();
    machine_rename(b.machine, "you", b.now);
    SENT("hello proto=1 client=00000000000000000000000000000000 nick=you");
    NO_EVENT();
}

TEST(test_a_connection_breaks_after_a_bye) {
    fixture_up();
    fixture_welcome();
    b.actions[0] = '\0';
    fixture_json("{'op':'bye','reason':'shutdown'}");
    fixture_down();
    fixture_up();
    EVENTS("disconnected shutdown [=]", "");
    s_expect_back_off(100);

    fixture_init();
    fixture_up();
    fixture_welcome();
    machine_close(b.machine, b.now);
    SENT("bye");
    fixture_down(); /* ok does not come any more */
    EVENT("closed");
    fixture_down();
    fixture_up();
    NO_EVENT();
    fixture_actions_are("front disconnect ");
}

TEST(test_without_reconnect_a_broken_connection_closes) {
    fixture_init_with((machine_config_t){.nick = "me"});
    fixture_down(); /* it never stood */
    NO_EVENT();
    fixture_up();
    fixture_welcome();
    fixture_down();
    EVENT(BROKE);
    EVENTS("closed", "");
}

TEST(test_close_outlives_a_broken_connection) {
    uint8_t ack[ZR_ACK_SIZE];
    fixture_up();
    fixture_welcome();
    machine_publish(b.machine, "a", NULL, 0, 0, "1", 1, NULL);
    machine_close(b.machine, b.now);
    SENT("publish a 1");
    b.actions[0] = '\0';
    fixture_down();
    EVENT(BROKE);
    s_expect_back_off(100);
    fixture_up();
    fixture_welcome_with(EPOCH_1, true, "");
    EVENT("connected " EPOCH_1 " me resumed");
    SENT("publish a 1");
    zr_ack_write(ack, &(zr_ack_t){ZR_LEVEL_MEMORY, 1, 9});
    fixture_front(ack, sizeof ack);
    SENT("bye");
}

static void s_reconnect(int result) {
    ck_assert_int_eq(machine_reconnect(b.machine, b.now), result);
    fixture_tick(0);
}

TEST(test_a_new_connection_at_once_when_the_program_asks) {
    fixture_live_room("a", 5);
    machine_publish(b.machine, "a", NULL, 0, 0, "1", 1, NULL);
    SENT("publish a 1");
    b.actions[0] = '\0';
    s_reconnect(0);
    EVENT("disconnected [reconnect] the program asked for a new connection");
    fixture_actions_are("disconnect front ");
    fixture_up();
    fixture_welcome_with(EPOCH_1, true, "");
    EVENT("connected " EPOCH_1 " me resumed");
    SENT("publish a 1");
}

TEST(test_the_next_attempt_now_when_the_program_asks) {
    for (int attempt = 0; attempt < 6; attempt++) {
        fixture_tick(5000);
        fixture_wait();
    }
    fixture_tick(5000);
    EVENT(NO_ANSWER);
    b.actions[0] = '\0';
    b.dice = 255;
    s_reconnect(0);
    fixture_actions_are("front ");
    b.looked = b.sent_count;
    fixture_tick(5000);
    s_expect_back_off(100); /* which begins anew */
    SENT(HELLO);
    s_reconnect(0);
    fixture_up();
    fixture_welcome();
    machine_close(b.machine, b.now);
    s_reconnect(ZRELAY_ESTATE);
    fixture_init_with((machine_config_t){.nick = "me"});
    s_reconnect(ZRELAY_ESTATE);
}

UNIT_SUITE_WITH("client.lib.machine_loss", fixture_init, fixture_finish)
