#include "errors.h"

#include "unit.h"

TEST(test_lines) {
    zr_error_t error = {0};
    ck_assert_ptr_null(zr_error_next(&error, NULL));
    ck_assert(!zr_fail(&error, "no %s", "disk"));
    ck_assert_str_eq(error.text, "no disk");
    error.file = "f";
    zr_fail(&error, "one");
    zr_fail(zr_error_at(&error, 7, "a", NULL), "two");
    zr_fail(zr_error_at(&error, 8, "a", "b"), "three");
    error.file = NULL;
    zr_fail(zr_error_at(&error, 0, "--listen", NULL), "four");
    zr_fail(zr_error_at(&error, 0, NULL, NULL), "five");
    static const char *const lines[] = {
        "no disk", "f: one", "f:7: a: two", "f:8: a/b: three", "--listen: four", "five"};
    const char *line = NULL;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        ck_assert_str_eq(line = zr_error_next(&error, line), lines[i]);
    ck_assert_ptr_null(zr_error_next(&error, line));
    ck_assert_uint_eq(error.count, 6);
}

/* Lines that find no room are counted; a single one is cut. */
TEST(test_bounds) {
    char large[2 * ZR_ERROR_SIZE];
    memset(large, 'x', sizeof large);
    zr_error_t error = {0};
    zr_fail(&error, "%.*s", (int)sizeof large, large);
    ck_assert_uint_eq(strlen(error.text), ZR_ERROR_SIZE - 1);
    zr_fail(&error, "y");
    ck_assert_ptr_null(zr_error_next(&error, error.text));
    ck_assert_uint_eq(error.count, 2);
    error = (zr_error_t){0};
    for (unsigned i = 0; i < 1000; i++)
        zr_fail(&error, "line %u", i);
    unsigned kept = 0;
    for (const char *line = NULL; (line = zr_error_next(&error, line)); kept++)
        ck_assert_uint_lt(strlen(line), 9);
    ck_assert_uint_gt(kept, 400);
    ck_assert_uint_eq(error.count, 1000);
}

TEST(test_print) {
    zr_error_t error = {0};
    int ends[2];
    char shown[200] = "";
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    zr_fail(&error, "a\nb\x1b");
    zr_fail(&error, "c");
    error.count++;
    ck_assert_int_eq(zr_error_print(&error, "prog"), EXIT_FAILURE);
    ck_assert_int_gt(read(ends[0], shown, sizeof shown - 1), 0);
    ck_assert_str_eq(shown, "prog: a\\x0ab\\x1b\nprog: c\nprog: and 1 more\n");
}

UNIT_SUITE("common.errors")
