/* Sessions that are lost: silence, a broker that does not know them any more, its bye, connections that break. */
#include "fixture_machine.h"
#include "machine_ask.h"

static fixture_t b;

START_TEST(test_greeting_without_answer_backs_off_with_fresh_sockets) {
    fixture_init(&b);
    SENT(&b, HELLO);
    fixture_tick(&b, 4999);
    fixture_actions_are(&b, "front ");
    fixture_tick(&b, 1);
    fixture_actions_are(&b, "disconnect ");
    ck_assert_uint_le(machine_due(b.machine), b.now + 100);
    NOTHING_SENT(&b);
    b.now = machine_due(b.machine);
    fixture_tick(&b, 0);
    fixture_actions_are(&b, "front ");
    SENT(&b, HELLO);
    NO_EVENT(&b); /* there was nothing to lose yet */
    fixture_finish(&b);
}
END_TEST

START_TEST(test_back_off_is_random_and_doubles_to_ten_seconds) {
    uint64_t window = 100;
    fixture_init(&b);
    for (int attempt = 0; attempt < 12; attempt++) {
        fixture_tick(&b, 5000);
        uint64_t wait = machine_due(b.machine) - b.now;
        ck_assert_uint_le(wait, window);
        fixture_tick(&b, wait);
        window = 2 * window > 10000 ? 10000 : 2 * window;
    }
    fixture_finish(&b);

    /* Over many draws the whole window is used. */
    uint64_t least = UINT64_MAX, most = 0;
    for (int i = 0; i < 200; i++) {
        fixture_init(&b);
        b.dice = (uint8_t)(i * 5);
        fixture_tick(&b, 5000);
        uint64_t wait = machine_due(b.machine) - b.now;
        least = wait < least ? wait : least;
        most = wait > most ? wait : most;
        fixture_finish(&b);
    }
    ck_assert_uint_lt(least, 20);
    ck_assert_uint_gt(most, 80);
    ck_assert_uint_le(most, 100);
}
END_TEST

START_TEST(test_three_silent_heartbeats_make_both_sockets_anew) {
    fixture_init(&b);
    fixture_live_room(&b, "a", 5);
    fixture_tick(&b, 5000);
    fixture_tick(&b, 5000);
    fixture_tick(&b, 4999);
    SENT(&b, "ping");
    SENT(&b, "ping");
    NO_EVENT(&b);
    fixture_tick(&b, 1);
    EVENT(&b, "disconnected silent");
    NOTHING_SENT(&b);
    fixture_actions_are(&b, "disconnect ");
    b.now = machine_due(b.machine);
    fixture_tick(&b, 0);
    fixture_actions_are(&b, "front ");
    fixture_welcome_with(&b, EPOCH_1, true, "");
    EVENT(&b, "connected " EPOCH_1 " me resumed");
    ck_assert_ptr_nonnull(strstr(b.actions, "back=tcp://back +a0 +~"));
    fixture_synced(&b);
    SENT(&b, "join room=a after=5");
    fixture_finish(&b);
}
END_TEST

START_TEST(test_a_program_that_was_busy_is_not_a_silent_broker) {
    fixture_init(&b);
    fixture_welcome(&b);
    fixture_tick(&b, 600000);
    SENT(&b, "ping");
    NO_EVENT(&b);
    fixture_tick(&b, 9999);
    NO_EVENT(&b);
    fixture_json(&b, "{'op':'pong','time':1,'heads':{}}");
    fixture_tick(&b, 1);
    NO_EVENT(&b);
    fixture_finish(&b);
}
END_TEST

START_TEST(test_no_session_says_only_hello_and_resumes) {
    fixture_init(&b);
    fixture_live_room(&b, "a", 5);
    machine_publish(b.machine, "a", NULL, 0, 0, "1", 1, NULL);
    fixture_run(&b);
    SENT(&b, "publish a 1");
    fixture_no_session(&b);
    fixture_no_session(&b); /* one for each frame that was under way */
    SENT(&b, HELLO " resume=token");
    machine_publish(b.machine, "a", NULL, 0, 0, "2", 1, NULL);
    machine_who(b.machine, "a", NULL);
    machine_join(b.machine, "b", ZRELAY_FROM_NOW, 0, b.now);
    fixture_run(&b);
    fixture_tick(&b, 4000);
    NOTHING_SENT(&b);
    EVENT(&b, "disconnected the broker does not know the session any more");
    fixture_actions_are(&b, "");
    b.looked = b.sent_count - 1;
    fixture_welcome_with(&b, EPOCH_1, true, "");
    EVENT(&b, "connected " EPOCH_1 " me resumed");
    SENT(&b, "who room=a");
    SENT(&b, "publish a 1"); /* as it was, before anything new */
    SENT(&b, "publish a 2");
    ck_assert_str_eq(b.actions, "+b0 +~0202020202020202 ");
    fixture_synced(&b);
    SENT(&b, "join room=a after=5");
    SENT(&b, "join room=b");
    fixture_finish(&b);
}
END_TEST

