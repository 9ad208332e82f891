#include "cursor.h"

#include <stdio.h>

#include "fixture_dir.h"

#define EPOCH "0123456789abcdef"
#define OTHER "fedcba9876543210"

static cursor_t s_cursor;
static zr_error_t s_error;

static bool s_open(void) {
    s_error = (zr_error_t){0};
    s_cursor = (cursor_t){.held = -1};
    return cursor_open(&s_cursor, dir_path("c"), &s_error);
}

static void s_save(void) {
    ck_assert_msg(cursor_save(&s_cursor, 1000, true, &s_error), "%s", s_error.text);
}

static void s_refused(const char *text) {
    dir_write("c", text, 0600);
    ck_assert_msg(!s_open(), "accepted: %s", text);
    dir_assert_error(&s_error, "no file of 'zrelay sub --cursor'");
    cursor_finish(&s_cursor);
}

TEST(test_positions_go_on) {
    uint64_t seq = 99;
    ck_assert_msg(s_open(), "%s", s_error.text);
    ck_assert(!cursor_epoch(&s_cursor, EPOCH));
    ck_assert(!cursor_at(&s_cursor, "r", &seq));
    cursor_read(&s_cursor, "r", 5);
    cursor_read(&s_cursor, "a b", 7); /* whatever a room is called */
    cursor_written(&s_cursor);
    cursor_read(&s_cursor, "r", 6); /* not written yet */
    s_save();
    cursor_finish(&s_cursor);
    ck_assert_str_eq(dir_read("c"), "zrelay-cursor 1\nepoch " EPOCH "\nroom 5 r\nroom 7 a b\n");
    dir_write("c", "zrelay-cursor 1\nepoch " EPOCH "\nroom 5 r\nroom 0 q\n", 0600);
    ck_assert_msg(s_open(), "%s", s_error.text);
    ck_assert(cursor_at(&s_cursor, "r", &seq));
    ck_assert_uint_eq(seq, 5);
    ck_assert(!cursor_epoch(&s_cursor, EPOCH));
    ck_assert_int_eq(cursor_due(&s_cursor, 0), -1);
    cursor_finish(&s_cursor);
}

TEST(test_another_epoch_voids_them) {
    uint64_t seq;
    dir_write("c", "zrelay-cursor 1\nepoch " EPOCH "\nroom 5 r\nroom 6 s\n", 0600);
    ck_assert(s_open());
    ck_assert(cursor_epoch(&s_cursor, OTHER));
    ck_assert(!cursor_epoch(&s_cursor, OTHER)); /* once */
    ck_assert(!cursor_at(&s_cursor, "r", &seq));
    cursor_read(&s_cursor, "r", 2);
    cursor_written(&s_cursor);
    s_save();
    ck_assert_str_eq(dir_read("c"), "zrelay-cursor 1\nepoch " OTHER "\nroom 2 r\n");
    cursor_finish(&s_cursor);
}

/* An fsync takes long, so a busy reader saves four times a second. */
TEST(test_when_it_is_saved) {
    ck_assert(s_open());
    cursor_epoch(&s_cursor, EPOCH);
    ck_assert_int_eq(cursor_due(&s_cursor, 1000), 0);
    ck_assert(cursor_save(&s_cursor, 1000, false, &s_error));
    ck_assert_int_eq(cursor_due(&s_cursor, 1001), -1);
    cursor_read(&s_cursor, "r", 1);
    cursor_written(&s_cursor);
    ck_assert_int_eq(cursor_due(&s_cursor, 1100), 150);
    ck_assert(cursor_save(&s_cursor, 1100, false, &s_error));
    ck_assert_ptr_null(strstr(dir_read("c"), "room"));
    ck_assert(cursor_save(&s_cursor, 1100, true, &s_error));
    ck_assert_ptr_nonnull(strstr(dir_read("c"), "room 1 r\n"));
    cursor_finish(&s_cursor);
}

TEST(test_files_that_are_none) {
    s_refused("zrelay-progress 1\n");
    s_refused("zrelay-cursor 1\n");
    s_refused("zrelay-cursor 1\nepoch " EPOCH); /* cut off */
    s_refused("zrelay-cursor 1\nepoch x\n");
    s_refused("zrelay-cursor 1\nepoch " EPOCH "\nroom r\n");
    s_refused("zrelay-cursor 1\nepoch " EPOCH "\nroom 5 r\nroom 6 r\n");
    s_refused("zrelay-cursor 1\nepoch " EPOCH "\nroom 5 a*\n");
    s_refused("zrelay-cursor 1\nepoch " EPOCH "\noops 5\n");
    dir_write("c", "", 0600);
    ck_assert(s_open());
    cursor_t second = {.held = -1};
    ck_assert(!cursor_open(&second, dir_path("c"), &s_error));
    dir_assert_error(&s_error, "another process uses it");
    cursor_finish(&second);
    cursor_finish(&s_cursor);
}

UNIT_SUITE_WITH("client.cli.feed.cursor", dir_begin, dir_end)
