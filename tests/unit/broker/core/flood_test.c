/* The costs that a session, and a connection without one, may cause, and the broker's answers beyond them. */
#include "fixture_flood.h"

/* How often the request is answered before it is rate-limited. */
static unsigned s_fits(const char *request) {
    flood_begin(100);
    for (unsigned count = 0;; count++) {
        fx_ask(A, request, NULL);
        fx_log_all();
        json_t *answer = json_loads(fx_text(A), 0, NULL);
        ck_assert_ptr_nonnull(answer);
        const char *code = json_string_value(json_object_get(answer, "code"));
        bool over = code && strcmp(code, "rate-limited") == 0;
        json_decref(answer);
        if (over || count == 800) {
            fx_finish();
            return count;
        }
    }
}

TEST(test_what_requests_cost) {
    static const struct {
        const char *request;
        unsigned cost;
    } s_requests[] = {
        {"{'op':'publish','room':'r','text':'x'}", 2},
        {"{'op':'direct','to':'nobody','text':'x'}", 2},
        {"{'op':'join','room':'r'}", 5},
        {"{'op':'follow','prefix':'r'}", 5},
        {"{'op':'who','room':'r'}", 20},
        {"{'op':'state','room':'r'}", 20},
        {"{'op':'rooms'}", 40},
        {"{'op':'replay','room':'r','after':0}", 20},
        {"{'op':'kick','room':'r','user':'u'}", 20},
        {"{'op':'admin','do':'bans'}", 20},
        {"{'op':'hello','proto':1,'client':'x'}", 20},
    };
    for (size_t i = 0; i < sizeof s_requests / sizeof *s_requests; i++) {
        unsigned cost = s_requests[i].cost;
        ck_assert_msg(s_fits(s_requests[i].request) == (380 + cost - 1) / cost, "%s", s_requests[i].request);
    }
    ck_assert_uint_eq(s_fits("{'op':'ping'}"), 800); /* what costs 1 is answered, as a refusal costs as much */
    ck_assert_uint_eq(s_fits("{'op':'leave','room':'r'}"), 800);
    ck_assert_uint_eq(s_fits("{'op':'unfollow','prefix':'r'}"), 800);
    ck_assert_uint_eq(s_fits("{'op':'dance'}"), 800);
    ck_assert_uint_eq(s_fits("{'op':'open','channel':1}"), 800); /* a refusal costs 1 */
    ck_assert_uint_eq(s_fits("{'op':'close','channel':1}"), 800);
}

TEST(test_a_refused_client_waits_and_is_served) {
    flood_begin(10);
    fx_ask(A, "{'op':'who','room':'r'}"); /* all that is left */
    fx_expect(A, "{'op':'who'}");
    fx_ask(A, "{'op':'who','room':'r','id':7}");
    fx_expect(A, "{'op':'error','code':'rate-limited','re':7,'wait':200}"); /* 1 for this, and 1 must be there */
    fx.now += 199 * MS;
    fx_ask(A, "{'op':'who','room':'r'}");
    fx_expect(A, "{'op':'error','code':'rate-limited','wait':101}");
    fx.now += 101 * MS;
    fx_ask(A, "{'op':'who','room':'r'}");
    fx_expect(A, "{'op':'who'}");
    fx_ask(A, "{'op':'ping'}");
    fx_expect(A, "{'op':'pong'}");
    ck_assert_uint_eq(relay_stats(fx.relay).limited, 2);
    fx_finish();
}

TEST(test_bye_is_never_refused) {
    flood_begin(10);
    fx_ask(A, "{'op':'who','room':'r'}");
    fx_expect(A, "{'op':'who'}");
    fx_ask(A, "{'op':'join','room':'r'}");
    fx_expect_error(A, "rate-limited");
    fx_ask(A, "{'op':'bye'}");
    fx_expect(A, "{'op':'ok'}");
    fx_finish();
}

