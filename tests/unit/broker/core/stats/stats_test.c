#include "stats.h"

#include "fixture.h"

static json_t *s_metric(const char *name) {
    json_t *rows = json_object_get(fx.last, "metrics"), *row;
    size_t i;
    json_array_foreach(rows, i, row) if (strcmp(json_string_value(json_object_get(row, "name")), name) == 0) return row;
    ck_abort_msg("no metric %s", name);
}

static json_int_t s_value(const char *name) {
    return json_integer_value(json_object_get(s_metric(name), "value"));
}

/* A member of a row of what fx_expect found. */
static json_t *s_at(const char *list, size_t row, const char *member) {
    json_t *value = json_object_get(json_array_get(json_object_get(fx.last, list), row), member);
    ck_assert_msg(value != NULL, "%s[%zu] has no %s", list, row, member);
    return value;
}

#define TEXT(list, row, member) json_string_value(s_at(list, row, member))
#define INT(list, row, member) json_integer_value(s_at(list, row, member))
#define ROWS(list) json_array_size(json_object_get(fx.last, list))

TEST(test_counters) {
    fx_hello(A, "ann");
    fx_hello(B, "bob");
    fx_one_now(A, "r", 1, "x");
    fx_one_now(A, "r", 1, "x");
    fx_drop(A);
    fx_refused(A, "bad-room", "{'op':'join','room':''}");
    fx_answer(A, "{'op':'stats','id':1}", "{'op':'stats','re':1}");
    ck_assert_uint_eq(fx_int("time"), fx.now);
    ck_assert_int_eq(s_value("zrelay_sessions"), 2);
    ck_assert_int_eq(s_value("zrelay_sessions_max"), 20000);
    ck_assert_int_eq(s_value("zrelay_rooms"), 1);
    ck_assert_int_eq(s_value("zrelay_entries_total"), 1);
    ck_assert_int_eq(s_value("zrelay_duplicates_total"), 1);
    ck_assert_int_eq(
        json_integer_value(json_object_get(json_object_get(s_metric("zrelay_errors_total"), "codes"), "bad-room")), 1);
}

static void s_measure(void *ctx, edge_stats_t *stats) {
    stats->stray = *(uint64_t *)ctx;
}

TEST(test_the_edge_has_its_part) {
    uint64_t stray = 7;
    fx_begin();
    fx.config.measure = s_measure;
    fx.config.measure_ctx = &stray;
    fx_start();
    fx_hello(A, "ann");
    fx_answer(A, "{'op':'stats'}", "{'op':'stats'}");
    ck_assert_int_eq(s_value("zrelay_stray_messages_total"), 7);
}

TEST(test_who_may_see_it) {
    fx_begin();
    fx.rights = "ann: rwspc *\nbob: t *\ncat: a *\n";
    fx_start();
    fx.users[A] = "ann";
    fx.users[B] = "bob";
    fx.users[C] = "cat";
    fx_hello(A, "ann");
    fx_hello(B, "bob");
    fx_hello(C, "cat");
    fx_refused(A, "forbidden", "{'op':'stats'}");
    fx_refused(A, "forbidden", "{'op':'stats','of':'x'}"); /* nor what there is to see */
    fx_answer(B, "{'op':'stats'}", "{'op':'stats'}");
    fx_answer(C, "{'op':'stats','of':'rooms'}", "{'op':'stats'}");
    fx_set_access("ann: t *\nbob: rw *\ncat: a *\n");
    fx_answer(A, "{'op':'stats'}", "{'op':'stats'}");
    fx_drop(B);
    fx_refused(B, "forbidden", "{'op':'stats'}");
}

TEST(test_rooms_in_pages) {
    fx_hello(A, "ann");
    fx_ask(A, "{'op':'join','room':'b'}");
    for (char room[] = "a"; room[0] <= 'e'; room[0]++)
        fx_one(A, room, (uint64_t)room[0], "xyz");
    fx_run();
    fx_drop(A);
    fx_answer(A, "{'op':'stats','of':'rooms','limit':2}", "{'of':'rooms','more':true,'after':'b'}");
    ck_assert_uint_eq(ROWS("rooms"), 2);
    ck_assert_str_eq(TEXT("rooms", 0, "room"), "a");
    ck_assert_int_eq(INT("rooms", 1, "members"), 1);
    ck_assert_int_eq(INT("rooms", 1, "entries"), 1);
    ck_assert_int_eq(INT("rooms", 1, "seq"), 1);
    fx_answer(A, "{'op':'stats','of':'rooms','after':'b'}", "{'more':false}");
    ck_assert_uint_eq(ROWS("rooms"), 3);
    ck_assert_str_eq(TEXT("rooms", 0, "room"), "c");
    fx_answer(A, "{'op':'stats','of':'rooms','prefix':'c'}", "{'more':false}");
    ck_assert_uint_eq(ROWS("rooms"), 1);
    fx_answer(A, "{'op':'stats','of':'rooms','prefix':'x'}", "{'rooms':[],'more':false}");
}

