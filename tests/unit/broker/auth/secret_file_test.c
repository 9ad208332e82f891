#include "secret_file.h"

#include <fcntl.h>
#include <stdio.h>

#include "fixture_dir.h"

static zr_file_t s_read(const char *path, char *error) {
    zr_buffer_t text = {0};
    zr_file_t result = secret_file_read(path, &text, NULL, error);
    ck_assert(result == ZR_FILE_READ || text.data == NULL);
    zr_file_wipe(&text);
    return result;
}

static void s_refused(const char *path, const char *part) {
    char error[ZPL_ERROR_SIZE] = "";
    ck_assert_int_eq(s_read(path, error), ZR_FILE_REFUSED);
    dir_assert_error(error, part);
    dir_assert_error(error, path);
}

TEST(test_content) {
    zr_buffer_t text = {0};
    mode_t mode = 0;
    char error[ZPL_ERROR_SIZE] = "";
    const char *path = dir_write("f", "some text\n", 0640);
    ck_assert_int_eq(secret_file_read(path, &text, &mode, error), ZR_FILE_READ);
    ck_assert_span_eq(zr_span_of(text.data, text.len), zr_span("some text\n"));
    ck_assert_uint_eq(mode, 0640);
    zr_file_wipe(&text);
    ck_assert_ptr_null(text.data);
    ck_assert_int_eq(s_read(dir_write("f", "", 0400), error), ZR_FILE_READ);
}

TEST(test_modes) {
    char error[ZPL_ERROR_SIZE] = "";
    ck_assert_int_eq(s_read(dir_write("f", "x", 0644), error), ZR_FILE_READ);
    s_refused(dir_write("f", "x", 0664), "chmod go-w");
    s_refused(dir_write("f", "x", 0646), "chmod go-w");
    s_refused(dir_write("f", "x", 0602), "chmod go-w");
}

TEST(test_not_a_file) {
    char error[ZPL_ERROR_SIZE] = "";
    ck_assert_int_eq(s_read(dir_path("none"), error), ZR_FILE_MISSING);
    dir_assert_error(error, "No such file");
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
    char error[ZPL_ERROR_SIZE] = "";
    const char *path = dir_write("f", "x", 0600);
    ck_assert_int_eq(chown(path, 65534, 65534), 0);
    s_refused(path, "chown");
    ck_assert_int_eq(chown(path, 0, 0), 0);
    ck_assert_int_eq(s_read(path, error), ZR_FILE_READ);

    /* Every user trusts root's files, but may not be able to read them. */
    ck_assert_int_eq(chmod(dir_path("."), 0755), 0);
    ck_assert_int_eq(seteuid(65534), 0);
    s_refused(path, "Permission denied");
    ck_assert_int_eq(seteuid(0), 0);
    ck_assert_int_eq(chmod(path, 0644), 0);
    ck_assert_int_eq(seteuid(65534), 0);
    ck_assert_int_eq(s_read(path, error), ZR_FILE_READ);
    ck_assert_int_eq(seteuid(0), 0);
}

TEST(test_size) {
    char error[ZPL_ERROR_SIZE] = "";
    const char *path = dir_write("f", "", 0600);
    ck_assert_int_eq(truncate(path, SECRET_FILE_MAX), 0);
    ck_assert_int_eq(s_read(path, error), ZR_FILE_READ);
    ck_assert_int_eq(truncate(path, SECRET_FILE_MAX + 1), 0);
    s_refused(path, "larger than 4194304 bytes");
}

TEST(test_create) {
    char error[ZPL_ERROR_SIZE] = "";
    struct stat about;
    umask(0);
    ck_assert(secret_file_create(dir_path("f"), 0600, zr_span("one"), error));
    ck_assert_str_eq(dir_read("f"), "one");
    ck_assert_int_eq(stat(dir_path("f"), &about), 0);
    ck_assert_uint_eq(about.st_mode & 07777, 0600);
    ck_assert(!secret_file_create(dir_path("f"), 0600, zr_span("two"), error));
    dir_assert_error(error, "exists already");
    ck_assert_str_eq(dir_read("f"), "one");
    ck_assert_int_eq(symlink("elsewhere", dir_path("link")), 0);
    ck_assert(!secret_file_create(dir_path("link"), 0600, zr_span("two"), error));
    ck_assert(!dir_has("elsewhere"));
}

TEST(test_replace) {
    char error[ZPL_ERROR_SIZE] = "";
    ck_assert(secret_file_replace(dir_path("f"), zr_span("one"), error));
    dir_write("f.partial", "of a run that was killed", 0644);
    ck_assert(secret_file_replace(dir_path("f"), zr_span("two"), error));
    ck_assert_str_eq(dir_read("f"), "two");
    ck_assert(!dir_has("f.partial"));
    /* A file that cannot be replaced stays as it is. */
    ck_assert_int_eq(mkdir(dir_path("d"), 0700), 0);
    ck_assert(!secret_file_replace(dir_path("d"), zr_span("x"), error));
    dir_assert_error(error, "cannot put");
    ck_assert(!dir_has("d.partial"));
    ck_assert(!secret_file_replace(dir_path("none/f"), zr_span("x"), error));
    dir_assert_error(error, "cannot create");
}

UNIT_SUITE_WITH("broker.secret_file", dir_begin, dir_end)
