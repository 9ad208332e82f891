#include "bans.h"

#include <stdio.h>

#include "fixture_dir.h"

#define TIME "2026-01-31T23:59:59Z"

static void s_refused(const char *text, const char *part) {
    bans_t bans = {0};
    zr_error_t error = {0};
    ck_assert_msg(!bans_parse(&bans, "f", unit_at_edge(zr_span(text)), &error), "accepted: %s", text);
    dir_assert_error(&error, part);
    ck_assert_ptr_null(bans.items);
}

TEST(test_lines) {
    bans_t bans = {0};
    zr_error_t error = {0};
    const char *text = "mallory alice " TIME " spam, and worse\n"
                       "\n"
                       "#eve bob " TIME " \n"
                       "trudy bob " TIME;
    ck_assert_msg(bans_parse(&bans, "f", unit_at_edge(zr_span(text)), &error), "%s", error.text);
    ck_assert_uint_eq(bans.count, 3);
    const ban_t *ban = bans_find(&bans, zr_span("mallory"));
    ck_assert_str_eq(ban->by, "alice");
    ck_assert_str_eq(ban->time, TIME);
    ck_assert_str_eq(ban->reason, "spam, and worse");
    ck_assert_str_eq(bans_find(&bans, zr_span("#eve"))->reason, "");
    ck_assert_ptr_nonnull(bans_find(&bans, zr_span("trudy")));
    ck_assert_ptr_null(bans_find(&bans, zr_span("alice")));
    bans_finish(&bans);
}

TEST(test_bad_lines) {
    s_refused("mallory\n", "f:1: a line begins");
    s_refused("a b " TIME " x\n\n b " TIME "\n", "f:3: a line begins");
    s_refused("mallory alice\n", "time");
    s_refused("mallory alice yesterday x\n", "time");
    s_refused("mallory alice 2026-01-31 23:59:59 x\n", "time");
    s_refused("mallory alice " TIME "x\n", "time");
    s_refused("mallory  alice " TIME "\n", "a line begins");
    s_refused("mal\x01ory alice " TIME "\n", "a line begins");
    s_refused("mallory alice " TIME " \x1b[2J\n", "control");
    s_refused("mallory alice " TIME " windows\r\n", "control");
    s_refused("mallory alice " TIME " \xff\n", "control");
    s_refused("mallory alice " TIME " x\nmallory bob " TIME " y\n", "f:2: this user is banned by another line");
}

TEST(test_nul_is_refused) {
    bans_t bans = {0};
    zr_error_t error = {0};
    ck_assert(!bans_parse(&bans, "f", LIT("mallory alice " TIME " x\0y\n"), &error));
    dir_assert_error(&error, "control");
}

TEST(test_reason_limit) {
    bans_t bans = {0};
    zr_error_t error = {0};
    char text[BAN_REASON_MAX + 100];
    snprintf(text, sizeof text, "a b " TIME " %.*s", BAN_REASON_MAX, unit_fill('x', BAN_REASON_MAX).ptr);
    ck_assert(bans_parse(&bans, "f", zr_span(text), &error));
    bans_finish(&bans);
    snprintf(text, sizeof text, "a b " TIME " %.*s", BAN_REASON_MAX + 1, unit_fill('x', BAN_REASON_MAX + 1).ptr);
    s_refused(text, "400 bytes");
}

TEST(test_add_and_remove) {
    bans_t bans = {0};
    ck_assert(bans_add(&bans, zr_span("mallory"), zr_span("alice"), zr_span("one"), 0));
    ck_assert(bans_add(&bans, zr_span("eve"), zr_span("alice"), zr_span(NULL), 0));
    ck_assert(bans_add(&bans, zr_span("mallory"), zr_span("bob"), zr_span("two"), 1769903999));
    ck_assert_uint_eq(bans.count, 2);
    ck_assert_str_eq(bans_find(&bans, zr_span("mallory"))->by, "bob");
    ck_assert_str_eq(bans_find(&bans, zr_span("mallory"))->time, TIME);
    ck_assert(bans_remove(&bans, zr_span("mallory")));
    ck_assert(!bans_remove(&bans, zr_span("mallory")));
    ck_assert_ptr_nonnull(bans_find(&bans, zr_span("eve")));
    bans_finish(&bans);
}

