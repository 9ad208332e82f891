#include "metrics.h"

#include <string.h>

#include "unit.h"

/* As Prometheus wants names: letters and '_'; of what only rises, "_total" at the end and nowhere else. */
TEST(test_names) {
    for (size_t i = 0; i < metrics_count; i++) {
        const char *name = metrics_table[i].name, *total = strstr(name, "_total");
        ck_assert_msg(strncmp(name, "zrelay_", 7) == 0 && strspn(name, "abcdefghijklmnopqrstuvwxyz_") == strlen(name),
            "%s", name);
        ck_assert_msg(!total || !total[6], "%s", name);
        ck_assert_msg(metric_rises(&metrics_table[i]) == (total != NULL), "%s", name);
        ck_assert_msg(metrics_table[i].per == (strstr(name, "_seconds") ? 1000000 : 1), "%s", name);
        for (size_t other = 0; other < i; other++)
            ck_assert_str_ne(name, metrics_table[other].name);
    }
}

TEST(test_each_help_is_a_sentence) {
    for (size_t i = 0; i < metrics_count; i++) {
        const char *help = metrics_table[i].help;
        ck_assert_msg(help[0] && help[strlen(help) - 1] == '.' && !strpbrk(help, "\n\\\""), "%s", help);
    }
}

/* Each number of the relay, the edge and the log is in one row. */
TEST(test_each_number_has_a_row) {
    metrics_t metrics;
    uint64_t *numbers = (uint64_t *)&metrics;
    size_t count = sizeof metrics / sizeof *numbers, shown = 0;
    static const size_t sums[] = {offsetof(metrics_t, relay.errors)}; /* of those by code */
    for (size_t i = 0; i < count; i++)
        numbers[i] = i + 1;
    for (size_t i = 0; i < metrics_count; i++)
        for (zr_code_t code = ZR_OK; code < (metrics_table[i].codes ? ZR_CODE_COUNT : ZR_OK + 1); code++) {
            uint64_t value = metric_value(&metrics_table[i], &metrics, code);
            ck_assert_msg(value >= 1 && value <= count, "%s: read twice", metrics_table[i].name);
            numbers[value - 1] = 0;
            shown++;
        }
    ck_assert_uint_eq(shown, count - sizeof sums / sizeof *sums);
}

TEST(test_json) {
    metrics_t metrics = {.relay = {.sessions = 3}, .edge = {.cpu_us = UINT64_MAX}};
    metrics.relay.errors_by_code[ZR_BAD_ROOM] = 2;
    json_t *rows = metrics_json(&metrics), *row;
    size_t i;
    ck_assert_uint_eq(json_array_size(rows), metrics_count);
    json_array_foreach(rows, i, row) {
        const char *name = json_string_value(json_object_get(row, "name"));
        ck_assert_str_eq(name, metrics_table[i].name);
        json_int_t value = json_integer_value(json_object_get(row, "value"));
        if (strcmp(name, "zrelay_sessions") == 0) {
            ck_assert_int_eq(value, 3);
            ck_assert_str_eq(json_string_value(json_object_get(row, "type")), "gauge");
            ck_assert_ptr_null(json_object_get(row, "per"));
        } else if (strcmp(name, "zrelay_cpu_seconds_total") == 0) {
            ck_assert_int_eq(value, 9007199254740991);
            ck_assert_str_eq(json_string_value(json_object_get(row, "type")), "counter");
            ck_assert_int_eq(json_integer_value(json_object_get(row, "per")), 1000000);
        } else if (strcmp(name, "zrelay_errors_total") == 0) {
            ck_assert_int_eq(json_integer_value(json_object_get(json_object_get(row, "codes"), "bad-room")), 2);
            ck_assert_uint_eq(json_object_size(json_object_get(row, "codes")), 1);
        }
    }
    json_decref(rows);
}

UNIT_SUITE("broker.core.stats.metrics")
