/* Signed logins: the thread checks them by the files that hold where the answer stands in the queue. */
#include <sodium.h>
#include <stdio.h>

#include "fixture_auth.h"
#include "fixture_jwt.h"

#define FILE_OF_USERS                                                                                                  \
    USERS "role\n    name = member\n    jwt = 1\n    allow = \"all : *\"\nrole\n    name = staff\n    allow = \"all "  \
          ": *\"\n"

static json_t *s_old, *s_new;

static void s_write_keys(const char *text) {
    dir_write("keys", text, 0600);
}

static void s_begin(void) {
    dir_begin();
    s_old = fx_jwk("EdDSA", "old");
    s_new = fx_jwk("ES256", "new");
    s_write_keys(fx_jwk_set(s_old, NULL));
    dir_write("users", FILE_OF_USERS, 0600);
    fx_auth_start_signed();
}

static void s_end(void) {
    fx_auth_end();
    json_decref(s_old);
    json_decref(s_new);
}

static const char *s_token(json_t *jwk, const char *user, const char *role, int seconds) {
    char claims[300];
    snprintf(
        claims, sizeof claims, "{'sub':'%s','roles':['%s'],'exp':%lld}", user, role, (long long)time(NULL) + seconds);
    return fx_jwt_of(jwk, claims);
}

static auth_answer_t s_login(const char *token) {
    auth_login_signed(auth, 7, zr_span(token));
    auth_answer_t answer = fx_auth_answer();
    ck_assert_uint_eq(answer.ticket, 7);
    ck_assert_int_eq(answer.kind, AUTH_JWT);
    return answer;
}

static login_t s_result(json_t *jwk, const char *user, const char *role) {
    return s_login(s_token(jwk, user, role, 60)).login;
}

TEST(test_logins) {
    auth_answer_t answer = s_login(s_token(s_old, "carol", "member", 60));
    ck_assert_int_eq(answer.login, LOGIN_OK);
    ck_assert_str_eq(answer.grant.user, "carol");
    ck_assert_str_eq(answer.grant.roles[0], "member");
    answer = s_login(s_token(s_old, "carol", "member", -60));
    ck_assert_int_eq(answer.login, LOGIN_FAILED);
    ck_assert_str_eq(answer.why, "the token has expired; get a new one");
    answer = s_login(s_token(s_new, "carol", "member", 60));
    ck_assert_int_eq(answer.login, LOGIN_FAILED);
    ck_assert_ptr_null(answer.why); /* nothing is told to a forger */
}

TEST(test_names_and_roles) {
    ck_assert_int_eq(s_result(s_old, "alice", "member"), LOGIN_FAILED); /* a user of the file */
    ck_assert_int_eq(s_result(s_old, "Alice", "member"), LOGIN_FAILED);
    ck_assert_int_eq(s_result(s_old, "Operator", "member"), LOGIN_FAILED);
    ck_assert_int_eq(s_result(s_old, "anonymous", "member"), LOGIN_FAILED);
    ck_assert_int_eq(s_result(s_old, "carol", "staff"), LOGIN_FAILED); /* without jwt = 1 */
    ck_assert_int_eq(s_result(s_old, "carol", "none"), LOGIN_FAILED);
}

/* Both keys, and then the new one alone. A file with a fault changes nothing. */
TEST(test_keys_are_changed_by_a_reload) {
    s_write_keys(fx_jwk_set(s_old, s_new, NULL));
    auth_reload(auth, 1, zr_span("SIGHUP"));
    auth_answer_t answer = fx_auth_answer();
    ck_assert_int_eq(answer.code, ZR_OK);
    ck_assert_ptr_nonnull(strstr(answer.text, "2 keys of JWTs"));
    auth_answer_finish(&answer);
    ck_assert_int_eq(s_result(s_old, "carol", "member"), LOGIN_OK);
    ck_assert_int_eq(s_result(s_new, "carol", "member"), LOGIN_OK);

    s_write_keys(fx_jwk_set(s_new, NULL));
    auth_reload(auth, 2, zr_span("SIGHUP"));
    answer = fx_auth_answer();
    grant_t grant = s_login(s_token(s_new, "carol", "member", 60)).grant;
    ck_assert(access_takes(answer.access, &grant));
    grant.signer++;
    ck_assert(!access_takes(answer.access, &grant));
    auth_answer_finish(&answer);
    ck_assert_int_eq(s_result(s_old, "carol", "member"), LOGIN_FAILED);

    s_write_keys("{\"keys\":[]}");
    auth_reload(auth, 3, zr_span("SIGHUP"));
    answer = fx_auth_answer();
    ck_assert_int_eq(answer.code, ZR_ADMIN_FAILED);
    ck_assert_ptr_nonnull(strstr(answer.text, "there is no key in it"));
    ck_assert_ptr_null(answer.access);
    auth_answer_finish(&answer);
    ck_assert_int_eq(s_result(s_new, "carol", "member"), LOGIN_OK);
}

/* Names of signed logins are in no file, and can be banned all the same; also by a line of the file of bans. */
TEST(test_bans) {
    grant_t grant = s_login(s_token(s_old, "carol", "member", 60)).grant;
    auth_ban(auth, 1, zr_span("carol"), zr_span("spam"), zr_span("alice"));
    auth_answer_t answer = fx_auth_answer();
    ck_assert_int_eq(answer.code, ZR_OK);
    ck_assert(!access_takes(answer.access, &grant));
    ck_assert(access_is_user(answer.access, zr_span("carol")) && !access_user(answer.access, zr_span("carol")));
    auth_answer_finish(&answer);
    ck_assert_int_eq(s_result(s_old, "carol", "member"), LOGIN_FAILED);
    fx_auth_start_signed();
    ck_assert_int_eq(s_result(s_old, "carol", "member"), LOGIN_FAILED);
    ck_assert_int_eq(s_result(s_old, "dave", "member"), LOGIN_OK);
    auth_unban(auth, 2, zr_span("carol"), zr_span("alice"));
    ck_assert_int_eq(fx_auth_code(2), ZR_OK);
    ck_assert_int_eq(s_result(s_old, "carol", "member"), LOGIN_OK);
    auth_ban(auth, 3, zr_span("a b"), zr_span(""), zr_span("alice"));
    ck_assert_int_eq(fx_auth_code(3), ZR_NO_SUCH_USER);
}

/* Logins that wait when the broker ends are answered or dropped, and handshakes do not wait for them. */
TEST(test_many_wait) {
    const char *token = s_token(s_old, "carol", "member", 60);
    for (unsigned i = 0; i < 1000; i++)
        auth_login_signed(auth, i, zr_span(token));
    ck_assert_str_eq(fx_auth_zap_key(BOB_KEY), "200 bob");
}

TEST(test_without_a_role_that_may_be_named) {
    dir_write("users", USERS, 0600);
    fx_auth_start_signed();
    ck_assert_int_eq(s_result(s_old, "carol", "member"), LOGIN_FAILED);
}

TEST(test_keys_that_are_not_there) {
    zr_error_t error = {0};
    access_t *access = NULL;
    char users[1000];
    snprintf(users, sizeof users, "%s", dir_path("users"));
    auth_config_t config = {.users = users, .plain = true, .jwt = "/nowhere/keys"};
    fx_auth_stop();
    ck_assert_ptr_null(auth_new(&config, &access, &error));
    ck_assert_ptr_nonnull(strstr(error.text, "/nowhere/keys"));
}

UNIT_SUITE_WITH("broker.auth_jwt", s_begin, s_end)
