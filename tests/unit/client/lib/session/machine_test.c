/* The client's states, row by row of PROTOCOL.md, section 6: hello, a session, its end. How one is lost stands in
 * machine_loss_test.c, how one is refused in machine_refused_test.c. */
#include "fixture_machine.h"
#include "machine_ask.h"

TEST(test_new_connects_and_says_hello) {
    fixture_actions_are("front ");
    SENTS(HELLO, "");
    NO_EVENT();
}

TEST(test_hello_carries_the_agent_and_no_nick_when_there_is_none) {
    fixture_init_with((machine_config_t){.agent = "x 1", .reconnect = true});
    SENT("hello proto=1 client=00000000000000000000000000000000 agent=x 1");
}

TEST(test_hello_logs_in) {
    fixture_init_with((machine_config_t){.user = "ann", .token = "s3cret", .reconnect = true});
    SENT("hello proto=1 client=00000000000000000000000000000000 user=ann token=s3cret");
    b.looked = 0;
    fixture_welcome();
    fixture_no_session(); /* each time: the broker may have forgotten the session that the resume token is of */
    EVENT("disconnected the broker does not know the session any more");
    SENT("hello proto=1 client=00000000000000000000000000000000 nick=me resume=token user=ann token=s3cret");
}

TEST(test_welcome_connects_back_subscribes_and_syncs) {
    machine_join(b.machine, "a", ZRELAY_FROM_NOW, 0, b.now);
    machine_join(b.machine, "b", ZRELAY_FROM_NOW | ZRELAY_PRESENCE, 0, b.now);
    fixture_actions_are("front ");
    fixture_welcome();
    fixture_actions_are("back=tcp://back +a0 +b0 +b1 +~0101010101010101 ");
    NOTHING_SENT(); /* join waits for synced */
    fixture_synced();
    SENTS("join room=a", "join room=b", "");
}

TEST(test_whether_the_session_is_a_users) {
    static const char *const users[] = {"", ",'user':'me'"};
    for (int i = 0; i < 2; i++) {
        fixture_init();
        while (!zr_span_starts(zr_span(fixture_sent()), zr_span("hello")))
            ck_assert_uint_lt(b.looked, b.sent_count);
        b.looked--;
        fixture_welcome_with(EPOCH_1, false, users[i]);
        const zrelay_event_t *event = machine_event(b.machine);
        ck_assert_int_eq(event->type, ZRELAY_CONNECTED);
        ck_assert_int_eq(event->user, i == 1);
    }
}

TEST(test_without_rooms_there_is_no_back) {
    fixture_welcome();
    fixture_actions_are("front ");
}

TEST(test_joins_in_a_row_share_a_sync) {
    fixture_welcome();
    b.actions[0] = '\0';
    machine_join(b.machine, "a", ZRELAY_FROM_NOW, 0, b.now);
    machine_join(b.machine, "b", ZRELAY_FROM_NOW, 0, b.now);
    fixture_actions_are("back=tcp://back +a0 +b0 +~0101010101010101 ");
    machine_join(b.machine, "c", ZRELAY_FROM_NOW, 0, b.now);
    fixture_actions_are("+c0 -~0101010101010101 +~0202020202020202 ");
}

TEST(test_pings_every_heartbeat) {
    fixture_welcome();
    ck_assert_uint_eq(machine_due(b.machine), b.now + 5000);
    fixture_tick(5000);
    SENT("ping");
    fixture_json("{'op':'pong','time':1,'heads':{}}");
    fixture_tick(5000);
    SENTS("ping", "");
}

TEST(test_another_epoch_voids_positions) {
    fixture_live_room("a", 5);
    fixture_no_session();
    fixture_welcome_with(EPOCH_2, false, "");
    EVENTS("disconnected the broker does not know the session any more", "connected " EPOCH_2 " me", "epoch " EPOCH_2);
    fixture_actions_are("+~0202020202020202 ");
    fixture_synced();
    SENT("join room=a after=0");
    fixture_joined("a", 2, 0, ",'recovered':true");
    SENT("replay room=a after=0");
    fixture_replay_whole("a", 0, 1, 2, false);
    fixture_expect_entries("a", 1, 2);
    NO_EVENT();
}

