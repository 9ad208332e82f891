/* Joining and leaving, subscriptions and syncs. */
#include "fixture_machine.h"

static fixture_t b;

/* Joins before the welcome; stands after the join was sent. */
static void s_join(int from, uint64_t position, const char *expected) {
    fixture_init(&b);
    ck_assert_int_eq(machine_join(b.machine, "a", from, position, b.now), 0);
    fixture_welcome(&b);
    fixture_synced(&b);
    SENT(&b, expected);
}

START_TEST(test_from_now_begins_at_the_head) {
    s_join(ZRELAY_FROM_NOW, 0, "join room=a");
    fixture_live(&b, "a", 5, 6, 6); /* before the head is known */
    fixture_live(&b, "a", 6, 7, 7);
    NO_EVENT(&b);
    fixture_joined(&b, "a", 6, 0, "");
    EVENT(&b, "joined a 6 1");
    fixture_expect_entries(&b, "a", 7, 7);
    NO_EVENT(&b);
    NOTHING_SENT(&b);
    fixture_finish(&b);
}
END_TEST

START_TEST(test_from_after_replays) {
    s_join(ZRELAY_FROM_AFTER | ZRELAY_SILENT, 3, "join room=a after=3 presence=false");
    fixture_joined(&b, "a", 6, 0, ",'recovered':true");
    EVENT(&b, "joined a 6 1");
    SENT(&b, "replay room=a after=3");
    fixture_live(&b, "a", 6, 7, 7);
    fixture_replay(&b, "a", 3, 4, 6);
    fixture_replayed(&b, 6, 3, true, false);
    fixture_expect_entries(&b, "a", 4, 7);
    NO_EVENT(&b);
    fixture_finish(&b);
}
END_TEST

START_TEST(test_from_after_the_head_needs_no_replay) {
    s_join(ZRELAY_FROM_AFTER, 6, "join room=a after=6");
    fixture_joined(&b, "a", 6, 0, ",'recovered':true");
    EVENT(&b, "joined a 6 1");
    NOTHING_SENT(&b);
    fixture_finish(&b);
}
END_TEST

START_TEST(test_from_after_what_is_forgotten) {
    s_join(ZRELAY_FROM_AFTER, 3, "join room=a after=3");
    fixture_joined(&b, "a", 9, 7, ",'recovered':false");
    EVENT(&b, "joined a 9 1");
    EVENT(&b, "lost a 3 7");
    SENT(&b, "replay room=a after=7");
    fixture_finish(&b);
}
END_TEST

START_TEST(test_from_after_beyond_the_head) {
    s_join(ZRELAY_FROM_AFTER, 100, "join room=a after=100");
    fixture_joined(&b, "a", 9, 7, ",'recovered':false");
    EVENT(&b, "joined a 9 1");
    EVENT(&b, "lost a 100 7");
    SENT(&b, "replay room=a after=7");
    fixture_replay(&b, "a", 7, 8, 9);
    fixture_replayed(&b, 9, 2, true, false);
    fixture_expect_entries(&b, "a", 8, 9);
    fixture_finish(&b);
}
END_TEST

START_TEST(test_from_last) {
    s_join(ZRELAY_FROM_LAST, 2, "join room=a");
    fixture_joined(&b, "a", 9, 0, "");
    EVENT(&b, "joined a 9 1");
    SENT(&b, "replay room=a last=2");
    fixture_live(&b, "a", 9, 10, 10);
    fixture_replay(&b, "a", 7, 8, 8);
    fixture_replayed(&b, 8, 1, true, true);
    SENT(&b, "replay room=a after=8 until=9"); /* 10 is here already */
    fixture_replay(&b, "a", 8, 9, 9);
    fixture_replayed(&b, 9, 1, true, false);
    fixture_expect_entries(&b, "a", 8, 10);
    NO_EVENT(&b);
    fixture_finish(&b);
}
END_TEST

START_TEST(test_from_last_of_nothing) {
    s_join(ZRELAY_FROM_LAST, 2, "join room=a");
    fixture_joined(&b, "a", 0, 0, "");
    EVENT(&b, "joined a 0 1");
    SENT(&b, "replay room=a last=2");
    fixture_replayed(&b, 0, 0, true, false);
    fixture_live(&b, "a", 0, 1, 1);
    fixture_expect_entries(&b, "a", 1, 1);
    fixture_finish(&b);
}
END_TEST