TEST(test_a_client_that_does_not_listen_is_sent_away) {
    flood_begin(10); /* 40 and 50, of which hello took 20 */
    fx_hello(B, "bob");
    for (int i = 0; i < 70; i++)
        fx_ask(A, "{'op':'ping'}");
    fx_drop(A);
    fx_ask(A, "{'op':'ping'}");
    flood_expect_end(A);
    /* Frames on their way change nothing. */
    fx_ask(A, "{'op':'hello','proto':1,'client':'%s'}", fx_client(A));
    fx_expect_silence(A);
    ck_assert_uint_eq(fx_effect(EFFECT_DROP), A);
    fx_one(A, "r", 1, "x");
    fx_run();
    fx_expect_silence(A);
    ck_assert_uint_eq(relay_stats(fx.relay).entries, 0);
    fx_finish();
}

TEST(test_broken_frames_count) {
    for (int kind = 0; kind < 3; kind++) {
        flood_begin(10);
        fx_hello(B, "bob");
        for (int i = 0; i < 71; i++) {
            if (kind == 0)
                fx_frame(A, LIT("{"));
            else if (kind == 1)
                fx_frame(A, LIT("\x01\x01r"));
            else
                fx_frame(A, LIT("\x09"));
            if (i == 69) {
                fx_run();
                ck_assert_uint_eq(fx_drop(A), kind == 1 ? 71 : 70); /* a publisher is told to wait */
            }
        }
        fx_run();
        flood_expect_end(A);
        fx_finish();
    }
}

TEST(test_bye_and_hello_fill_nothing) {
    flood_begin(10);
    fx_ask(A, "{'op':'who','room':'r'}");
    fx_expect(A, "{'op':'who'}");
    fx_ask(A, "{'op':'bye'}");
    fx_expect(A, "{'op':'ok'}");
    fx_ask(A, "{'op':'hello','proto':1,'client':'%s','id':1}", fx_client(C));
    fx_expect(A, "{'op':'error','code':'rate-limited','wait':2200,'re':1}");
    fx.now += 2200 * MS;
    fx_ask(A, "{'op':'hello','proto':1,'client':'%s'}", fx_client(C));
    fx_expect(A, "{'op':'welcome'}");
    fx_ask(A, "{'op':'join','room':'r'}");
    fx_expect_error(A, "rate-limited");
    fx_ask(B, "{'op':'hello','proto':1,'client':'%s'}", fx_client(B)); /* another connection has its own */
    fx_expect(B, "{'op':'welcome'}");
    fx_finish();
}

TEST(test_resuming_elsewhere_fills_nothing) {
    flood_begin(10);
    fx_ask(A, "{'op':'who','room':'r'}");
    fx_expect(A, "{'op':'who'}");
    fx_resume(B, A, "ann");
    fx_ask(B, "{'op':'join','room':'r'}");
    fx_expect_error(B, "rate-limited");
    fx_ask(A, "{'op':'hello','proto':1,'client':'%s'}", fx_client(C)); /* nor is the connection left free of it */
    fx_expect_error(A, "rate-limited");
    fx_finish();
}

TEST(test_without_a_session) {
    fx_begin();
    fx.config.rate_ops = 10; /* 40 and 50 */
    fx_start();
    fx_hello(B, "bob");
    for (int i = 0; i < 41; i++) {
        fx_ask(A, "{'op':'ping'}");
        fx_expect_error(A, "no-session");
    }
    fx_ask(A, "{'op':'hello','proto':1,'client':'%s'}", fx_client(A));
    fx_expect(A, "{'op':'error','code':'rate-limited','wait':2200}"); /* 20 for that */
    for (int i = 0; i < 9; i++) {
        fx_ask(A, "{'op':'ping'}");
        fx_frame(A, LIT("\x09"));
        fx_ask(A, "{");
    }
    fx_ask(A, "{'op':'ping'}");
    fx_ask(A, "{'op':'ping'}");
    for (int i = 0; i < 3 * 9 + 2; i++)
        fx_expect_error(A, "no-session");
    ck_assert_uint_eq(fx_effect(EFFECT_DROP), 0);
    fx_ask(A, "{'op':'ping'}");
    ck_assert_uint_eq(fx_effect(EFFECT_CHARGE), A);
    ck_assert_uint_eq(fx_effect(EFFECT_DROP), A);
    fx_expect_silence(A);
    fx.now += 30000 * MS;
    fx_hello(A, "ann");
    fx_finish();
}

