/* The client's states, row by row of PROTOCOL.md, section 6. */
#include "bench_machine.h"

static bench_t b;

#define HELLO "hello proto=1 client=00000000000000000000000000000000 nick=me"

START_TEST(test_new_connects_and_says_hello) {
    bench_init(&b);
    bench_actions_are(&b, "front ");
    SENT(&b, HELLO);
    NOTHING_SENT(&b);
    NO_EVENT(&b);
    bench_finish(&b);
}
END_TEST

START_TEST(test_hello_carries_the_agent_and_no_nick_when_there_is_none) {
    bench_init_with(&b, (machine_config_t){.agent = "x 1", .reconnect = true});
    SENT(&b, "hello proto=1 client=00000000000000000000000000000000 agent=x 1");
    bench_finish(&b);
}
END_TEST

START_TEST(test_welcome_connects_back_subscribes_and_syncs) {
    bench_init(&b);
    machine_join(b.machine, "a", ZRELAY_FROM_NOW, 0, b.now);
    machine_join(b.machine, "b", ZRELAY_FROM_NOW | ZRELAY_PRESENCE, 0, b.now);
    bench_run(&b);
    bench_actions_are(&b, "front ");
    bench_welcome(&b);
    bench_actions_are(&b, "back=tcp://back +a0 +b0 +b1 +~0101010101010101 ");
    NOTHING_SENT(&b); /* join waits for synced */
    bench_synced(&b);
    SENT(&b, "join room=a");
    SENT(&b, "join room=b");
    NOTHING_SENT(&b);
    bench_finish(&b);
}
END_TEST

START_TEST(test_whether_the_session_is_a_users) {
    static const char *const users[] = {"", ",'user':'me'"};
    for (int i = 0; i < 2; i++) {
        bench_init(&b);
        while (!zr_span_starts(zr_span(bench_sent(&b)), zr_span("hello")))
            ck_assert_uint_lt(b.looked, b.sent_count);
        b.looked--;
        bench_welcome_with(&b, EPOCH_1, false, users[i]);
        const zrelay_event_t *event = machine_event(b.machine);
        ck_assert_int_eq(event->type, ZRELAY_CONNECTED);
        ck_assert_int_eq(event->user, i == 1);
        bench_finish(&b);
    }
}
END_TEST

START_TEST(test_without_rooms_there_is_no_back) {
    bench_init(&b);
    bench_welcome(&b);
    bench_actions_are(&b, "front ");
    bench_finish(&b);
}
END_TEST

START_TEST(test_joins_in_a_row_share_a_sync) {
    bench_init(&b);
    bench_welcome(&b);
    b.actions[0] = '\0';
    machine_join(b.machine, "a", ZRELAY_FROM_NOW, 0, b.now);
    machine_join(b.machine, "b", ZRELAY_FROM_NOW, 0, b.now);
    bench_run(&b);
    bench_actions_are(&b, "back=tcp://back +a0 +b0 +~0101010101010101 ");
    machine_join(b.machine, "c", ZRELAY_FROM_NOW, 0, b.now);
    bench_run(&b);
    bench_actions_are(&b, "+c0 -~0101010101010101 +~0202020202020202 ");
    bench_finish(&b);
}
END_TEST

START_TEST(test_greeting_without_answer_backs_off_with_fresh_sockets) {
    bench_init(&b);
    SENT(&b, HELLO);
    bench_tick(&b, 4999);
    bench_actions_are(&b, "front ");
    bench_tick(&b, 1);
    bench_actions_are(&b, "disconnect ");
    ck_assert_uint_le(machine_due(b.machine), b.now + 100);
    NOTHING_SENT(&b);
    b.now = machine_due(b.machine);
    bench_tick(&b, 0);
    bench_actions_are(&b, "front ");
    SENT(&b, HELLO);
    NO_EVENT(&b); /* there was nothing to lose yet */
    bench_finish(&b);
}
END_TEST

START_TEST(test_back_off_is_random_and_doubles_to_ten_seconds) {
    uint64_t window = 100;
    bench_init(&b);
    for (int attempt = 0; attempt < 12; attempt++) {
        bench_tick(&b, 5000);
        uint64_t wait = machine_due(b.machine) - b.now;
        ck_assert_uint_le(wait, window);
        bench_tick(&b, wait);
        window = 2 * window > 10000 ? 10000 : 2 * window;
    }
    bench_finish(&b);

    /* Over many draws the whole window is used. */
    uint64_t least = UINT64_MAX, most = 0;
    for (int i = 0; i < 200; i++) {
        bench_init(&b);
        b.dice = (uint8_t)(i * 5);
        bench_tick(&b, 5000);
        uint64_t wait = machine_due(b.machine) - b.now;
        least = wait < least ? wait : least;
        most = wait > most ? wait : most;
        bench_finish(&b);
    }
    ck_assert_uint_lt(least, 20);
    ck_assert_uint_gt(most, 80);
    ck_assert_uint_le(most, 100);
}
END_TEST

