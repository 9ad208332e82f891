#include "fixture.h"

TEST(test_who_is_silent_expires) {
    fx_hello(A, "ann");
    fx_hello(B, "bob");
    fx_ask(A, "{'op':'join','room':'r'}");
    fx_drop(A);
    fx_tick();
    fx_drop(BACK);
    relay_silent(fx.relay, fx.sessions[A]); /* not for long: another ticket */
    fx_run();
    ck_assert_uint_eq(fx_effect(EFFECT_ALIVE), fx.sessions[A]);
    fx_expect_silence(A);
    fx_be_silent(fx.sessions[A]);
    fx_run();
    fx_expect_text(A, "{\"op\":\"bye\",\"reason\":\"expired\"}");
    ck_assert_uint_eq(fx_effect(EFFECT_UNWATCH), fx.sessions[A]);
    fx_tick();
    fx_expect(BACK, "{'op':'presence','left':[{'nick':'ann','reason':'expired'}],'count':0}");
    fx_refused(A, "no-session", "{'op':'ping'}");
    fx_answer(B, "{'op':'ping'}", "{'op':'pong'}");
    relay_silent(fx.relay, fx.sessions[A]); /* a ticket that is late */
    fx_run();
    ck_assert_uint_eq(relay_stats(fx.relay).sessions, 1);
}

TEST(test_any_frame_is_a_sign_of_life) {
    static const char *const frames[] = {"{'op':'rooms'}", "{'op':'nonsense'}", "{", "\1", "\x7F"};
    fx_hello(A, "ann");
    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
        fx_be_silent(fx.sessions[A]); /* its end is due, */
        fx_ask(A, "%s", frames[i]);
        fx_drop(A);
        ck_assert_uint_eq(relay_stats(fx.relay).sessions, 1);
    }
    fx_be_silent(fx.sessions[A]); /* and nothing since that */
    fx_run();
    fx_expect(A, "{'op':'bye','reason':'expired'}");
}

TEST(test_a_detached_session_expires_and_is_told_nothing) {
    fx_hello(A, "ann");
    fx_ask(A, "{'op':'ping'}");
    fx_drop(A);
    relay_route_lost(fx.relay, A);
    relay_route_lost(fx.relay, A);
    relay_route_lost(fx.relay, D); /* nobody's */
    ck_assert_uint_eq(relay_stats(fx.relay).sessions, 1);
    fx_be_silent(fx.sessions[A]);
    fx_run();
    fx_expect_silence(A);
    ck_assert_uint_eq(relay_stats(fx.relay).sessions, 0);
    ck_assert_uint_eq(fx_effect(EFFECT_DROP), A); /* or what is queued there would stay */
    fx_hello(A, "ann");
}

/* The connection of a detached session stays when it is of use. */
TEST(test_a_connection_in_use_is_not_ended) {
    fx_hello(A, "ann");
    fx_ask(A, "{'op':'ping'}");
    relay_route_lost(fx.relay, A);
    fx_ask(A, "{'op':'hello','proto':1,'client':'%s','nick':'eve'}", fx_client(C)); /* another one speaks there */
    fx_be_silent(fx.sessions[A]);
    fx_run();
    ck_assert_uint_eq(relay_stats(fx.relay).sessions, 1);
    ck_assert_uint_eq(fx_effect(EFFECT_DROP), 0);
}

TEST(test_nothing_is_done_before_hello) {
    fx_one(A, "r", 1, "x");
    static const char *const frames[] = {"{'op':'join','room':'r'}", "{'op':'nonsense'}", "{", "{'op':'hello'",
        "{'op':1}", "{'op':'ping','id':[]}", "\x7F"};
    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++)
        fx_say(A, "%s", frames[i]);
    fx_frame(A, LIT(""));
    fx_run();
    for (size_t i = 0; i < 2 + sizeof frames / sizeof frames[0]; i++)
        fx_expect_error(A, "no-session");
    fx_expect_silent(A, BACK);
    ck_assert_uint_eq(relay_stats(fx.relay).rooms, 0);
    fx_answer(A, "{'op':'ping','id':8}", "{'code':'no-session','re':8}");
}

