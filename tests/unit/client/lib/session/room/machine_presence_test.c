/* Presence: versions, missed ones, the list that repairs them. */
#include "fixture_machine.h"

static void s_who(uint64_t version, const char *users, bool more) {
    fixture_json("{'op':'who','re':%d,'room':'a','version':%" PRIu64 ",'users':[%s],'count':2,'silent':0,'more':%s}",
        fixture_id(), version, users, more ? "true" : "false");
}

/* A room at version 1 with ann and me in it, both there before. */
static void s_room(void) {
    fixture_welcome();
    ck_assert_int_eq(machine_join(b.machine, "a", ZRELAY_FROM_NOW | ZRELAY_PRESENCE, 0, b.now), 0);
    fixture_run();
    fixture_synced();
    SENT("join room=a");
    fixture_joined("a", 0, 0, "");
    EVENT("joined a 0 1");
    SENT("who room=a");
    s_who(1, "{'nick':'ann'},{'nick':'me'}", false);
    EVENT("presence a -- - 2"); /* ann, present before, is not told; but the count differs from joined's */
    NO_EVENT();
}

TEST(test_coming_and_going) {
    s_room();
    fixture_presence("a",
        "{'op':'presence','room':'a','version':2,'joined':[{'nick':'bo'}],'left':[{'nick':'ann','reason':'"
        "bye'}],"
        "'count':2}");
    EVENTS("presence a -ann bye 2", "presence a +bo - 2", "");
    fixture_presence("a", "{'op':'presence','version':3,'joined':[],'left':[],'count':9}");
    EVENT("presence a -- - 9");
    fixture_presence("a", "{'op':'presence','version':3,'joined':[{'nick':'cy'}],'left':[],'count':9}");
    NO_EVENT(); /* an old one */
    NOTHING_SENT();
}

