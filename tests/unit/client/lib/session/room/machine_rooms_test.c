/* Joining and leaving, subscriptions and syncs. */
#include "fixture_machine.h"

/* Joins before the welcome; stands after the join was sent. */
static void s_join(int from, uint64_t position, const char *expected) {
    ck_assert_int_eq(machine_join(b.machine, "a", from, position, b.now), 0);
    fixture_welcome();
    fixture_synced();
    SENT(expected);
}

TEST(test_from_now_begins_at_the_head) {
    s_join(ZRELAY_FROM_NOW, 0, "join room=a");
    fixture_live("a", 5, 6, 6); /* before the head is known */
    fixture_live("a", 6, 7, 7);
    NO_EVENT();
    fixture_joined("a", 6, 0, "");
    EVENT("joined a 6 1");
    fixture_expect_entries("a", 7, 7);
    fixture_quiet();
}

TEST(test_from_after_replays) {
    s_join(ZRELAY_FROM_AFTER | ZRELAY_SILENT, 3, "join room=a after=3 presence=false");
    fixture_joined("a", 6, 0, ",'recovered':true");
    EVENT("joined a 6 1");
    SENT("replay room=a after=3");
    fixture_live("a", 6, 7, 7);
    fixture_replay_whole("a", 3, 4, 6, false);
    fixture_expect_entries("a", 4, 7);
    NO_EVENT();
}

TEST(test_from_after_the_head_needs_no_replay) {
    s_join(ZRELAY_FROM_AFTER, 6, "join room=a after=6");
    fixture_joined("a", 6, 0, ",'recovered':true");
    EVENT("joined a 6 1");
    NOTHING_SENT();
}

TEST(test_from_after_what_is_forgotten) {
    s_join(ZRELAY_FROM_AFTER, 3, "join room=a after=3");
    fixture_joined("a", 9, 7, ",'recovered':false");
    EVENTS("joined a 9 1", "lost a 3 7");
    SENT("replay room=a after=7");
}

TEST(test_from_after_beyond_the_head) {
    s_join(ZRELAY_FROM_AFTER, 100, "join room=a after=100");
    fixture_joined("a", 9, 7, ",'recovered':false");
    EVENTS("joined a 9 1", "lost a 100 7");
    SENT("replay room=a after=7");
    fixture_replay_whole("a", 7, 8, 9, false);
    fixture_expect_entries("a", 8, 9);
}

TEST(test_from_last) {
    s_join(ZRELAY_FROM_LAST, 2, "join room=a");
    fixture_joined("a", 9, 0, "");
    EVENT("joined a 9 1");
    SENT("replay room=a last=2");
    fixture_live("a", 9, 10, 10);
    fixture_replay_whole("a", 7, 8, 8, true);
    SENT("replay room=a after=8 until=9"); /* 10 is here already */
    fixture_replay_whole("a", 8, 9, 9, false);
    fixture_expect_entries("a", 8, 10);
    NO_EVENT();
}

TEST(test_from_last_of_nothing) {
    s_join(ZRELAY_FROM_LAST, 2, "join room=a");
    fixture_joined("a", 0, 0, "");
    EVENT("joined a 0 1");
    SENT("replay room=a last=2");
    fixture_replayed(0, 0, true, false);
    fixture_live("a", 0, 1, 1);
    fixture_expect_entries("a", 1, 1);
}

TEST(test_live_entries_before_joined_after_a_reconnect_are_no_loss) {
    fixture_live_room("a", 5);
    fixture_resume();
    SENT("join room=a after=5");
    fixture_live("a", 5, 6, 7);
    fixture_joined("a", 6, 0, ",'recovered':true"); /* older than what SUB brought */
    EVENTS("disconnected the broker does not know the session any more", "connected " EPOCH_1 " me resumed");
    fixture_expect_entries("a", 6, 7);
    NO_EVENT(); /* not joined once more */
    NOTHING_SENT();
}