START_TEST(test_live_entries_before_joined_after_a_reconnect_are_no_loss) {
    fixture_init(&b);
    fixture_live_room(&b, "a", 5);
    fixture_no_session(&b);
    fixture_welcome_with(&b, EPOCH_1, true, "");
    fixture_synced(&b);
    SENT(&b, "join room=a after=5");
    fixture_live(&b, "a", 5, 6, 7);
    fixture_joined(&b, "a", 6, 0, ",'recovered':true"); /* older than what SUB brought */
    EVENT(&b, "disconnected the broker does not know the session any more");
    EVENT(&b, "connected " EPOCH_1 " me resumed");
    fixture_expect_entries(&b, "a", 6, 7);
    NO_EVENT(&b); /* not joined once more */
    NOTHING_SENT(&b);
    fixture_finish(&b);
}
END_TEST

START_TEST(test_what_was_missed_while_away_is_replayed) {
    fixture_init(&b);
    fixture_live_room(&b, "a", 5);
    fixture_no_session(&b);
    fixture_welcome_with(&b, EPOCH_1, true, "");
    fixture_synced(&b);
    SENT(&b, "join room=a after=5");
    fixture_joined(&b, "a", 8, 0, ",'recovered':true");
    SENT(&b, "replay room=a after=5");
    fixture_finish(&b);
}
END_TEST

START_TEST(test_sync_is_tried_again_with_another_nonce) {
    s_join(ZRELAY_FROM_NOW, 0, "join room=a");
    fixture_finish(&b);

    fixture_init(&b);
    machine_join(b.machine, "a", ZRELAY_FROM_NOW, 0, b.now);
    fixture_welcome(&b);
    fixture_actions_are(&b, "front back=tcp://back +a0 +~0101010101010101 ");
    fixture_tick(&b, SYNC_MS - 1);
    fixture_actions_are(&b, "");
    fixture_tick(&b, 1);
    fixture_actions_are(&b, "-~0101010101010101 +~0202020202020202 ");
    fixture_tick(&b, SYNC_MS); /* by now it may be the SUB that is dead */
    fixture_actions_are(&b, "back=tcp://back +a0 +~0303030303030303 ");
    const char old[] = "\xff"
                       "0202020202020202{\"op\":\"synced\",\"epoch\":\"" EPOCH_1 "\"}";
    fixture_forget_sent(&b);
    fixture_back(&b, old, sizeof old - 1);
    NOTHING_SENT(&b);
    fixture_synced(&b);
    SENT(&b, "join room=a");
    fixture_finish(&b);
}
END_TEST

START_TEST(test_the_nonce_is_given_back) {
    fixture_init(&b);
    machine_join(b.machine, "a", ZRELAY_FROM_NOW, 0, b.now);
    fixture_welcome(&b);
    b.actions[0] = '\0';
    fixture_synced(&b);
    fixture_actions_are(&b, "-~0101010101010101 ");
    fixture_finish(&b);
}
END_TEST

START_TEST(test_frames_of_another_epoch_are_not_taken) {
    fixture_init(&b);
    fixture_live_room(&b, "a", 5);
    fixture_epoch = 0xe2;
    fixture_live(&b, "a", 5, 6, 6); /* they would fit */
    fixture_live(&b, "a", 6, 7, 7);
    machine_front(b.machine, fixture_entries("a", 0, 5, 6, 6), b.now);
    NO_EVENT(&b);
    SENT(&b, "ping"); /* the answer will be no-session */
    NOTHING_SENT(&b);
    fixture_no_session(&b);
    fixture_welcome_with(&b, EPOCH_2, false, "");
    fixture_synced(&b);
    SENT(&b, "join room=a after=0");
    fixture_finish(&b);
}
END_TEST

START_TEST(test_synced_in_another_epoch) {
    fixture_init(&b);
    machine_join(b.machine, "a", ZRELAY_FROM_NOW, 0, b.now);
    fixture_welcome(&b);
    fixture_synced_epoch(&b, EPOCH_2);
    SENT(&b, "ping");
    NOTHING_SENT(&b);
    fixture_finish(&b);
}
END_TEST

