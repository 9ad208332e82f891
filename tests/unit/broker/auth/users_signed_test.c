/* Signed logins and the users file: which names and roles they may have, and what the relay is told of them. */
#include "users_signed.h"

#include <sodium.h>
#include <stdio.h>

#include "fixture_jwt.h"

#define FILE_OF_USERS                                                                                                  \
    "role\n    name = member\n    jwt = 1\n    allow = \"read write : *\"\n    deny = \"write : news\"\n"              \
    "role\n    name = staff\n    allow = \"all : *\"\n"                                                                \
    "user\n    name = alice\n    role = staff\n"

static users_t *s_users;
static bans_t s_bans;

static void s_begin(void) {
    zr_error_t error = {0};
    ck_assert_int_ge(sodium_init(), 0);
    s_users = users_parse("f", zr_span(FILE_OF_USERS), &error);
    ck_assert_msg(s_users != NULL, "%s", error.text);
    ck_assert(bans_add(&s_bans, zr_span("mallory"), zr_span("alice"), zr_span("spam"), 1));
}

static void s_end(void) {
    users_destroy(s_users);
    bans_finish(&s_bans);
}

static grant_t s_grant(const char *user, const char *role) {
    grant_t grant = {.role_count = 1};
    snprintf(grant.user, sizeof grant.user, "%s", user);
    snprintf(grant.roles[0], sizeof grant.roles[0], "%s", role);
    return grant;
}

/* NULL, or the reason. */
static const char *s_refuse(const char *user, const char *role) {
    grant_t grant = s_grant(user, role);
    return users_refuse_signed(s_users, &s_bans, &grant);
}

TEST(test_names_and_roles) {
    ck_assert_ptr_null(s_refuse("carol", "member"));
    ck_assert_str_eq(s_refuse("mallory", "member"), "banned");
    ck_assert_str_eq(s_refuse("Mallory", "member"), "banned");
    static const char *const taken[] = {"alice", "ALICE", "admin", "Anonymous"};
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        ck_assert_ptr_nonnull(strstr(s_refuse(taken[i], "member"), "sub is the name"));
    ck_assert_ptr_nonnull(strstr(s_refuse("carol", "staff"), "jwt = 1"));
    ck_assert_ptr_nonnull(strstr(s_refuse("carol", "none"), "jwt = 1"));
    grant_t grant = s_grant("carol", "member");
    snprintf(grant.roles[grant.role_count++], sizeof grant.roles[0], "staff");
    ck_assert_ptr_nonnull(users_refuse_signed(s_users, &s_bans, &grant)); /* one of two */
}

TEST(test_what_the_relay_is_told) {
    json_t *jwk = fx_jwk("EdDSA", "a");
    jwt_keys_t *keys = fx_jwt_keys(jwk);
    access_t *access = users_access(s_users, false);
    users_add_signed(s_users, &s_bans, keys, access);
    grant_t grant = s_grant("carol", "member");
    grant.signer = jwt_keys_number(keys, 0);
    ck_assert(access_takes(access, &grant));
    access_user_t *rights = access_of_grant(access, &grant);
    ck_assert_uint_eq(access_rights(rights, zr_span("x")), RIGHT_READ | RIGHT_WRITE);
    ck_assert_uint_eq(access_rights(rights, zr_span("news")), RIGHT_READ);
    access_user_free(rights);
    ck_assert_uint_eq(access_common(access, zr_span("x")), RIGHT_READ | RIGHT_WRITE); /* alice may more */
    ck_assert(access_is_user(access, zr_span("mallory")) && !access_user(access, zr_span("mallory")));
    grant = s_grant("mallory", "member");
    grant.signer = jwt_keys_number(keys, 0);
    ck_assert(!access_takes(access, &grant));
    access_destroy(access);
    jwt_keys_destroy(keys);
    json_decref(jwk);
}

UNIT_SUITE_WITH("broker.auth.users_signed", s_begin, s_end)
