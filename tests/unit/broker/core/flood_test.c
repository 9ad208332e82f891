/* The costs that a session, and a connection without one, may cause, and the broker's answers beyond them. */
#include <stdio.h>

#include "fixture.h"
#include "rate.h"

#define MS UINT64_C(1000)

/* So many units a second: four times that at once, ten times that more before it is a flood. */
static void s_begin(uint64_t ops) {
    fx_begin();
    fx.config.rate_ops = ops;
    fx_start();
    fx_hello(A, "ann"); /* 20 */
}

/* How often the request is answered before it is rate-limited. */
static unsigned s_fits(const char *request) {
    s_begin(100);
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

START_TEST(test_what_requests_cost) {
    static const struct {
        const char *request;
        unsigned cost;
    } s_requests[] = {
        {"{'op':'leave','room':'r'}", 1},
        {"{'op':'publish','room':'r','text':'x'}", 2},
        {"{'op':'direct','to':'nobody','text':'x'}", 2},
        {"{'op':'join','room':'r'}", 5},
        {"{'op':'who','room':'r'}", 20},
        {"{'op':'state','room':'r'}", 20},
        {"{'op':'rooms'}", 20},
        {"{'op':'replay','room':'r','after':0}", 20},
        {"{'op':'admin','do':'bans'}", 20},
        {"{'op':'hello','proto':1,'client':'x'}", 20},
    };
    for (size_t i = 0; i < sizeof s_requests / sizeof *s_requests; i++)
        ck_assert_msg(s_fits(s_requests[i].request) == 380 / s_requests[i].cost, "%s", s_requests[i].request);
    ck_assert_uint_eq(s_fits("{'op':'ping'}"), 800);
    ck_assert_uint_eq(s_fits("{'op':'leave'}"), 380);
    ck_assert_uint_eq(s_fits("{'op':'dance'}"), 800); /* what cannot be is answered as that, and counts */
}
END_TEST

START_TEST(test_who_is_refused_waits_and_is_served) {
    s_begin(10);
    fx_ask(A, "{'op':'who','room':'r'}");
    fx_expect(A, "{'op':'who'}");
    fx_ask(A, "{'op':'who','room':'r','id':7}");
    fx_expect(A, "{'op':'error','code':'rate-limited','re':7,'wait':3000}");
    fx.now += 2999 * MS;
    fx_ask(A, "{'op':'who','room':'r'}");
    fx_expect(A, "{'op':'error','code':'rate-limited','wait':1001}"); /* to be refused costs half */
    fx.now += 1001 * MS;
    fx_ask(A, "{'op':'who','room':'r'}");
    fx_expect(A, "{'op':'who'}");
    fx_ask(A, "{'op':'ping'}");
    fx_expect(A, "{'op':'pong'}");
    ck_assert_uint_eq(relay_stats(fx.relay).limited, 2);
    fx_finish();
}
END_TEST

START_TEST(test_bye_is_never_refused) {
    s_begin(10);
    fx_ask(A, "{'op':'who','room':'r'}");
    fx_expect(A, "{'op':'who'}");
    fx_ask(A, "{'op':'leave','room':'r'}");
    fx_expect_error(A, "rate-limited");
    fx_ask(A, "{'op':'bye'}");
    fx_expect(A, "{'op':'ok'}");
    fx_finish();
}
END_TEST

static void s_expect_end(route_t route) {
    fx_expect(route, "{'op':'bye','reason':'flooding'}");
    fx_expect_silence(route);
    ck_assert_uint_eq(fx_effect(EFFECT_CHARGE), route);
    ck_assert_uint_eq(fx_effect(EFFECT_DROP), route);
    ck_assert_uint_eq(relay_stats(fx.relay).sessions, 1); /* bob's */
    ck_assert_uint_eq(relay_stats(fx.relay).flooders, 1);
    fx_ask(B, "{'op':'ping'}"); /* and another client notices nothing */
    fx_expect(B, "{'op':'pong'}");
}

START_TEST(test_who_does_not_listen_is_sent_away) {
    s_begin(10); /* 40 and 50, of which hello took 20 */
    fx_hello(B, "bob");
    for (int i = 0; i < 70; i++)
        fx_ask(A, "{'op':'ping'}");
    fx_drop(A);
    fx_ask(A, "{'op':'ping'}");
    s_expect_end(A);
    /* Frames on their way are not looked at, and use up nothing. */
    fx_ask(A, "{'op':'hello','proto':1,'client':'%s'}", fx_client(A));
    fx_one(A, "r", 1, "x");
    fx_run();
    fx_expect_silence(A);
    ck_assert_uint_eq(fx_effect(EFFECT_DROP), A);
    ck_assert_uint_eq(relay_stats(fx.relay).entries, 0);
    fx_finish();
}
END_TEST

START_TEST(test_broken_frames_count) {
    for (int kind = 0; kind < 3; kind++) {
        s_begin(10);
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
                ck_assert_uint_eq(fx_drop(A), 70);
            }
        }
        fx_run();
        s_expect_end(A);
        fx_finish();
    }
}
END_TEST

