/* Readers of all rooms with a prefix. */
#include "fixture.h"

static const char USERS[] = "ann: rwspc *\nbob: rwspc r/*\ncyd: rwspc r/*, !r r/secret*\ndan: w *\n";

/* ann, bob and cyd. A room outside of r/ is private, and so is each r/secret. */
static void s_begin_users(void) {
    fx_begin();
    fx.private = true;
    fx.rights = USERS;
    fx_start();
    static const char *const users[] = {"ann", "bob", "cyd"};
    for (route_t route = A; route <= C; route++) {
        fx.users[route] = users[route - A];
        fx_hello(route, users[route - A]);
    }
}

static void s_publish_as(route_t route, const char *room, uint64_t mid) {
    fx_one_now(route, room, mid, "x");
    fx_drop(route);
}

static void s_publish(route_t route, const char *room) {
    static uint64_t mid;
    s_publish_as(route, room, ++mid);
}

static void s_expect_heads(route_t route, const char *heads) {
    char ping[] = "{'op':'ping'}", members[200];
    snprintf(members, sizeof members, "{'op':'pong','heads':%s}", heads);
    fx_answer(route, ping, members);
    ck_assert_ptr_null(json_object_get(fx.last, "more"));
    ck_assert_ptr_null(json_object_get(fx.last, "list"));
}

TEST(test_heads_that_moved) {
    fx_hello(A, "ann");
    fx_hello(B, "bob");
    s_publish(A, "r/before");
    fx_ask(B, "{'op':'follow','prefix':'r/','id':7}");
    fx_expect_text(B, "{\"op\":\"ok\",\"prefix\":\"r/\",\"re\":7}");
    s_expect_heads(B, "{}"); /* the list of the rooms has those */
    s_publish(A, "r/1");
    s_publish(A, "other");
    s_publish(A, "r/2");
    s_publish(A, "r/1");
    s_publish(A, "r");
    s_expect_heads(B, "{'r/1':2,'r/2':1}");
    s_expect_heads(B, "{}");
    s_publish(A, "r/before");
    s_expect_heads(B, "{'r/before':2}");
    s_expect_heads(A, "{}");
}

TEST(test_it_is_no_membership) {
    fx_hello(A, "ann");
    fx_hello(B, "bob");
    fx_answer(B, "{'op':'follow','prefix':''}", "{'op':'ok','prefix':''}");
    s_publish(A, "r");
    fx_answer(A, "{'op':'who','room':'r'}", "{'count':0,'silent':0}");
    fx_drop(BACK);
    fx_tick();
    fx_expect_silent(BACK, B);
    s_expect_heads(B, "{'r':1}");
}

TEST(test_several_prefixes) {
    fx_hello(A, "ann");
    fx_hello(B, "bob");
    fx_ask(B, "{'op':'follow','prefix':'a'}");
    s_publish(A, "ab");
    s_publish(A, "b");
    fx_ask(B, "{'op':'follow','prefix':'b'}");
    s_publish(A, "b");
    fx_drop(B);
    s_expect_heads(B, "{'ab':1,'b':2}");
    fx_ask(B, "{'op':'unfollow','prefix':'a','id':1}");
    fx_expect_text(B, "{\"op\":\"ok\",\"prefix\":\"a\",\"re\":1}");
    fx_answer(B, "{'op':'unfollow','prefix':'never'}", "{'op':'ok'}");
    s_publish(A, "ab");
    s_publish(A, "b");
    s_expect_heads(B, "{'b':3}");
    fx_ask(B, "{'op':'bye'}");
    s_publish(A, "b");
    ck_assert_uint_eq(relay_stats(fx.relay).sessions, 1);
}

/* They come one pong after the other, each room once. */
TEST(test_many_heads) {
    enum { ROOMS = 1201 };
    fx_hello(A, "ann");
    fx_hello(B, "bob");
    fx_ask(B, "{'op':'follow','prefix':'r'}");
    fx_drop(B);
    for (unsigned i = 0; i < ROOMS; i++) {
        char room[16];
        snprintf(room, sizeof room, "%s%u", i % 2 ? "r" : "s", i);
        fx_one(A, room, i + 1, "x");
    }
    fx_run();
    fx_drop_all(A, BACK);
    size_t named = 0;
    for (size_t pong = 0; pong < 2; pong++) {
        fx_answer(B, "{'op':'ping'}", "{'op':'pong'}");
        named += json_object_size(json_object_get(fx.last, "heads"));
        ck_assert_int_eq(json_is_true(json_object_get(fx.last, "more")), pong == 0);
        ck_assert_uint_eq(named, pong == 0 ? 500 : ROOMS / 2);
    }
    s_expect_heads(B, "{}");
}

