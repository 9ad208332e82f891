#include "token_file.h"

#include <stdio.h>
#include <sys/stat.h>

#include "fixture_dir.h"
#include "names.h"
#include "unit.h"

static const char *s_write(zr_span_t text, mode_t mode) {
    const char *path = dir_write("token", "", mode);
    FILE *file = fopen(path, "w");
    ck_assert_uint_eq(fwrite(text.ptr, 1, text.len, file), text.len);
    fclose(file);
    return path;
}

static const char *s_load(zr_span_t text, mode_t mode) {
    static char out[5000];
    zr_buffer_t token = {0};
    zr_error_t error = {0};
    const char *path = s_write(text, mode);
    bool loaded = zr_token_load(&token, path, &error);
    ck_assert_int_eq(loaded, error.count == 0);
    snprintf(out, sizeof out, "%s", loaded ? (char *)token.data : error.text);
    ck_assert(loaded || !token.data);
    zr_file_wipe(&token);
    return out;
}

#define GIVES(text, token) ck_assert_str_eq(s_load(LIT(text), 0600), token)
#define FAILS(text, why) ck_assert_ptr_nonnull(strstr(s_load(LIT(text), 0600), why))

TEST(test_the_first_line) {
    GIVES("secret", "secret");
    GIVES("secret\n", "secret");
    GIVES("a secret \r\nand a note", "a secret");
    GIVES("s\xC3\xA4\n\n", "s\xC3\xA4");
}

TEST(test_what_is_no_token) {
    FAILS("", "is no token");
    FAILS("\nsecret", "is no token");
    FAILS("sec\0ret", "is no token");
    FAILS("sec\xFFret", "is no token");
    ck_assert_ptr_nonnull(strstr(s_load(LIT("secret"), 0640), "chmod 600"));
}

TEST(test_length) {
    char token[ZR_TOKEN_MAX + 2];
    memset(token, 'x', sizeof token);
    ck_assert_uint_eq(strlen(s_load(zr_span_of(token, ZR_TOKEN_MAX), 0600)), ZR_TOKEN_MAX);
    ck_assert_ptr_nonnull(strstr(s_load(zr_span_of(token, ZR_TOKEN_MAX + 1), 0600), "is no token"));
}

UNIT_SUITE_WITH("common.token_file", dir_begin, dir_end)