START_TEST(test_a_blocked_action_is_void_after_a_loss) {
    fixture_init(&b);
    fixture_welcome(&b);
    uint64_t connection = machine_connection(b.machine);
    fixture_no_session(&b);
    ck_assert_uint_eq(machine_connection(b.machine), connection); /* the same DEALER */
    fixture_tick(&b, 5000);
    ck_assert_uint_gt(machine_connection(b.machine), connection);
    fixture_finish(&b);
}
END_TEST

START_TEST(test_bye_shutdown_backs_off) {
    fixture_init(&b);
    fixture_welcome(&b);
    b.actions[0] = '\0';
    fixture_json(&b, "{'op':'bye','reason':'shutdown'}");
    EVENT(&b, "disconnected shutdown [=]");
    fixture_actions_are(&b, "disconnect ");
    ck_assert_uint_le(machine_due(b.machine), b.now + 100);
    b.now = machine_due(b.machine);
    fixture_tick(&b, 0);
    SENT(&b, HELLO " resume=token");
    fixture_finish(&b);
}
END_TEST

START_TEST(test_bye_expired_says_hello_at_once) {
    fixture_init(&b);
    fixture_welcome(&b);
    b.actions[0] = '\0';
    fixture_json(&b, "{'op':'bye','reason':'expired'}");
    EVENT(&b, "disconnected expired [=]");
    SENT(&b, HELLO " resume=token");
    fixture_actions_are(&b, "");
    fixture_finish(&b);
}
END_TEST

/* It was a late hello of our own that did it: nobody else knows the client id. */
START_TEST(test_bye_replaced_backs_off) {
    fixture_init(&b);
    fixture_welcome(&b);
    fixture_json(&b, "{'op':'bye','reason':'replaced'}");
    EVENT(&b, "disconnected replaced [=]");
    NO_EVENT(&b);
    NOTHING_SENT(&b);
    fixture_tick(&b, 1600);
    SENT(&b, HELLO " resume=token");
    fixture_finish(&b);
}
END_TEST

START_TEST(test_without_reconnect_the_first_loss_closes) {
    fixture_init_with(&b, (machine_config_t){.nick = "me"});
    fixture_welcome(&b);
    fixture_no_session(&b);
    EVENT(&b, "disconnected the broker does not know the session any more");
    EVENT(&b, "closed");
    NOTHING_SENT(&b);
    fixture_finish(&b);

    fixture_init_with(&b, (machine_config_t){.nick = "me"});
    fixture_tick(&b, 5000);
    EVENT(&b, "disconnected no answer");
    EVENT(&b, "closed");
    fixture_finish(&b);
}
END_TEST

/* --- Connections that break --- */

#define BROKE "disconnected the connection to the broker broke"

/* Fresh sockets after the back-off, which has just begun. */
static void s_expect_back_off(uint64_t window) {
    fixture_actions_are(&b, "disconnect ");
    NOTHING_SENT(&b);
    ck_assert_uint_le(machine_due(b.machine), b.now + window);
    b.now = machine_due(b.machine);
    fixture_tick(&b, 0);
    fixture_actions_are(&b, "front ");
}

START_TEST(test_a_broken_connection_is_told_at_once) {
    fixture_init(&b);
    fixture_up(&b);
    fixture_live_room(&b, "a", 5);
    machine_publish(b.machine, "a", NULL, 0, 0, "1", 1, NULL);
    fixture_run(&b);
    SENT(&b, "publish a 1");
    fixture_down(&b);
    EVENT(&b, BROKE);
    machine_publish(b.machine, "a", NULL, 0, 0, "2", 1, NULL);
    fixture_down(&b); /* told once */
    fixture_run(&b);
    s_expect_back_off(100);
    fixture_up(&b); /* hello is in the DEALER already */
    fixture_welcome_with(&b, EPOCH_1, true, "");
    EVENT(&b, "connected " EPOCH_1 " me resumed");
    NO_EVENT(&b);
    SENT(&b, "publish a 1");
    SENT(&b, "publish a 2");
    fixture_synced(&b);
    SENT(&b, "join room=a after=5");
    fixture_finish(&b);
}
END_TEST

START_TEST(test_a_connection_breaks_while_greeting) {
    fixture_init(&b);
    SENT(&b, HELLO);
    b.actions[0] = '\0';
    fixture_down(&b); /* it never stood: libzmq goes on trying */
    fixture_actions_are(&b, "");
    ck_assert_uint_eq(machine_due(b.machine), b.now + 5000);
    for (uint64_t window = 100; window <= 400; window *= 2) { /* the hello may have gone with it */
        fixture_up(&b);
        fixture_down(&b);
        s_expect_back_off(window);
        SENT(&b, HELLO);
    }
    NO_EVENT(&b); /* there was nothing to lose yet */
    fixture_finish(&b);
}
END_TEST

