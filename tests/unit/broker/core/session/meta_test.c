/* What a session shows of itself: with hello for all rooms, with join for one. */
#include "fixture.h"

#include "members.h"

#define JOIN(meta) "{'op':'join','room':'r','meta':" meta "}"

static void s_begin(void) {
    fx_start();
    fx_hello(A, "ann");
    fx_hello(B, "bob");
}

static void s_hello(route_t route, const char *meta) {
    fx_ask(route, "{'op':'hello','proto':1,'client':'%s','meta':%s}", fx_client(route), meta);
}

/* The users of the room as JSON. */
static const char *s_who(void) {
    static char text[4096];
    fx_ask(B, "{'op':'who','room':'r'}");
    fx_expect(B, "{'op':'who'}");
    char *users = json_dumps(json_object_get(fx.last, "users"), JSON_COMPACT | JSON_SORT_KEYS);
    snprintf(text, sizeof text, "%s", users);
    free(users);
    return text;
}

#define expect_who(text) ck_assert_str_eq(s_who(), (text))

TEST(test_of_a_room) {
    fx_answer(A, JOIN("{'a':1}"), "{'op':'joined'}");
    expect_who("[{\"meta\":{\"a\":1},\"nick\":\"ann\"}]");
    fx_tick();
    fx_expect(BACK, "{'op':'presence'}");
    uint64_t version = fx_int("version");
    fx_answer(A, JOIN("{'a':2}"), "{'op':'joined'}");
    fx_answer(A, "{'op':'join','room':'r'}", "{'op':'joined'}"); /* without one: it stays */
    fx_tick();
    fx_expect(BACK, "{'op':'presence','changed':[{'nick':'ann','meta':{'a':2}}],'joined':[],'left':[],'count':1}");
    ck_assert_uint_eq(fx_int("version"), version + 1);
    expect_who("[{\"meta\":{\"a\":2},\"nick\":\"ann\"}]");
    fx_answer(A, JOIN("{}"), "{'op':'joined'}");
    fx_tick();
    fx_expect(BACK, "{'op':'presence','changed':[{'nick':'ann','meta':{}}]}");
    expect_who("[{\"nick\":\"ann\"}]");
}

TEST(test_of_all_rooms) {
    s_hello(A, "{'face':'x'}");
    fx_expect(A, "{'op':'welcome','resumed':true}");
    fx_answer(A, "{'op':'join','room':'r'}", "{'op':'joined'}");
    fx_answer(A, "{'op':'join','room':'s','meta':{'own':true}}", "{'op':'joined'}");
    fx_tick();
    fx_expect(BACK, "{'room':'r','joined':[{'nick':'ann','meta':{'face':'x'}}]}");
    fx_expect(BACK, "{'room':'s','joined':[{'nick':'ann','meta':{'own':true}}]}");
    s_hello(A, "{'face':'y'}");
    fx_tick();
    fx_expect(BACK, "{'room':'r','changed':[{'nick':'ann','meta':{'face':'y'}}]}");
    fx_expect_silence(BACK); /* the room with one of its own keeps it */
    fx_expect(A, "{'op':'welcome'}");
    fx_ask(A, "{'op':'hello','proto':1,'client':'%s'}", fx_client(A)); /* without one: it stays */
    fx_expect(A, "{'op':'welcome'}");
    expect_who("[{\"meta\":{\"face\":\"y\"},\"nick\":\"ann\"}]");
}

TEST(test_it_stays_over_a_resume_and_a_new_nick) {
    fx_answer(A, JOIN("{'a':1}"), "{'op':'joined'}");
    fx_resume(C, A, "eve");
    expect_who("[{\"meta\":{\"a\":1},\"nick\":\"eve\"}]");
}

TEST(test_silent_members_show_nothing) {
    fx_answer(A, "{'op':'join','room':'r','presence':false,'meta':{'a':1}}", "{'op':'joined'}");
    expect_who("[]");
    fx_answer(A, "{'op':'join','room':'r'}", "{'op':'joined'}");
    expect_who("[{\"meta\":{\"a\":1},\"nick\":\"ann\"}]");
}