START_TEST(test_nick_in_use_waits_for_another) {
    bench_init(&b);
    SENT(&b, HELLO);
    bench_json(&b, "{'op':'error','re':%d,'code':'nick-in-use','text':'taken'}", bench_id(&b));
    EVENT(&b, "refused nick-in-use - mid=0-0 request=0 seq=0");
    ck_assert_uint_eq(machine_due(b.machine), UINT64_MAX);
    NOTHING_SENT(&b);
    ck_assert_int_eq(machine_rename(b.machine, "you", b.now), 0);
    bench_run(&b);
    SENT(&b, "hello proto=1 client=00000000000000000000000000000000 nick=you");
    NO_EVENT(&b);
    bench_finish(&b);
}
END_TEST

START_TEST(test_a_name_the_broker_made_up_may_be_lost) {
    bench_init_with(&b, (machine_config_t){.reconnect = true});
    bench_welcome(&b); /* as "me" */
    bench_no_session(&b);
    SENT(&b, HELLO " resume=token");
    bench_json(&b, "{'op':'error','re':%d,'code':'nick-in-use','text':'taken'}", bench_id(&b));
    EVENT(&b, "disconnected the broker does not know the session any more");
    NO_EVENT(&b);
    SENT(&b, "hello proto=1 client=00000000000000000000000000000000 resume=token");
    bench_finish(&b);
}
END_TEST

START_TEST(test_hello_that_cannot_be_right_closes) {
    const char *codes[] = {"bad-proto", "bad-member", "bad-json", "one-of-the-future"};
    for (size_t i = 0; i < 4; i++) {
        char expected[100];
        bench_init(&b);
        SENT(&b, HELLO);
        bench_json(&b, "{'op':'error','re':%d,'code':'%s','text':'no'}", bench_id(&b), codes[i]);
        sprintf(expected, "refused %s - mid=0-0 request=0 seq=0", codes[i]);
        EVENT(&b, expected);
        EVENT(&b, "closed");
        NO_EVENT(&b);
        bench_actions_are(&b, "front disconnect ");
        ck_assert(machine_closed(b.machine));
        bench_finish(&b);
    }
}
END_TEST

START_TEST(test_too_many_sessions_backs_off) {
    bench_init(&b);
    SENT(&b, HELLO);
    bench_json(&b, "{'op':'error','re':%d,'code':'too-many-sessions','text':'full'}", bench_id(&b));
    EVENT(&b, "refused too-many-sessions - mid=0-0 request=0 seq=0");
    NO_EVENT(&b);
    bench_actions_are(&b, "front disconnect ");
    b.now = machine_due(b.machine);
    bench_tick(&b, 0);
    SENT(&b, HELLO);
    bench_finish(&b);
}
END_TEST

START_TEST(test_pings_every_heartbeat) {
    bench_init(&b);
    bench_welcome(&b);
    ck_assert_uint_eq(machine_due(b.machine), b.now + 5000);
    bench_tick(&b, 5000);
    SENT(&b, "ping");
    bench_json(&b, "{'op':'pong','time':1,'heads':{}}");
    bench_tick(&b, 5000);
    SENT(&b, "ping");
    NOTHING_SENT(&b);
    bench_finish(&b);
}
END_TEST

START_TEST(test_three_silent_heartbeats_make_both_sockets_anew) {
    bench_init(&b);
    bench_live_room(&b, "a", 5);
    bench_tick(&b, 5000);
    bench_tick(&b, 5000);
    bench_tick(&b, 4999);
    SENT(&b, "ping");
    SENT(&b, "ping");
    NO_EVENT(&b);
    bench_tick(&b, 1);
    EVENT(&b, "disconnected silent");
    NOTHING_SENT(&b);
    bench_actions_are(&b, "disconnect ");
    b.now = machine_due(b.machine);
    bench_tick(&b, 0);
    bench_actions_are(&b, "front ");
    bench_welcome_with(&b, EPOCH_1, true, "");
    EVENT(&b, "connected " EPOCH_1 " me resumed");
    ck_assert_ptr_nonnull(strstr(b.actions, "back=tcp://back +a0 +~"));
    bench_synced(&b);
    SENT(&b, "join room=a after=5");
    bench_finish(&b);
}
END_TEST

