#include "http_fields.h"

#include "unit.h"

#define TAG "\"8f3a6c01d2e4b597:47\""

static http_condition_t s_condition(const char *if_match, const char *if_none_match) {
    http_condition_t condition;
    http_problem_t problem;
    ck_assert(http_condition_read(&condition, zr_span(if_match), zr_span(if_none_match), &problem));
    return condition;
}

TEST(test_conditions) {
    ck_assert_int_eq(s_condition(NULL, NULL).kind, HTTP_IF_NOTHING);
    ck_assert_int_eq(s_condition(NULL, " * ").kind, HTTP_IF_ABSENT);
    http_condition_t condition = s_condition(" " TAG "\t", NULL);
    ck_assert_int_eq(condition.kind, HTTP_IF_SEQ);
    ck_assert_uint_eq(condition.position.epoch, 0x8f3a6c01d2e4b597);
    ck_assert_uint_eq(condition.position.seq, 47);
    char tag[HTTP_ETAG_SIZE];
    http_etag_write(tag, 0x8f3a6c01d2e4b597, 47);
    ck_assert_str_eq(tag, TAG);
    http_etag_write(tag, UINT64_MAX, ZR_INT_MAX);
    ck_assert_str_eq(tag, "\"ffffffffffffffff:9007199254740991\"");
}

TEST(test_conditions_that_are_refused) {
    static const char *const bad[][2] = {{"*", NULL}, {"47", NULL}, {"\"47\"", NULL}, {"W/" TAG, NULL},
        {TAG "," TAG, NULL}, {"\"", NULL}, {"\"\"", NULL}, {TAG, "*"}, {NULL, TAG}, {NULL, "**"}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        http_condition_t condition;
        http_problem_t problem;
        ck_assert_msg(!http_condition_read(&condition, zr_span(bad[i][0]), zr_span(bad[i][1]), &problem), "%zu", i);
        ck_assert_uint_eq(http_problem_status(&problem), 400);
    }
}

TEST(test_a_client_that_has_the_value) {
    ck_assert(http_etag_listed(zr_span(TAG), TAG));
    ck_assert(http_etag_listed(zr_span("\"x\", W/" TAG), TAG));
    ck_assert(http_etag_listed(zr_span("*"), TAG));
    ck_assert(!http_etag_listed(zr_span(""), TAG));
    ck_assert(!http_etag_listed(zr_span("8f3a6c01d2e4b597:47"), TAG));
    ck_assert(!http_etag_listed(zr_span("W/,,"), TAG));
}