/* Of several sessions of a user the one that gave a meta last is shown. When it goes, another one is. */
TEST(test_several_sessions_of_a_user) {
    fx_begin();
    fx.rights = "ann: rwspc *\nbob: rwspc *\n";
    fx.private = true;
    fx_start();
    fx.users[A] = fx.users[C] = fx.users[D] = "ann";
    fx.users[B] = "bob";
    fx_hello(A, "x");
    fx_hello(B, "x");
    fx_hello(C, "x");
    fx_hello(D, "x");
    fx_answer(A, JOIN("{'a':1}"), "{'op':'joined'}");
    fx_answer(D, "{'op':'join','room':'r'}", "{'op':'joined'}"); /* shows nothing, and takes nothing away */
    expect_who("[{\"meta\":{\"a\":1},\"nick\":\"ann\"}]");
    fx_answer(C, JOIN("{'a':2}"), "{'op':'joined'}");
    expect_who("[{\"meta\":{\"a\":2},\"nick\":\"ann\"}]");
    fx_answer(D, "{'op':'leave','room':'r'}", "{'op':'ok'}");
    expect_who("[{\"meta\":{\"a\":2},\"nick\":\"ann\"}]");
    fx_answer(C, JOIN("{}"), "{'op':'joined'}"); /* it takes away its own */
    expect_who("[{\"meta\":{\"a\":1},\"nick\":\"ann\"}]");
    fx_answer(C, JOIN("{'a':3}"), "{'op':'joined'}");
    fx_answer(A, JOIN("{}"), "{'op':'joined'}");
    expect_who("[{\"meta\":{\"a\":3},\"nick\":\"ann\"}]");
    fx_answer(A, JOIN("{'a':1}"), "{'op':'joined'}");
    fx_answer(C, JOIN("{'a':2}"), "{'op':'joined'}");
    fx_answer(C, "{'op':'bye'}", "{'op':'ok'}");
    expect_who("[{\"meta\":{\"a\":1},\"nick\":\"ann\"}]");
    fx_answer(D, "{'op':'join','room':'r'}", "{'op':'joined'}");
    fx_answer(A, "{'op':'leave','room':'r'}", "{'op':'ok'}");
    expect_who("[{\"nick\":\"ann\"}]");
}

TEST(test_what_is_no_meta) {
    static const char *const bad[] = {"1", "null", "[]", "'x'", "{'a':{'b':{'c':{'d':{}}}}}", "{'a':[[[[1]]]]}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        fx_refused(A, "bad-member", "{'op':'join','room':'r','meta':%s}", bad[i]);
        fx_refused(C, "bad-member", "{'op':'hello','proto':1,'client':'%s','meta':%s}", fx_client(C), bad[i]);
    }
    expect_who("[]");
    fx_answer(A, JOIN("{'a':{'b':[{'c':1}]}}") /* 4 deep */, "{'op':'joined'}");
    ck_assert_uint_eq(relay_stats(fx.relay).sessions, 2);
}

static void s_join(const char *room, size_t bytes) {
    char fill[ZR_META_MAX + 2];
    memset(fill, 'x', bytes - 8);
    fill[bytes - 8] = '\0';
    fx_ask(A, "{'op':'join','room':'%s','meta':{'x':'%s'} }", room, fill);
}

TEST(test_bytes) {
    s_join("r", ZR_META_MAX);
    fx_expect(A, "{'op':'joined'}");
    s_join("r", ZR_META_MAX + 1);
    fx_expect_error(A, "bad-member");
}