START_TEST(test_a_program_that_was_busy_is_not_a_silent_broker) {
    bench_init(&b);
    bench_welcome(&b);
    bench_tick(&b, 600000);
    SENT(&b, "ping");
    NO_EVENT(&b);
    bench_tick(&b, 9999);
    NO_EVENT(&b);
    bench_json(&b, "{'op':'pong','time':1,'heads':{}}");
    bench_tick(&b, 1);
    NO_EVENT(&b);
    bench_finish(&b);
}
END_TEST

START_TEST(test_no_session_says_only_hello_and_resumes) {
    bench_init(&b);
    bench_live_room(&b, "a", 5);
    machine_publish(b.machine, "a", NULL, 0, 0, "1", 1, NULL);
    bench_run(&b);
    SENT(&b, "publish a 1");
    bench_no_session(&b);
    bench_no_session(&b); /* one for each frame that was under way */
    SENT(&b, HELLO " resume=token");
    machine_publish(b.machine, "a", NULL, 0, 0, "2", 1, NULL);
    machine_who(b.machine, "a", NULL);
    machine_join(b.machine, "b", ZRELAY_FROM_NOW, 0, b.now);
    bench_run(&b);
    bench_tick(&b, 4000);
    NOTHING_SENT(&b);
    EVENT(&b, "disconnected the broker does not know the session any more");
    bench_actions_are(&b, "");
    b.looked = b.sent_count - 1;
    bench_welcome_with(&b, EPOCH_1, true, "");
    EVENT(&b, "connected " EPOCH_1 " me resumed");
    SENT(&b, "who room=a");
    SENT(&b, "publish a 1"); /* as it was, before anything new */
    SENT(&b, "publish a 2");
    ck_assert_str_eq(b.actions, "+b0 +~0202020202020202 ");
    bench_synced(&b);
    SENT(&b, "join room=a after=5");
    SENT(&b, "join room=b");
    bench_finish(&b);
}
END_TEST

START_TEST(test_another_epoch_voids_positions) {
    bench_init(&b);
    bench_live_room(&b, "a", 5);
    bench_no_session(&b);
    bench_welcome_with(&b, EPOCH_2, false, "");
    EVENT(&b, "disconnected the broker does not know the session any more");
    EVENT(&b, "connected " EPOCH_2 " me");
    EVENT(&b, "epoch " EPOCH_2);
    bench_actions_are(&b, "+~0202020202020202 ");
    bench_synced(&b);
    SENT(&b, "join room=a after=0");
    bench_joined(&b, "a", 2, 0, ",'recovered':true");
    SENT(&b, "replay room=a after=0");
    bench_replay(&b, "a", 0, 1, 2);
    bench_replayed(&b, 2, 2, true, false);
    bench_expect_entries(&b, "a", 1, 2);
    NO_EVENT(&b);
    bench_finish(&b);
}
END_TEST

START_TEST(test_another_back_connects_there) {
    bench_init(&b);
    bench_live_room(&b, "a", 5);
    bench_no_session(&b);
    bench_sent(&b);
    bench_json(&b,
        "{'op':'welcome','re':%d,'proto':1,'epoch':'" EPOCH_1
        "','nick':'me','resume':'t2','resumed':true,'back':'tcp://other','heartbeat':1000}",
        bench_id(&b));
    bench_actions_are(&b, "back=tcp://other +a0 +~0202020202020202 ");
    ck_assert_uint_eq(machine_due(b.machine), b.now + 1000);
    bench_finish(&b);
}
END_TEST

START_TEST(test_bye_shutdown_backs_off) {
    bench_init(&b);
    bench_welcome(&b);
    b.actions[0] = '\0';
    bench_json(&b, "{'op':'bye','reason':'shutdown'}");
    EVENT(&b, "disconnected shutdown [=]");
    bench_actions_are(&b, "disconnect ");
    ck_assert_uint_le(machine_due(b.machine), b.now + 100);
    b.now = machine_due(b.machine);
    bench_tick(&b, 0);
    SENT(&b, HELLO " resume=token");
    bench_finish(&b);
}
END_TEST

START_TEST(test_bye_expired_says_hello_at_once) {
    bench_init(&b);
    bench_welcome(&b);
    b.actions[0] = '\0';
    bench_json(&b, "{'op':'bye','reason':'expired'}");
    EVENT(&b, "disconnected expired [=]");
    SENT(&b, HELLO " resume=token");
    bench_actions_are(&b, "");
    bench_finish(&b);
}
END_TEST