START_TEST(test_bye_and_hello_fill_nothing) {
    s_begin(10);
    fx_ask(A, "{'op':'who','room':'r'}");
    fx_expect(A, "{'op':'who'}");
    fx_ask(A, "{'op':'bye'}");
    fx_expect(A, "{'op':'ok'}");
    fx_ask(A, "{'op':'hello','proto':1,'client':'%s','id':1}", fx_client(C));
    fx_expect(A, "{'op':'error','code':'rate-limited','wait':4100,'re':1}");
    fx.now += 4100 * MS;
    fx_ask(A, "{'op':'hello','proto':1,'client':'%s'}", fx_client(C));
    fx_expect(A, "{'op':'welcome'}");
    fx_ask(A, "{'op':'leave','room':'r'}");
    fx_expect_error(A, "rate-limited");
    fx_ask(B, "{'op':'hello','proto':1,'client':'%s'}", fx_client(B)); /* another connection has its own */
    fx_expect(B, "{'op':'welcome'}");
    fx_finish();
}
END_TEST

START_TEST(test_resuming_elsewhere_fills_nothing) {
    s_begin(10);
    fx_ask(A, "{'op':'who','room':'r'}");
    fx_expect(A, "{'op':'who'}");
    fx_resume(B, A, "ann");
    fx_ask(B, "{'op':'leave','room':'r'}");
    fx_expect_error(B, "rate-limited");
    fx_ask(A, "{'op':'hello','proto':1,'client':'%s'}", fx_client(C)); /* nor is the connection left free of it */
    fx_expect_error(A, "rate-limited");
    fx_finish();
}
END_TEST

START_TEST(test_without_a_session) {
    fx_begin();
    fx.config.rate_ops = 10;
    fx_start();
    fx_hello(B, "bob");
    for (int i = 0; i < 40; i++) {
        fx_ask(A, "{'op':'ping'}");
        fx_expect_error(A, "no-session");
    }
    for (int i = 0; i < 14; i++) { /* no more answers */
        fx_ask(A, "{'op':'ping'}");
        fx_frame(A, LIT("\x09"));
        fx_run();
    }
    fx_expect_silence(A);
    fx_ask(A, "{'op':'hello','proto':1,'client':'%s'}", fx_client(A));
    fx_expect_error(A, "rate-limited"); /* and costs as much as if it were not */
    fx_ask(A, "{'op':'ping'}");
    fx_ask(A, "{'op':'ping'}");
    ck_assert_uint_eq(fx_effect(EFFECT_DROP), 0);
    fx_ask(A, "{'op':'ping'}");
    ck_assert_uint_eq(fx_effect(EFFECT_DROP), A);
    fx_expect_silence(A);
    fx.now += 30000 * MS;
    fx_hello(A, "ann");
    fx_finish();
}
END_TEST

/* A bucket's worth that is refused twice, as for a client that asks again too early, and some more. */
START_TEST(test_what_is_refused_costs_half) {
    s_begin(100); /* 400 and 500, of which hello took 20 */
    fx_hello(B, "bob");
    for (int i = 0; i < 19; i++)
        fx_ask(A, "{'op':'who','room':'r'}");
    for (int i = 0; i < 2 * 20; i++)
        fx_ask(A, "{'op':'who','room':'r'}");
    ck_assert_uint_eq(fx_drop(A), 19 + 2 * 20);
    for (int i = 0; i < 10; i++)
        fx_ask(A, "{'op':'who','room':'r'}");
    ck_assert_uint_eq(fx_drop(A), 10);
    fx_ask(A, "{'op':'leave','room':'r'}");
    s_expect_end(A);
    fx_finish();
}
END_TEST