TEST(test_another_back_connects_there) {
    fixture_live_room("a", 5);
    fixture_no_session();
    fixture_sent();
    fixture_json("{'op':'welcome','re':%d,'proto':1,'epoch':'" EPOCH_1
                 "','nick':'me','resume':'t2','resumed':true,'back':'tcp://other','heartbeat':1000}",
        fixture_id());
    fixture_actions_are("back=tcp://other +a0 +~0202020202020202 ");
    ck_assert_uint_eq(machine_due(b.machine), b.now + 1000);
}

TEST(test_rename) {
    fixture_welcome();
    ck_assert_int_eq(machine_rename(b.machine, "you", b.now), 0);
    SENT("hello proto=1 client=00000000000000000000000000000000 nick=you");
    ck_assert_uint_eq(machine_due(b.machine), b.now + 5000); /* meanwhile nothing but the ping is due */
    fixture_json("{'op':'welcome','re':%d,'epoch':'" EPOCH_1
                 "','nick':'you','resume':'token','resumed':true,'back':'tcp://back','heartbeat':5000}",
        fixture_id());
    EVENTS("nick you", "");
    ck_assert_int_eq(machine_rename(b.machine, "he", b.now), 0);
    fixture_run();
    fixture_sent();
    fixture_json("{'op':'error','re':%d,'code':'nick-in-use','text':'taken'}", fixture_id());
    EVENT("refused nick-in-use - mid=0-0 request=0 seq=0");
    fixture_no_session(); /* the next hello has the nick in force */
    SENT("hello proto=1 client=00000000000000000000000000000000 nick=you resume=token");
    ck_assert_int_eq(machine_rename(b.machine, "a b", b.now), ZRELAY_EINVAL);
}

TEST(test_rename_twice_and_while_greeting) {
    machine_rename(b.machine, "one", b.now);
    machine_rename(b.machine, "two", b.now);
    fixture_run();
    fixture_welcome(); /* still as "me" */
    SENT("hello proto=1 client=00000000000000000000000000000000 nick=two");
    fixture_json("{'op':'welcome','re':%d,'epoch':'" EPOCH_1
                 "','nick':'two','resume':'token','resumed':true,'back':'tcp://back','heartbeat':5000}",
        fixture_id());
    EVENTS("nick two", "");
    NOTHING_SENT();
}

TEST(test_close_waits_for_acks_then_says_bye) {
    uint8_t ack[ZR_ACK_SIZE];
    fixture_welcome();
    machine_publish(b.machine, "a", NULL, 0, 0, "1", 1, NULL);
    ck_assert_int_eq(machine_close(b.machine, b.now), 0);
    SENTS("publish a 1", "");
    ck_assert_int_eq(machine_publish(b.machine, "a", NULL, 0, 0, "1", 1, NULL), ZRELAY_ESTATE);
    ck_assert_int_eq(machine_join(b.machine, "a", 0, 0, b.now), ZRELAY_ESTATE);
    ck_assert_int_eq(machine_who(b.machine, "a", NULL), ZRELAY_ESTATE);
    ck_assert_int_eq(machine_close(b.machine, b.now), ZRELAY_ESTATE);
    zr_ack_write(ack, &(zr_ack_t){ZR_LEVEL_MEMORY, 1, 9});
    fixture_front(ack, sizeof ack);
    SENT("bye");
    EVENTS("acked 1 1 9", "");
    fixture_json("{'op':'ok','re':%d}", fixture_id());
    EVENTS("closed", "");
    fixture_actions_are("front disconnect ");
    ck_assert_uint_eq(machine_due(b.machine), UINT64_MAX);
}

TEST(test_close_does_not_wait_for_ever) {
    fixture_welcome();
    machine_close(b.machine, b.now);
    SENT("bye");
    fixture_tick(BYE_MS);
    EVENT("closed");

    fixture_init(); /* nothing is to be said, and nobody there */
    machine_close(b.machine, b.now);
    fixture_run();
    EVENT("closed");
}

TEST(test_close_while_the_bye_is_lost) {
    fixture_welcome();
    machine_close(b.machine, b.now);
    SENT("bye");
    fixture_no_session();
    EVENTS("disconnected the broker does not know the session any more", "closed", "");
}

TEST(test_close_sends_a_direct_message_first) {
    fixture_welcome();
    machine_direct(b.machine, "ann", "hi", NULL);
    machine_close(b.machine, b.now);
    SENTS("direct to=ann text=hi", "");
    fixture_json("{'op':'ok','re':%d}", fixture_id());
    SENT("bye");
}

TEST(test_destroy_accepts_null) {
    machine_destroy(NULL);
}

UNIT_SUITE_WITH("client.lib.machine", fixture_init, fixture_finish)
