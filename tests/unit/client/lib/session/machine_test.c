/* The client's states, row by row of PROTOCOL.md, section 6: hello, a session, its end. How one is lost stands in
 * machine_loss_test.c, how one is refused in machine_refused_test.c. */
#include "fixture_machine.h"
#include "machine_ask.h"

static fixture_t b;

START_TEST(test_new_connects_and_says_hello) {
    fixture_init(&b);
    fixture_actions_are(&b, "front ");
    SENT(&b, HELLO);
    NOTHING_SENT(&b);
    NO_EVENT(&b);
    fixture_finish(&b);
}
END_TEST

START_TEST(test_hello_carries_the_agent_and_no_nick_when_there_is_none) {
    fixture_init_with(&b, (machine_config_t){.agent = "x 1", .reconnect = true});
    SENT(&b, "hello proto=1 client=00000000000000000000000000000000 agent=x 1");
    fixture_finish(&b);
}
END_TEST

START_TEST(test_hello_logs_in) {
    fixture_init_with(&b, (machine_config_t){.user = "ann", .token = "s3cret", .reconnect = true});
    SENT(&b, "hello proto=1 client=00000000000000000000000000000000 user=ann token=s3cret");
    b.looked = 0;
    fixture_welcome(&b);
    fixture_no_session(&b); /* each time: the broker may have forgotten the session that the resume token is of */
    EVENT(&b, "disconnected the broker does not know the session any more");
    SENT(&b, "hello proto=1 client=00000000000000000000000000000000 nick=me resume=token user=ann token=s3cret");
    fixture_finish(&b);
}
END_TEST

START_TEST(test_welcome_connects_back_subscribes_and_syncs) {
    fixture_init(&b);
    machine_join(b.machine, "a", ZRELAY_FROM_NOW, 0, b.now);
    machine_join(b.machine, "b", ZRELAY_FROM_NOW | ZRELAY_PRESENCE, 0, b.now);
    fixture_run(&b);
    fixture_actions_are(&b, "front ");
    fixture_welcome(&b);
    fixture_actions_are(&b, "back=tcp://back +a0 +b0 +b1 +~0101010101010101 ");
    NOTHING_SENT(&b); /* join waits for synced */
    fixture_synced(&b);
    SENT(&b, "join room=a");
    SENT(&b, "join room=b");
    NOTHING_SENT(&b);
    fixture_finish(&b);
}
END_TEST

START_TEST(test_whether_the_session_is_a_users) {
    static const char *const users[] = {"", ",'user':'me'"};
    for (int i = 0; i < 2; i++) {
        fixture_init(&b);
        while (!zr_span_starts(zr_span(fixture_sent(&b)), zr_span("hello")))
            ck_assert_uint_lt(b.looked, b.sent_count);
        b.looked--;
        fixture_welcome_with(&b, EPOCH_1, false, users[i]);
        const zrelay_event_t *event = machine_event(b.machine);
        ck_assert_int_eq(event->type, ZRELAY_CONNECTED);
        ck_assert_int_eq(event->user, i == 1);
        fixture_finish(&b);
    }
}
END_TEST

START_TEST(test_without_rooms_there_is_no_back) {
    fixture_init(&b);
    fixture_welcome(&b);
    fixture_actions_are(&b, "front ");
    fixture_finish(&b);
}
END_TEST

START_TEST(test_joins_in_a_row_share_a_sync) {
    fixture_init(&b);
    fixture_welcome(&b);
    b.actions[0] = '\0';
    machine_join(b.machine, "a", ZRELAY_FROM_NOW, 0, b.now);
    machine_join(b.machine, "b", ZRELAY_FROM_NOW, 0, b.now);
    fixture_run(&b);
    fixture_actions_are(&b, "back=tcp://back +a0 +b0 +~0101010101010101 ");
    machine_join(b.machine, "c", ZRELAY_FROM_NOW, 0, b.now);
    fixture_run(&b);
    fixture_actions_are(&b, "+c0 -~0101010101010101 +~0202020202020202 ");
    fixture_finish(&b);
}
END_TEST

