/* Presence: versions, missed ones, the list that repairs them. */
#include "fixture_machine.h"

static fixture_t b;

static void s_who(uint64_t version, const char *users, bool more) {
    fixture_json(&b,
        "{'op':'who','re':%d,'room':'a','version':%" PRIu64 ",'users':[%s],'count':2,'silent':0,'more':%s}",
        fixture_id(&b), version, users, more ? "true" : "false");
}

/* A room at version 1 with ann and me in it, both there before. */
static void s_room(void) {
    fixture_init(&b);
    fixture_welcome(&b);
    ck_assert_int_eq(machine_join(b.machine, "a", ZRELAY_FROM_NOW | ZRELAY_PRESENCE, 0, b.now), 0);
    fixture_run(&b);
    fixture_synced(&b);
    SENT(&b, "join room=a");
    fixture_joined(&b, "a", 0, 0, "");
    EVENT(&b, "joined a 0 1");
    SENT(&b, "who room=a");
    s_who(1, "{'nick':'ann'},{'nick':'me'}", false);
    EVENT(&b, "presence a -- - 2"); /* ann, present before, is not told; but the count differs from joined's */
    NO_EVENT(&b);
}

START_TEST(test_coming_and_going) {
    s_room();
    fixture_presence(&b, "a",
        "{'op':'presence','room':'a','version':2,'joined':[{'nick':'bo'}],'left':[{'nick':'ann','reason':'"
        "bye'}],"
        "'count':2}");
    EVENT(&b, "presence a -ann bye 2");
    EVENT(&b, "presence a +bo - 2");
    NO_EVENT(&b);
    fixture_presence(&b, "a", "{'op':'presence','version':3,'joined':[],'left':[],'count':9}");
    EVENT(&b, "presence a -- - 9");
    fixture_presence(&b, "a", "{'op':'presence','version':3,'joined':[{'nick':'cy'}],'left':[],'count':9}");
    NO_EVENT(&b); /* an old one */
    NOTHING_SENT(&b);
    fixture_finish(&b);
}
END_TEST

START_TEST(test_renaming) {
    s_room();
    fixture_presence(&b, "a",
        "{'version':2,'joined':[{'nick':'anna','was':'ann'}],'left':[{'nick':'ann','reason':'renamed','to':'"
        "anna'}],"
        "'count':2}");
    const zrelay_event_t *event = machine_event(b.machine);
    ck_assert_str_eq(event->name, "ann");
    ck_assert_str_eq(event->sender, "anna");
    ck_assert_str_eq(event->text, "renamed");
    ck_assert(!event->joined);
    event = machine_event(b.machine);
    ck_assert_str_eq(event->name, "anna");
    ck_assert_str_eq(event->sender, "ann");
    ck_assert_str_eq(event->text, "renamed");
    ck_assert(event->joined);
    fixture_finish(&b);
}
END_TEST

START_TEST(test_not_about_oneself) {
    s_room();
    fixture_presence(&b, "a",
        "{'version':2,'joined':[{'nick':'me','was':'i'}],'left':[{'nick':'i','reason':'renamed','to':'me'}],'"
        "count':2}");
    NO_EVENT(&b);
    fixture_finish(&b);
}
END_TEST

START_TEST(test_missed_version_is_repaired_by_the_list) {
    s_room();
    fixture_presence(&b, "a", "{'version':4,'joined':[{'nick':'di'}],'left':[],'count':3}");
    NO_EVENT(&b);
    SENT(&b, "who room=a");
    fixture_presence(&b, "a", "{'version':5,'joined':[{'nick':'ed'}],'left':[],'count':4}");
    s_who(4, "{'nick':'bo'},{'nick':'di'}", true);
    EVENT(&b, "presence a +bo - 2");
    EVENT(&b, "presence a +di - 2");
    SENT(&b, "who room=a after=di");
    s_who(5, "{'nick':'ed'},{'nick':'me'}", false);
    EVENT(&b, "presence a +ed - 2");
    EVENT(&b, "presence a -ann - 2"); /* no page named her */
    EVENT(&b, "presence a -- - 4");
    NO_EVENT(&b);
    fixture_presence(&b, "a", "{'version':6,'joined':[{'nick':'fi'}],'left':[],'count':5}");
    EVENT(&b, "presence a +fi - 5");
    NOTHING_SENT(&b);
    fixture_finish(&b);
}
END_TEST

