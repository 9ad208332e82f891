#include "fixture.h"

TEST(test_pong_names_what_moved) {
    fx_hello(A, "ann");
    fx_ask(A, "{'op':'join','room':'r'}");
    fx_ask(A, "{'op':'join','room':'s','presence':false}");
    fx_drop(A);
    fx.now += 7;
    fx_ask(A, "{'op':'ping','id':1}");
    fx_expect_text(A, "{\"heads\":{\"r\":0,\"s\":0},\"op\":\"pong\",\"re\":1,\"time\":1700000000000007,"
                      "\"versions\":{\"r\":0,\"s\":0}}");
    fx_answer(A, "{'op':'ping'}", "{'op':'pong','heads':{},'versions':{}}");
    fx_one(A, "s", 1, "x");
    fx_one_now(A, "other", 2, "x");
    fx_drop(A);
    fx_answer(A, "{'op':'ping'}", "{'heads':{'s':1},'versions':{}}");
    fx_tick();
    fx_answer(A, "{'op':'ping'}", "{'heads':{},'versions':{'r':1}}");
    fx_answer(A, "{'op':'ping'}", "{'heads':{},'versions':{}}");
}

TEST(test_each_session_is_told) {
    fx_hello(A, "ann");
    fx_hello(B, "bob");
    fx_ask(A, "{'op':'join','room':'r'}");
    fx_ask(B, "{'op':'join','room':'r','presence':false}");
    fx_one_now(A, "r", 1, "x");
    fx_drop_all(A, B);
    fx_answer(A, "{'op':'ping'}", "{'heads':{'r':1}}");
    fx_answer(B, "{'op':'ping'}", "{'heads':{'r':1}}");
}

enum { ROOMS = 501 };

/* How many of the rooms the next pong names; marks them in `named`. */
static size_t s_pong(bool named[ROOMS]) {
    fx_answer(A, "{'op':'ping'}", "{'op':'pong'}");
    const char *room;
    json_t *head, *heads = json_object_get(fx.last, "heads");
    json_object_foreach(heads, room, head) named[atoi(room + 1)] = true;
    return json_object_size(heads);
}

static void s_publish_everywhere(uint64_t round) {
    for (unsigned i = 0; i < ROOMS; i++) {
        char room[8];
        snprintf(room, sizeof room, "r%u", i);
        fx_one(A, room, round * ROOMS + i + 1, "x");
    }
    fx_run();
    fx_drop_all(A, BACK);
}

TEST(test_the_rooms_that_do_not_fit_come_next) {
    fx_hello(A, "ann");
    for (unsigned i = 0; i < ROOMS; i++)
        fx_ask(A, "{'op':'join','room':'r%u'}", i);
    fx_drop(A);
    bool named[ROOMS] = {0};
    ck_assert_uint_eq(s_pong(named), 500);
    ck_assert(!named[500]);
    ck_assert_uint_eq(s_pong(named), 1);
    ck_assert(named[500]);
    ck_assert_uint_eq(s_pong(named), 0);

    /* Though all move all the time, each is named within two pongs, whichever was left out. */
    memset(named, 0, sizeof named);
    size_t left_out[4] = {0};
    for (uint64_t round = 0; round < 4; round++) {
        s_publish_everywhere(round);
        bool now[ROOMS] = {0};
        ck_assert_uint_eq(s_pong(now), 500);
        while (now[left_out[round]])
            left_out[round]++;
        for (unsigned i = 0; i < ROOMS; i++)
            named[i] |= now[i];
        if (round > 0) {
            ck_assert_uint_ne(left_out[round], left_out[round - 1]);
            for (unsigned i = 0; i < ROOMS; i++)
                ck_assert(named[i]);
        }
    }
}

TEST(test_leaving_the_room_that_is_next) {
    fx_hello(A, "ann");
    for (unsigned i = 0; i < ROOMS; i++)
        fx_ask(A, "{'op':'join','room':'r%u'}", i);
    fx_drop(A);
    bool named[ROOMS] = {0};
    s_pong(named);
    fx_answer(A, "{'op':'leave','room':'r500'}", "{'op':'ok'}");
    ck_assert_uint_eq(s_pong(named), 0);
    s_publish_everywhere(0);
    memset(named, 0, sizeof named);
    ck_assert_uint_eq(s_pong(named), 500);
    for (unsigned i = 0; i < ROOMS; i++) {
        fx_ask(A, "{'op':'leave','room':'r%u'}", i);
        fx_expect(A, "{'op':'ok'}");
    }
    ck_assert_uint_eq(s_pong(named), 0);
}

UNIT_SUITE_WITH("broker.core.cmd_ping", fx_start, fx_finish)
