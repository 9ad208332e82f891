/* The costs of entries, and of frames with entries. */
#include "fixture_flood.h"

TEST(test_publishing_too_fast_is_told_and_taken) {
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
    flood_expect_end(A);
    ck_assert_uint_eq(relay_stats(fx.relay).entries, 96);
    fx_finish();
}

TEST(test_bytes_count_too) {
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

TEST(test_a_frame_refused_as_a_whole_costs_a_request) {
    flood_begin(10);
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
    flood_expect_end(A);
    fx_finish();
}

/* Entries that are refused one by one have an error each. */
TEST(test_each_error_costs) {
    flood_begin(10); /* 40 and 50, of which hello took 20 */
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

/* One error is about all of them. */
TEST(test_one_error_about_many_entries_costs_one) {
    flood_begin(10);
    fx_set_access("anonymous: rwpc *"); /* and not keyed ones */
    fx_pub("r");
    for (uint64_t mid = 1; mid <= 100; mid++)
        fx_add_key(mid, "k", "x");
    fx_send(A);
    fx_run();
    fx_expect(A, "{'op':'error','code':'forbidden','mid':1,'upto':100}");
    ck_assert_uint_eq(flood_left(A), 10); /* of 40, of which hello took 20 */
    fx_finish();
}

TEST(test_a_keyed_entry_counts_as_ten) {
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

/* A client whose connection was made anew has a window of frames under way before its hello. */
TEST(test_a_window_without_a_session_is_no_flood) {
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

UNIT_SUITE("broker.core.flood_publish")
