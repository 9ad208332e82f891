/* The costs that a session, and a connection without one, may cause, and the broker's answers beyond them. */
#include <stdio.h>

#include "fixture.h"
#include "rate.h"

#define MS UINT64_C(1000)

/* So many units a second: four times that at once, five times that more before it is a flood. */
static void s_begin(uint64_t ops) {
    fx_begin();
    fx.config.rate_ops = ops;
    fx_start();
    fx_hello(A, "ann"); /* 20 */
}

/* The same for bytes of control frames. No frame is larger than four seconds' worth. */
static void s_begin_control(uint64_t bytes) {
    fx_begin();
    fx.config.rate_control = bytes;
    fx.config.max_control = 4 * bytes;
    fx_start();
}

/* How many requests that cost 2 pass until the next one is refused. */
static unsigned s_left(route_t route) {
    for (unsigned count = 0;; count++) {
        fx_ask(route, "{'op':'direct','to':'nobody','text':'x'}");
        fx_expect(route, "{'op':'error'}");
        if (strcmp(fx_string("code"), "rate-limited") == 0)
            return count;
        ck_assert_str_eq(fx_string("code"), "no-such-user");
        ck_assert_uint_lt(count, 1000);
    }
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
        {"{'op':'publish','room':'r','text':'x'}", 2},
        {"{'op':'direct','to':'nobody','text':'x'}", 2},
        {"{'op':'join','room':'r'}", 5},
        {"{'op':'follow','prefix':'r'}", 5},
        {"{'op':'who','room':'r'}", 20},
        {"{'op':'state','room':'r'}", 20},
        {"{'op':'rooms'}", 40},
        {"{'op':'replay','room':'r','after':0}", 20},
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
END_TEST

START_TEST(test_who_is_refused_waits_and_is_served) {
    s_begin(10);
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
END_TEST

START_TEST(test_bye_is_never_refused) {
    s_begin(10);
    fx_ask(A, "{'op':'who','room':'r'}");
    fx_expect(A, "{'op':'who'}");
    fx_ask(A, "{'op':'join','room':'r'}");
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
                ck_assert_uint_eq(fx_drop(A), kind == 1 ? 71 : 70); /* a publisher is told to wait */
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
END_TEST

START_TEST(test_resuming_elsewhere_fills_nothing) {
    s_begin(10);
    fx_ask(A, "{'op':'who','room':'r'}");
    fx_expect(A, "{'op':'who'}");
    fx_resume(B, A, "ann");
    fx_ask(B, "{'op':'join','room':'r'}");
    fx_expect_error(B, "rate-limited");
    fx_ask(A, "{'op':'hello','proto':1,'client':'%s'}", fx_client(C)); /* nor is the connection left free of it */
    fx_expect_error(A, "rate-limited");
    fx_finish();
}
END_TEST

START_TEST(test_without_a_session) {
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
END_TEST

/* A client may ask a bucket's worth again and again without waiting: a refusal costs 1, whatever was asked. */
START_TEST(test_a_refusal_costs_one) {
    s_begin(100); /* 400 and 500, of which hello took 20 */
    fx_hello(B, "bob");
    for (int i = 0; i < 19; i++)
        fx_ask(A, "{'op':'who','room':'r'}");
    ck_assert_uint_eq(relay_stats(fx.relay).limited, 0);
    for (int i = 0; i < 500; i++)
        fx_ask(A, "{'op':'who','room':'r'}");
    ck_assert_uint_eq(fx_drop(A), 19 + 500);
    fx_ask(A, "{'op':'who','room':'r'}");
    s_expect_end(A);
    fx_finish();
}
END_TEST

/* A refused one costs as much as if it were not, so that few are a flood. */
START_TEST(test_hellos_flood_soon) {
    s_begin(10); /* ann's took 20 of 90 */
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
END_TEST

/* A client whose connection was made anew has a window of frames under way before its hello. */
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
    for (int i = 0; i < 40; i++)
        fx_expect_error(A, "no-session");
    fx_ask(A, "{'op':'hello','proto':1,'client':'%s'}", fx_client(A));
    fx_expect(A, "{'op':'error','code':'rate-limited','wait':2100}");
    fx.now += 2100 * MS;
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
    for (uint64_t mid = 1; mid <= 39; mid++)
        fx_one(A, "r", mid, "x");
    fx_run();
    fx_expect_text(A, "ack 39 @39 memory");
    for (uint64_t mid = 40; mid <= 43; mid++)
        fx_one(A, "r", mid, "x");
    fx_run();
    fx_expect(A, "{'op':'error','code':'rate-limited','wait':100}");
    ck_assert_ptr_null(json_object_get(fx.last, "mid"));
    ck_assert_ptr_null(json_object_get(fx.last, "re"));
    fx_expect_text(A, "ack 43 @43 memory");
    fx_expect_silence(A);
    fx.now += 99 * MS;
    fx_one(A, "r", 44, "x");
    fx_run();
    fx_expect_text(A, "ack 44 @44 memory");
    fx.now += 1 * MS;
    fx_one(A, "r", 45, "x");
    fx_run();
    fx_expect(A, "{'op':'error','code':'rate-limited','wait':500}");
    fx_expect_text(A, "ack 45 @45 memory");
    fx.now += 500 * MS;
    fx_ask(A, "{'op':'ping'}"); /* requests have their own measure */
    fx_expect(A, "{'op':'pong'}");
    fx_pub("r");
    for (uint64_t mid = 46; mid <= 96; mid++)
        fx_add(mid, "x");
    fx_send(A);
    fx_run();
    fx_expect(A, "{'op':'error','code':'rate-limited','wait':5100}");
    fx_expect_text(A, "ack 96 @96 memory");
    fx_one(A, "r", 97, "x");
    fx_run();
    s_expect_end(A);
    ck_assert_uint_eq(relay_stats(fx.relay).entries, 96);
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
    for (; mid * (len + RATE_MESSAGE) < 4000; mid++)
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
END_TEST

/* A request of that length; its content does not matter. */
static const char *s_long(const char *op, size_t len) {
    static char text[8192];
    int beside = snprintf(text, sizeof text, "{'op':'%s','room':'r','x':''}", op);
    ck_assert_uint_lt(len, sizeof text);
    snprintf(text, sizeof text, "{'op':'%s','room':'r','x':'%0*d'}", op, (int)len - beside, 0);
    return text;
}

START_TEST(test_bytes_of_control_frames_count) {
    s_begin_control(1000);
    fx_frame(A, zr_span(s_long("hello", 500))); /* not as it should be, and read */
    fx_run();
    fx_drop(A);
    fx_hello(A, "ann");
    fx.now += 4000 * MS;
    fx_ask(A, s_long("leave", 3999), NULL);
    fx_expect(A, "{'op':'ok'}");
    fx_ask(A, s_long("who", 1000), NULL); /* something was left */
    fx_expect(A, "{'op':'who'}");
    fx_ask(A, s_long("who", 1000), NULL);
    fx_expect(A, "{'op':'error','code':'rate-limited','wait':2000}"); /* 5999 are owed, and 1 must be left */
    fx_ask(A, "{'op':'ping'}");
    fx_expect(A, "{'op':'pong'}");
    fx_one(A, "r", 1, "x"); /* data frames have their own measure */
    fx_run();
    fx_expect_text(A, "ack 1 @1 memory");
    fx_expect_silence(A);
    fx_finish();
}
END_TEST

/* A client that waits as told is served, however small the buckets and however large the request. */
START_TEST(test_a_large_request_is_served_after_waiting) {
    for (unsigned rate = 1; rate <= 10; rate++) {
        fx_begin();
        fx.config.rate_ops = rate;
        fx.config.rate_control = 100 * rate;
        fx_start();
        fx_hello(A, "ann");
        for (int i = 0; i < 20; i++) {
            fx_ask(A, s_long("who", 3000), NULL);
            fx_expect(A, "{}");
            if (strcmp(fx_string("op"), "who") == 0)
                continue;
            fx.now += fx_int("wait") * MS;
            fx_ask(A, s_long("who", 3000), NULL);
            fx_expect(A, "{'op':'who'}");
        }
        ck_assert_uint_gt(relay_stats(fx.relay).limited, 0);
        fx_finish();
    }
}
END_TEST

/* Refused or not, broken or not, with a session or without: what was to be read is paid for. */
START_TEST(test_large_requests_flood_soon) {
    for (int kind = 0; kind < 3; kind++) {
        s_begin_control(1000); /* 4000 and 5000 */
        fx_hello(B, "bob");
        if (kind < 2)
            fx_hello(A, "ann");
        fx.now += 1000 * MS;
        for (int i = 0; i < 3; i++)
            fx_ask(A, "%s%s", s_long("ping", 2999), kind == 0 ? "" : "}");
        ck_assert_uint_eq(fx_drop(A), 3);
        ck_assert_uint_eq(fx_effect(EFFECT_DROP), 0);
        fx_ask(A, "{'op':'ping'}");
        if (kind < 2) {
            s_expect_end(A);
        } else {
            fx_expect_silence(A);
            ck_assert_uint_eq(fx_effect(EFFECT_DROP), A);
        }
        fx_finish();
    }
}
END_TEST

/* It is not read, so its bytes do not count. */
START_TEST(test_a_frame_that_is_too_large_costs_one) {
    fx_begin();
    fx.config.rate_ops = 10;
    fx.config.max_control = 1000;
    fx.config.rate_control = 1;
    fx_start();
    fx_hello(A, "ann");
    for (int i = 0; i < 70; i++) {
        fx_ask(A, s_long("ping", 1001), NULL);
        fx_expect_error(A, "too-large");
    }
    fx_ask(A, s_long("ping", 1001), NULL);
    fx_expect(A, "{'op':'bye','reason':'flooding'}");
    fx_finish();
}
END_TEST

START_TEST(test_what_is_refused_as_a_whole_costs_a_request) {
    s_begin(10);
    fx_hello(B, "bob");
    for (uint64_t mid = 1; mid <= 19; mid++)
        fx_one(A, "no room", mid, "x"); /* not a name */
    fx_run();
    ck_assert_uint_eq(fx_drop(A), 19);
    fx_one(A, "no room", 20, "x"); /* from here on it is told to wait, as for publishing too fast */
    fx_run();
    fx_expect(A, "{'op':'error','code':'rate-limited','wait':100}");
    fx_expect(A, "{'op':'error','code':'bad-room','mid':20}");
    for (uint64_t mid = 21; mid <= 70; mid++)
        fx_one(A, "no room", mid, "x");
    fx_run();
    ck_assert_uint_eq(fx_drop(A), 50);
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
    for (uint64_t mid = 1; mid <= 19; mid++)
        fx_add_expect(mid, "k", 99, "x");
    fx_send(A);
    fx_run();
    ck_assert_uint_eq(fx_drop(A), 19);
    fx_pub("r");
    for (uint64_t mid = 20; mid <= 69; mid++)
        fx_add_expect(mid, "k", 99, "x");
    fx_send(A);
    fx_run();
    for (int i = 0; i < 50; i++)
        fx_expect_error(A, "conflict");
    fx_expect(A, "{'op':'error','code':'rate-limited','wait':5000}");
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
    ck_assert_uint_eq(s_left(A), 10); /* of 40, of which hello took 20 */
    fx_finish();
}
END_TEST

START_TEST(test_a_keyed_entry_counts_as_ten) {
    for (int keyed = 0; keyed < 2; keyed++) {
        fx_begin();
        fx.config.rate_entries = 100; /* 400 at once */
        fx_start();
        fx_hello(A, "ann");
        unsigned fits = keyed ? 39 : 399;
        fx_pub("r");
        for (uint64_t mid = 1; mid <= fits; mid++)
            fx_add_key(mid, keyed ? "k" : NULL, "x");
        fx_send(A);
        fx_run();
        fx_expect_text(A, keyed ? "ack 39 @39 memory" : "ack 399 @399 memory");
        fx_expect_silence(A);
        fx_pub("r");
        fx_add_key(1000, keyed ? "k" : NULL, "x");
        fx_send(A);
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
    ck_assert_uint_eq(s_left(A), 0);
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

/* With another nick each room is told. In any case the next pong names all of them. */
START_TEST(test_a_hello_in_a_session_costs_each_room) {
    static const char *const nicks[] = {"ann", "eve"};
    for (size_t i = 0; i < 2; i++) {
        s_begin_joined(180);
        fx_ask(A, "{'op':'hello','proto':1,'client':'%s','nick':'%s'}", fx_client(A), nicks[i]);
        fx_expect(A, "{'op':'welcome'}");
        ck_assert_uint_eq(s_left(A), (400 - 20 - 180) / 2);
        fx_finish();
    }
}
END_TEST

UNIT_MAIN("broker.core.flood", test_what_requests_cost, test_who_is_refused_waits_and_is_served,
    test_bye_is_never_refused, test_who_does_not_listen_is_sent_away, test_broken_frames_count,
    test_bye_and_hello_fill_nothing, test_resuming_elsewhere_fills_nothing, test_without_a_session,
    test_a_refusal_costs_one, test_hellos_flood_soon, test_a_window_without_a_session_is_no_flood,
    test_publishing_too_fast_is_told_and_taken, test_bytes_count_too, test_no_limits,
    test_bytes_of_control_frames_count, test_a_large_request_is_served_after_waiting, test_large_requests_flood_soon,
    test_a_frame_that_is_too_large_costs_one, test_what_is_refused_as_a_whole_costs_a_request,
    test_two_routes_of_one_place, test_a_hello_in_a_session_costs_each_room, test_each_error_costs,
    test_one_error_about_many_entries_costs_one, test_a_keyed_entry_counts_as_ten)