START_TEST(test_frames_during_the_list_are_applied_after_it) {
    s_room();
    fixture_presence(&b, "a", "{'version':4,'joined':[],'left':[],'count':3}");
    SENT(&b, "who room=a");
    fixture_presence(
        &b, "a", "{'version':5,'joined':[{'nick':'cy'}],'left':[{'nick':'ann','reason':'leave'}],'count':2}");
    s_who(4, "{'nick':'ann'},{'nick':'me'}", false);
    EVENT(&b, "presence a -ann leave 2");
    EVENT(&b, "presence a +cy - 2");
    fixture_presence(&b, "a", "{'version':8,'joined':[],'left':[],'count':2}"); /* and missed again */
    NOTHING_SENT(&b);
    fixture_tick(&b, RETRY_MS);
    SENT(&b, "who room=a");
    fixture_finish(&b);
}
END_TEST

START_TEST(test_a_storm_is_bounded) {
    s_room();
    for (int version = 3; version < 3 + 3 * PRESENCE_KEPT; version++) {
        char json[200];
        sprintf(json, "{'version':%d,'joined':[{'nick':'n%d'}],'left':[],'count':3}", version, version);
        fixture_presence(&b, "a", json);
    }
    SENT(&b, "who room=a");
    NOTHING_SENT(&b);
    s_who(3, "{'nick':'ann'},{'nick':'me'},{'nick':'n3'}", false);
    fixture_tick(&b, RETRY_MS);
    SENT(&b, "who room=a"); /* not all were kept */
    fixture_finish(&b);
}
END_TEST

START_TEST(test_reconnect_tells_who_changed) {
    s_room();
    fixture_no_session(&b);
    fixture_welcome_with(&b, EPOCH_1, true, "");
    fixture_synced(&b);
    SENT(&b, "join room=a after=0");
    fixture_joined(&b, "a", 0, 0, ",'recovered':true");
    SENT(&b, "who room=a");
    s_who(9, "{'nick':'bo'},{'nick':'me'}", false);
    EVENT(&b, "disconnected the broker does not know the session any more");
    EVENT(&b, "connected " EPOCH_1 " me resumed");
    EVENT(&b, "presence a +bo - 2");
    EVENT(&b, "presence a -ann - 2");
    NO_EVENT(&b);
    fixture_finish(&b);
}
END_TEST

START_TEST(test_a_lost_last_frame_shows_in_a_pong) {
    s_room();
    fixture_json(&b, "{'op':'pong','heads':{},'versions':{'a':2,'x':5}}");
    NOTHING_SENT(&b);
    fixture_presence(&b, "a", "{'version':2,'joined':[{'nick':'cy'}],'left':[],'count':3}");
    EVENT(&b, "presence a +cy - 3");
    fixture_tick(&b, GRACE_MS);
    NOTHING_SENT(&b); /* it came in time */
    fixture_json(&b, "{'op':'pong','heads':{},'versions':{'a':3}}");
    fixture_tick(&b, GRACE_MS);
    SENT(&b, "who room=a");
    s_who(3, "{'nick':'ann'},{'nick':'me'}", false);
    EVENT(&b, "presence a -cy - 2");
    NO_EVENT(&b);
    fixture_finish(&b);
}
END_TEST