TEST(test_what_was_missed_while_away_is_replayed) {
    fixture_live_room("a", 5);
    fixture_resume();
    SENT("join room=a after=5");
    fixture_joined("a", 8, 0, ",'recovered':true");
    SENT("replay room=a after=5");
}

TEST(test_sync_is_tried_again_with_another_nonce) {
    s_join(ZRELAY_FROM_NOW, 0, "join room=a");

    fixture_init();
    machine_join(b.machine, "a", ZRELAY_FROM_NOW, 0, b.now);
    fixture_welcome();
    fixture_actions_are("front back=tcp://back +a0 +~0101010101010101 ");
    fixture_tick(SYNC_MS - 1);
    fixture_actions_are("");
    fixture_tick(1);
    fixture_actions_are("-~0101010101010101 +~0202020202020202 ");
    fixture_tick(SYNC_MS); /* by now it may be the SUB that is dead */
    fixture_actions_are("back=tcp://back +a0 +~0303030303030303 ");
    const char old[] = "\xff"
                       "0202020202020202{\"op\":\"synced\",\"epoch\":\"" EPOCH_1 "\"}";
    fixture_forget_sent();
    fixture_back(old, sizeof old - 1);
    NOTHING_SENT();
    fixture_synced();
    SENT("join room=a");
}

TEST(test_a_back_that_is_not_heard_is_told_once) {
    machine_join(b.machine, "a", ZRELAY_FROM_NOW, 0, b.now);
    fixture_welcome();
    fixture_tick(SYNC_MS);
    fixture_json("{'op':'pong','heads':{}}");
    fixture_tick(SYNC_MS);
    NO_EVENT();
    fixture_tick(SYNC_MS);
    EVENTS("unheard tcp://back", "");
    for (int i = 0; i < 5; i++) {
        fixture_json("{'op':'pong','heads':{}}");
        fixture_tick(SYNC_MS);
        NO_EVENT();
    }
    fixture_no_session(); /* another session changes nothing */
    EVENT("disconnected the broker does not know the session any more");
    fixture_welcome();
    for (int i = 0; i < 5; i++) {
        fixture_json("{'op':'pong','heads':{}}");
        fixture_tick(SYNC_MS);
        NO_EVENT();
    }
    fixture_synced(); /* and from now on it would be news */
    for (int i = 0; i < 4; i++)
        machine_back_down(b.machine, b.now);
    NO_EVENT(); /* nothing was asked meanwhile */
}

TEST(test_the_nonce_is_given_back) {
    machine_join(b.machine, "a", ZRELAY_FROM_NOW, 0, b.now);
    fixture_welcome();
    b.actions[0] = '\0';
    fixture_synced();
    fixture_actions_are("-~0101010101010101 ");
}

TEST(test_frames_of_another_epoch_are_not_taken) {
    fixture_live_room("a", 5);
    fixture_epoch = 0xe2;
    fixture_live("a", 5, 6, 6); /* they would fit */
    fixture_live("a", 6, 7, 7);
    machine_front(b.machine, fixture_entries("a", 0, 5, 6, 6), b.now);
    NO_EVENT();
    SENT("ping"); /* the answer will be no-session */
    NOTHING_SENT();
    fixture_no_session();
    fixture_welcome_with(EPOCH_2, false, "");
    fixture_synced();
    SENT("join room=a after=0");
}

TEST(test_synced_in_another_epoch) {
    machine_join(b.machine, "a", ZRELAY_FROM_NOW, 0, b.now);
    fixture_welcome();
    fixture_synced_epoch(EPOCH_2);
    SENTS("ping", "");
}

TEST(test_a_lost_tail_asks_back_for_a_sign_of_life) {
    fixture_live_room("a", 5);
    fixture_json("{'op':'pong','heads':{'a':6}}");
    fixture_tick(GRACE_MS);
    SENT("replay room=a after=5");
    fixture_actions_are("+~0202020202020202 ");
    fixture_tick(SYNC_MS);
    fixture_actions_are("-~0202020202020202 +~0303030303030303 ");
    fixture_tick(SYNC_MS);
    fixture_actions_are("back=tcp://back +a0 +~0404040404040404 ");
}

