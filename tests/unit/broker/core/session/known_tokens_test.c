#include <stdio.h>

#include "known_tokens.h"
#include "unit.h"

static known_tokens_t s_known;

static void s_begin(void) {
    memset(s_known.key, 7, sizeof s_known.key);
}

static void s_end(void) {
    known_tokens_finish(&s_known);
}

static token_tag_t s_tag(unsigned user) {
    char name[16];
    snprintf(name, sizeof name, "u%u", user);
    return known_tokens_tag(&s_known, zr_span(name), zr_span("token"));
}

static bool s_has(unsigned user, uint64_t now) {
    token_tag_t tag = s_tag(user);
    return known_tokens_has(&s_known, &tag, now);
}

static void s_add(unsigned user, uint64_t now) {
    token_tag_t tag = s_tag(user);
    known_tokens_add(&s_known, &tag, now);
}

TEST(test_a_tag_is_of_user_token_and_key) {
    token_tag_t tag = known_tokens_tag(&s_known, zr_span("ann"), zr_span("xy"));
    token_tag_t same = known_tokens_tag(&s_known, zr_span("ann"), zr_span("xy"));
    token_tag_t moved = known_tokens_tag(&s_known, zr_span("annx"), zr_span("y"));
    ck_assert(token_tag_equal(&tag, &same));
    ck_assert(!token_tag_equal(&tag, &moved));
    s_known.key[0]++;
    same = known_tokens_tag(&s_known, zr_span("ann"), zr_span("xy"));
    ck_assert(!token_tag_equal(&tag, &same));
}

TEST(test_so_many_are_known) {
    for (unsigned i = 0; i <= KNOWN_TOKENS_MAX; i++) {
        s_add(i, i);
        if (i == 1)
            s_add(0, i); /* checked anew: it is not the oldest any more */
    }
    ck_assert_uint_eq(known_tokens_count(&s_known), KNOWN_TOKENS_MAX);
    ck_assert(s_has(0, KNOWN_TOKENS_MAX));
    ck_assert(!s_has(1, KNOWN_TOKENS_MAX));
    ck_assert(s_has(2, KNOWN_TOKENS_MAX));
    known_tokens_forget(&s_known);
    ck_assert_uint_eq(known_tokens_count(&s_known), 0);
}

TEST(test_for_so_long) {
    const uint64_t checked = 1000000000, end = checked + KNOWN_TOKENS_S * 1000000ULL;
    s_add(1, checked);
    ck_assert(s_has(1, end - 1));
    ck_assert(!s_has(1, end));
    known_tokens_expire(&s_known, end - 1);
    ck_assert_uint_eq(known_tokens_count(&s_known), 1);
    known_tokens_expire(&s_known, end);
    ck_assert_uint_eq(known_tokens_count(&s_known), 0);
    /* A clock that is set back does not make it longer. */
    s_add(1, checked);
    ck_assert(!s_has(1, checked - 1));
    known_tokens_expire(&s_known, checked - 1);
    ck_assert(!s_has(1, checked));
}

UNIT_SUITE_WITH("broker.core.known_tokens", s_begin, s_end)