TEST(test_bytes_of_all_joins) {
    char room[16];
    for (unsigned i = 0; i < META_JOINS_MAX / ZR_META_MAX; i++) {
        snprintf(room, sizeof room, "r%u", i);
        s_join(room, ZR_META_MAX);
        fx_expect(A, "{'op':'joined'}");
    }
    s_join("s", 8);
    fx_expect_error(A, "too-large");
    fx_answer(A, "{'op':'rooms','prefix':'s'}", "{'op':'rooms','rooms':[]}"); /* it did not enter the room */
    s_join("r1", ZR_META_MAX);                                                /* in place of another one */
    fx_expect(A, "{'op':'joined'}");
    fx_answer(A, "{'op':'leave','room':'r1'}", "{'op':'ok'}");
    s_join("s", ZR_META_MAX);
    fx_expect(A, "{'op':'joined'}");
}

/* A page of `who` holds about PRESENCE_META_BYTES of metas. */
TEST(test_a_page_of_who_is_bounded) {
    size_t pages = 0, seen = 0;
    char after[64] = "";
    for (unsigned route = 100; route < 180; route++) {
        fx_ask(route, "{'op':'hello','proto':1,'client':'%s','nick':'n%u','meta':{'x':'%.1000s'}}", fx_client(route),
            route, unit_fill('x', 1000).ptr);
        fx_ask(route, "{'op':'join','room':'r'}");
    }
    for (bool more = true; more; pages++) {
        fx_ask(B, "{'op':'who','room':'r','after':'%s'}", after[0] ? after : "0");
        fx_expect(B, "{'op':'who'}");
        const json_t *users = json_object_get(fx.last, "users");
        size_t count = json_array_size(users);
        seen += count;
        ck_assert_uint_gt(count, 0);
        ck_assert_uint_le(count, PRESENCE_META_BYTES / 1000 + 1);
        snprintf(
            after, sizeof after, "%s", json_string_value(json_object_get(json_array_get(users, count - 1), "nick")));
        more = json_is_true(json_object_get(fx.last, "more"));
    }
    ck_assert_uint_eq(seen, 80);
    ck_assert_uint_eq(pages, 3);
}

/* A room tells about so many bytes of metas in a tick, and the rest in the next one. */
TEST(test_a_tick_is_bounded) {
    for (unsigned route = 100; route < 180; route++) {
        fx_ask(route, "{'op':'hello','proto':1,'client':'%s','nick':'n%u','meta':{'x':'%.1000s'}}", fx_client(route),
            route, unit_fill('x', 1000).ptr);
        fx_ask(route, "{'op':'join','room':'r'}");
    }
    for (unsigned tick = 0; tick < 3; tick++) {
        fx_tick();
        fx_expect(BACK, "{'op':'presence'}");
        ck_assert_uint_le(json_array_size(json_object_get(fx.last, "joined")), PRESENCE_META_BYTES / 1000 + 1);
        fx_expect_silence(BACK);
    }
    fx_tick();
    fx_expect_silence(BACK);
}

/* The meta waits with the hello until the token is checked. */
TEST(test_with_a_login) {
    fx_begin();
    fx.rights = "ann: rwspc *\nbob: rwspc *\n";
    fx.private = true;
    fx.config.tokens = true;
    fx_start();
    fx.users[B] = "bob";
    fx_hello(B, "x");
    fx_ask(A, "{'op':'hello','proto':1,'client':'%s','user':'ann','token':'t','meta':{'a':1}}", fx_client(A));
    relay_login_done(fx.relay, fx_effect(EFFECT_LOGIN), LOGIN_OK, 0, fx.now);
    fx_run();
    fx_expect(A, "{'op':'welcome'}");
    fx_answer(A, "{'op':'join','room':'r'}", "{'op':'joined'}");
    expect_who("[{\"meta\":{\"a\":1},\"nick\":\"ann\"}]");
    fx_ask(C, "{'op':'hello','proto':1,'client':'%s','user':'ann','token':'u','meta':{'a':1}}", fx_client(C));
}

UNIT_SUITE_WITH("broker.core.session.meta", s_begin, fx_finish)