/* A client may ask a bucket's worth again and again without waiting: a refusal costs 1, whatever was asked. */
TEST(test_a_refusal_costs_one) {
    flood_begin(100); /* 400 and 500, of which hello took 20 */
    fx_hello(B, "bob");
    for (int i = 0; i < 19; i++)
        fx_ask(A, "{'op':'who','room':'r'}");
    ck_assert_uint_eq(relay_stats(fx.relay).limited, 0);
    for (int i = 0; i < 500; i++)
        fx_ask(A, "{'op':'who','room':'r'}");
    ck_assert_uint_eq(fx_drop(A), 19 + 500);
    fx_ask(A, "{'op':'who','room':'r'}");
    flood_expect_end(A);
    fx_finish();
}

/* A refused one costs as much as if it were not, so that few are a flood. */
TEST(test_hellos_flood_soon) {
    flood_begin(10); /* ann's took 20 of 90 */
    fx_hello(B, "bob");
    fx_ask(A, "{'op':'bye'}");
    fx_expect(A, "{'op':'ok'}");
    fx_ask(A, "{'op':'hello','proto':1,'client':'%s'}", fx_client(A)); /* something was left */
    fx_expect(A, "{'op':'welcome'}");
    fx_ask(A, "{'op':'bye'}");
    fx_expect(A, "{'op':'ok'}");
    for (int i = 0; i < 2; i++) {
        fx_ask(A, "{'op':'hello','proto':1,'client':'%s'}", fx_client(A));
        fx_expect_error(A, "rate-limited");
    }
    ck_assert_uint_eq(fx_effect(EFFECT_DROP), 0);
    fx_ask(A, "{'op':'hello','proto':1,'client':'%s'}", fx_client(A));
    fx_expect_silence(A);
    ck_assert_uint_eq(fx_effect(EFFECT_CHARGE), A);
    ck_assert_uint_eq(fx_effect(EFFECT_DROP), A);
    fx_finish();
}

TEST(test_no_limits) {
    fx_begin();
    fx.config.rate_ops = fx.config.rate_control = fx.config.rate_entries = fx.config.rate_bytes = 0;
    fx_start();
    fx_hello(A, "ann");
    for (int i = 0; i < 20000; i++)
        fx_say(A, "{'op':'direct','to':'ann','text':'x'}");
    for (uint64_t mid = 1; mid <= 20000; mid++)
        fx_one(A, "r", mid, "x");
    fx_run();
    ck_assert_uint_eq(relay_stats(fx.relay).errors, 0);
    fx_finish();
}

/* A connection that takes another one's place in the table keeps its own debt. */
TEST(test_two_routes_of_one_place) {
    fx_begin();
    fx.config.rate_ops = 10;
    fx_start();
    route_t other = A + RATE_CONNECTIONS;
    for (int i = 0; i < 100; i++) {
        fx_ask(A, "{'op':'ping'}");
        fx_ask(other, "{'op':'ping'}");
    }
    ck_assert_uint_eq(fx_drop(A) + fx_drop(other), 200);
    fx.now += 3000 * MS; /* 11 are owed */
    fx_hello(other, "ann");
    fx_ask(other, "{'op':'bye'}");
    fx_drop(other);
    fx_hello(A, "eve"); /* 32 were owed */
    ck_assert_uint_eq(flood_left(A), 0);
    fx_finish();
}

/* A is in so many rooms. */
static void s_begin_joined(unsigned rooms) {
    flood_begin(100);
    for (unsigned i = 0; i < rooms; i++) {
        fx_ask(A, "{'op':'join','room':'room-%u'}", i);
        fx.now += 50 * MS;
    }
    fx_drop(A);
    fx.now += 4000 * MS;
}

/* With another nick each room is told. In any case the next pong names all of them. */
TEST(test_a_hello_in_a_session_costs_each_room) {
    static const char *const nicks[] = {"ann", "eve"};
    for (size_t i = 0; i < 2; i++) {
        s_begin_joined(180);
        fx_ask(A, "{'op':'hello','proto':1,'client':'%s','nick':'%s'}", fx_client(A), nicks[i]);
        fx_expect(A, "{'op':'welcome'}");
        ck_assert_uint_eq(flood_left(A), (400 - 20 - 180) / 2);
        fx_finish();
    }
}

UNIT_SUITE("broker.core.flood")