/* It was a late hello of our own that did it: nobody else knows the client id. */
START_TEST(test_bye_replaced_backs_off) {
    bench_init(&b);
    bench_welcome(&b);
    bench_json(&b, "{'op':'bye','reason':'replaced'}");
    EVENT(&b, "disconnected replaced [=]");
    NO_EVENT(&b);
    NOTHING_SENT(&b);
    bench_tick(&b, 1600);
    SENT(&b, HELLO " resume=token");
    bench_finish(&b);
}
END_TEST

START_TEST(test_without_reconnect_the_first_loss_closes) {
    bench_init_with(&b, (machine_config_t){.nick = "me"});
    bench_welcome(&b);
    bench_no_session(&b);
    EVENT(&b, "disconnected the broker does not know the session any more");
    EVENT(&b, "closed");
    NOTHING_SENT(&b);
    bench_finish(&b);

    bench_init_with(&b, (machine_config_t){.nick = "me"});
    bench_tick(&b, 5000);
    EVENT(&b, "disconnected no answer");
    EVENT(&b, "closed");
    bench_finish(&b);
}
END_TEST

START_TEST(test_rename) {
    bench_init(&b);
    bench_welcome(&b);
    ck_assert_int_eq(machine_rename(b.machine, "you", b.now), 0);
    bench_run(&b);
    SENT(&b, "hello proto=1 client=00000000000000000000000000000000 nick=you");
    bench_json(&b,
        "{'op':'welcome','re':%d,'epoch':'" EPOCH_1
        "','nick':'you','resume':'token','resumed':true,'back':'tcp://back','heartbeat':5000}",
        bench_id(&b));
    EVENT(&b, "nick you");
    NO_EVENT(&b);
    ck_assert_int_eq(machine_rename(b.machine, "he", b.now), 0);
    bench_run(&b);
    bench_sent(&b);
    bench_json(&b, "{'op':'error','re':%d,'code':'nick-in-use','text':'taken'}", bench_id(&b));
    EVENT(&b, "refused nick-in-use - mid=0-0 request=0 seq=0");
    bench_no_session(&b); /* the next hello has the nick in force */
    SENT(&b, "hello proto=1 client=00000000000000000000000000000000 nick=you resume=token");
    ck_assert_int_eq(machine_rename(b.machine, "a b", b.now), ZRELAY_EINVAL);
    bench_finish(&b);
}
END_TEST

START_TEST(test_rename_twice_and_while_greeting) {
    bench_init(&b);
    machine_rename(b.machine, "one", b.now);
    machine_rename(b.machine, "two", b.now);
    bench_run(&b);
    bench_welcome(&b); /* still as "me" */
    SENT(&b, "hello proto=1 client=00000000000000000000000000000000 nick=two");
    bench_json(&b,
        "{'op':'welcome','re':%d,'epoch':'" EPOCH_1
        "','nick':'two','resume':'token','resumed':true,'back':'tcp://back','heartbeat':5000}",
        bench_id(&b));
    EVENT(&b, "nick two");
    NO_EVENT(&b);
    NOTHING_SENT(&b);
    bench_finish(&b);
}
END_TEST

START_TEST(test_close_waits_for_acks_then_says_bye) {
    uint8_t ack[ZR_ACK_SIZE];
    bench_init(&b);
    bench_welcome(&b);
    machine_publish(b.machine, "a", NULL, 0, 0, "1", 1, NULL);
    ck_assert_int_eq(machine_close(b.machine, b.now), 0);
    bench_run(&b);
    SENT(&b, "publish a 1");
    NOTHING_SENT(&b);
    ck_assert_int_eq(machine_publish(b.machine, "a", NULL, 0, 0, "1", 1, NULL), ZRELAY_ESTATE);
    ck_assert_int_eq(machine_join(b.machine, "a", 0, 0, b.now), ZRELAY_ESTATE);
    ck_assert_int_eq(machine_who(b.machine, "a", NULL), ZRELAY_ESTATE);
    ck_assert_int_eq(machine_close(b.machine, b.now), ZRELAY_ESTATE);
    zr_ack_write(ack, &(zr_ack_t){ZR_LEVEL_MEMORY, 1, 9});
    bench_front(&b, ack, sizeof ack);
    SENT(&b, "bye");
    EVENT(&b, "acked 1 1 9");
    NO_EVENT(&b);
    bench_json(&b, "{'op':'ok','re':%d}", bench_id(&b));
    EVENT(&b, "closed");
    NO_EVENT(&b);
    bench_actions_are(&b, "front disconnect ");
    ck_assert_uint_eq(machine_due(b.machine), UINT64_MAX);
    bench_finish(&b);
}
END_TEST

