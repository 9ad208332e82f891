/* The costs of the bytes of control frames. */
#include <stdio.h>

#include "fixture_flood.h"

/* A relay with so many bytes of control frames a second. No frame is larger than four seconds' worth. */
static void s_begin_control(uint64_t bytes) {
    fx_begin();
    fx.config.rate_control = bytes;
    fx.config.max_control = 4 * bytes;
    fx_start();
}

/* A request of that length; its content does not matter. */
static const char *s_long(const char *op, size_t len) {
    static char text[8192];
    int beside = snprintf(text, sizeof text, "{'op':'%s','room':'r','x':''}", op);
    ck_assert_uint_lt(len, sizeof text);
    snprintf(text, sizeof text, "{'op':'%s','room':'r','x':'%0*d'}", op, (int)len - beside, 0);
    return text;
}

TEST(test_bytes_of_control_frames_count) {
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

/* A client that waits as told is served, however small the buckets and however large the request. */
TEST(test_a_large_request_is_served_after_waiting) {
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

/* Refused or not, broken or not, with a session or without: what was to be read is paid for. */
TEST(test_large_requests_flood_soon) {
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
            flood_expect_end(A);
        } else {
            fx_expect_silence(A);
            ck_assert_uint_eq(fx_effect(EFFECT_DROP), A);
        }
        fx_finish();
    }
}

/* It is not read, so its bytes do not count. */
TEST(test_a_frame_that_is_too_large_costs_one) {
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

UNIT_SUITE("broker.core.flood_control")