/* One that is refused costs as much as if it were not, so that few are a flood: nobody needs many sessions at once. */
START_TEST(test_hellos_flood_soon) {
    s_begin(10); /* ann's took 20 of 90 */
    fx_hello(B, "bob");
    fx_ask(A, "{'op':'bye'}");
    fx_expect(A, "{'op':'ok'}");
    for (int i = 0; i < 3; i++) {
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
END_TEST

/* A client whose connection was made anew has a window of frames under way before its hello. A few are answered, and
 * enough is left of the bucket for the hello. */
START_TEST(test_a_window_without_a_session_is_no_flood) {
    fx_begin();
    fx.config.rate_ops = fx.config.rate_entries = fx.config.rate_bytes = 10;
    fx.config.window = 4096;
    fx_start();
    fx_pub("r");
    fx_add(1, "x");
    size_t frames = fx.config.window / fx_pub_frame().len;
    for (size_t i = 0; i < frames; i++)
        fx_frame(A, fx_pub_frame());
    fx_run();
    ck_assert_uint_gt(frames, 100);
    ck_assert_uint_eq(fx_drop(A), fx.config.rate_ops * RATE_OPS_BURST / 2);
    fx_hello(A, "ann");
    ck_assert_uint_eq(fx_effect(EFFECT_DROP), 0);
    fx_finish();
}
END_TEST

START_TEST(test_publishing_too_fast_is_told_and_taken) {
    fx_begin();
    fx.config.rate_entries = 10;
    fx.config.window = 1;
    fx_start();
    fx_hello(A, "ann");
    fx_hello(B, "bob");
    for (uint64_t mid = 1; mid <= 20; mid++)
        fx_one(A, "r", mid, "x");
    fx_run();
    fx_expect_text(A, "ack 20 @20 memory");
    for (uint64_t mid = 21; mid <= 24; mid++)
        fx_one(A, "r", mid, "x");
    fx_run();
    fx_expect(A, "{'op':'error','code':'rate-limited','wait':100}");
    ck_assert_ptr_null(json_object_get(fx.last, "mid"));
    ck_assert_ptr_null(json_object_get(fx.last, "re"));
    fx_expect_text(A, "ack 24 @24 memory");
    fx_expect_silence(A);
    fx.now += 99 * MS;
    fx_one(A, "r", 25, "x");
    fx_run();
    fx_expect_text(A, "ack 25 @25 memory");
    fx.now += 1 * MS;
    fx_one(A, "r", 26, "x");
    fx_run();
    fx_expect(A, "{'op':'error','code':'rate-limited','wait':500}");
    fx_expect_text(A, "ack 26 @26 memory");
    fx.now += 500 * MS;
    fx_ask(A, "{'op':'ping'}"); /* requests have their own measure */
    fx_expect(A, "{'op':'pong'}");
    fx_pub("r");
    for (uint64_t mid = 27; mid <= 76; mid++)
        fx_add(mid, "x");
    fx_send(A);
    fx_run();
    fx_expect(A, "{'op':'error','code':'rate-limited','wait':5000}");
    fx_expect_text(A, "ack 76 @76 memory");
    fx_one(A, "r", 77, "x");
    fx_run();
    s_expect_end(A);
    ck_assert_uint_eq(relay_stats(fx.relay).entries, 76);
    fx_finish();
}
END_TEST

START_TEST(test_bytes_count_too) {
    fx_begin();
    fx.config.rate_bytes = 1000;
    fx.config.window = 1;
    fx_start();
    fx_hello(A, "ann");
    fx_pub("r");
    fx_add(1, "x");
    size_t len = fx_pub_frame().len, mid = 1;
    for (; mid * (len + RATE_MESSAGE) <= 2000; mid++)
        fx_one(A, "r", mid, "x");
    fx_run();
    fx_text(A);
    fx_expect_silence(A);
    fx_one(A, "r", mid, "x");
    fx_run();
    fx_expect_error(A, "rate-limited");
    fx_finish();
}
END_TEST

START_TEST(test_no_limits) {
    fx_begin();
    fx.config.rate_ops = fx.config.rate_entries = fx.config.rate_bytes = 0;
    fx_start();
    fx_hello(A, "ann");
    for (int i = 0; i < 20000; i++)
        fx_say(A, "{'op':'rooms'}");
    for (uint64_t mid = 1; mid <= 20000; mid++)
        fx_one(A, "r", mid, "x");
    fx_run();
    ck_assert_uint_eq(relay_stats(fx.relay).errors, 0);
    fx_finish();
}
END_TEST

/* A request of that length; its content does not matter. */
static const char *s_long(const char *op, size_t len) {
    static char text[4096];
    int beside = snprintf(text, sizeof text, "{'op':'%s','room':'r','x':''}", op);
    ck_assert_uint_lt(len, sizeof text);
    snprintf(text, sizeof text, "{'op':'%s','room':'r','x':'%0*d'}", op, (int)len - beside, 0);
    return text;
}

START_TEST(test_size_costs) {
    ck_assert_uint_eq(s_fits(s_long("leave", 511)), 380);
    ck_assert_uint_eq(s_fits(s_long("leave", 512)), 190);
    ck_assert_uint_eq(s_fits(s_long("leave", 3000)), 380 / 6);
    ck_assert_uint_eq(s_fits(s_long("who", 3000)), 380 / 25);
}
END_TEST

/* A client that waits as told is served, however small the bucket and however large the request. */
START_TEST(test_a_large_request_is_served_after_waiting) {
    for (unsigned ops = 1; ops <= 10; ops++) {
        s_begin(ops);
        for (int i = 0; i < 20; i++) {
            fx_ask(A, s_long("leave", 3000), NULL);
            fx_expect(A, "{}");
            if (strcmp(fx_string("op"), "ok") == 0)
                continue;
            fx.now += fx_int("wait") * MS;
            fx_ask(A, s_long("leave", 3000), NULL);
            fx_expect(A, "{'op':'ok'}");
        }
        ck_assert_uint_gt(relay_stats(fx.relay).limited, 0);
        fx_finish();
    }
}
END_TEST

/* Refused or not, broken or not: what was to be read is paid for. */
START_TEST(test_large_requests_flood_soon) {
    for (int broken = 0; broken < 2; broken++) {
        s_begin(10); /* 70 are left */
        fx_hello(B, "bob");
        for (int i = 0; i < 10; i++)
            fx_ask(A, "%s%s", s_long("ping", 3100), broken ? "}" : ""); /* 7 each */
        ck_assert_uint_eq(fx_drop(A), 10);
        fx_ask(A, "{'op':'ping'}");
        s_expect_end(A);
        fx_finish();
    }
}
END_TEST

/* A connection without a session that did too much is not even read, also when its request is valid. */
START_TEST(test_large_requests_without_a_session) {
    fx_begin();
    fx.config.rate_ops = 10;
    fx_start();
    static char hello[2048];
    snprintf(hello, sizeof hello, "{'op':'hello','proto':1,'client':'%s','x':'%01024d'}", fx_client(A), 0); /* 22 */
    fx_ask(A, hello, NULL);
    fx_expect(A, "{'op':'welcome'}");
    fx_ask(A, "{'op':'bye'}");
    fx_drop(A);
    fx_ask(A, hello, NULL); /* 25 owed, still within the limit: it is read, and refused */
    fx_expect(A, "{'op':'error','code':'rate-limited','wait':2700}");
    for (int i = 0; i < 15; i++)
        fx_ask(A, "{'op':'ping'}");
    fx_drop(A);
    fx_ask(A, hello, NULL);
    fx_expect_silence(A);
    fx_ask(A, "{'op':'hello','proto':1,'client':'%s'}", fx_client(A));
    fx_expect_error(A, "rate-limited");
    fx_finish();
}
END_TEST

START_TEST(test_what_is_refused_as_a_whole_costs_a_request) {
    s_begin(10);
    fx_hello(B, "bob");
    for (uint64_t mid = 1; mid <= 20; mid++)
        fx_one(A, "no room", mid, "x"); /* not a name */
    fx_run();
    ck_assert_uint_eq(fx_drop(A), 20);
    fx_one(A, "no room", 21, "x"); /* from here on it is told to wait, as for publishing too fast */
    fx_run();
    fx_expect(A, "{'op':'error','code':'rate-limited','wait':100}");
    fx_expect(A, "{'op':'error','code':'bad-room','mid':21}");
    for (uint64_t mid = 22; mid <= 70; mid++)
        fx_one(A, "no room", mid, "x");
    fx_run();
    ck_assert_uint_eq(fx_drop(A), 49);
    fx_one(A, "no room", 71, "x");
    fx_run();
    s_expect_end(A);
    fx_finish();
}
END_TEST

/* Entries that are refused one by one have an error each. */
START_TEST(test_each_error_costs) {
    s_begin(10); /* 40 and 50, of which hello took 20 */
    fx_hello(B, "bob");
    fx_pub("r");
    for (uint64_t mid = 1; mid <= 20; mid++)
        fx_add_expect(mid, "k", 99, "x");
    fx_send(A);
    fx_run();
    ck_assert_uint_eq(fx_drop(A), 20);
    fx_pub("r");
    for (uint64_t mid = 21; mid <= 69; mid++)
        fx_add_expect(mid, "k", 99, "x");
    fx_send(A);
    fx_run();
    for (int i = 0; i < 49; i++)
        fx_expect_error(A, "conflict");
    fx_expect(A, "{'op':'error','code':'rate-limited','wait':4900}");
    fx_pub("r");
    fx_add_expect(70, "k", 99, "x");
    fx_add_expect(71, "k", 99, "x");
    fx_send(A);
    fx_run();
    ck_assert_uint_eq(fx_drop(A), 3);
    ck_assert_uint_eq(fx_effect(EFFECT_DROP), A);
    ck_assert_uint_eq(relay_stats(fx.relay).flooders, 1);
    fx_finish();
}
END_TEST

/* One error is about all of them. */
START_TEST(test_one_error_about_many_entries_costs_one) {
    s_begin(10);
    fx_set_access("anonymous: rwpc *"); /* and not keyed ones */
    fx_pub("r");
    for (uint64_t mid = 1; mid <= 100; mid++)
        fx_add_key(mid, "k", "x");
    fx_send(A);
    fx_run();
    fx_expect(A, "{'op':'error','code':'forbidden','mid':1,'upto':100}");
    for (int i = 0; i < 19; i++) {
        fx_ask(A, "{'op':'leave','room':'r'}");
        fx_expect(A, "{'op':'ok'}");
    }
    fx_ask(A, "{'op':'leave','room':'r'}");
    fx_expect_error(A, "rate-limited");
    fx_finish();
}
END_TEST

START_TEST(test_a_keyed_entry_counts_as_ten) {
    for (int keyed = 0; keyed < 2; keyed++) {
        fx_begin();
        fx.config.rate_entries = 100; /* 200 at once */
        fx_start();
        fx_hello(A, "ann");
        unsigned fits = keyed ? 20 : 200;
        fx_pub("r");
        for (uint64_t mid = 1; mid <= fits; mid++)
            fx_add_key(mid, keyed ? "k" : NULL, "x");
        fx_send(A);
        fx_run();
        fx_expect_text(A, keyed ? "ack 20 @20 memory" : "ack 200 @200 memory");
        fx_expect_silence(A);
        fx_one(A, "r", 1000, "x");
        fx_run();
        fx_expect(A, "{'op':'error','code':'rate-limited','wait':10}");
        fx_finish();
    }
}
END_TEST

/* A connection that takes another one's place in the table keeps its own debt. */
START_TEST(test_two_routes_of_one_place) {
    fx_begin();
    fx.config.rate_ops = 10;
    fx_start();
    for (int i = 0; i < 20; i++) {
        fx_ask(A, "{'op':'ping'}");
        fx_ask(A + RATE_CONNECTIONS, "{'op':'ping'}");
    }
    ck_assert_uint_eq(fx_drop(A) + fx_drop(A + RATE_CONNECTIONS), 40);
    fx_ask(A, "{'op':'ping'}");
    fx_ask(A + RATE_CONNECTIONS, "{'op':'ping'}");
    ck_assert_uint_eq(fx_drop(A) + fx_drop(A + RATE_CONNECTIONS), 0);
    fx.now += 3000 * MS; /* 11 are owed */
    fx_hello(A + RATE_CONNECTIONS, "ann");
    fx_ask(A + RATE_CONNECTIONS, "{'op':'bye'}");
    fx_drop(A + RATE_CONNECTIONS);
    for (int i = 0; i < 10; i++)
        fx_ask(A, "{'op':'ping'}");
    ck_assert_uint_eq(fx_drop(A), 40 - 11 - 20 - 1);
    fx_finish();
}
END_TEST

/* How often A may ask before it is told to wait, after a hello with a bucket of 400. */
static unsigned s_granted(const char *request) {
    for (unsigned count = 0;; count++) {
        fx_ask(A, "%s", request);
        fx_expect(A, "{}");
        if (strcmp(fx_string("op"), "error") == 0 && strcmp(fx_string("code"), "rate-limited") == 0)
            return count;
        ck_assert_uint_lt(count, 400);
    }
}

/* `users` other sessions are in the room "r". */
static void s_begin_crowded(unsigned users, const char *access) {
    s_begin(100);
    for (route_t route = 10; route < 10 + users; route++) {
        char nick[16];
        snprintf(nick, sizeof nick, "n%u", route);
        fx_hello(route, nick);
        fx_ask(route, "{'op':'join','room':'r'}");
        fx_drop(route);
    }
    if (access)
        fx_set_access(access);
    fx_drop(A);
}

START_TEST(test_who_costs_the_names_it_lists) {
    s_begin_crowded(9, NULL);
    ck_assert_uint_eq(s_granted("{'op':'who','room':'r'}"), 380 / 20);
    fx_finish();
    s_begin_crowded(50, NULL);
    ck_assert_uint_eq(s_granted("{'op':'who','room':'r'}"), 380 / 25);
    fx_finish();
    s_begin_crowded(50, NULL);
    ck_assert_uint_eq(s_granted("{'op':'who','room':'r','limit':20}"), 380 / 22);
    fx_finish();
}
END_TEST

/* A user that may not see presence does not learn it from the cost either. */
START_TEST(test_a_refused_who_costs_the_same_in_a_full_room) {
    s_begin_crowded(50, "anonymous: w *");
    ck_assert_uint_eq(s_granted("{'op':'who','room':'r'}"), 380 / 20);
    fx_finish();
}
END_TEST

/* A is in so many rooms. */
static void s_begin_joined(unsigned rooms) {
    s_begin(100);
    for (unsigned i = 0; i < rooms; i++) {
        fx_ask(A, "{'op':'join','room':'room-%u'}", i);
        fx.now += 50 * MS;
    }
    fx_drop(A);
    fx.now += 4000 * MS;
}

START_TEST(test_a_new_nick_costs_each_room) {
    s_begin_joined(180);
    fx_ask(A, "{'op':'hello','proto':1,'client':'%s','nick':'ann'}", fx_client(A)); /* it has that one: 20 */
    fx_expect(A, "{'op':'welcome'}");
    fx_ask(A, "{'op':'hello','proto':1,'client':'%s','nick':'eve'}", fx_client(A)); /* 20 and 180 */
    fx_expect(A, "{'op':'welcome','nick':'eve'}");
    ck_assert_uint_eq(s_granted("{'op':'leave','room':'x'}"), 400 - 20 - 200);
    fx_finish();
}
END_TEST

START_TEST(test_rooms_costs_the_names_it_lists) {
    s_begin_joined(180);
    ck_assert_uint_eq(s_granted("{'op':'rooms'}"), 400 / 38 + 1); /* the last one fits before its names are counted */
    fx_finish();
    s_begin_joined(180);
    ck_assert_uint_eq(s_granted("{'op':'rooms','limit':9}"), 400 / 20);
    fx_finish();
}
END_TEST

START_TEST(test_ping_costs_its_rooms) {
    s_begin_joined(300);
    for (int i = 0; i < 10; i++) { /* 1 and 3 each */
        fx_ask(A, "{'op':'ping'}");
        fx_expect(A, "{'op':'pong'}");
    }
    ck_assert_uint_eq(s_granted("{'op':'leave','room':'x'}"), 400 - 40);
    fx_finish();
}
END_TEST

UNIT_MAIN("broker.core.flood", test_what_requests_cost, test_who_is_refused_waits_and_is_served,
    test_bye_is_never_refused, test_who_does_not_listen_is_sent_away, test_broken_frames_count,
    test_bye_and_hello_fill_nothing, test_resuming_elsewhere_fills_nothing, test_without_a_session,
    test_what_is_refused_costs_half, test_hellos_flood_soon, test_a_window_without_a_session_is_no_flood,
    test_publishing_too_fast_is_told_and_taken, test_bytes_count_too, test_no_limits, test_size_costs,
    test_a_large_request_is_served_after_waiting, test_large_requests_flood_soon, test_large_requests_without_a_session,
    test_what_is_refused_as_a_whole_costs_a_request, test_two_routes_of_one_place, test_who_costs_the_names_it_lists,
    test_a_refused_who_costs_the_same_in_a_full_room, test_a_new_nick_costs_each_room,
    test_rooms_costs_the_names_it_lists, test_ping_costs_its_rooms, test_each_error_costs,
    test_one_error_about_many_entries_costs_one, test_a_keyed_entry_counts_as_ten)
