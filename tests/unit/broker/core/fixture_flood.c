/* See fixture_flood.h. */
#include "fixture_flood.h"

void flood_begin(uint64_t ops) {
    fx_begin();
    fx.config.rate_ops = ops;
    fx_start();
    fx_hello(A, "ann");
}

unsigned flood_left(route_t route) {
    for (unsigned count = 0;; count++) {
        fx_ask(route, "{'op':'direct','to':'nobody','text':'x'}");
        fx_expect(route, "{'op':'error'}");
        if (strcmp(fx_string("code"), "rate-limited") == 0)
            return count;
        ck_assert_str_eq(fx_string("code"), "no-such-user");
        ck_assert_uint_lt(count, 1000);
    }
}

void flood_expect_end(route_t route) {
    fx_expect(route, "{'op':'bye','reason':'flooding'}");
    fx_expect_silence(route);
    ck_assert_uint_eq(fx_effect(EFFECT_CHARGE), route);
    ck_assert_uint_eq(fx_effect(EFFECT_DROP), route);
    ck_assert_uint_eq(relay_stats(fx.relay).sessions, 1); /* bob's */
    ck_assert_uint_eq(relay_stats(fx.relay).flooders, 1);
    fx_ask(B, "{'op':'ping'}");
    fx_expect(B, "{'op':'pong'}");
}