TEST(test_frames_of_no_known_type) {
    fx_hello(A, "ann");
    fx_frame(A, LIT(""));
    fx_run();
    fx_expect_error(A, "bad-frame");
    for (int type = 0; type < 256; type++) {
        if (type == ZR_TYPE_CONTROL)
            continue;
        char frame[2] = {(char)type, 'x'};
        for (size_t len = 1; len <= 2; len++) {
            fx_frame(A, zr_span_of(frame, len));
            fx_run();
            fx_expect_error(A, "bad-frame");
            fx_expect_silence(A);
        }
    }
    fx_answer(A, "{'op':'ping'}", "{'op':'pong'}");
}

TEST(test_synced) {
    relay_subscription(fx.relay, LIT("\1\xFF"
                                     "0123456789abcdef"));
    fx_run();
    fx_expect_text(BACK, "synced 0123456789abcdef {\"epoch\":\"00000000000000e1\",\"op\":\"synced\"}");
    static const char digits[] = "0123456789abcdef0123456789abcdef0";
    for (size_t len = 0; len <= 33; len++) {
        char message[64] = "\1\xFF";
        memcpy(message + 2, digits, len);
        relay_subscription(fx.relay, unit_at_edge(zr_span_of(message, 2 + len)));
        fx_run();
        ck_assert_uint_eq(fx_drop(BACK), len >= 8 && len <= 32);
    }
    relay_subscription(fx.relay, LIT(""));
    relay_subscription(fx.relay, LIT("\1"));
    relay_subscription(fx.relay, LIT("\0\xFF"
                                     "01234567")); /* unsubscribed */
    relay_subscription(fx.relay, LIT("\1general\0"));
    relay_subscription(fx.relay, LIT("\1\xFF"
                                     "0123456G"));
    relay_subscription(fx.relay, LIT("\1\xFF"
                                     "0123456A"));
    fx_run();
    fx_expect_silence(BACK);
}

TEST(test_shutdown_says_bye_to_all_who_are_there) {
    fx_hello(A, "ann");
    fx_hello(B, "bob");
    fx_hello(C, "eve");
    relay_route_lost(fx.relay, B);
    relay_shutdown(fx.relay);
    fx_run();
    fx_expect_text(A, "{\"op\":\"bye\",\"reason\":\"shutdown\"}");
    const zr_blob_t *shared = fx.seen[fx.at].frame;
    fx_expect_silence(B);
    fx_expect_text(C, "{\"op\":\"bye\",\"reason\":\"shutdown\"}");
    ck_assert_ptr_eq(fx.seen[fx.at].frame, shared);
}

TEST(test_stats) {
    fx_hello(A, "ann");
    fx_one(A, "r", 1, "x");
    fx_one(A, "r", 1, "x");
    fx_one(A, "s", 2, "x");
    fx_frame(A, LIT("?"));
    fx_run();
    relay_route_lost(fx.relay, A);
    relay_stats_t stats = relay_stats(fx.relay);
    ck_assert_uint_eq(stats.frames, 5);
    ck_assert_uint_eq(stats.entries, 2);
    ck_assert_uint_eq(stats.deliveries, 2);
    ck_assert_uint_eq(stats.duplicates, 1);
    ck_assert_uint_eq(stats.acks, 1);
    ck_assert_uint_eq(stats.errors, 1);
    ck_assert_uint_eq(stats.dropped, 1);
    ck_assert_uint_eq(stats.sessions, 1);
    ck_assert_uint_eq(stats.rooms, 2);
}

TEST(test_destroy_accepts_null) {
    relay_destroy(NULL);
}

UNIT_SUITE_WITH("broker.core.relay", fx_start, fx_finish)
