#include <jansson.h>

#include "bench.h"
#include "unit.h"

static const bench_plan_t s_plan = {
    .schedule = {1000, 1, 1, 0}, .readers = 2, .size = 100, .packed = true, .prefix = "bench"};
static const bench_result_t s_good = {.published = 1000,
    .acked = 1000,
    .level = ZRELAY_LEVEL_DISK,
    .acked_s = 0.5,
    .delivered_s = 2,
    .expected = 2000,
    .received = 2000,
    .one_order = true};
static zr_buffer_t s_out;

static const char *s_text(void) {
    zr_buffer_u8(&s_out, '\0');
    return (const char *)s_out.data;
}

static const char *s_table(const bench_plan_t *plan, const bench_result_t *result) {
    zr_buffer_clear(&s_out);
    bench_table(&s_out, plan, result);
    return s_text();
}

#define HAS(text, part) ck_assert_msg(strstr(text, part), "no '%s' in:\n%s", part, text)
#define HAS_NOT(text, part) ck_assert_msg(!strstr(text, part), "'%s' in:\n%s", part, text)

TEST(test_a_table) {
    const char *text = s_table(&s_plan, &s_good);
    HAS(text, "throughput: 1 publisher, 1 room, 2 readers, 100-byte messages, packed\n");
    HAS(text, "1000           2000/s  (disk)");
    HAS(text, "2000           1000/s  0.1 MB/s");
    HAS(text, "count and order at 2 readers: nothing missing, nothing out of order");
    HAS_NOT(text, "repairs");
    HAS_NOT(text, "latency");
}

TEST(test_repairs_are_shown_and_no_failure) {
    bench_result_t result = s_good;
    result.gaps = result.repaired = 3;
    HAS(s_table(&s_plan, &result), "3 gaps seen, 3 repaired, 0 lost for good");
    ck_assert(bench_whole(&s_plan, &result));
}

TEST(test_whatever_is_wrong_is_not_whole) {
    for (int wrong = 0; wrong < 9; wrong++) {
        bench_result_t result = s_good;
        result.missing = wrong == 0;
        result.disordered = wrong == 1;
        result.foreign = wrong == 2;
        result.refused = wrong == 3;
        result.acked -= wrong == 4;
        result.received -= wrong == 5;
        result.one_order = wrong != 6;
        result.interrupted = wrong == 7;
        result.quiet = wrong == 8;
        ck_assert(!bench_whole(&s_plan, &result));
        HAS(s_table(&s_plan, &result), "NOT WHOLE");
        HAS_NOT(s_table(&s_plan, &result), "verified");
    }
}

TEST(test_a_client_that_is_not_there_is_not_whole) {
    bench_plan_t plan = {.mode = BENCH_CONNECT, .clients = 10};
    bench_result_t result = {.one_order = true, .connected = 9};
    ck_assert(!bench_whole(&plan, &result));
    result.connected = 10;
    ck_assert(bench_whole(&plan, &result));
}

TEST(test_memory_is_known_or_unknown) {
    bench_plan_t plan = {.mode = BENCH_CONNECT, .clients = 100, .prefix = "bench"};
    bench_result_t result = {.one_order = true, .connected = 100, .connected_s = 0.1};
    HAS(s_table(&plan, &result), "memory     unknown");
    result.memory_before = 10 << 20;
    result.memory_after = (10 << 20) + 100 * 2048;
    HAS(s_table(&plan, &result), "2.0 KB a client");
}

TEST(test_latencies) {
    static histogram_t latency, late;
    bench_result_t result = s_good;
    bench_plan_t plan = s_plan;
    plan.mode = BENCH_LATENCY;
    plan.schedule.rate = 5000;
    result.latency = &latency;
    result.late = &late;
    histogram_add(&latency, 50000);
    histogram_add(&late, 200);
    const char *text = s_table(&plan, &result);
    HAS(text, "packed, 5000/s");
    HAS(text, "p50 50.0 µs");
    HAS(text, "max 0.2 µs");
}

TEST(test_what_stays_behind_is_told) {
    bench_plan_t plan = s_plan;
    plan.prefix = "bench";
    plan.run = 0x1a2b;
    HAS(s_table(&plan, &s_good), "left       bench/00001a2b/0\n");
    plan.schedule.rooms = 3;
    HAS(s_table(&plan, &s_good), "left       bench/00001a2b/0 … bench/00001a2b/2\n");
}

TEST(test_json) {
    static histogram_t latency, late;
    bench_result_t result = s_good;
    result.latency = &latency;
    result.late = &late;
    histogram_add(&latency, 50000);
    zr_buffer_clear(&s_out);
    bench_json(&s_out, &s_plan, &result);
    const char *text = s_text();
    ck_assert_ptr_eq(strchr(text, '\n'), text + strlen(text) - 1); /* one line */
    json_t *object = json_loads(text, 0, NULL);
    ck_assert_ptr_nonnull(object);
    ck_assert_str_eq(json_string_value(json_object_get(object, "level")), "disk");
    ck_assert_int_eq((int)json_number_value(json_object_get(object, "acked_per_s")), 2000);
    ck_assert_int_eq((int)json_number_value(json_object_get(object, "delivered_per_s")), 1000);
    ck_assert_int_eq((int)json_number_value(json_object_get(json_object_get(object, "latency_us"), "p99")), 50);
    ck_assert(json_is_true(json_object_get(object, "whole")));
    ck_assert_ptr_null(json_object_get(object, "memory_per_client"));
    json_decref(object);
}

TEST(test_a_restart) {
    bench_plan_t plan = s_plan;
    plan.mode = BENCH_CONNECT;
    plan.clients = 2;
    plan.joins = 1;
    plan.presence = true;
    plan.restart = "restart";
    bench_result_t result = s_good;
    result.connected = result.aware = result.back = 2;
    result.first_back_s = 0.5;
    result.last_back_s = 1.25;
    result.caught_up_s = 2;
    const char *text = s_table(&plan, &result);
    HAS(text, "connect: 2 clients, 1 room, named members of 1 each, restarted under 0/s\n");
    HAS(text,
        "2 back, the first after 0.500 s, the last after 1.250 s, all caught up after 2.000 s, presence told never\n");
    HAS(text, "at 2 of 2 readers the count");
    ck_assert(bench_whole(&plan, &result));
    for (int wrong = 0; wrong < 3; wrong++) {
        bench_result_t other = result;
        other.back -= wrong == 0;
        other.aware -= wrong == 1;
        other.lost += wrong == 2;
        ck_assert(!bench_whole(&plan, &other));
    }
    zr_buffer_clear(&s_out);
    bench_json(&s_out, &plan, &result);
    json_t *object = json_loads(s_text(), 0, NULL), *restart = json_object_get(object, "restart");
    ck_assert_int_eq(json_integer_value(json_object_get(restart, "back")), 2);
    ck_assert(json_real_value(json_object_get(restart, "last_back_s")) == 1.25);
    ck_assert(json_is_null(json_object_get(restart, "aware_s")));
    json_decref(object);
}

UNIT_SUITE("client.cli.bench_report")
