#include "secret.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit.h"

static char s_folder[64];

static const char *s_path(const char *name) {
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", s_folder, name);
    return path;
}

static void s_begin(void) {
    strcpy(s_folder, "/tmp/zrelay-secret-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(s_folder));
}

static void s_end(void) {
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", s_folder);
    ck_assert_int_eq(system(command), 0);
}

static const char *s_text(const zr_buffer_t *buffer) {
    static char text[512];
    snprintf(text, sizeof text, "%.*s", (int)buffer->len, buffer->len ? (const char *)buffer->data : "");
    return text;
}

TEST(test_create_and_read) {
    zr_buffer_t out = {0}, error = {0};
    struct stat about;
    umask(0);
    ck_assert(secret_create(s_path("a"), 0600, zr_span("token"), &error));
    ck_assert_int_eq(stat(s_path("a"), &about), 0);
    ck_assert_uint_eq(about.st_mode & 07777, 0600);
    ck_assert(secret_read(s_path("a"), &out, NULL, &error));
    ck_assert_str_eq(s_text(&out), "token");
    secret_finish(&out);
    ck_assert(!secret_create(s_path("a"), 0600, zr_span("other"), &error));
    ck_assert_ptr_nonnull(strstr(s_text(&error), "exists already"));
    ck_assert(secret_read(s_path("a"), &out, NULL, &error));
    ck_assert_str_eq(s_text(&out), "token");
    secret_finish(&out);
    zr_buffer_clear(&error);
    ck_assert(!secret_create(s_path("no/a"), 0600, zr_span("x"), &error));
    ck_assert_ptr_nonnull(strstr(s_text(&error), "cannot write"));
    zr_buffer_finish(&error);
}

TEST(test_no_symbolic_link_is_followed_in_creating) {
    zr_buffer_t error = {0};
    char target[128];
    strcpy(target, s_path("target"));
    ck_assert_int_eq(symlink(target, s_path("link")), 0);
    ck_assert(!secret_create(s_path("link"), 0600, zr_span("x"), &error));
    ck_assert_int_ne(access(target, F_OK), 0);
    zr_buffer_finish(&error);
}

TEST(test_modes) {
    static const struct {
        mode_t mode;
        bool good;
    } cases[] = {{0600, true}, {0400, true}, {0700, true}, {0640, false}, {0604, false}, {0620, false}, {0602, false},
        {0644, false}, {0610, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        zr_buffer_t out = {0}, error = {0};
        bool missing = true;
        unlink(s_path("a"));
        ck_assert(secret_create(s_path("a"), 0600, zr_span("x"), &error));
        ck_assert_int_eq(chmod(s_path("a"), cases[i].mode), 0);
        ck_assert_msg(secret_read(s_path("a"), &out, &missing, &error) == cases[i].good, "%o", cases[i].mode);
        ck_assert(!missing);
        if (!cases[i].good)
            ck_assert_ptr_nonnull(strstr(s_text(&error), "chmod 600"));
        secret_finish(&out);
        zr_buffer_finish(&error);
    }
}

TEST(test_owner) {
    zr_buffer_t out = {0}, error = {0};
    if (geteuid() != 0)
        return; /* nobody else can give files away */
    ck_assert(secret_create(s_path("a"), 0600, zr_span("x"), &error));
    ck_assert_int_eq(chown(s_path("a"), 12345, 12345), 0);
    ck_assert(!secret_read(s_path("a"), &out, NULL, &error));
    ck_assert_ptr_nonnull(strstr(s_text(&error), "belongs to another user"));
    zr_buffer_finish(&error);
}

TEST(test_what_is_no_file_or_too_large) {
    zr_buffer_t out = {0}, error = {0};
    bool missing = false;
    ck_assert(!secret_read(s_path("a"), &out, &missing, &error));
    ck_assert(missing);
    zr_buffer_clear(&error);
    ck_assert(!secret_read(s_folder, &out, &missing, &error));
    ck_assert(!missing);
    ck_assert_ptr_nonnull(strstr(s_text(&error), "no regular file"));
    zr_buffer_clear(&error);
    ck_assert_int_eq(mkfifo(s_path("fifo"), 0600), 0);
    ck_assert(!secret_read(s_path("fifo"), &out, NULL, &error)); /* and does not wait */
    zr_buffer_clear(&error);
    char *large = calloc(1, SECRET_SIZE_MAX);
    ck_assert(secret_create(s_path("large"), 0600, zr_span_of(large, SECRET_SIZE_MAX), &error));
    ck_assert(!secret_read(s_path("large"), &out, NULL, &error));
    ck_assert_ptr_nonnull(strstr(s_text(&error), "larger than"));
    ck_assert(secret_create(s_path("fits"), 0600, zr_span_of(large, SECRET_SIZE_MAX - 1), &error));
    zr_buffer_clear(&error);
    ck_assert(secret_read(s_path("fits"), &out, NULL, &error));
    ck_assert_uint_eq(out.len, SECRET_SIZE_MAX - 1);
    free(large);
    secret_finish(&out);
    zr_buffer_finish(&error);
}

UNIT_SUITE_WITH("client.cli.secret", s_begin, s_end)