TEST(test_leave) {
    fixture_live_room("a", 5);
    fixture_live("a", 8, 9, 9); /* with a repair under way */
    SENT("replay room=a after=5 until=8");
    int replay = fixture_id();
    ck_assert_int_eq(machine_leave(b.machine, "a", b.now), 0);
    fixture_actions_are("-a0 ");
    SENT("leave room=a");
    fixture_replay("a", 5, 6, 8);
    fixture_live("a", 9, 10, 10);
    EVENTS("gap a 5", "");
    ck_assert_int_eq(machine_leave(b.machine, "a", b.now), ZRELAY_EINVAL);
    ck_assert_int_eq(machine_join(b.machine, "a", ZRELAY_FROM_NOW, 0, b.now), 0);
    fixture_run();
    fixture_synced();
    NOTHING_SENT(); /* the broker may put the leave off, and then take it after the join */
    fixture_json("{'op':'error','re':%d,'code':'rate-limited','text':'slow','wait':300}", fixture_id());
    fixture_json("{'op':'replayed','re':%d,'seq':8,'count':3,'complete':true,'more':false}", replay);
    fixture_tick(299);
    NOTHING_SENT();
    fixture_tick(1);
    SENT("leave room=a");
    fixture_json("{'op':'ok','re':%d}", fixture_id());
    SENT("join room=a");
    ck_assert_uint_eq(b.machine->kept.frames, 0);
}

TEST(test_leave_before_the_welcome) {
    machine_join(b.machine, "a", ZRELAY_FROM_NOW, 0, b.now);
    ck_assert_int_eq(machine_leave(b.machine, "a", b.now), 0);
    fixture_welcome();
    fixture_actions_are("front ");
    NOTHING_SENT();
}

TEST(test_join_refused) {
    s_join(ZRELAY_FROM_NOW, 0, "join room=a");
    b.actions[0] = '\0';
    fixture_json("{'op':'error','re':%d,'code':'too-many-joins','room':'a','text':''}", fixture_id());
    EVENT("refused too-many-joins a mid=0-0 request=0 seq=0");
    fixture_actions_are("-a0 ");
    ck_assert_ptr_null(b.machine->rooms);
}

TEST(test_join_takes_only_what_the_protocol_allows) {
    char name[ZR_ROOM_MAX + 3];
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
}

TEST(test_no_more_rooms_than_the_broker_takes) {
    fixture_welcome_with(EPOCH_1, false, ",'limits':{'rooms':2}");
    ck_assert_int_eq(machine_join(b.machine, "a", 0, 0, b.now), 0);
    ck_assert_int_eq(machine_join(b.machine, "b", 0, 0, b.now), 0);
    ck_assert_int_eq(machine_join(b.machine, "c", 0, 0, b.now), ZRELAY_EMANY);
}

/* --- The right to read is taken --- */

TEST(test_left_ends_a_room) {
    fixture_live_room("a", 5);
    fixture_json("{'op':'left','room':'a','reason':'revoked','seq':5}");
    EVENTS("refused forbidden a mid=0-0 request=0 seq=5", "");
    fixture_actions_are("-a0 ");
    NOTHING_SENT(); /* the broker knows */
    fixture_live("a", 5, 6, 6);
    NO_EVENT();
    fixture_json("{'op':'left','room':'a','reason':'revoked','seq':5}");
    fixture_json("{'op':'left','room':7}");
    NO_EVENT();
    ck_assert_int_eq(machine_join(b.machine, "a", ZRELAY_FROM_NOW, 0, b.now), 0); /* as often as it likes */
}

TEST(test_a_kick_ends_a_room) {
    fixture_live_room("a", 5);
    fixture_json("{'op':'left','room':'a','reason':'kicked','seq':5,'text':'spam','for':60}");
    const zrelay_event_t *event = machine_event(b.machine);
    ck_assert_ptr_nonnull(event);
    ck_assert_str_eq(event->code, "kicked");
    ck_assert_str_eq(event->text, "spam");
    NOTHING_SENT(); /* it does not come back by itself */
}