TEST(test_most) {
    bans_t bans = {0};
    char name[32];
    for (unsigned i = 0; i < BANS_MAX; i++) {
        snprintf(name, sizeof name, "user%u", i);
        ck_assert(bans_add(&bans, zr_span(name), zr_span("alice"), zr_span("x"), 0));
    }
    ck_assert(!bans_add(&bans, zr_span("onemore"), zr_span("alice"), zr_span("x"), 0));
    ck_assert(bans_add(&bans, zr_span("user7"), zr_span("alice"), zr_span("again"), 0));
    ck_assert_uint_eq(bans.count, BANS_MAX);
    bans_finish(&bans);
}

/* Whatever the reason is, a line stays a line, and the file can be read again. */
TEST(test_saved) {
    static const char *const reasons[] = {"plain", "", "two\nlines alice bob", "tab\tesc \x1b[2J nul", "\xff\xfe", " ",
        "\xE2\x80\xAE turned", "back\\slash"};
    enum { COUNT = sizeof reasons / sizeof reasons[0] };
    bans_t bans = {0}, again = {0};
    zr_error_t error = {0};
    char name[32];
    for (unsigned i = 0; i < COUNT; i++) {
        snprintf(name, sizeof name, "user%u", i);
        ck_assert(bans_add(&bans, zr_span(name), zr_span("alice"), zr_span(reasons[i]), 1769903999));
    }
    /* Long ones are cut between characters. */
    zr_buffer_t longer = {0};
    for (unsigned i = 0; i < BAN_REASON_MAX; i++)
        zr_buffer_append(&longer, "\xE2\x82\xAC", 3);
    ck_assert(bans_add(&bans, zr_span("long"), zr_span("alice"), zr_span_of(longer.data, longer.len), 0));
    zr_buffer_finish(&longer);
    ck_assert_msg(bans_save(&bans, dir_path("b"), &error), "%s", error.text);
    ck_assert_msg(bans_load(&again, dir_path("b"), &error), "%s", error.text);
    ck_assert_uint_eq(again.count, COUNT + 1);
    for (size_t i = 0; i < again.count; i++)
        ck_assert_int_eq(memcmp(&again.items[i], &bans.items[i], sizeof(ban_t)), 0);
    ck_assert_str_eq(bans_find(&again, zr_span("user2"))->reason, "two\\x0alines alice bob");
    ck_assert_uint_eq(strlen(bans_find(&again, zr_span("long"))->reason), BAN_REASON_MAX / 3 * 3);
    bans_finish(&again);
    bans_finish(&bans);
}

TEST(test_load) {
    bans_t bans = {0};
    zr_error_t error = {0};
    ck_assert(!bans_load(&bans, dir_path("none"), &error));
    dir_assert_error(&error, "gone");
    bool there = true;
    ck_assert(bans_load_first(&bans, dir_path("none"), &there, &error));
    ck_assert(!there);
    ck_assert_uint_eq(bans.count, 0);
    ck_assert(!bans_load_first(&bans, dir_path("nowhere/bans"), &there, &error));
    dir_assert_error(&error, "mount");
    ck_assert_int_eq(symlink(dir_path("elsewhere"), dir_path("link")), 0);
    ck_assert(!bans_load_first(&bans, dir_path("link"), &there, &error));
    dir_assert_error(&error, "mount");
    ck_assert(bans_load_first(&bans, dir_write("b", "a b " TIME " x\n", 0600), &there, &error));
    ck_assert(there);
    bans_finish(&bans);
    ck_assert(!bans_load(&bans, dir_write("b", "a b " TIME " x\n", 0666), &error));
    dir_assert_error(&error, "chmod");
    ck_assert(!bans_load(&bans, dir_write("b", "a b\n", 0600), &error));
    dir_assert_error(&error, "b:1: ");
    ck_assert_int_eq(mkdir(dir_path("d"), 0700), 0);
    ck_assert(!bans_load(&bans, dir_path("d"), &error));
    ck_assert_ptr_null(bans.items);
}

UNIT_SUITE_WITH("broker.bans", dir_begin, dir_end)