START_TEST(test_pings_every_heartbeat) {
    fixture_init(&b);
    fixture_welcome(&b);
    ck_assert_uint_eq(machine_due(b.machine), b.now + 5000);
    fixture_tick(&b, 5000);
    SENT(&b, "ping");
    fixture_json(&b, "{'op':'pong','time':1,'heads':{}}");
    fixture_tick(&b, 5000);
    SENT(&b, "ping");
    NOTHING_SENT(&b);
    fixture_finish(&b);
}
END_TEST

START_TEST(test_another_epoch_voids_positions) {
    fixture_init(&b);
    fixture_live_room(&b, "a", 5);
    fixture_no_session(&b);
    fixture_welcome_with(&b, EPOCH_2, false, "");
    EVENT(&b, "disconnected the broker does not know the session any more");
    EVENT(&b, "connected " EPOCH_2 " me");
    EVENT(&b, "epoch " EPOCH_2);
    fixture_actions_are(&b, "+~0202020202020202 ");
    fixture_synced(&b);
    SENT(&b, "join room=a after=0");
    fixture_joined(&b, "a", 2, 0, ",'recovered':true");
    SENT(&b, "replay room=a after=0");
    fixture_replay(&b, "a", 0, 1, 2);
    fixture_replayed(&b, 2, 2, true, false);
    fixture_expect_entries(&b, "a", 1, 2);
    NO_EVENT(&b);
    fixture_finish(&b);
}
END_TEST

START_TEST(test_another_back_connects_there) {
    fixture_init(&b);
    fixture_live_room(&b, "a", 5);
    fixture_no_session(&b);
    fixture_sent(&b);
    fixture_json(&b,
        "{'op':'welcome','re':%d,'proto':1,'epoch':'" EPOCH_1
        "','nick':'me','resume':'t2','resumed':true,'back':'tcp://other','heartbeat':1000}",
        fixture_id(&b));
    fixture_actions_are(&b, "back=tcp://other +a0 +~0202020202020202 ");
    ck_assert_uint_eq(machine_due(b.machine), b.now + 1000);
    fixture_finish(&b);
}
END_TEST

START_TEST(test_rename) {
    fixture_init(&b);
    fixture_welcome(&b);
    ck_assert_int_eq(machine_rename(b.machine, "you", b.now), 0);
    fixture_run(&b);
    SENT(&b, "hello proto=1 client=00000000000000000000000000000000 nick=you");
    fixture_json(&b,
        "{'op':'welcome','re':%d,'epoch':'" EPOCH_1
        "','nick':'you','resume':'token','resumed':true,'back':'tcp://back','heartbeat':5000}",
        fixture_id(&b));
    EVENT(&b, "nick you");
    NO_EVENT(&b);
    ck_assert_int_eq(machine_rename(b.machine, "he", b.now), 0);
    fixture_run(&b);
    fixture_sent(&b);
    fixture_json(&b, "{'op':'error','re':%d,'code':'nick-in-use','text':'taken'}", fixture_id(&b));
    EVENT(&b, "refused nick-in-use - mid=0-0 request=0 seq=0");
    fixture_no_session(&b); /* the next hello has the nick in force */
    SENT(&b, "hello proto=1 client=00000000000000000000000000000000 nick=you resume=token");
    ck_assert_int_eq(machine_rename(b.machine, "a b", b.now), ZRELAY_EINVAL);
    fixture_finish(&b);
}
END_TEST

START_TEST(test_rename_twice_and_while_greeting) {
    fixture_init(&b);
    machine_rename(b.machine, "one", b.now);
    machine_rename(b.machine, "two", b.now);
    fixture_run(&b);
    fixture_welcome(&b); /* still as "me" */
    SENT(&b, "hello proto=1 client=00000000000000000000000000000000 nick=two");
    fixture_json(&b,
        "{'op':'welcome','re':%d,'epoch':'" EPOCH_1
        "','nick':'two','resume':'token','resumed':true,'back':'tcp://back','heartbeat':5000}",
        fixture_id(&b));
    EVENT(&b, "nick two");
    NO_EVENT(&b);
    NOTHING_SENT(&b);
    fixture_finish(&b);
}
END_TEST