TEST(test_a_page_is_bounded) {
    fx_hello(A, "ann");
    for (unsigned i = 0; i < STATS_PAGE + 1; i++) {
        char room[16];
        snprintf(room, sizeof room, "r%03u", i);
        fx_one(A, room, i + 1, "x");
    }
    fx_run();
    fx_drop(A);
    fx_answer(A, "{'op':'stats','of':'rooms'}", "{'more':true,'after':'r199'}");
    ck_assert_uint_eq(ROWS("rooms"), STATS_PAGE);
    fx_answer(A, "{'op':'stats','of':'rooms','after':'r199'}", "{'more':false}");
    fx_answer(A, "{'op':'stats','of':'rooms','by':'seq','limit':500}", "{'more':false}");
    ck_assert_uint_eq(ROWS("rooms"), STATS_RANKED);
}

TEST(test_the_busiest_rooms) {
    fx_hello(A, "ann");
    fx.now = 100 * 1000000;
    for (char room[] = "a"; room[0] <= 'e'; room[0]++)
        fx_one(A, room, (uint64_t)room[0], "x");
    fx_pub("c");
    fx_add(200, "x");
    fx_add(201, "x");
    fx_send(A);
    fx_pub("d");
    fx_add(210, "a much longer one");
    fx_send_now(A);
    fx.now += 1000000;
    fx_drop(A);
    fx_answer(A, "{'op':'stats','of':'rooms','by':'rate','limit':2,'id':4}", "{'re':4,'of':'rooms','more':false}");
    ck_assert_uint_eq(ROWS("rooms"), 2);
    ck_assert_str_eq(TEXT("rooms", 0, "room"), "c");
    ck_assert_int_eq(INT("rooms", 0, "rate"), 3);
    ck_assert_str_eq(TEXT("rooms", 1, "room"), "d");
    fx_answer(A, "{'op':'stats','of':'rooms','by':'rate-bytes','limit':1}", "{}");
    ck_assert_str_eq(TEXT("rooms", 0, "room"), "c");
    fx_answer(A, "{'op':'stats','of':'rooms','by':'entries','prefix':'d'}", "{}");
    ck_assert_uint_eq(ROWS("rooms"), 1);
    fx.now += 1000000;
    fx_answer(A, "{'op':'stats','of':'rooms','by':'rate','limit':1}", "{}");
    ck_assert_int_eq(INT("rooms", 0, "rate"), 0);
}

static uint64_t s_queued(void *ctx, route_t route) {
    (void)ctx;
    return route * 10;
}

TEST(test_sessions) {
    fx_begin();
    fx.config.queued = s_queued;
    fx.now = 1000000;
    fx_start();
    fx_hello(B, "bob");
    fx_hello(A, "ann");
    fx_ask(A, "{'op':'join','room':'r'}");
    fx_one_now(A, "r", 1, "x");
    fx_drop(A);
    fx_answer(A, "{'op':'stats','of':'sessions'}", "{'more':false}");
    ck_assert_uint_eq(ROWS("sessions"), 2);
    ck_assert_str_eq(TEXT("sessions", 0, "nick"), "ann");
    ck_assert_int_eq(INT("sessions", 0, "rooms"), 1);
    ck_assert_int_eq(INT("sessions", 0, "entries"), 1);
    ck_assert_int_eq(INT("sessions", 0, "queued"), 10);
    ck_assert_str_eq(TEXT("sessions", 1, "nick"), "bob");
    ck_assert_str_eq(TEXT("sessions", 1, "state"), "live");
    fx_answer(A, "{'op':'stats','of':'sessions','by':'queued','limit':1}", "{}");
    ck_assert_str_eq(TEXT("sessions", 0, "nick"), "bob");
    fx_answer(A, "{'op':'stats','of':'sessions','prefix':'b'}", "{'more':false}");
    ck_assert_uint_eq(ROWS("sessions"), 1);
    relay_route_lost(fx.relay, B);
    fx_answer(A, "{'op':'stats','of':'sessions','by':'lost','limit':1}", "{}");
    ck_assert_str_eq(TEXT("sessions", 0, "state"), "detached");
    ck_assert_int_eq(INT("sessions", 0, "lost"), 1);
    ck_assert_int_eq(INT("sessions", 0, "queued"), 0);
}