START_TEST(test_close_does_not_wait_for_ever) {
    bench_init(&b);
    bench_welcome(&b);
    machine_close(b.machine, b.now);
    bench_run(&b);
    SENT(&b, "bye");
    bench_tick(&b, BYE_MS);
    EVENT(&b, "closed");
    bench_finish(&b);

    bench_init(&b); /* nothing is to be said, and nobody there */
    machine_close(b.machine, b.now);
    bench_run(&b);
    EVENT(&b, "closed");
    bench_finish(&b);
}
END_TEST

START_TEST(test_close_while_the_bye_is_lost) {
    bench_init(&b);
    bench_welcome(&b);
    machine_close(b.machine, b.now);
    bench_run(&b);
    SENT(&b, "bye");
    bench_no_session(&b);
    EVENT(&b, "disconnected the broker does not know the session any more");
    EVENT(&b, "closed");
    NO_EVENT(&b);
    bench_finish(&b);
}
END_TEST

START_TEST(test_close_sends_a_direct_message_first) {
    bench_init(&b);
    bench_welcome(&b);
    machine_direct(b.machine, "ann", "hi", NULL);
    machine_close(b.machine, b.now);
    bench_run(&b);
    SENT(&b, "direct to=ann text=hi");
    NOTHING_SENT(&b);
    bench_json(&b, "{'op':'ok','re':%d}", bench_id(&b));
    SENT(&b, "bye");
    bench_finish(&b);
}
END_TEST

#define BROKE "disconnected the connection to the broker broke"

static void s_up(void) {
    machine_front_up(b.machine, b.now);
    bench_run(&b);
}

static void s_down(void) {
    machine_front_down(b.machine, b.now);
    bench_run(&b);
}

/* Fresh sockets after the back-off, which has just begun. */
static void s_expect_back_off(uint64_t window) {
    bench_actions_are(&b, "disconnect ");
    NOTHING_SENT(&b);
    ck_assert_uint_le(machine_due(b.machine), b.now + window);
    b.now = machine_due(b.machine);
    bench_tick(&b, 0);
    bench_actions_are(&b, "front ");
}

START_TEST(test_a_broken_connection_is_told_at_once) {
    bench_init(&b);
    s_up();
    bench_live_room(&b, "a", 5);
    machine_publish(b.machine, "a", NULL, 0, 0, "1", 1, NULL);
    bench_run(&b);
    SENT(&b, "publish a 1");
    s_down();
    EVENT(&b, BROKE);
    machine_publish(b.machine, "a", NULL, 0, 0, "2", 1, NULL);
    s_down(); /* told once */
    bench_run(&b);
    s_expect_back_off(100);
    s_up(); /* hello is in the DEALER already */
    bench_welcome_with(&b, EPOCH_1, true, "");
    EVENT(&b, "connected " EPOCH_1 " me resumed");
    NO_EVENT(&b);
    SENT(&b, "publish a 1");
    SENT(&b, "publish a 2");
    bench_synced(&b);
    SENT(&b, "join room=a after=5");
    bench_finish(&b);
}
END_TEST

START_TEST(test_a_connection_breaks_while_greeting) {
    bench_init(&b);
    SENT(&b, HELLO);
    b.actions[0] = '\0';
    s_down(); /* it never stood: libzmq goes on trying */
    bench_actions_are(&b, "");
    ck_assert_uint_eq(machine_due(b.machine), b.now + 5000);
    for (uint64_t window = 100; window <= 400; window *= 2) { /* the hello may have gone with it */
        s_up();
        s_down();
        s_expect_back_off(window);
        SENT(&b, HELLO);
    }
    NO_EVENT(&b); /* there was nothing to lose yet */
    bench_finish(&b);
}
END_TEST

START_TEST(test_a_connection_breaks_while_a_session_is_renewed_or_asked_for) {
    bench_init(&b);
    s_up();
    bench_welcome(&b);
    b.actions[0] = '\0';
    machine_rename(b.machine, "you", b.now);
    bench_run(&b);
    SENT(&b, "hello proto=1 client=00000000000000000000000000000000 nick=you");
    s_down();
    EVENT(&b, BROKE);
    s_expect_back_off(100);
    SENT(&b, "hello proto=1 client=00000000000000000000000000000000 nick=you resume=token");
    bench_finish(&b);

    bench_init(&b);
    s_up();
    bench_welcome(&b);
    bench_no_session(&b);
    EVENT(&b, "disconnected the broker does not know the session any more");
    SENT(&b, HELLO " resume=token");
    b.actions[0] = '\0';
    s_down();
    NO_EVENT(&b);
    s_expect_back_off(100);
    bench_finish(&b);
}
END_TEST

