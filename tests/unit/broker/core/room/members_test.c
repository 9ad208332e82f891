#include "fixture.h"

enum { STORM = 1200 };

/* Takes a presence frame with that version; how many it names as joined and left. */
static size_t s_presence(unsigned version, size_t *left) {
    fx_expect(BACK, "{'op':'presence','room':'r','version':%u}", version);
    *left = json_array_size(json_object_get(fx.last, "left"));
    size_t joined = json_array_size(json_object_get(fx.last, "joined"));
    ck_assert_uint_le(joined + *left, 500);
    return joined;
}

TEST(test_a_storm_takes_a_few_frames) {
    fx_begin();
    fx.config.presence_names = STORM;
    fx_start();
    for (unsigned i = 1; i <= STORM; i++) {
        fx_say(i, "{'op':'hello','proto':1,'client':'%s','nick':'n%u'}", fx_client(i), i);
        fx_say(i, "{'op':'join','room':'r'}");
    }
    fx_run();
    size_t left, joined = 0;
    fx_tick();
    for (unsigned version = 1; version <= 3; version++) {
        joined += s_presence(version, &left);
        ck_assert_uint_eq(left, 0);
        ck_assert_uint_eq(fx_int("count"), STORM);
    }
    ck_assert_uint_eq(joined, STORM);
    fx_expect_silence(BACK);
    for (unsigned i = 1; i <= STORM; i++)
        fx_say(i, i % 2 ? "{'op':'bye'}" : "{'op':'leave','room':'r'}");
    fx_run();
    fx_tick();
    size_t gone = 0;
    for (unsigned version = 4; version <= 6; version++) {
        ck_assert_uint_eq(s_presence(version, &left), 0);
        gone += left;
        ck_assert_uint_eq(fx_int("count"), 0);
    }
    ck_assert_uint_eq(gone, STORM);
    fx_expect_silence(BACK);
    ck_assert_uint_eq(relay_stats(fx.relay).rooms, 0);
}

/* A member that joins a crowded room is told so at once, and does not ask for names. */
TEST(test_a_storm_of_many_takes_one_frame) {
    fx_begin();
    fx.config.presence_names = STORM - 1;
    fx_start();
    for (unsigned i = 1; i <= STORM; i++) {
        fx_say(i, "{'op':'hello','proto':1,'client':'%s','nick':'n%u'}", fx_client(i), i);
        fx_say(i, "{'op':'join','room':'r'}");
    }
    fx_run();
    size_t left;
    fx_tick();
    ck_assert_uint_eq(s_presence(1, &left), 0);
    ck_assert_uint_eq(left, 0);
    ck_assert_uint_eq(fx_int("count"), STORM);
    fx_expect_silence(BACK);
    for (unsigned i = 1; i <= STORM; i++)
        fx_say(i, "{'op':'bye'}");
    fx_run();
    fx_tick();
    ck_assert_uint_eq(s_presence(2, &left), 0);
    ck_assert_uint_eq(fx_int("count"), 0);
    fx_expect_silence(BACK);
    ck_assert_uint_eq(relay_stats(fx.relay).rooms, 0);
}

TEST(test_one_frame_a_tick_and_room) {
    fx_hello(A, "ann");
    fx_hello(B, "bob");
    fx_ask(A, "{'op':'join','room':'r'}");
    fx_tick();
    fx_expect(BACK, "{'version':1,'joined':[{'nick':'ann'}],'left':[],'count':1}");
    fx_ask(B, "{'op':'join','room':'r'}");
    fx_ask(A, "{'op':'leave','room':'r'}");
    fx_ask(A, "{'op':'join','room':'s'}");
    fx_tick();
    const char *frames[2] = {fx_text(BACK), fx_text(BACK)};
    int r = frames[0][0] != 'r';
    ck_assert_str_eq(frames[r],
        "r! {\"count\":1,\"joined\":[{\"nick\":\"bob\"}],\"left\":[{\"nick\":\"ann\",\"reason\":"
        "\"leave\"}],\"op\":\"presence\",\"room\":\"r\",\"version\":2}");
    ck_assert_str_eq(frames[!r], "s! {\"count\":1,\"joined\":[{\"nick\":\"ann\"}],\"left\":[],\"op\":\"presence\","
                                 "\"room\":\"s\",\"version\":1}");
    fx_tick();
    fx_expect_silence(BACK);
}