START_TEST(test_a_lost_tail_asks_back_for_a_sign_of_life) {
    fixture_init(&b);
    fixture_live_room(&b, "a", 5);
    fixture_json(&b, "{'op':'pong','heads':{'a':6}}");
    fixture_tick(&b, GRACE_MS);
    SENT(&b, "replay room=a after=5");
    fixture_actions_are(&b, "+~0202020202020202 ");
    fixture_tick(&b, SYNC_MS);
    fixture_actions_are(&b, "-~0202020202020202 +~0303030303030303 ");
    fixture_tick(&b, SYNC_MS);
    fixture_actions_are(&b, "back=tcp://back +a0 +~0404040404040404 ");
    fixture_finish(&b);
}
END_TEST

START_TEST(test_leave) {
    fixture_init(&b);
    fixture_live_room(&b, "a", 5);
    fixture_live(&b, "a", 8, 9, 9); /* with a repair under way */
    SENT(&b, "replay room=a after=5 until=8");
    int replay = fixture_id(&b);
    ck_assert_int_eq(machine_leave(b.machine, "a", b.now), 0);
    fixture_run(&b);
    fixture_actions_are(&b, "-a0 ");
    SENT(&b, "leave room=a");
    fixture_replay(&b, "a", 5, 6, 8);
    fixture_live(&b, "a", 9, 10, 10);
    EVENT(&b, "gap a 5");
    NO_EVENT(&b);
    ck_assert_int_eq(machine_leave(b.machine, "a", b.now), ZRELAY_EINVAL);
    ck_assert_int_eq(machine_join(b.machine, "a", ZRELAY_FROM_NOW, 0, b.now), 0);
    fixture_run(&b);
    fixture_synced(&b);
    NOTHING_SENT(&b); /* the broker may put the leave off, and then take it after the join */
    fixture_json(&b, "{'op':'error','re':%d,'code':'rate-limited','text':'slow','wait':300}", fixture_id(&b));
    fixture_json(&b, "{'op':'replayed','re':%d,'seq':8,'count':3,'complete':true,'more':false}", replay);
    fixture_tick(&b, 299);
    NOTHING_SENT(&b);
    fixture_tick(&b, 1);
    SENT(&b, "leave room=a");
    fixture_json(&b, "{'op':'ok','re':%d}", fixture_id(&b));
    SENT(&b, "join room=a");
    ck_assert_uint_eq(b.machine->kept.frames, 0);
    fixture_finish(&b);
}
END_TEST

START_TEST(test_leave_before_the_welcome) {
    fixture_init(&b);
    machine_join(b.machine, "a", ZRELAY_FROM_NOW, 0, b.now);
    ck_assert_int_eq(machine_leave(b.machine, "a", b.now), 0);
    fixture_welcome(&b);
    fixture_actions_are(&b, "front ");
    NOTHING_SENT(&b);
    fixture_finish(&b);
}
END_TEST

START_TEST(test_join_refused) {
    s_join(ZRELAY_FROM_NOW, 0, "join room=a");
    b.actions[0] = '\0';
    fixture_json(&b, "{'op':'error','re':%d,'code':'too-many-joins','room':'a','text':''}", fixture_id(&b));
    EVENT(&b, "refused too-many-joins a mid=0-0 request=0 seq=0");
    fixture_actions_are(&b, "-a0 ");
    ck_assert_ptr_null(b.machine->rooms);
    fixture_finish(&b);
}
END_TEST