START_TEST(test_close_waits_for_acks_then_says_bye) {
    uint8_t ack[ZR_ACK_SIZE];
    fixture_init(&b);
    fixture_welcome(&b);
    machine_publish(b.machine, "a", NULL, 0, 0, "1", 1, NULL);
    ck_assert_int_eq(machine_close(b.machine, b.now), 0);
    fixture_run(&b);
    SENT(&b, "publish a 1");
    NOTHING_SENT(&b);
    ck_assert_int_eq(machine_publish(b.machine, "a", NULL, 0, 0, "1", 1, NULL), ZRELAY_ESTATE);
    ck_assert_int_eq(machine_join(b.machine, "a", 0, 0, b.now), ZRELAY_ESTATE);
    ck_assert_int_eq(machine_who(b.machine, "a", NULL), ZRELAY_ESTATE);
    ck_assert_int_eq(machine_close(b.machine, b.now), ZRELAY_ESTATE);
    zr_ack_write(ack, &(zr_ack_t){ZR_LEVEL_MEMORY, 1, 9});
    fixture_front(&b, ack, sizeof ack);
    SENT(&b, "bye");
    EVENT(&b, "acked 1 1 9");
    NO_EVENT(&b);
    fixture_json(&b, "{'op':'ok','re':%d}", fixture_id(&b));
    EVENT(&b, "closed");
    NO_EVENT(&b);
    fixture_actions_are(&b, "front disconnect ");
    ck_assert_uint_eq(machine_due(b.machine), UINT64_MAX);
    fixture_finish(&b);
}
END_TEST

START_TEST(test_close_does_not_wait_for_ever) {
    fixture_init(&b);
    fixture_welcome(&b);
    machine_close(b.machine, b.now);
    fixture_run(&b);
    SENT(&b, "bye");
    fixture_tick(&b, BYE_MS);
    EVENT(&b, "closed");
    fixture_finish(&b);

    fixture_init(&b); /* nothing is to be said, and nobody there */
    machine_close(b.machine, b.now);
    fixture_run(&b);
    EVENT(&b, "closed");
    fixture_finish(&b);
}
END_TEST

START_TEST(test_close_while_the_bye_is_lost) {
    fixture_init(&b);
    fixture_welcome(&b);
    machine_close(b.machine, b.now);
    fixture_run(&b);
    SENT(&b, "bye");
    fixture_no_session(&b);
    EVENT(&b, "disconnected the broker does not know the session any more");
    EVENT(&b, "closed");
    NO_EVENT(&b);
    fixture_finish(&b);
}
END_TEST

START_TEST(test_close_sends_a_direct_message_first) {
    fixture_init(&b);
    fixture_welcome(&b);
    machine_direct(b.machine, "ann", "hi", NULL);
    machine_close(b.machine, b.now);
    fixture_run(&b);
    SENT(&b, "direct to=ann text=hi");
    NOTHING_SENT(&b);
    fixture_json(&b, "{'op':'ok','re':%d}", fixture_id(&b));
    SENT(&b, "bye");
    fixture_finish(&b);
}
END_TEST

START_TEST(test_destroy_accepts_null) {
    machine_destroy(NULL);
}
END_TEST

UNIT_MAIN("client.lib.machine", test_new_connects_and_says_hello,
    test_hello_carries_the_agent_and_no_nick_when_there_is_none, test_hello_logs_in,
    test_welcome_connects_back_subscribes_and_syncs, test_whether_the_session_is_a_users,
    test_without_rooms_there_is_no_back, test_joins_in_a_row_share_a_sync, test_pings_every_heartbeat,
    test_another_epoch_voids_positions, test_another_back_connects_there, test_rename,
    test_rename_twice_and_while_greeting, test_close_waits_for_acks_then_says_bye, test_close_does_not_wait_for_ever,
    test_close_while_the_bye_is_lost, test_close_sends_a_direct_message_first, test_destroy_accepts_null)