TEST(test_renaming) {
    s_room();
    fixture_presence("a",
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
}

TEST(test_not_about_oneself) {
    s_room();
    fixture_presence("a",
        "{'version':2,'joined':[{'nick':'me','was':'i'}],'left':[{'nick':'i','reason':'renamed','to':'me'}],'"
        "count':2}");
    NO_EVENT();
}

TEST(test_missed_version_is_repaired_by_the_list) {
    s_room();
    fixture_presence("a", "{'version':4,'joined':[{'nick':'di'}],'left':[],'count':3}");
    NO_EVENT();
    SENT("who room=a");
    fixture_presence("a", "{'version':5,'joined':[{'nick':'ed'}],'left':[],'count':4}");
    s_who(4, "{'nick':'bo'},{'nick':'di'}", true);
    EVENTS("presence a +bo - 2", "presence a +di - 2");
    SENT("who room=a after=di");
    s_who(5, "{'nick':'ed'},{'nick':'me'}", false);
    EVENT("presence a +ed - 2");
    EVENT("presence a -ann - 2"); /* no page named her */
    EVENTS("presence a -- - 4", "");
    fixture_presence("a", "{'version':6,'joined':[{'nick':'fi'}],'left':[],'count':5}");
    EVENT("presence a +fi - 5");
    NOTHING_SENT();
}

TEST(test_frames_during_the_list_are_applied_after_it) {
    s_room();
    fixture_presence("a", "{'version':4,'joined':[],'left':[],'count':3}");
    SENT("who room=a");
    fixture_presence("a", "{'version':5,'joined':[{'nick':'cy'}],'left':[{'nick':'ann','reason':'leave'}],'count':2}");
    s_who(4, "{'nick':'ann'},{'nick':'me'}", false);
    EVENTS("presence a -ann leave 2", "presence a +cy - 2");
    fixture_presence("a", "{'version':8,'joined':[],'left':[],'count':2}"); /* and missed again */
    NOTHING_SENT();
    fixture_tick(RETRY_MS);
    SENT("who room=a");
}

TEST(test_a_storm_is_bounded) {
    s_room();
    for (int version = 3; version < 3 + 3 * PRESENCE_KEPT; version++) {
        char json[200];
        sprintf(json, "{'version':%d,'joined':[{'nick':'n%d'}],'left':[],'count':3}", version, version);
        fixture_presence("a", json);
    }
    SENTS("who room=a", "");
    s_who(3, "{'nick':'ann'},{'nick':'me'},{'nick':'n3'}", false);
    fixture_tick(RETRY_MS);
    SENT("who room=a"); /* not all were kept */
}

TEST(test_reconnect_tells_who_changed) {
    s_room();
    fixture_resume();
    SENT("join room=a after=0");
    fixture_joined("a", 0, 0, ",'recovered':true");
    SENT("who room=a");
    s_who(9, "{'nick':'bo'},{'nick':'me'}", false);
    EVENTS("disconnected the broker does not know the session any more", "connected " EPOCH_1 " me resumed",
        "presence a +bo - 2", "presence a -ann - 2", "");
}

TEST(test_a_lost_last_frame_shows_in_a_pong) {
    s_room();
    fixture_json("{'op':'pong','heads':{},'versions':{'a':2,'x':5}}");
    NOTHING_SENT();
    fixture_presence("a", "{'version':2,'joined':[{'nick':'cy'}],'left':[],'count':3}");
    EVENT("presence a +cy - 3");
    fixture_tick(GRACE_MS);
    NOTHING_SENT(); /* it came in time */
    fixture_json("{'op':'pong','heads':{},'versions':{'a':3}}");
    fixture_tick(GRACE_MS);
    SENT("who room=a");
    s_who(3, "{'nick':'ann'},{'nick':'me'}", false);
    EVENTS("presence a -cy - 2", "");
}

TEST(test_leave_while_asking) {
    s_room();
    fixture_presence("a", "{'version':4,'joined':[],'left':[],'count':3}");
    SENT("who room=a");
    int id = fixture_id();
    machine_leave(b.machine, "a", b.now);
    fixture_json("{'op':'who','re':%d,'version':4,'users':[],'count':0,'more':false}", id);
    fixture_presence("a", "{'version':5,'joined':[],'left':[],'count':3}");
    NO_EVENT();
}

TEST(test_refused_list) {
    s_room();
    fixture_presence("a", "{'version':4,'joined':[],'left':[],'count':3}");
    SENT("who room=a");
    fixture_json("{'op':'error','re':%d,'code':'bad-room','text':''}", fixture_id());
    NO_EVENT();
}

/* The user may not see the users present, and may later. Versions of the session before say nothing then. */
TEST(test_the_right_comes_late) {
    s_room();
    fixture_no_session();
    fixture_welcome_with(EPOCH_1, false, "");
    fixture_synced();
    SENT("join room=a after=0");
    fixture_joined("a", 0, 0, ",'recovered':true");
    SENT("who room=a");
    fixture_json("{'op':'error','re':%d,'code':'forbidden','text':''}", fixture_id());
    EVENTS("disconnected the broker does not know the session any more", "connected " EPOCH_1 " me");
    fixture_json("{'op':'pong','heads':{},'versions':{'a':1}}"); /* the same as before, by chance */
    fixture_tick(RETRY_MS);
    fixture_tick(GRACE_MS);
    SENT("who room=a");
    s_who(1, "{'nick':'bo'},{'nick':'me'}", false);
    EVENTS("presence a +bo - 2", "presence a -ann - 2", "");
}

TEST(test_a_frame_comes_after_a_refused_list) {
    fixture_welcome();
    ck_assert_int_eq(machine_join(b.machine, "a", ZRELAY_FROM_NOW | ZRELAY_PRESENCE, 0, b.now), 0);
    fixture_run();
    fixture_synced();
    SENT("join room=a");
    fixture_joined("a", 0, 0, "");
    EVENT("joined a 0 1");
    SENT("who room=a");
    fixture_json("{'op':'error','re':%d,'code':'forbidden','text':''}", fixture_id());
    fixture_presence("a", "{'version':7,'joined':[{'nick':'bo'}],'left':[],'count':2}");
    fixture_tick(RETRY_MS);
    SENT("who room=a");
    s_who(7, "{'nick':'bo'},{'nick':'me'}", false);
    EVENT("presence a -- - 2");
    fixture_presence("a", "{'version':8,'joined':[{'nick':'cy'}],'left':[],'count':3}");
    EVENTS("presence a +cy - 3", "");
}

/* The broker tells no names there, and the client asks for no names. Members named before stay until the room is no
 * longer crowded. */
TEST(test_a_room_becomes_crowded) {
    s_room();
    fixture_presence("a", "{'version':2,'joined':[],'left':[],'count':1001,'crowded':true}");
    EVENT("presence a -- - 1001");
    fixture_presence("a", "{'version':4,'joined':[],'left':[],'count':1003,'crowded':true}");
    EVENT("presence a -- - 1003"); /* that one is missing does not matter */
    fixture_presence("a", "{'version':3,'joined':[],'left':[],'count':1002,'crowded':true}");
    fixture_quiet();
    fixture_presence("a", "{'version':5,'joined':[],'left':[],'count':2,'crowded':false}");
    EVENT("presence a -- - 2");
    SENT("who room=a");
    s_who(5, "{'nick':'bo'},{'nick':'me'}", false);
    EVENTS("presence a +bo - 2", "presence a -ann - 2", "");
    fixture_presence("a", "{'version':6,'joined':[{'nick':'cy'}],'left':[],'count':3}");
    EVENT("presence a +cy - 3");
}

TEST(test_a_room_is_crowded_already) {
    fixture_welcome();
    ck_assert_int_eq(machine_join(b.machine, "a", ZRELAY_FROM_NOW | ZRELAY_PRESENCE, 0, b.now), 0);
    fixture_run();
    fixture_synced();
    SENT("join room=a");
    fixture_joined("a", 0, 0, ",'crowded':true");
    EVENT("joined a 0 1");
    NOTHING_SENT();
    fixture_presence("a", "{'version':2,'joined':[],'left':[],'count':5000,'crowded':true}");
    EVENT("presence a -- - 5000");
    NOTHING_SENT();
}

TEST(test_a_list_that_says_crowded_is_not_gone_through) {
    s_room();
    fixture_presence("a", "{'version':3,'joined':[],'left':[],'count':9}"); /* one is missing */
    SENT("who room=a");
    fixture_json(
        "{'op':'who','re':%d,'room':'a','version':4,'users':[{'nick':'me'}],'count':2000,'silent':0,'more':true,"
        "'crowded':true}",
        fixture_id());
    EVENT("presence a -- - 2000");
    fixture_quiet();
}

/* The frame waits for the answer, which may be older or newer. */
TEST(test_a_room_becomes_crowded_while_asking) {
    for (int newer = 0; newer < 2; newer++) {
        fixture_init();
        s_room();
        fixture_presence("a", "{'version':3,'joined':[],'left':[],'count':9}"); /* one is missing */
        SENT("who room=a");
        fixture_presence("a", "{'version':5,'joined':[],'left':[],'count':2000,'crowded':true}");
        fixture_quiet();
        s_who(newer ? 6 : 3, "{'nick':'ann'},{'nick':'me'}", false);
        if (!newer)
            EVENT("presence a -- - 2000");
        fixture_quiet();
        fixture_presence("a", "{'version':7,'joined':[{'nick':'bo'}],'left':[],'count':3}");
        EVENT(newer ? "presence a +bo - 3" : "presence a -- - 3");
    }
}

/* It was on its way since before the list. */
TEST(test_a_frame_of_a_crowd_comes_late) {
    s_room();
    fixture_presence("a", "{'version':1,'joined':[],'left':[],'count':2000,'crowded':true}");
    fixture_quiet();
}

/* A pong names a version whose frame was lost. Frames before it may still come, and do not make up for it. */
TEST(test_older_frames_come_after_a_pong) {
    static const char *const crowds[] = {"", ",'crowded':true"};
    for (size_t i = 0; i < 2; i++) {
        char frame[200];
        fixture_init();
        s_room();
        sprintf(frame, "{'version':2,'joined':[],'left':[],'count':9%s}", crowds[i]);
        fixture_presence("a", frame);
        EVENT("presence a -- - 9");
        fixture_json("{'op':'pong','heads':{},'versions':{'a':3}}");
        fixture_json("{'op':'pong','heads':{},'versions':{'a':4}}");
        sprintf(frame, "{'version':3,'joined':[],'left':[],'count':8%s}", crowds[i]);
        fixture_presence("a", frame);
        EVENT("presence a -- - 8");
        NOTHING_SENT();
        fixture_tick(GRACE_MS);
        SENT("who room=a");
        s_who(4, "{'nick':'ann'},{'nick':'me'}", false);
        EVENT("presence a -- - 2");
        fixture_tick(GRACE_MS);
        fixture_quiet();
    }
}

/* The first page does not tell of it, and no pong names that version again. */
TEST(test_a_pong_comes_between_two_pages) {
    s_room();
    fixture_presence("a", "{'version':3,'joined':[],'left':[],'count':3}");
    SENT("who room=a");
    s_who(3, "{'nick':'ann'}", true);
    SENT("who room=a after=ann");
    fixture_json("{'op':'pong','heads':{},'versions':{'a':4}}");
    s_who(4, "{'nick':'me'}", false);
    NOTHING_SENT();
    fixture_tick(GRACE_MS);
    SENT("who room=a");
    s_who(4, "{'nick':'bo'},{'nick':'me'}", false);
    EVENTS("presence a +bo - 2", "presence a -ann - 2", "");
    fixture_tick(GRACE_MS);
    fixture_quiet();
}

/* The broker puts the question off. A frame that comes meanwhile is not the one that is missing. */
TEST(test_a_question_that_is_put_off) {
    s_room();
    fixture_json("{'op':'pong','heads':{},'versions':{'a':3}}");
    fixture_tick(GRACE_MS);
    SENT("who room=a");
    fixture_json("{'op':'error','re':%d,'code':'rate-limited','wait':500,'text':''}", fixture_id());
    fixture_presence("a", "{'version':2,'joined':[],'left':[],'count':9}");
    EVENT("presence a -- - 9");
    fixture_tick(500);
    fixture_tick(RETRY_MAX_MS);
    SENT("who room=a");
}

/* By the time the answer says crowded, a frame may have come that says it is no more. */
TEST(test_a_crowd_ends_while_asking) {
    s_room();
    fixture_presence("a", "{'version':3,'joined':[],'left':[],'count':9}");
    SENT("who room=a");
    int first = fixture_id();
    fixture_presence("a", "{'version':11,'joined':[],'left':[],'count':2,'crowded':false}");
    fixture_json(
        "{'op':'who','re':%d,'room':'a','version':10,'users':[{'nick':'me'}],'count':2000,'silent':0,'more':true,"
        "'crowded':true}",
        first);
    EVENT("presence a -- - 2000");
    NOTHING_SENT();
    fixture_tick(RETRY_MS);
    SENT("who room=a");
    s_who(11, "{'nick':'ann'},{'nick':'me'}", false);
    EVENT("presence a -- - 2");
}

/* A pong that names a later version: the frame that is missing may have been the one that ends it. */
TEST(test_a_crowd_came_and_went_within_a_tick) {
    s_room();
    fixture_presence("a", "{'version':2,'joined':[],'left':[],'count':2,'crowded':false}");
    SENT("who room=a");
    s_who(2, "{'nick':'bo'},{'nick':'me'}", false);
    EVENTS("presence a +bo - 2", "presence a -ann - 2", "");
    fixture_presence("a", "{'version':2,'joined':[],'left':[],'count':2,'crowded':false}");
    NOTHING_SENT();
}

TEST(test_a_crowd_may_have_ended_unseen) {
    s_room();
    fixture_presence("a", "{'version':2,'joined':[],'left':[],'count':2000,'crowded':true}");
    EVENT("presence a -- - 2000");
    fixture_json("{'op':'pong','heads':{},'versions':{'a':3}}");
    NOTHING_SENT();
    fixture_tick(GRACE_MS);
    SENT("who room=a");
    s_who(3, "{'nick':'ann'},{'nick':'me'}", false);
    EVENT("presence a -- - 2");
}

TEST(test_hostile_presence) {
    s_room();
    const char *long_nick = "{'version':3,'joined':[1,null,{'nick':5},{'nick':''},"
                            "{'nick':'nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn'}],"
                            "'left':[{},{'nick':'nobody'},[]],'count':2}";
    const char *frames[] = {"{", "[]", "{'version':'x'}", "{'version':2,'joined':5,'left':{},'count':-1}", long_nick};
    for (size_t i = 0; i < sizeof frames / sizeof *frames; i++)
        fixture_presence("a", frames[i]);
    fixture_quiet();
    ck_assert_uint_ge(b.machine->malformed, 6);
}

TEST(test_presence_comes_by_either_way) {
    s_room();
    static const char frame[] = "a\x01{\"version\":2,\"joined\":[{\"nick\":\"bo\"}],\"left\":[],\"count\":3}";
    fixture_front(frame, sizeof frame - 1);
    EVENT("presence a +bo - 3");
    fixture_presence("a", "{'version':3,'joined':[{'nick':'cy'}],'left':[],'count':4}");
    EVENT("presence a +cy - 4");
    NOTHING_SENT();
}

#define SHOW(version, lists) "{'op':'presence','room':'a','version':" version "," lists ",'left':[],'count':2}"

TEST(test_metas) {
    s_room();
    fixture_presence("a", SHOW("2", "'joined':[],'changed':[{'nick':'ann','meta':{'a':1}}]"));
    EVENTS("meta a ann {\"a\":1}", "");
    fixture_presence(
        "a", SHOW("3", "'joined':[{'nick':'bo','meta':{'b':2}}],'changed':[{'nick':'ann','meta':{'a':1}}]"));
    EVENTS("presence a +bo - 2", "meta a bo {\"b\":2}", ""); /* ann's is the same */
    fixture_presence("a", SHOW("4", "'joined':[],'changed':[{'nick':'ann','meta':{}},{'nick':'eve','meta':{'x':1}}]"));
    EVENTS("meta a ann {}", ""); /* eve is not here */
    fixture_presence("a", SHOW("5", "'joined':[],'changed':[{'nick':'me','meta':{'a':1}},{'meta':{}},7]"));
    NO_EVENT(); /* our own, and what is no user */
}

/* After a frame was missed, the list tells what changed meanwhile. */
TEST(test_metas_that_were_missed) {
    s_room();
    fixture_presence("a", SHOW("2", "'joined':[],'changed':[{'nick':'ann','meta':{'a':1}}]"));
    EVENT("meta a ann {\"a\":1}");
    fixture_presence("a", SHOW("4", "'joined':[]"));
    SENT("who room=a");
    s_who(4, "{'nick':'ann','meta':{'a':1}},{'nick':'me'}", false);
    NO_EVENT();
    fixture_presence("a", SHOW("6", "'joined':[]"));
    fixture_wait();
    SENT("who room=a");
    s_who(6, "{'nick':'ann'},{'nick':'me'}", false);
    EVENTS("meta a ann {}", "");
}

UNIT_SUITE_WITH("client.lib.machine_presence", fixture_init, fixture_finish)