START_TEST(test_join_takes_only_what_the_protocol_allows) {
    char name[ZR_ROOM_MAX + 3];
    fixture_init(&b);
    ck_assert_int_eq(machine_join(b.machine, "a b", 0, 0, b.now), ZRELAY_EINVAL);
    ck_assert_int_eq(machine_join(b.machine, "", 0, 0, b.now), ZRELAY_EINVAL);
    ck_assert_int_eq(machine_join(b.machine, NULL, 0, 0, b.now), ZRELAY_EINVAL);
    ck_assert_int_eq(machine_join(b.machine, "a*b", 0, 0, b.now), ZRELAY_EINVAL);
    ck_assert_int_eq(machine_join(b.machine, "a", 3, 0, b.now), ZRELAY_EINVAL);
    ck_assert_int_eq(machine_join(b.machine, "a", -1, 0, b.now), ZRELAY_EINVAL);
    ck_assert_int_eq(machine_join(b.machine, "a", ZRELAY_FROM_AFTER, 1ULL << 53, b.now), ZRELAY_EINVAL);
    ck_assert_int_eq(machine_join(b.machine, "a", 0, 0, b.now), 0);
    ck_assert_int_eq(machine_join(b.machine, "a", 0, 0, b.now), ZRELAY_EINVAL);
    memset(name, 'x', sizeof name);
    name[ZR_ROOM_MAX + 1] = '\0';
    ck_assert_int_eq(machine_join(b.machine, name, 0, 0, b.now), ZRELAY_EINVAL);
    name[ZR_ROOM_MAX] = '*';
    ck_assert_int_eq(machine_join(b.machine, name, 0, 0, b.now), 0);
    fixture_finish(&b);
}
END_TEST

START_TEST(test_no_more_rooms_than_the_broker_takes) {
    fixture_init(&b);
    fixture_welcome_with(&b, EPOCH_1, false, ",'limits':{'rooms':2}");
    ck_assert_int_eq(machine_join(b.machine, "a", 0, 0, b.now), 0);
    ck_assert_int_eq(machine_join(b.machine, "b", 0, 0, b.now), 0);
    ck_assert_int_eq(machine_join(b.machine, "c", 0, 0, b.now), ZRELAY_EMANY);
    fixture_finish(&b);
}
END_TEST

/* --- The right to read is taken --- */

START_TEST(test_left_ends_a_room) {
    fixture_init(&b);
    fixture_live_room(&b, "a", 5);
    fixture_json(&b, "{'op':'left','room':'a','reason':'revoked','seq':5}");
    EVENT(&b, "refused forbidden a mid=0-0 request=0 seq=5");
    NO_EVENT(&b);
    fixture_actions_are(&b, "-a0 ");
    NOTHING_SENT(&b); /* the broker knows */
    fixture_live(&b, "a", 5, 6, 6);
    NO_EVENT(&b);
    fixture_json(&b, "{'op':'left','room':'a','reason':'revoked','seq':5}");
    fixture_json(&b, "{'op':'left','room':7}");
    NO_EVENT(&b);
    ck_assert_int_eq(machine_join(b.machine, "a", ZRELAY_FROM_NOW, 0, b.now), 0); /* as often as it likes */
    fixture_finish(&b);
}
END_TEST

START_TEST(test_left_tells_what_can_not_come_any_more) {
    fixture_init(&b);
    fixture_live_room(&b, "a", 5);
    fixture_live(&b, "a", 7, 8, 8);
    EVENT(&b, "gap a 5");
    SENT(&b, "replay room=a after=5 until=7");
    fixture_json(&b, "{'op':'left','room':'a','reason':'revoked','seq':9}");
    EVENT(&b, "lost a 5 9");
    EVENT(&b, "refused forbidden a mid=0-0 request=0 seq=9");
    fixture_json(&b, "{'op':'error','re':%d,'code':'forbidden','text':'no'}", fixture_id(&b)); /* the replay */
    NO_EVENT(&b);
    NOTHING_SENT(&b);
    fixture_finish(&b);
}
END_TEST

/* It crossed our join: what the broker then grants, nobody here waits for. */
START_TEST(test_left_while_joining_again) {
    fixture_init(&b);
    fixture_live_room(&b, "a", 5);
    machine_leave(b.machine, "a", b.now);
    machine_join(b.machine, "a", ZRELAY_FROM_NOW, 0, b.now);
    fixture_run(&b);
    fixture_synced(&b);
    SENT(&b, "leave room=a");
    fixture_json(&b, "{'op':'ok','re':%d}", fixture_id(&b));
    SENT(&b, "join room=a");
    fixture_json(&b, "{'op':'left','room':'a','reason':'revoked','seq':5}");
    EVENT(&b, "refused forbidden a mid=0-0 request=0 seq=5");
    fixture_joined(&b, "a", 5, 0, "");
    NO_EVENT(&b);
    SENT(&b, "leave room=a");
    fixture_finish(&b);
}
END_TEST