START_TEST(test_leave_while_asking) {
    s_room();
    fixture_presence(&b, "a", "{'version':4,'joined':[],'left':[],'count':3}");
    SENT(&b, "who room=a");
    int id = fixture_id(&b);
    machine_leave(b.machine, "a", b.now);
    fixture_json(&b, "{'op':'who','re':%d,'version':4,'users':[],'count':0,'more':false}", id);
    fixture_presence(&b, "a", "{'version':5,'joined':[],'left':[],'count':3}");
    NO_EVENT(&b);
    fixture_finish(&b);
}
END_TEST

START_TEST(test_refused_list) {
    s_room();
    fixture_presence(&b, "a", "{'version':4,'joined':[],'left':[],'count':3}");
    SENT(&b, "who room=a");
    fixture_json(&b, "{'op':'error','re':%d,'code':'bad-room','text':''}", fixture_id(&b));
    NO_EVENT(&b);
    fixture_finish(&b);
}
END_TEST

/* The user may not see who is present, and may later. Versions of the session before say nothing then. */
START_TEST(test_the_right_comes_late) {
    s_room();
    fixture_no_session(&b);
    fixture_welcome_with(&b, EPOCH_1, false, "");
    fixture_synced(&b);
    SENT(&b, "join room=a after=0");
    fixture_joined(&b, "a", 0, 0, ",'recovered':true");
    SENT(&b, "who room=a");
    fixture_json(&b, "{'op':'error','re':%d,'code':'forbidden','text':''}", fixture_id(&b));
    EVENT(&b, "disconnected the broker does not know the session any more");
    EVENT(&b, "connected " EPOCH_1 " me");
    fixture_json(&b, "{'op':'pong','heads':{},'versions':{'a':1}}"); /* the same as before, by chance */
    fixture_tick(&b, RETRY_MS);
    fixture_tick(&b, GRACE_MS);
    SENT(&b, "who room=a");
    s_who(1, "{'nick':'bo'},{'nick':'me'}", false);
    EVENT(&b, "presence a +bo - 2");
    EVENT(&b, "presence a -ann - 2");
    NO_EVENT(&b);
    fixture_finish(&b);
}
END_TEST

START_TEST(test_a_frame_comes_after_a_refused_list) {
    fixture_init(&b);
    fixture_welcome(&b);
    ck_assert_int_eq(machine_join(b.machine, "a", ZRELAY_FROM_NOW | ZRELAY_PRESENCE, 0, b.now), 0);
    fixture_run(&b);
    fixture_synced(&b);
    SENT(&b, "join room=a");
    fixture_joined(&b, "a", 0, 0, "");
    EVENT(&b, "joined a 0 1");
    SENT(&b, "who room=a");
    fixture_json(&b, "{'op':'error','re':%d,'code':'forbidden','text':''}", fixture_id(&b));
    fixture_presence(&b, "a", "{'version':7,'joined':[{'nick':'bo'}],'left':[],'count':2}");
    fixture_tick(&b, RETRY_MS);
    SENT(&b, "who room=a");
    s_who(7, "{'nick':'bo'},{'nick':'me'}", false);
    EVENT(&b, "presence a -- - 2");
    fixture_presence(&b, "a", "{'version':8,'joined':[{'nick':'cy'}],'left':[],'count':3}");
    EVENT(&b, "presence a +cy - 3");
    NO_EVENT(&b);
    fixture_finish(&b);
}
END_TEST