START_TEST(test_a_connection_breaks_while_a_nick_is_chosen) {
    bench_init(&b);
    s_up();
    SENT(&b, HELLO);
    bench_json(&b, "{'op':'error','re':%d,'code':'nick-in-use','text':'taken'}", bench_id(&b));
    EVENT(&b, "refused nick-in-use - mid=0-0 request=0 seq=0");
    b.actions[0] = '\0';
    s_down();
    bench_actions_are(&b, "");
    ck_assert_uint_eq(machine_due(b.machine), UINT64_MAX);
    s_up(); /* libzmq did that */
    NOTHING_SENT(&b);
    machine_rename(b.machine, "you", b.now);
    bench_run(&b);
    SENT(&b, "hello proto=1 client=00000000000000000000000000000000 nick=you");
    NO_EVENT(&b);
    bench_finish(&b);
}
END_TEST

START_TEST(test_a_connection_breaks_after_a_bye) {
    bench_init(&b);
    s_up();
    bench_welcome(&b);
    b.actions[0] = '\0';
    bench_json(&b, "{'op':'bye','reason':'shutdown'}");
    s_down();
    s_up();
    EVENT(&b, "disconnected shutdown [=]");
    NO_EVENT(&b);
    s_expect_back_off(100);
    bench_finish(&b);

    bench_init(&b);
    s_up();
    bench_welcome(&b);
    machine_close(b.machine, b.now);
    bench_run(&b);
    SENT(&b, "bye");
    s_down(); /* ok does not come any more */
    EVENT(&b, "closed");
    s_down();
    s_up();
    NO_EVENT(&b);
    bench_actions_are(&b, "front disconnect ");
    bench_finish(&b);
}
END_TEST

START_TEST(test_without_reconnect_a_broken_connection_closes) {
    bench_init_with(&b, (machine_config_t){.nick = "me"});
    s_down(); /* it never stood */
    NO_EVENT(&b);
    s_up();
    bench_welcome(&b);
    s_down();
    EVENT(&b, BROKE);
    EVENT(&b, "closed");
    NO_EVENT(&b);
    bench_finish(&b);
}
END_TEST

START_TEST(test_close_outlives_a_broken_connection) {
    uint8_t ack[ZR_ACK_SIZE];
    bench_init(&b);
    s_up();
    bench_welcome(&b);
    machine_publish(b.machine, "a", NULL, 0, 0, "1", 1, NULL);
    machine_close(b.machine, b.now);
    bench_run(&b);
    SENT(&b, "publish a 1");
    b.actions[0] = '\0';
    s_down();
    EVENT(&b, BROKE);
    s_expect_back_off(100);
    s_up();
    bench_welcome_with(&b, EPOCH_1, true, "");
    EVENT(&b, "connected " EPOCH_1 " me resumed");
    SENT(&b, "publish a 1");
    zr_ack_write(ack, &(zr_ack_t){ZR_LEVEL_MEMORY, 1, 9});
    bench_front(&b, ack, sizeof ack);
    SENT(&b, "bye");
    bench_finish(&b);
}
END_TEST

START_TEST(test_a_blocked_action_is_void_after_a_loss) {
    bench_init(&b);
    bench_welcome(&b);
    uint64_t connection = machine_connection(b.machine);
    bench_no_session(&b);
    ck_assert_uint_eq(machine_connection(b.machine), connection); /* the same DEALER */
    bench_tick(&b, 5000);
    ck_assert_uint_gt(machine_connection(b.machine), connection);
    bench_finish(&b);
}
END_TEST

START_TEST(test_destroy_accepts_null) {
    machine_destroy(NULL);
}
END_TEST

/* --- Who we are, and what the broker thinks of it --- */

static void s_fail(front_failure_t failure) {
    machine_front_failed(b.machine, failure, b.now);
    bench_run(&b);
}

START_TEST(test_hello_logs_in) {
    bench_init_with(&b, (machine_config_t){.user = "ann", .token = "s3cret", .reconnect = true});
    SENT(&b, "hello proto=1 client=00000000000000000000000000000000 user=ann token=s3cret");
    b.looked = 0;
    bench_welcome(&b);
    bench_no_session(&b); /* each time: the broker may have forgotten the session that the resume token is of */
    EVENT(&b, "disconnected the broker does not know the session any more");
    SENT(&b, "hello proto=1 client=00000000000000000000000000000000 nick=me resume=token user=ann token=s3cret");
    bench_finish(&b);
}
END_TEST