START_TEST(test_join_too_often_is_asked_again) {
    fixture_init(&b);
    fixture_welcome(&b);
    machine_join(b.machine, "a", ZRELAY_FROM_NOW, 0, b.now);
    fixture_run(&b);
    fixture_synced(&b);
    SENT(&b, "join room=a");
    fixture_json(&b, "{'op':'error','re':%d,'code':'rate-limited','text':'slow','wait':700}", fixture_id(&b));
    NO_EVENT(&b);
    fixture_tick(&b, 699);
    NOTHING_SENT(&b);
    fixture_tick(&b, 1);
    SENT(&b, "join room=a");
    fixture_joined(&b, "a", 5, 0, "");
    EVENT(&b, "joined a 5 1");
    fixture_finish(&b);
}
END_TEST

/* --- Private rooms: entries come by DEALER --- */

/* A pong names a new head, and nothing came. */
static void s_silence(uint64_t head) {
    fixture_json(&b, "{'op':'pong','time':1,'heads':{'a':%d}}", (int)head);
    fixture_tick(&b, GRACE_MS);
}

static void s_repair(uint64_t last, uint64_t head) {
    char expected[64];
    snprintf(expected, sizeof expected, "gap a %d", (int)last);
    EVENT(&b, expected);
    snprintf(expected, sizeof expected, "replay room=a after=%d", (int)last);
    SENT(&b, expected);
    fixture_replay(&b, "a", last, last + 1, head);
    fixture_replayed(&b, head, head - last, true, false);
    fixture_expect_entries(&b, "a", last + 1, head);
    snprintf(expected, sizeof expected, "repaired a %d", (int)head);
    EVENT(&b, expected);
}

START_TEST(test_silence_on_sub_says_nothing_of_a_private_room) {
    fixture_init(&b);
    fixture_welcome(&b);
    machine_join(b.machine, "a", ZRELAY_FROM_NOW, 0, b.now);
    fixture_run(&b);
    fixture_synced(&b);
    SENT(&b, "join room=a");
    fixture_joined(&b, "a", 5, 0, ",'private':true");
    EVENT(&b, "joined a 5 1");
    b.actions[0] = '\0';
    s_silence(7);
    fixture_actions_are(&b, ""); /* no sync */
    s_repair(5, 7);
    /* It may be open since, and SUB dead: the second time in a row that is looked at. */
    s_silence(9);
    ck_assert_str_ne(b.actions, "");
    fixture_finish(&b);
}
END_TEST

START_TEST(test_a_live_frame_tells_which_way_a_room_comes) {
    fixture_init(&b);
    fixture_live_room(&b, "a", 5);
    fixture_live_front(&b, "a", 5, 6, 6);
    fixture_expect_entries(&b, "a", 6, 6);
    s_silence(7);
    fixture_actions_are(&b, "");
    s_repair(6, 7);
    fixture_live_front(&b, "a", 7, 8, 8);
    fixture_live(&b, "a", 8, 9, 9);
    fixture_expect_entries(&b, "a", 8, 9);
    s_silence(10);
    ck_assert_str_ne(b.actions, ""); /* it comes by SUB: is that dead? */
    fixture_finish(&b);
}
END_TEST

UNIT_MAIN("client.lib.machine_rooms", test_from_now_begins_at_the_head, test_from_after_replays,
    test_from_after_the_head_needs_no_replay, test_from_after_what_is_forgotten, test_from_after_beyond_the_head,
    test_from_last, test_from_last_of_nothing, test_live_entries_before_joined_after_a_reconnect_are_no_loss,
    test_what_was_missed_while_away_is_replayed, test_sync_is_tried_again_with_another_nonce,
    test_the_nonce_is_given_back, test_frames_of_another_epoch_are_not_taken, test_synced_in_another_epoch,
    test_a_lost_tail_asks_back_for_a_sign_of_life, test_leave, test_leave_before_the_welcome, test_join_refused,
    test_join_takes_only_what_the_protocol_allows, test_no_more_rooms_than_the_broker_takes, test_left_ends_a_room,
    test_left_tells_what_can_not_come_any_more, test_left_while_joining_again, test_join_too_often_is_asked_again,
    test_silence_on_sub_says_nothing_of_a_private_room, test_a_live_frame_tells_which_way_a_room_comes)