/* No names are told there, and none are asked for. Members named before stay until the room is no longer crowded. */
START_TEST(test_a_room_becomes_crowded) {
    s_room();
    fixture_presence(&b, "a", "{'version':2,'joined':[],'left':[],'count':1001,'crowded':true}");
    EVENT(&b, "presence a -- - 1001");
    fixture_presence(&b, "a", "{'version':4,'joined':[],'left':[],'count':1003,'crowded':true}");
    EVENT(&b, "presence a -- - 1003"); /* that one is missing does not matter */
    fixture_presence(&b, "a", "{'version':3,'joined':[],'left':[],'count':1002,'crowded':true}");
    NO_EVENT(&b);
    NOTHING_SENT(&b);
    fixture_presence(&b, "a", "{'version':5,'joined':[],'left':[],'count':2,'crowded':false}");
    EVENT(&b, "presence a -- - 2");
    SENT(&b, "who room=a");
    s_who(5, "{'nick':'bo'},{'nick':'me'}", false);
    EVENT(&b, "presence a +bo - 2");
    EVENT(&b, "presence a -ann - 2");
    NO_EVENT(&b);
    fixture_presence(&b, "a", "{'version':6,'joined':[{'nick':'cy'}],'left':[],'count':3}");
    EVENT(&b, "presence a +cy - 3");
    fixture_finish(&b);
}
END_TEST

START_TEST(test_a_room_is_crowded_already) {
    fixture_init(&b);
    fixture_welcome(&b);
    ck_assert_int_eq(machine_join(b.machine, "a", ZRELAY_FROM_NOW | ZRELAY_PRESENCE, 0, b.now), 0);
    fixture_run(&b);
    fixture_synced(&b);
    SENT(&b, "join room=a");
    fixture_joined(&b, "a", 0, 0, ",'crowded':true");
    EVENT(&b, "joined a 0 1");
    NOTHING_SENT(&b);
    fixture_presence(&b, "a", "{'version':2,'joined':[],'left':[],'count':5000,'crowded':true}");
    EVENT(&b, "presence a -- - 5000");
    NOTHING_SENT(&b);
    fixture_finish(&b);
}
END_TEST

START_TEST(test_a_list_that_says_crowded_is_not_gone_through) {
    s_room();
    fixture_presence(&b, "a", "{'version':3,'joined':[],'left':[],'count':9}"); /* one is missing */
    SENT(&b, "who room=a");
    fixture_json(&b,
        "{'op':'who','re':%d,'room':'a','version':4,'users':[{'nick':'me'}],'count':2000,'silent':0,'more':true,"
        "'crowded':true}",
        fixture_id(&b));
    EVENT(&b, "presence a -- - 2000");
    NOTHING_SENT(&b);
    NO_EVENT(&b);
    fixture_finish(&b);
}
END_TEST

/* An answer that is not wanted any more is ignored, and its request is forgotten. */
START_TEST(test_a_room_becomes_crowded_while_asking) {
    s_room();
    fixture_presence(&b, "a", "{'version':3,'joined':[],'left':[],'count':9}"); /* one is missing */
    SENT(&b, "who room=a");
    size_t asked = HASH_COUNT(b.machine->by_id);
    ck_assert_uint_gt(asked, 0);
    fixture_presence(&b, "a", "{'version':4,'joined':[],'left':[],'count':2000,'crowded':true}");
    EVENT(&b, "presence a -- - 2000");
    ck_assert_uint_lt(HASH_COUNT(b.machine->by_id), asked);
    s_who(3, "{'nick':'ann'},{'nick':'me'}", false);
    NO_EVENT(&b);
    NOTHING_SENT(&b);
    ck_assert_uint_eq(b.machine->malformed, 0);
    fixture_finish(&b);
}
END_TEST

/* By the time the answer says crowded, a frame may have come that says it is no more. */
START_TEST(test_a_crowd_ends_while_asking) {
    s_room();
    fixture_presence(&b, "a", "{'version':3,'joined':[],'left':[],'count':9}");
    SENT(&b, "who room=a");
    int first = fixture_id(&b);
    fixture_presence(&b, "a", "{'version':11,'joined':[],'left':[],'count':2,'crowded':false}");
    fixture_json(&b,
        "{'op':'who','re':%d,'room':'a','version':10,'users':[{'nick':'me'}],'count':2000,'silent':0,'more':true,"
        "'crowded':true}",
        first);
    EVENT(&b, "presence a -- - 2000");
    NOTHING_SENT(&b);
    fixture_tick(&b, RETRY_MS);
    SENT(&b, "who room=a");
    s_who(11, "{'nick':'ann'},{'nick':'me'}", false);
    EVENT(&b, "presence a -- - 2");
    fixture_finish(&b);
}
END_TEST