/* More than a pong looks at, which are fewer the more prefixes there are. */
TEST(test_too_many_heads) {
    enum { ROOMS = 101, PREFIXES = 50 };
    fx_hello(A, "ann");
    fx_hello(B, "bob");
    for (unsigned i = 0; i < PREFIXES; i++)
        fx_ask(B, "{'op':'follow','prefix':'r%u/'}", i);
    fx_drop(B);
    for (unsigned i = 0; i < ROOMS; i++) {
        char room[16];
        snprintf(room, sizeof room, "s%u", i);
        fx_one(A, room, 2 * i + 1, "x");
        if (i == ROOMS - 2) {
            fx_run();
            s_expect_heads(B, "{}");
        }
    }
    fx_run();
    fx_drop_all(A, BACK);
    s_expect_heads(B, "{}");
    for (unsigned i = 0; i < ROOMS; i++) {
        char room[16];
        snprintf(room, sizeof room, "s%u", i);
        fx_one(A, room, 2 * ROOMS + i, "x");
    }
    fx_run();
    fx_drop_all(A, BACK);
    fx_answer(B, "{'op':'ping'}", "{'op':'pong','heads':{},'list':true}");
    s_publish_as(A, "r1/1", 1000);
    s_expect_heads(B, "{'r1/1':1}");
}

/* The cost of a pong is what it looks at. */
TEST(test_what_it_costs) {
    fx_begin();
    fx.config.rate_ops = 10; /* 40 at once */
    fx_start();
    fx_hello(A, "ann");
    fx_hello(B, "bob");
    fx_ask(B, "{'op':'follow','prefix':'s'}");
    for (unsigned i = 0; i < 2000; i++) {
        char room[16];
        snprintf(room, sizeof room, "r%u", i);
        fx_one(A, room, i + 1, "x");
    }
    fx_run();
    fx_drop_all(A, B, BACK);
    fx_answer(B, "{'op':'ping'}", "{'op':'pong'}");
    fx_refused(B, "rate-limited", "{'op':'who','room':'r'}");
}

TEST(test_private_rooms) {
    s_begin_users();
    fx_ask(B, "{'op':'follow','prefix':'r/'}");
    fx_ask(B, "{'op':'follow','prefix':'r/s'}");
    fx_ask(C, "{'op':'follow','prefix':''}");
    fx_drop_all(B, C);
    s_publish(A, "r/secret");
    fx_expect_text(B, "live r/secret 0: 1/x");
    ck_assert(fx.seen[fx.at].live);
    s_publish(A, "other");
    fx_expect_silent(B, C, BACK); /* once, and nothing to others */
    fx_ask(B, "{'op':'join','room':'r/secret'}");
    fx_drop(B);
    s_publish(A, "r/secret");
    fx_expect_text(B, "live r/secret 1: 2/x"); /* once as a member, too */
    fx_expect_silence(B);
    s_expect_heads(C, "{}");
    relay_route_lost(fx.relay, B);
    s_publish(A, "r/secret");
    fx_expect_silent(B, C);
}

TEST(test_rights_that_change) {
    s_begin_users();
    fx_ask(B, "{'op':'follow','prefix':'r/'}");
    fx_ask(C, "{'op':'follow','prefix':'r/'}");
    s_publish(A, "r/secret");
    fx_drop_all(A, B, C);
    fx_answer(C, "{'op':'ping'}", "{'heads':{}}");
    fx_answer(B, "{'op':'ping'}", "{'heads':{'r/secret':1}}");
    fx_set_access("ann: rwspc *\nbob: rwspc r/*\ncyd: rwspc r/*\ndan: w *\n");
    fx_answer(C, "{'op':'ping'}", "{'op':'pong','list':true}");
    s_expect_heads(C, "{}");
    s_expect_heads(B, "{}"); /* nothing changed for bob */
    s_publish(A, "r/secret");
    fx_expect_text(C, "live r/secret 1: 2/x");
    fx_set_access("ann: rwspc *\nbob: rwspc r/*\ncyd: rwspc r/*, !r r/secret\ndan: w *\n");
    fx_expect_silence(C); /* it is no member that would be told */
    fx_drop(B);
    s_publish(A, "r/secret");
    fx_expect_silence(C);
    fx_expect_text(B, "live r/secret 2: 3/x");
    fx_answer(C, "{'op':'ping'}", "{'op':'pong','heads':{},'list':true}");
}

/* A session that goes on elsewhere may have missed anything. */
TEST(test_resumed) {
    fx_hello(A, "ann");
    fx_hello(B, "bob");
    fx_ask(B, "{'op':'follow','prefix':'r'}");
    s_publish(A, "r");
    fx_drop(B);
    fx_resume(C, B, "bob");
    fx_answer(C, "{'op':'ping'}", "{'op':'pong','list':true}");
    s_publish(A, "r");
    s_expect_heads(C, "{'r':2}");
}