/* A frame of the room before may still be on its way to a reader of the room made anew. */
TEST(test_versions_of_a_room_made_anew) {
    fx_begin();
    fx.config.presence_base = 1000;
    fx_start();
    fx_hello(A, "ann");
    fx_answer(A, "{'op':'join','room':'r'}", "{'op':'joined','version':1000}");
    fx_tick();
    fx_expect(BACK, "{'version':1001,'joined':[{'nick':'ann'}],'count':1}");
    fx_ask(A, "{'op':'leave','room':'r'}");
    fx_tick();
    fx_expect(BACK, "{'version':1002,'left':[{'nick':'ann','reason':'leave'}],'count':0}");
    ck_assert_uint_eq(relay_stats(fx.relay).rooms, 0);
    fx_drop(A);
    fx_answer(A, "{'op':'join','room':'r'}", "{'op':'joined','version':1002}");
    fx_tick();
    fx_expect(BACK, "{'version':1003,'joined':[{'nick':'ann'}],'count':1}");
}

/* In a crowded room no reader asks for the list. */
TEST(test_a_count_that_joined_told_is_set_right) {
    fx_begin();
    fx.config.presence_names = 1;
    fx_start();
    for (route_t route = A; route <= C; route++)
        fx_hello(route, (const char *[]){"ann", "bob", "cyd"}[route - A]);
    fx_ask(A, "{'op':'join','room':'r'}");
    fx_ask(B, "{'op':'join','room':'r'}");
    fx_tick();
    fx_expect(BACK, "{'version':1,'count':2,'crowded':true}");
    fx_ask(A, "{'op':'leave','room':'r'}");
    fx_answer(C, "{'op':'join','room':'r','presence':false}", "{'op':'joined','version':1,'count':1,'crowded':true}");
    fx_ask(A, "{'op':'join','room':'r'}");
    fx_tick();
    fx_expect(BACK, "{'version':2,'count':2,'crowded':true}");
}

TEST(test_a_rename_in_a_room_with_silent_members) {
    fx_hello(A, "ann");
    fx_ask(A, "{'op':'join','room':'r'}");
    fx_ask(A, "{'op':'join','room':'s','presence':false}");
    fx_tick();
    fx_drop(BACK);
    fx_ask(A, "{'op':'hello','proto':1,'client':'%s','nick':'eve'}", fx_client(A));
    fx_tick();
    fx_expect(BACK, "{'room':'r','version':2,'joined':[{'nick':'eve','was':'ann'}],"
                    "'left':[{'nick':'ann','reason':'renamed','to':'eve'}],'count':1}");
    fx_expect_silence(BACK);
    fx_ask(A, "{'op':'hello','proto':1,'client':'%s','nick':'ann'}", fx_client(A));
    fx_ask(A, "{'op':'hello','proto':1,'client':'%s','nick':'eve'}", fx_client(A));
    fx_tick();
    fx_expect_silence(BACK); /* there and back */
}

TEST(test_a_room_with_entries_stays_when_all_have_left) {
    fx_hello(A, "ann");
    fx_ask(A, "{'op':'join','room':'r'}");
    fx_one(A, "r", 1, "x"); /* accepted, not even flushed */
    fx_say(A, "{'op':'leave','room':'r'}");
    fx_run();
    fx_tick();
    ck_assert_uint_eq(relay_stats(fx.relay).rooms, 1);
    fx_drop(BACK);
    fx_one_now(A, "r", 2, "y");
    fx_expect_text(BACK, "r 1: 2/y");
}

TEST(test_a_room_with_presence_to_tell_waits_for_the_tick) {
    fx_hello(A, "ann");
    fx_ask(A, "{'op':'join','room':'r'}");
    fx_tick();
    fx_drop(BACK);
    fx_ask(A, "{'op':'bye'}");
    ck_assert_uint_eq(relay_stats(fx.relay).rooms, 1);
    fx_tick();
    fx_expect(BACK, "{'left':[{'nick':'ann','reason':'bye'}]}");
    ck_assert_uint_eq(relay_stats(fx.relay).rooms, 0);
}

TEST(test_a_session_leaves_every_room) {
    fx_hello(A, "ann");
    fx_hello(B, "bob");
    for (int i = 0; i < 20; i++) {
        fx_ask(A, "{'op':'join','room':'r%d'}", i);
        if (i % 2)
            fx_ask(B, "{'op':'join','room':'r%d'}", i);
    }
    fx_tick();
    ck_assert_uint_eq(fx_drop(BACK), 20);
    fx_ask(A, "{'op':'bye'}");
    fx_tick();
    for (int i = 0; i < 20; i++)
        fx_expect(BACK, "{'left':[{'nick':'ann','reason':'bye'}],'joined':[]}");
    ck_assert_uint_eq(relay_stats(fx.relay).rooms, 10);
}

UNIT_SUITE_WITH("broker.core.members", fx_start, fx_finish)