/* A pong that names a later version: the frame that is missing may have been the one that ends it. */
START_TEST(test_a_crowd_came_and_went_within_a_tick) {
    s_room();
    fixture_presence(&b, "a", "{'version':2,'joined':[],'left':[],'count':2,'crowded':false}");
    SENT(&b, "who room=a");
    s_who(2, "{'nick':'bo'},{'nick':'me'}", false);
    EVENT(&b, "presence a +bo - 2");
    EVENT(&b, "presence a -ann - 2");
    NO_EVENT(&b);
    fixture_presence(&b, "a", "{'version':2,'joined':[],'left':[],'count':2,'crowded':false}");
    NOTHING_SENT(&b);
    fixture_finish(&b);
}
END_TEST

START_TEST(test_a_crowd_may_have_ended_unseen) {
    s_room();
    fixture_presence(&b, "a", "{'version':2,'joined':[],'left':[],'count':2000,'crowded':true}");
    EVENT(&b, "presence a -- - 2000");
    fixture_json(&b, "{'op':'pong','heads':{},'versions':{'a':3}}");
    NOTHING_SENT(&b);
    fixture_tick(&b, GRACE_MS);
    SENT(&b, "who room=a");
    s_who(3, "{'nick':'ann'},{'nick':'me'}", false);
    EVENT(&b, "presence a -- - 2");
    fixture_finish(&b);
}
END_TEST

START_TEST(test_hostile_presence) {
    s_room();
    const char *long_nick = "{'version':3,'joined':[1,null,{'nick':5},{'nick':''},"
                            "{'nick':'nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn'}],"
                            "'left':[{},{'nick':'nobody'},[]],'count':2}";
    const char *frames[] = {"{", "[]", "{'version':'x'}", "{'version':2,'joined':5,'left':{},'count':-1}", long_nick};
    for (size_t i = 0; i < sizeof frames / sizeof *frames; i++)
        fixture_presence(&b, "a", frames[i]);
    NO_EVENT(&b);
    NOTHING_SENT(&b);
    ck_assert_uint_ge(b.machine->malformed, 6);
    fixture_finish(&b);
}
END_TEST

START_TEST(test_presence_comes_by_either_way) {
    s_room();
    static const char frame[] = "a\x01{\"version\":2,\"joined\":[{\"nick\":\"bo\"}],\"left\":[],\"count\":3}";
    fixture_front(&b, frame, sizeof frame - 1);
    EVENT(&b, "presence a +bo - 3");
    fixture_presence(&b, "a", "{'version':3,'joined':[{'nick':'cy'}],'left':[],'count':4}");
    EVENT(&b, "presence a +cy - 4");
    NOTHING_SENT(&b);
    fixture_finish(&b);
}
END_TEST

UNIT_MAIN("client.lib.machine_presence", test_coming_and_going, test_renaming, test_not_about_oneself,
    test_missed_version_is_repaired_by_the_list, test_frames_during_the_list_are_applied_after_it,
    test_a_storm_is_bounded, test_reconnect_tells_who_changed, test_a_lost_last_frame_shows_in_a_pong,
    test_leave_while_asking, test_refused_list, test_the_right_comes_late, test_a_frame_comes_after_a_refused_list,
    test_hostile_presence, test_presence_comes_by_either_way, test_a_room_becomes_crowded,
    test_a_room_is_crowded_already, test_a_list_that_says_crowded_is_not_gone_through,
    test_a_room_becomes_crowded_while_asking, test_a_crowd_ends_while_asking, test_a_crowd_came_and_went_within_a_tick,
    test_a_crowd_may_have_ended_unseen)