TEST(test_left_tells_what_can_not_come_any_more) {
    fixture_live_room("a", 5);
    fixture_live("a", 7, 8, 8);
    EVENT("gap a 5");
    SENT("replay room=a after=5 until=7");
    fixture_json("{'op':'left','room':'a','reason':'revoked','seq':9}");
    EVENTS("lost a 5 9", "refused forbidden a mid=0-0 request=0 seq=9");
    fixture_json("{'op':'error','re':%d,'code':'forbidden','text':'no'}", fixture_id()); /* the replay */
    fixture_quiet();
}

/* It crossed our join: what the broker then grants, nobody here waits for. */
TEST(test_left_while_joining_again) {
    fixture_live_room("a", 5);
    machine_leave(b.machine, "a", b.now);
    machine_join(b.machine, "a", ZRELAY_FROM_NOW, 0, b.now);
    fixture_run();
    fixture_synced();
    SENT("leave room=a");
    fixture_json("{'op':'ok','re':%d}", fixture_id());
    SENT("join room=a");
    fixture_json("{'op':'left','room':'a','reason':'revoked','seq':5}");
    EVENT("refused forbidden a mid=0-0 request=0 seq=5");
    fixture_joined("a", 5, 0, "");
    NO_EVENT();
    SENT("leave room=a");
}

TEST(test_join_too_often_is_asked_again) {
    fixture_welcome();
    fixture_join("a");
    fixture_json("{'op':'error','re':%d,'code':'rate-limited','text':'slow','wait':700}", fixture_id());
    NO_EVENT();
    fixture_tick(699);
    NOTHING_SENT();
    fixture_tick(1);
    SENT("join room=a");
    fixture_joined("a", 5, 0, "");
    EVENT("joined a 5 1");
}

/* --- Private rooms: entries come by DEALER --- */

/* A pong names a new head, and nothing came. */
static void s_silence(uint64_t head) {
    fixture_json("{'op':'pong','time':1,'heads':{'a':%d}}", (int)head);
    fixture_tick(GRACE_MS);
}

static void s_repair(uint64_t last, uint64_t head) {
    char expected[64];
    snprintf(expected, sizeof expected, "gap a %d", (int)last);
    EVENT(expected);
    snprintf(expected, sizeof expected, "replay room=a after=%d", (int)last);
    SENT(expected);
    fixture_replay("a", last, last + 1, head);
    fixture_replayed(head, head - last, true, false);
    fixture_expect_entries("a", last + 1, head);
    snprintf(expected, sizeof expected, "repaired a %d", (int)head);
    EVENT(expected);
}

TEST(test_silence_on_sub_says_nothing_of_a_private_room) {
    fixture_welcome();
    fixture_join("a");
    fixture_joined("a", 5, 0, ",'private':true");
    EVENT("joined a 5 1");
    b.actions[0] = '\0';
    s_silence(7);
    fixture_actions_are(""); /* no sync */
    s_repair(5, 7);
    /* It may be open since, and SUB dead: the second time in a row that is looked at. */
    s_silence(9);
    ck_assert_str_ne(b.actions, "");
}

TEST(test_a_live_frame_tells_which_way_a_room_comes) {
    fixture_live_room("a", 5);
    fixture_live_front("a", 5, 6, 6);
    fixture_expect_entries("a", 6, 6);
    s_silence(7);
    fixture_actions_are("");
    s_repair(6, 7);
    fixture_live_front("a", 7, 8, 8);
    fixture_live("a", 8, 9, 9);
    fixture_expect_entries("a", 8, 9);
    s_silence(10);
    ck_assert_str_ne(b.actions, ""); /* it comes by SUB: is that dead? */
}

UNIT_SUITE_WITH("client.lib.machine_rooms", fixture_init, fixture_finish)
