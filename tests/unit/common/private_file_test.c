#include "private_file.h"

#include <fcntl.h>
#include <stdio.h>

#include "fixture_dir.h"

static zr_file_t s_read(const char *path, zr_error_t *error) {
    zr_buffer_t text = {0};
    zr_file_t result = zr_file_read(path, &zr_file_access, &text, NULL, error);
    ck_assert(result == ZR_FILE_READ || text.data == NULL);
    zr_file_wipe(&text);
    return result;
}

static void s_refused(const char *path, const char *part) {
    zr_error_t error = {0};
    ck_assert_int_eq(s_read(path, &error), ZR_FILE_REFUSED);
    ck_assert_ptr_nonnull(strstr(error.text, path));
    dir_assert_error(&error, part);
}

TEST(test_content) {
    zr_buffer_t text = {0};
    mode_t mode = 0;
    zr_error_t error = {0};
    const char *path = dir_write("f", "some text\n", 0640);
    ck_assert_int_eq(zr_file_read(path, &zr_file_access, &text, &mode, &error), ZR_FILE_READ);
    ck_assert_span_eq(zr_span_of(text.data, text.len), zr_span("some text\n"));
    ck_assert_uint_eq(mode, 0640);
    zr_file_wipe(&text);
    ck_assert_ptr_null(text.data);
    ck_assert_int_eq(s_read(dir_write("f", "", 0400), &error), ZR_FILE_READ);
}

TEST(test_modes) {
    zr_error_t error = {0};
    ck_assert_int_eq(s_read(dir_write("f", "x", 0644), &error), ZR_FILE_READ);
    s_refused(dir_write("f", "x", 0664), "chmod go-w");
    s_refused(dir_write("f", "x", 0646), "chmod go-w");
    s_refused(dir_write("f", "x", 0602), "chmod go-w");
}

/* Others may not even read a secret. */
TEST(test_modes_of_secrets) {
    static const mode_t good[] = {0600, 0400, 0700}, bad[] = {0640, 0604, 0620, 0602, 0644, 0610};
    zr_error_t error = {0};
    zr_buffer_t text = {0};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        ck_assert_int_eq(
            zr_file_read(dir_write("f", "x", good[i]), &zr_file_secret, &text, NULL, &error), ZR_FILE_READ);
        zr_file_wipe(&text);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ck_assert_int_eq(
            zr_file_read(dir_write("f", "x", bad[i]), &zr_file_secret, &text, NULL, &error), ZR_FILE_REFUSED);
        dir_assert_error(&error, "chmod 600");
    }
}

/* A configuration may come from a pipe; a missing file is no fault where there may be none. */
TEST(test_pipes_and_missing_files) {
    zr_error_t error = {0};
    zr_buffer_t text = {0};
    ck_assert_int_eq(zr_file_read("/dev/null", &zr_file_config, &text, NULL, &error), ZR_FILE_READ);
    zr_file_wipe(&text);
    ck_assert_int_eq(zr_file_read_if_there(dir_path("none"), &zr_file_secret, &text, &error), ZR_FILE_MISSING);
    ck_assert_uint_eq(error.count, 0);
    ck_assert_int_eq(zr_file_read_if_there(dir_path("."), &zr_file_secret, &text, &error), ZR_FILE_REFUSED);
    dir_assert_error(&error, "regular");
}

TEST(test_not_a_file) {
    zr_error_t error = {0};
    ck_assert_int_eq(s_read(dir_path("none"), &error), ZR_FILE_MISSING);
    dir_assert_error(&error, "No such file");
    ck_assert_int_eq(mkdir(dir_path("d"), 0700), 0);
    s_refused(dir_path("d"), "regular");
    ck_assert_int_eq(mkfifo(dir_path("p"), 0600), 0);
    s_refused(dir_path("p"), "regular");
    s_refused("/dev/null", "regular");
    s_refused("/dev/null/x", "Not a directory");
}

