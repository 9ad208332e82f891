/* Logins with tokens, which a thread of their own checks. */
#include <sodium.h>
#include <stdio.h>

#include "fixture_auth.h"
#include "throttle.h"
#include "token.h"

static void s_write_tokens(const char *alice, const char *alice_too) {
    char text[2000], hash[TOKEN_HASH_SIZE], hash_too[TOKEN_HASH_SIZE];
    ck_assert_int_ge(sodium_init(), 0);
    ck_assert(token_hash(zr_span(alice), hash) && token_hash(zr_span(alice_too), hash_too));
    snprintf(text, sizeof text, ALICE "    token = \"%s\"\n    token = \"%s\"\n" BOB, hash, hash_too);
    dir_write("users", text, 0600);
}

static auth_answer_t s_login(const char *user, zr_span_t token, const char *address) {
    auth_login(auth, 7, zr_span(user), token, zr_span(address));
    auth_answer_t answer = fx_auth_answer();
    ck_assert_uint_eq(answer.ticket, 7);
    ck_assert_int_eq(answer.kind, AUTH_LOGIN);
    return answer;
}

TEST(test_logins) {
    s_write_tokens("first", "second");
    fx_auth_start(true);
    ck_assert_int_eq(s_login("alice", zr_span("second"), "127.0.0.1").login, LOGIN_OK);
    ck_assert_int_eq(s_login("alice", zr_span("first"), "").login, LOGIN_OK);
    auth_answer_t answer = s_login("alice", zr_span("third"), "127.0.0.1");
    ck_assert_int_eq(answer.login, LOGIN_FAILED);
    ck_assert_uint_eq(answer.wait_ms, THROTTLE_FIRST_MS);
    ck_assert_int_eq(s_login("bob", zr_span("first"), "127.0.0.1").login, LOGIN_FAILED);
    ck_assert_int_eq(s_login("carol", zr_span("first"), "127.0.0.1").login, LOGIN_FAILED);
    /* Tokens that a hello can hold and no user has. */
    ck_assert_int_eq(s_login("alice", zr_span(""), "::1").login, LOGIN_FAILED);
    ck_assert_int_eq(s_login("alice", unit_fill('x', TOKEN_MAX + 1), "::1").login, LOGIN_FAILED);
    ck_assert_int_eq(s_login("", zr_span("first"), "::1").login, LOGIN_FAILED);
    ck_assert_int_eq(s_login("alice", unit_fill('x', TOKEN_MAX), "::1").login, LOGIN_FAILED);
    ck_assert_str_eq(fx_auth_zap_key(BOB_KEY), "400 ");
}

/* Where no user has a token, a guess takes as long as elsewhere. */
TEST(test_no_user_has_a_token) {
    fx_auth_start(true);
    ck_assert_int_eq(s_login("alice", zr_span("first"), "").login, LOGIN_FAILED);
}

/* Each failure makes the wait longer, until one comes too early: then it is not even checked, right or wrong. */
TEST(test_slowed) {
    s_write_tokens("first", "second");
    fx_auth_start(true);
    uint32_t wait = 0;
    bool slowed = false;
    for (unsigned i = 0; i < 100 && !slowed; i++) {
        auth_answer_t answer = s_login("alice", zr_span("wrong"), "127.0.0.1");
        ck_assert_int_ne(answer.login, LOGIN_OK);
        ck_assert_uint_gt(answer.wait_ms, 0);
        ck_assert_uint_le(answer.wait_ms, THROTTLE_LONGEST_MS);
        slowed = answer.login == LOGIN_SLOW && answer.wait_ms > 1000;
        ck_assert(answer.login == LOGIN_SLOW || answer.wait_ms >= wait);
        if (answer.login == LOGIN_FAILED)
            wait = answer.wait_ms;
        if (answer.login == LOGIN_SLOW && !slowed)
            usleep(1000 * answer.wait_ms);
    }
    ck_assert(slowed);
}

/* No handshake stands behind logins, and the end does not wait for them. */
TEST(test_many_wait) {
    s_write_tokens("first", "second");
    fx_auth_start(true);
    for (unsigned i = 0; i < 1000; i++)
        auth_login(auth, i, zr_span("alice"), zr_span("first"), zr_span(NULL));
    ck_assert_str_eq(fx_auth_zap_key(BOB_KEY), "400 ");
}

/* A login is checked by the users that hold where its answer stands in the queue. */
TEST(test_login_and_reload) {
    for (unsigned i = 0; i < 4; i++) {
        s_write_tokens("first", "second");
        fx_auth_start(true);
        for (unsigned login = 0; login < i + 1; login++)
            auth_login(auth, 1, zr_span("alice"), zr_span("first"), zr_span(NULL));
        dir_write("users", ALICE BOB, 0600);
        auth_reload(auth, 2, zr_span("SIGHUP"));
        bool reloaded = false;
        for (unsigned count = 0; count < i + 2; count++) {
            auth_answer_t answer = fx_auth_answer();
            if (answer.kind == AUTH_RELOAD) {
                reloaded = true;
                ck_assert_uint_eq(answer.disowned.count, 1);
                ck_assert_str_eq(answer.disowned.items[0], "alice");
            } else {
                ck_assert(answer.login != LOGIN_OK || !reloaded);
            }
            auth_answer_finish(&answer);
        }
    }
}

TEST(test_banned_login) {
    s_write_tokens("first", "second");
    fx_auth_start(true);
    auth_ban(auth, 1, zr_span("alice"), zr_span("x"), zr_span("bob"));
    ck_assert_int_eq(fx_auth_code(1), ZR_OK);
    ck_assert_int_eq(s_login("alice", zr_span("first"), "").login, LOGIN_FAILED);
}

UNIT_SUITE_WITH("broker.auth_login", fx_auth_begin, fx_auth_end)