/* Told each time, and tried again: what was banned may be let in again. Not as often as when the broker is away. */
START_TEST(test_who_is_not_let_in_tries_again_later) {
    static const char *const codes[] = {"login-failed", "login-required", "forbidden"};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        char expected[80];
        bench_init(&b);
        b.dice = 0xfe; /* a draw near the end of the window would not fit into it by chance */
        SENT(&b, HELLO);
        b.actions[0] = '\0';
        bench_json(&b, "{'op':'error','re':%d,'code':'%s','text':'no'}", bench_id(&b), codes[i]);
        snprintf(expected, sizeof expected, "refused %s - mid=0-0 request=0 seq=0", codes[i]);
        EVENT(&b, expected);
        NO_EVENT(&b);
        bench_actions_are(&b, "disconnect ");
        ck_assert_uint_gt(machine_due(b.machine), b.now + 100);
        ck_assert_uint_le(machine_due(b.machine), b.now + 6400);
        b.now = machine_due(b.machine);
        bench_tick(&b, 0);
        SENT(&b, HELLO);
        bench_finish(&b);
    }
}
END_TEST

START_TEST(test_without_reconnect_who_is_not_let_in_ends) {
    bench_init_with(&b, (machine_config_t){.nick = "me"});
    SENT(&b, HELLO);
    bench_json(&b, "{'op':'error','re':%d,'code':'login-required','text':'no'}", bench_id(&b));
    EVENT(&b, "refused login-required - mid=0-0 request=0 seq=0");
    bench_event(&b);
    EVENT(&b, "closed");
    bench_finish(&b);
}
END_TEST

START_TEST(test_hello_too_often_waits_as_long_as_it_is_told) {
    bench_init(&b);
    SENT(&b, HELLO);
    bench_json(&b, "{'op':'error','re':%d,'code':'rate-limited','text':'slow','wait':3000}", bench_id(&b));
    NO_EVENT(&b);
    bench_actions_are(&b, "front disconnect ");
    ck_assert_uint_ge(machine_due(b.machine), b.now + 3000);
    bench_tick(&b, 2999);
    NOTHING_SENT(&b);
    b.now = machine_due(b.machine);
    bench_tick(&b, 0);
    SENT(&b, HELLO);
    /* A broker cannot send us away for good. */
    bench_json(&b, "{'op':'error','re':%d,'code':'rate-limited','text':'slow','wait':9007199254740991}", bench_id(&b));
    ck_assert_uint_eq(machine_due(b.machine), b.now + WAIT_MAX_MS);
    bench_finish(&b);
}
END_TEST

START_TEST(test_another_nick_too_often_is_asked_for_later) {
    bench_init(&b);
    bench_welcome(&b);
    machine_rename(b.machine, "you", b.now);
    bench_run(&b);
    SENT(&b, "hello proto=1 client=00000000000000000000000000000000 nick=you");
    bench_json(&b, "{'op':'error','re':%d,'code':'rate-limited','text':'slow','wait':300}", bench_id(&b));
    machine_rename(b.machine, "her", b.now); /* meanwhile */
    machine_publish(b.machine, "a", NULL, 0, 0, "1", 1, NULL);
    bench_run(&b);
    SENT(&b, "publish a 1"); /* nothing is lost, nothing waits */
    NO_EVENT(&b);
    ck_assert_uint_eq(machine_due(b.machine), b.now + 300);
    bench_tick(&b, 300);
    SENT(&b, "hello proto=1 client=00000000000000000000000000000000 nick=her");
    bench_finish(&b);
}
END_TEST

START_TEST(test_bye_names_its_reason_and_who_was_sent_away_waits_longer) {
    static const char *const reasons[] = {"kicked", "banned", "revoked", "flooding"};
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        char expected[80];
        bench_init(&b);
        bench_welcome(&b);
        b.dice = 0xfe;
        bench_json(&b, "{'op':'bye','reason':'%s'}", reasons[i]);
        snprintf(expected, sizeof expected, "disconnected %s [=]", reasons[i]);
        EVENT(&b, expected);
        ck_assert_uint_gt(machine_due(b.machine), b.now + 100);
        ck_assert_uint_le(machine_due(b.machine), b.now + 6400);
        b.now = machine_due(b.machine);
        bench_tick(&b, 0);
        SENT(&b, HELLO " resume=token");
        bench_finish(&b);
    }
}
END_TEST