TEST(test_presence) {
    s_begin_users();
    fx_ask(B, "{'op':'follow','prefix':'r/','presence':true}");
    fx_ask(C, "{'op':'follow','prefix':'r/'}");
    fx_drop_all(B, C);
    fx_ask(A, "{'op':'join','room':'r/secret'}");
    fx_tick();
    fx_expect(B, "{'op':'presence','room':'r/secret','joined':[{'nick':'ann'}],'count':1}");
    fx_expect_silence(C);
    fx_answer(B, "{'op':'ping'}", "{'heads':{'r/secret':0},'versions':{'r/secret':1}}");
    fx_answer(B, "{'op':'ping'}", "{'heads':{},'versions':{}}");
    fx_answer(C, "{'op':'ping'}", "{'heads':{},'versions':{}}"); /* cyd may not read it */
    fx_set_access("ann: rwspc *\nbob: rwsc r/*\ncyd: rwspc r/*\ndan: w *\n");
    fx_answer(B, "{'op':'ping'}", "{'list':true}");
    fx_ask(A, "{'op':'leave','room':'r/secret'}");
    s_publish(A, "r/secret");
    fx_tick();
    fx_expect_text(B, "live r/secret 0: 1/x");
    fx_expect_silence(B);
    fx_answer(B, "{'op':'ping'}", "{'heads':{'r/secret':1},'versions':{}}");
    fx_ask(B, "{'op':'follow','prefix':'r/','presence':false}");
    fx_set_access(USERS);
    fx_drop(B);
    fx_ask(A, "{'op':'join','room':'r/secret'}");
    fx_tick();
    fx_expect_silence(B);
}

/* A head that moved before the presence of its room did. */
TEST(test_a_room_that_moved_twice) {
    fx_hello(A, "ann");
    fx_hello(B, "bob");
    fx_ask(B, "{'op':'follow','prefix':''}");
    fx_drop(B);
    s_publish(A, "a");
    s_publish(A, "b");
    fx_ask(A, "{'op':'join','room':'a'}");
    fx_tick();
    fx_drop(A);
    s_expect_heads(B, "{'b':1,'a':1}");
}

TEST(test_it_counts_as_a_join) {
    fx_begin();
    fx.config.max_joins = 2;
    fx_start();
    fx_hello(A, "ann");
    fx_answer(A, "{'op':'follow','prefix':'a'}", "{'op':'ok'}");
    fx_answer(A, "{'op':'join','room':'r'}", "{'op':'joined'}");
    fx_refused(A, "too-many-joins", "{'op':'follow','prefix':'b'}");
    fx_refused(A, "too-many-joins", "{'op':'join','room':'s'}");
    fx_answer(A, "{'op':'follow','prefix':'a','presence':true}", "{'op':'ok'}"); /* again */
    fx_ask(A, "{'op':'unfollow','prefix':'a'}");
    fx_drop(A);
    fx_answer(A, "{'op':'join','room':'s'}", "{'op':'joined'}");
}

/* A room that is gone, and one of its name that is made anew. */
/* Its last version cannot be told any more. */
TEST(test_a_room_that_goes) {
    fx_hello(A, "ann");
    fx_hello(B, "bob");
    fx_ask(B, "{'op':'follow','prefix':'','presence':true}");
    fx_drop(B);
    for (size_t round = 0; round < 3; round++) {
        fx_ask(A, "{'op':'join','room':'r'}");
        fx_tick();
        fx_ask(A, "{'op':'leave','room':'r'}");
        fx_tick();
        ck_assert_uint_eq(relay_stats(fx.relay).rooms, 0);
        fx_answer(B, "{'op':'ping'}", "{'op':'pong','heads':{},'versions':{},'list':true}");
        s_expect_heads(B, "{}");
    }
    fx_drop(A);
}

TEST(test_bad_requests) {
    static const char *const asks[][2] = {{"", "bad-member"}, {"'prefix':1,", "bad-member"},
        {"'prefix':'a b',", "bad-room"}, {"'prefix':'r*',", "bad-room"}, {"'prefix':'r','presence':1,", "bad-member"}};
    fx_hello(A, "ann");
    for (size_t i = 0; i < sizeof asks / sizeof *asks; i++)
        fx_refused(A, asks[i][1], "{'op':'follow',%s'id':1}", asks[i][0]);
    fx_refused(A, "bad-member", "{'op':'unfollow'}");
    fx_answer(A, "{'op':'ping'}", "{'heads':{}}");
}

UNIT_SUITE_WITH("broker.core.cmd_follow", fx_start, fx_finish)