TEST(test_owner) {
    if (geteuid() != 0)
        return; /* only root can give files away */
    zr_error_t error = {0};
    const char *path = dir_write("f", "x", 0600);
    ck_assert_int_eq(chown(path, 65534, 65534), 0);
    s_refused(path, "chown");
    ck_assert_int_eq(chown(path, 0, 0), 0);
    ck_assert_int_eq(s_read(path, &error), ZR_FILE_READ);

    /* Every user trusts root's files, but may not be able to read them. */
    ck_assert_int_eq(chmod(dir_path("."), 0755), 0);
    ck_assert_int_eq(seteuid(65534), 0);
    s_refused(path, "Permission denied");
    ck_assert_int_eq(seteuid(0), 0);
    ck_assert_int_eq(chmod(path, 0644), 0);
    ck_assert_int_eq(seteuid(65534), 0);
    ck_assert_int_eq(s_read(path, &error), ZR_FILE_READ);
    ck_assert_int_eq(seteuid(0), 0);
}

TEST(test_size) {
    zr_error_t error = {0};
    const char *path = dir_write("f", "", 0600);
    ck_assert_int_eq(truncate(path, (off_t)zr_file_access.max), 0);
    ck_assert_int_eq(s_read(path, &error), ZR_FILE_READ);
    ck_assert_int_eq(truncate(path, (off_t)zr_file_access.max + 1), 0);
    s_refused(path, "larger than 4194304 bytes");
}

TEST(test_create) {
    zr_error_t error = {0};
    struct stat about;
    umask(0);
    ck_assert(zr_file_create(dir_path("f"), 0600, zr_span("one"), &error));
    ck_assert_str_eq(dir_read("f"), "one");
    ck_assert_int_eq(stat(dir_path("f"), &about), 0);
    ck_assert_uint_eq(about.st_mode & 07777, 0600);
    ck_assert(!zr_file_create(dir_path("f"), 0600, zr_span("two"), &error));
    dir_assert_error(&error, "exists already");
    ck_assert_str_eq(dir_read("f"), "one");
    ck_assert_int_eq(symlink("elsewhere", dir_path("link")), 0);
    ck_assert(!zr_file_create(dir_path("link"), 0600, zr_span("two"), &error));
    ck_assert(!dir_has("elsewhere"));
}

TEST(test_replace) {
    zr_error_t error = {0};
    ck_assert(zr_file_replace(dir_path("f"), dir_path("f.partial"), zr_span("one"), &error));
    dir_write("f.partial", "of a run that was killed", 0644);
    ck_assert(zr_file_replace(dir_path("f"), dir_path("f.partial"), zr_span("two"), &error));
    ck_assert_str_eq(dir_read("f"), "two");
    ck_assert(!dir_has("f.partial"));
    /* A file that cannot be replaced stays as it is. */
    ck_assert_int_eq(mkdir(dir_path("d"), 0700), 0);
    ck_assert(!zr_file_replace(dir_path("d"), dir_path("d.partial"), zr_span("x"), &error));
    dir_assert_error(&error, "cannot put");
    ck_assert(!dir_has("d.partial"));
    ck_assert(!zr_file_replace(dir_path("none/f"), dir_path("none/f.partial"), zr_span("x"), &error));
    dir_assert_error(&error, "cannot create");
}

TEST(test_holding) {
    zr_error_t error = {0};
    int held = zr_file_hold(dir_path("f"), &error);
    ck_assert_int_ge(held, 0);
    ck_assert_str_eq(dir_read("f"), "");
    for (int turn = 0; turn < 3; turn++) {
        ck_assert_int_eq(zr_file_hold(dir_path("f"), &error), -1); /* flock: of another descriptor of ours too */
        dir_assert_error(&error, "another process uses it");
        ck_assert(zr_file_replace_held(dir_path("f"), dir_path("f.partial"), zr_span("next"), &held, &error));
        ck_assert_str_eq(dir_read("f"), "next");
    }
    close(held);
    held = zr_file_hold(dir_path("f"), &error);
    ck_assert_int_ge(held, 0);
    ck_assert_str_eq(dir_read("f"), "next");
    ck_assert(!zr_file_replace_held(dir_path("none/f"), dir_path("none/f.partial"), zr_span("x"), &held, &error));
    dir_assert_error(&error, "cannot create");
    ck_assert_int_eq(zr_file_hold(dir_path("f"), &error), -1); /* still held */
    dir_assert_error(&error, "another process");
    close(held);
    ck_assert_int_eq(zr_file_hold(dir_path("none/f"), &error), -1);
    dir_assert_error(&error, "No such file");
}

UNIT_SUITE_WITH("common.private_file", dir_begin, dir_end)