START_TEST(test_a_connection_breaks_while_a_session_is_renewed_or_asked_for) {
    fixture_init(&b);
    fixture_up(&b);
    fixture_welcome(&b);
    b.actions[0] = '\0';
    machine_rename(b.machine, "you", b.now);
    fixture_run(&b);
    SENT(&b, "hello proto=1 client=00000000000000000000000000000000 nick=you");
    fixture_down(&b);
    EVENT(&b, BROKE);
    s_expect_back_off(100);
    SENT(&b, "hello proto=1 client=00000000000000000000000000000000 nick=you resume=token");
    fixture_finish(&b);

    fixture_init(&b);
    fixture_up(&b);
    fixture_welcome(&b);
    fixture_no_session(&b);
    EVENT(&b, "disconnected the broker does not know the session any more");
    SENT(&b, HELLO " resume=token");
    b.actions[0] = '\0';
    fixture_down(&b);
    NO_EVENT(&b);
    s_expect_back_off(100);
    fixture_finish(&b);
}
END_TEST

START_TEST(test_a_connection_breaks_while_a_nick_is_chosen) {
    fixture_init(&b);
    fixture_up(&b);
    SENT(&b, HELLO);
    fixture_json(&b, "{'op':'error','re':%d,'code':'nick-in-use','text':'taken'}", fixture_id(&b));
    EVENT(&b, "refused nick-in-use - mid=0-0 request=0 seq=0");
    b.actions[0] = '\0';
    fixture_down(&b);
    fixture_actions_are(&b, "");
    ck_assert_uint_eq(machine_due(b.machine), UINT64_MAX);
    fixture_up(&b); /* libzmq did that */
    NOTHING_SENT(&b);
    machine_rename(b.machine, "you", b.now);
    fixture_run(&b);
    SENT(&b, "hello proto=1 client=00000000000000000000000000000000 nick=you");
    NO_EVENT(&b);
    fixture_finish(&b);
}
END_TEST

START_TEST(test_a_connection_breaks_after_a_bye) {
    fixture_init(&b);
    fixture_up(&b);
    fixture_welcome(&b);
    b.actions[0] = '\0';
    fixture_json(&b, "{'op':'bye','reason':'shutdown'}");
    fixture_down(&b);
    fixture_up(&b);
    EVENT(&b, "disconnected shutdown [=]");
    NO_EVENT(&b);
    s_expect_back_off(100);
    fixture_finish(&b);

    fixture_init(&b);
    fixture_up(&b);
    fixture_welcome(&b);
    machine_close(b.machine, b.now);
    fixture_run(&b);
    SENT(&b, "bye");
    fixture_down(&b); /* ok does not come any more */
    EVENT(&b, "closed");
    fixture_down(&b);
    fixture_up(&b);
    NO_EVENT(&b);
    fixture_actions_are(&b, "front disconnect ");
    fixture_finish(&b);
}
END_TEST

START_TEST(test_without_reconnect_a_broken_connection_closes) {
    fixture_init_with(&b, (machine_config_t){.nick = "me"});
    fixture_down(&b); /* it never stood */
    NO_EVENT(&b);
    fixture_up(&b);
    fixture_welcome(&b);
    fixture_down(&b);
    EVENT(&b, BROKE);
    EVENT(&b, "closed");
    NO_EVENT(&b);
    fixture_finish(&b);
}
END_TEST

START_TEST(test_close_outlives_a_broken_connection) {
    uint8_t ack[ZR_ACK_SIZE];
    fixture_init(&b);
    fixture_up(&b);
    fixture_welcome(&b);
    machine_publish(b.machine, "a", NULL, 0, 0, "1", 1, NULL);
    machine_close(b.machine, b.now);
    fixture_run(&b);
    SENT(&b, "publish a 1");
    b.actions[0] = '\0';
    fixture_down(&b);
    EVENT(&b, BROKE);
    s_expect_back_off(100);
    fixture_up(&b);
    fixture_welcome_with(&b, EPOCH_1, true, "");
    EVENT(&b, "connected " EPOCH_1 " me resumed");
    SENT(&b, "publish a 1");
    zr_ack_write(ack, &(zr_ack_t){ZR_LEVEL_MEMORY, 1, 9});
    fixture_front(&b, ack, sizeof ack);
    SENT(&b, "bye");
    fixture_finish(&b);
}
END_TEST

UNIT_MAIN("client.lib.machine_loss", test_greeting_without_answer_backs_off_with_fresh_sockets,
    test_back_off_is_random_and_doubles_to_ten_seconds, test_three_silent_heartbeats_make_both_sockets_anew,
    test_a_program_that_was_busy_is_not_a_silent_broker, test_no_session_says_only_hello_and_resumes,
    test_a_blocked_action_is_void_after_a_loss, test_bye_shutdown_backs_off, test_bye_expired_says_hello_at_once,
    test_bye_replaced_backs_off, test_without_reconnect_the_first_loss_closes, test_a_broken_connection_is_told_at_once,
    test_a_connection_breaks_while_greeting, test_a_connection_breaks_while_a_session_is_renewed_or_asked_for,
    test_a_connection_breaks_while_a_nick_is_chosen, test_a_connection_breaks_after_a_bye,
    test_without_reconnect_a_broken_connection_closes, test_close_outlives_a_broken_connection)