START_TEST(test_a_key_that_is_refused_is_told_once_and_tried_again) {
    bench_init_with(&b, (machine_config_t){.nick = "me", .reconnect = true, .encrypted = true});
    s_fail(FRONT_REFUSED);
    EVENT(&b, "disconnected [refused] the broker does not know this key, or it is banned");
    s_down(); /* which libzmq tells too */
    NO_EVENT(&b);
    b.looked = b.sent_count;
    bench_actions_are(&b, "front disconnect ");
    for (uint64_t window = 200; window < 20000; window *= 2) {
        ck_assert_uint_le(machine_due(b.machine), b.now + window);
        b.now = machine_due(b.machine);
        bench_tick(&b, 0);
        s_fail(FRONT_REFUSED);
        NO_EVENT(&b);
    }
    /* Something else is news. */
    b.now = machine_due(b.machine);
    bench_tick(&b, 0);
    s_fail(FRONT_HANDSHAKE);
    EVENT(&b, "disconnected [handshake] the connection ended before it was encrypted: the server's key may not be the "
              "one given, or it does not encrypt there");
    /* After a session, so is the same. */
    b.now = machine_due(b.machine);
    bench_tick(&b, 0);
    b.looked = b.sent_count - 1;
    s_up();
    bench_welcome(&b);
    bench_json(&b, "{'op':'bye','reason':'banned'}");
    EVENT(&b, "disconnected banned [=]");
    b.now = machine_due(b.machine);
    bench_tick(&b, 0);
    s_fail(FRONT_REFUSED);
    EVENT(&b, "disconnected [refused] the broker does not know this key, or it is banned");
    bench_finish(&b);
}
END_TEST

START_TEST(test_one_side_encrypts) {
    bench_init(&b);
    s_fail(FRONT_MECHANISM);
    EVENT(&b, "disconnected [mechanism] the broker takes encrypted connections only: its public key is needed");
    bench_finish(&b);
    bench_init_with(&b, (machine_config_t){.nick = "me", .reconnect = true, .encrypted = true});
    s_fail(FRONT_MECHANISM);
    EVENT(&b, "disconnected [mechanism] the broker does not encrypt at this endpoint");
    bench_finish(&b);
    bench_init(&b);
    s_fail(FRONT_REFUSED);
    EVENT(&b, "disconnected [refused] the broker refuses this connection");
    bench_finish(&b);
}
END_TEST

START_TEST(test_without_reconnect_a_refused_key_ends) {
    bench_init_with(&b, (machine_config_t){.nick = "me", .encrypted = true});
    s_fail(FRONT_REFUSED);
    EVENT(&b, "disconnected [refused] the broker does not know this key, or it is banned");
    EVENT(&b, "closed");
    s_fail(FRONT_REFUSED);
    NO_EVENT(&b);
    bench_finish(&b);
}
END_TEST

UNIT_MAIN("client.lib.machine", test_new_connects_and_says_hello,
    test_hello_carries_the_agent_and_no_nick_when_there_is_none, test_welcome_connects_back_subscribes_and_syncs,
    test_without_rooms_there_is_no_back, test_joins_in_a_row_share_a_sync,
    test_greeting_without_answer_backs_off_with_fresh_sockets, test_back_off_is_random_and_doubles_to_ten_seconds,
    test_nick_in_use_waits_for_another, test_a_name_the_broker_made_up_may_be_lost,
    test_hello_that_cannot_be_right_closes, test_too_many_sessions_backs_off, test_pings_every_heartbeat,
    test_three_silent_heartbeats_make_both_sockets_anew, test_a_program_that_was_busy_is_not_a_silent_broker,
    test_no_session_says_only_hello_and_resumes, test_another_epoch_voids_positions, test_another_back_connects_there,
    test_bye_shutdown_backs_off, test_bye_expired_says_hello_at_once, test_bye_replaced_backs_off,
    test_without_reconnect_the_first_loss_closes, test_rename, test_rename_twice_and_while_greeting,
    test_close_waits_for_acks_then_says_bye, test_close_does_not_wait_for_ever, test_close_while_the_bye_is_lost,
    test_close_sends_a_direct_message_first, test_a_broken_connection_is_told_at_once,
    test_a_connection_breaks_while_greeting, test_a_connection_breaks_while_a_session_is_renewed_or_asked_for,
    test_a_connection_breaks_while_a_nick_is_chosen, test_a_connection_breaks_after_a_bye,
    test_without_reconnect_a_broken_connection_closes, test_close_outlives_a_broken_connection,
    test_a_blocked_action_is_void_after_a_loss, test_destroy_accepts_null, test_hello_logs_in,
    test_who_is_not_let_in_tries_again_later, test_without_reconnect_who_is_not_let_in_ends,
    test_hello_too_often_waits_as_long_as_it_is_told, test_another_nick_too_often_is_asked_for_later,
    test_bye_names_its_reason_and_who_was_sent_away_waits_longer,
    test_a_key_that_is_refused_is_told_once_and_tried_again, test_one_side_encrypts,
    test_whether_the_session_is_a_users, test_without_reconnect_a_refused_key_ends)