TEST(test_last_event_id) {
    http_position_t position;
    http_problem_t problem;
    ck_assert(http_last_event_id_read(&position, zr_span("8f3a6c01d2e4b597:12 "), &problem));
    ck_assert_uint_eq(position.seq, 12);
    static const char *const bad[] = {"", "12", "x", "8f3a6c01d2e4b597:12 13", "8f3a6c01d2e4b597:x"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert(!http_last_event_id_read(&position, zr_span(bad[i]), &problem));
}

TEST(test_idempotency_keys) {
    zr_span_t key;
    http_problem_t problem;
    ck_assert(http_idempotency_key_read(&key, zr_span("\"8e03978e-40d5\""), &problem));
    ck_assert_span_eq(key, zr_span("8e03978e-40d5"));
    ck_assert(http_idempotency_key_read(&key, zr_span(" 8e03978e-40d5"), &problem));
    ck_assert_span_eq(key, zr_span("8e03978e-40d5"));
    ck_assert(http_idempotency_key_read(&key, unit_fill('k', HTTP_IDEMPOTENCY_KEY_MAX), &problem));
    ck_assert(!http_idempotency_key_read(&key, unit_fill('k', HTTP_IDEMPOTENCY_KEY_MAX + 1), &problem));
    static const char *const bad[] = {"", " ", "\"\"", "a b", "a\"b", "\"a", "caf\xc3\xa9", "a\x7f"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(!http_idempotency_key_read(&key, zr_span(bad[i]), &problem), "%s", bad[i]);
}

TEST(test_keys_of_entries) {
    zr_span_t key;
    http_problem_t problem;
    ck_assert(http_entry_key_read(&key, zr_span(" caf\xc3\xa9 "), &problem));
    ck_assert_span_eq(key, zr_span("caf\xc3\xa9"));
    ck_assert(!http_entry_key_read(&key, zr_span("a b"), &problem));
    ck_assert_uint_eq(problem.code, ZR_BAD_KEY);
    ck_assert(!http_entry_key_read(&key, unit_fill('k', ZR_KEY_MAX + 1), &problem));
}

static bool s_login(http_login_t *login, zr_span_t value) {
    http_problem_t problem;
    bool read = http_login_read(login, unit_at_edge(value), &problem);
    if (!read) {
        ck_assert_uint_eq(problem.code, HTTP_BAD_LOGIN);
        ck_assert_int_eq(login->kind, HTTP_LOGIN_NONE);
        ck_assert_str_eq(login->token, "");
    }
    return read;
}

TEST(test_times_to_live) {
    static const char *const bad[] = {"", " ", "0", "-1", "5s", "1.5", "9007199254740992", "18446744073709551617"};
    http_problem_t problem;
    uint64_t ttl = 7;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(!http_ttl_read(&ttl, zr_span(bad[i]), &problem), "%s", bad[i]);
    ck_assert_uint_eq(ttl, 7);
    ck_assert(http_ttl_read(&ttl, zr_span(" 1 "), &problem));
    ck_assert_uint_eq(ttl, 1);
    ck_assert(http_ttl_read(&ttl, zr_span("9007199254740991"), &problem));
    ck_assert_uint_eq(ttl, ZR_INT_MAX);
}

TEST(test_logins) {
    static http_login_t login;
    ck_assert(s_login(&login, zr_span("")));
    ck_assert_int_eq(login.kind, HTTP_LOGIN_NONE);
    ck_assert(s_login(&login, zr_span("Basic YW5uOnM6M2M=")));
    ck_assert_int_eq(login.kind, HTTP_LOGIN_BASIC);
    ck_assert_str_eq(login.user, "ann");
    ck_assert_str_eq(login.token, "s:3c");
    ck_assert(s_login(&login, zr_span("bAsIc   YW5uOnM6M2M= ")));
    ck_assert(s_login(&login, zr_span("Bearer eyJh.eyJz.c2ln-_~+/=")));
    ck_assert_int_eq(login.kind, HTTP_LOGIN_BEARER);
    ck_assert_str_eq(login.user, "");
    ck_assert_str_eq(login.token, "eyJh.eyJz.c2ln-_~+/=");
    http_login_forget(&login);
    ck_assert_str_eq(login.token, "");
}

TEST(test_logins_that_are_refused) {
    static http_login_t login;
    static const char *const bad[] = {"Basic", "Basic ", "Basic YW5u", "Basic OnM=", "Basic YW5uOg==", "Basic YW5uOnM",
        "Basic YW5uOnM=x", "Basic YW5uOnM= x", "Basic YSBiOnM=", "Basic YW5uOgBz", "Basic YW5uOv8=", "Basic !",
        "Bearer", "Bearer a b", "Bearer a\xc3\xa4", "Bearer a\"b", "Digest x", "YW5uOnM=", "Basically YW5uOnM="};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(!s_login(&login, zr_span(bad[i])), "%s", bad[i]);
    ck_assert(!s_login(&login, LIT("Bearer a\0b")));
}

TEST(test_tokens_at_their_limit) {
    static http_login_t login;
    static char value[HTTP_TOKEN_MAX + 16];
    memset(value, 'a', sizeof value);
    memcpy(value, "Bearer ", 7);
    ck_assert(s_login(&login, zr_span_of(value, 7 + HTTP_TOKEN_MAX)));
    ck_assert_uint_eq(strlen(login.token), HTTP_TOKEN_MAX);
    ck_assert(!s_login(&login, zr_span_of(value, 7 + HTTP_TOKEN_MAX + 1)));
}

UNIT_SUITE("client.gateway.http.http_fields")
