#include "token.h"

#include <sodium.h>
#include <stdio.h>

#include "unit.h"

static void s_begin(void) {
    ck_assert_int_ge(sodium_init(), 0);
}

static bool s_from(zr_span_t text, char hash[TOKEN_HASH_SIZE], zr_error_t *error) {
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(write(ends[1], text.ptr, text.len), (ssize_t)text.len);
    close(ends[1]);
    bool ok = token_hash_from(ends[0], hash, error);
    close(ends[0]);
    return ok;
}

TEST(test_hash) {
    char hash[TOKEN_HASH_SIZE];
    ck_assert(token_hash(zr_span("correct horse"), hash));
    ck_assert(token_hash_valid(hash));
    ck_assert_ptr_null(strstr(hash, "horse"));
    ck_assert(token_matches(hash, zr_span("correct horse")));
    ck_assert(!token_matches(hash, zr_span("correct hors")));
    ck_assert(!token_matches(hash, zr_span("")));
}

TEST(test_nobody) {
    ck_assert(token_hash_valid(token_hash_of_nobody));
    ck_assert(!token_matches(token_hash_of_nobody, zr_span("")));
    ck_assert(!token_matches(token_hash_of_nobody, zr_span("correct horse")));
}

TEST(test_no_hash) {
    char other[TOKEN_HASH_SIZE], cut[TOKEN_HASH_SIZE];
    ck_assert(!token_hash_valid(""));
    ck_assert(!token_hash_valid("correct horse"));
    ck_assert(!token_hash_valid("$argon2id$"));
    ck_assert(!token_hash_valid("$argon2id$v=19$m=65536,t=2,p=1$"));
    strcpy(cut, token_hash_of_nobody);
    for (size_t len = strlen(cut); len-- > 0;) {
        cut[len] = '\0';
        /* Shorter hashes are hashes too; but none may crash or be empty. */
        if (token_hash_valid(cut))
            ck_assert_uint_ge(len, strlen("$argon2id$v=19$m=65536,t=2,p=1$33F3YUK31uk4u6VwkvWCqw$") + 16);
    }
    /* Made at another cost, it would take another time. */
    ck_assert_int_eq(crypto_pwhash_str(other, "x", 1, 1, 8192), 0);
    ck_assert(!token_hash_valid(other));
    ck_assert_int_eq(crypto_pwhash_str(other, "x", 1, 3, TOKEN_MEMORY), 0);
    ck_assert(!token_hash_valid(other));
}

TEST(test_from) {
    char hash[TOKEN_HASH_SIZE] = "";
    zr_error_t error = {0};
    ck_assert(s_from(zr_span("tok en\r\n"), hash, &error));
    ck_assert(token_matches(hash, zr_span("tok en")));
    ck_assert(s_from(unit_fill('x', TOKEN_MAX), hash, &error));
    ck_assert(token_matches(hash, unit_fill('x', TOKEN_MAX)));
}

static void s_refused(zr_span_t text, const char *part) {
    char hash[TOKEN_HASH_SIZE] = "";
    zr_error_t error = {0};
    ck_assert(!s_from(text, hash, &error));
    ck_assert_msg(strstr(error.text, part), "%s", error.text);
    ck_assert_str_eq(hash, "");
}

TEST(test_from_refused) {
    s_refused(zr_span(""), "empty");
    s_refused(zr_span("\n"), "empty");
    s_refused(unit_fill('x', TOKEN_MAX + 1), "longer");
    s_refused(unit_fill('x', 1000), "longer");
    s_refused(zr_span("two\nlines\n"), "one line");
    s_refused(LIT("nul\0"), "one line");
}

UNIT_SUITE_WITH("broker.token", s_begin, NULL)