/* A page may end between two sessions of one user. */
TEST(test_sessions_of_one_user) {
    fx_begin();
    fx.rights = "ann: rwspct *\nbob: r *\n";
    fx_start();
    fx.users[A] = fx.users[B] = fx.users[C] = "ann";
    fx.users[D] = "bob";
    fx_hello(A, "ann");
    fx_hello(B, "ann");
    fx_hello(C, "ann");
    fx_hello(D, "bob");
    json_int_t ids[4], session = 0;
    char ask[128] = "{'op':'stats','of':'sessions','limit':1}";
    for (size_t i = 0; i < 4; i++) {
        fx_answer(A, ask, i < 3 ? "{'more':true}" : "{'more':false}");
        ids[i] = INT("sessions", 0, "session");
        ck_assert_str_eq(TEXT("sessions", 0, "nick"), i < 3 ? "ann" : "bob");
        ck_assert(json_is_true(s_at("sessions", 0, "user")));
        ck_assert_int_gt(ids[i], session);
        session = ids[i];
        if (i < 3)
            snprintf(ask, sizeof ask, "{'op':'stats','of':'sessions','limit':1,'after':'ann','session':%d}",
                (int)fx_int("session"));
    }
}

TEST(test_bad_requests) {
    fx_hello(A, "ann");
    static const char *const cases[] = {"'of':1", "'of':'x'", "'of':''", "'of':'rooms','by':'x'", "'of':'rooms','by':1",
        "'of':'rooms','prefix':1", "'of':'rooms','after':1", "'of':'rooms','limit':0", "'of':'sessions','session':-1",
        "'of':'rooms','by':'queued'", "'of':'sessions','by':'members'"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        fx_refused(A, "bad-member", "{'op':'stats',%s}", cases[i]);
}

/* They take turns, so that the first does not delay the others by more than a piece. */
TEST(test_rankings_are_bounded) {
    fx_hello(A, "ann");
    for (unsigned i = 0; i < STATS_JOBS; i++)
        fx_say(A, "{'op':'stats','of':'rooms','by':'rate','id':%u}", i + 1);
    fx_say(A, "{'op':'stats','of':'rooms','by':'rate','id':99}");
    fx_run();
    fx_expect(A, "{'op':'error','code':'rate-limited','re':99}");
    for (unsigned i = 0; i < STATS_JOBS; i++)
        fx_expect(A, "{'op':'stats','re':%u}", i + 1);
    fx_answer(A, "{'op':'stats','of':'rooms','by':'rate'}", "{'rooms':[]}");
}

TEST(test_many_rooms_take_many_pieces) {
    fx_hello(A, "ann");
    fx_drop(A);
    for (unsigned i = 0; i < 3 * STATS_PIECE; i++) {
        char room[16];
        snprintf(room, sizeof room, "r%04u", i);
        fx_one(A, room, i + 1, "x");
    }
    fx_run();
    fx_drop_all(A, BACK);
    fx_say(A, "{'op':'stats','of':'rooms','by':'entries','limit':1}");
    unsigned pieces = 0;
    while (fx_piece())
        pieces++;
    ck_assert_uint_eq(pieces, 4);
    fx_expect(A, "{'op':'stats'}");
}

TEST(test_a_session_that_ends_gets_no_ranking) {
    fx_hello(A, "ann");
    fx_say(A, "{'op':'stats','of':'rooms','by':'rate'}");
    fx_say(A, "{'op':'bye'}");
    fx_run();
    fx_expect(A, "{'op':'ok'}");
    fx_expect_silence(A);
    fx_hello(B, "bob");
    fx_say(B, "{'op':'stats','of':'rooms','by':'rate'}"); /* and the broker may end before it is done */
}

static json_t *s_cluster(void *ctx) {
    (void)ctx;
    return json_pack("{s[{ss}] si}", "cluster", "endpoint", "tcp://a:1", "term", 7);
}

TEST(test_the_edge_knows_the_other_brokers) {
    fx_hello(A, "ann");
    fx_ask(A, "{'op':'stats','of':'cluster','id':3}");
    fx_expect(A, "{'op':'stats','re':3,'of':'cluster','cluster':[],'more':false}");
    fx_begin();
    fx.config.cluster = s_cluster;
    fx_start();
    fx_hello(A, "ann");
    fx_ask(A, "{'op':'stats','of':'cluster'}");
    fx_expect(A, "{'op':'stats','of':'cluster','cluster':[{'endpoint':'tcp://a:1'}],'term':7,'more':false}");
}

UNIT_SUITE_WITH("broker.core.stats.stats", fx_start, fx_finish)
