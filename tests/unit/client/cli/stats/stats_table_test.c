#include "stats_table.h"

#include <string.h>

#include "unit.h"

static const char *s_of(uint64_t value) {
    static char text[STATS_NUMBER_SIZE];
    return stats_number(value, text);
}

TEST(test_numbers) {
    ck_assert_str_eq(s_of(0), "0");
    ck_assert_str_eq(s_of(9999), "9999");
    ck_assert_str_eq(s_of(10000), "10.0k");
    ck_assert_str_eq(s_of(99949), "99.9k");
    ck_assert_str_eq(s_of(99950), "100k");
    ck_assert_str_eq(s_of(999499), "999k");
    ck_assert_str_eq(s_of(999500), "1.00M");
    ck_assert_str_eq(s_of(UINT64_MAX), "18.4E");
}

static const char *s_age(uint64_t seconds) {
    static char text[STATS_NUMBER_SIZE];
    return stats_age(seconds * 1000000, text);
}

TEST(test_ages) {
    ck_assert_str_eq(s_age(119), "119s");
    ck_assert_str_eq(s_age(120), "2m");
    ck_assert_str_eq(s_age(7200), "2h");
    ck_assert_str_eq(s_age(172800), "2d");
}

static json_t *s_row(const char *nick, json_int_t rate) {
    return json_pack(
        "{ss ss ss sI sI}", "nick", nick, "address", "", "state", "live", "rate", rate, "since", (json_int_t)1000000);
}

TEST(test_a_table_of_eighty_columns) {
    for (size_t i = 0; stats_tables[i]; i++) {
        zr_buffer_t head = {0}, line = {0};
        json_t *row = s_row("ann", 5);
        stats_table_head(stats_tables[i], stats_table_cell(stats_tables[i], stats_tables[i]->by), 80, &head);
        stats_table_row(stats_tables[i], row, 0, 80, &line);
        ck_assert_uint_le(head.len, 81);
        ck_assert_uint_eq(head.len, line.len);
        zr_buffer_u8(&head, '\0');
        ck_assert_msg(strchr((char *)head.data, '*') != NULL, "%s: no mark", (char *)head.data);
        for (size_t at = 0; at < stats_tables[i]->count; at++) /* the mark fits too */
            ck_assert_int_lt((int)strlen(stats_tables[i]->cells[at].head), stats_tables[i]->cells[at].width);
        json_decref(row);
        zr_buffer_finish(&head);
        zr_buffer_finish(&line);
    }
}

TEST(test_rows_hold_names_of_any_kind) {
    const stats_table_t *table = stats_table("sessions");
    static const char *const names[] = {
        "ann", "a-nick-that-is-longer-than-its-cell", "日本語の名前とても長い", "\x1b[2J"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        zr_buffer_t line = {0};
        json_t *row = s_row(names[i], 12345);
        stats_table_row(table, row, 61000000, 80, &line);
        zr_buffer_u8(&line, '\0');
        ck_assert_ptr_null(strchr((char *)line.data, '\x1b'));
        ck_assert_msg(strstr((char *)line.data, " -               live      12.3k ") != NULL, "%s", (char *)line.data);
        json_decref(row);
        zr_buffer_finish(&line);
    }
}

TEST(test_tabs_for_programs) {
    zr_buffer_t line = {0};
    json_t *row = s_row("a\tb", 12345);
    stats_table_tabs(stats_table("sessions"), row, 61000000, &line);
    zr_buffer_u8(&line, '\0');
    size_t tabs = 0;
    for (size_t i = 0; i < line.len; i++)
        tabs += line.data[i] == '\t';
    ck_assert_uint_eq(tabs, stats_table("sessions")->count - 1);
    ck_assert_msg(strstr((char *)line.data, "\t-\tlive\t12345\t") != NULL, "%s", (char *)line.data);
    ck_assert_msg(strstr((char *)line.data, "\t60\t") != NULL, "%s", (char *)line.data); /* seconds */
    json_decref(row);
    zr_buffer_finish(&line);
}

TEST(test_sorting) {
    const stats_table_t *table = stats_table("sessions");
    json_t *rows = json_array();
    json_array_append_new(rows, s_row("ann", 1));
    json_array_append_new(rows, s_row("bob", 7));
    json_array_append_new(rows, s_row("cat", 7));
    stats_table_sort(table, stats_table_cell(table, "rate"), rows);
    ck_assert_str_eq(json_string_value(json_object_get(json_array_get(rows, 0), "nick")), "bob");
    ck_assert_str_eq(json_string_value(json_object_get(json_array_get(rows, 1), "nick")), "cat");
    ck_assert_str_eq(json_string_value(json_object_get(json_array_get(rows, 2), "nick")), "ann");
    json_decref(rows);
}

TEST(test_cells_by_name) {
    const stats_table_t *table = stats_table("rooms");
    ck_assert_uint_eq(stats_table_cell(table, "rate"), 1);
    ck_assert_uint_eq(stats_table_cell(table, "room"), table->count); /* no number */
    ck_assert_uint_eq(stats_table_cell(table, "x"), table->count);
    ck_assert_ptr_null(stats_table("x"));
}

UNIT_SUITE("client.cli.stats.stats_table")
