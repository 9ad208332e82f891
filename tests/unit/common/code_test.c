#include "code.h"

#include "unit.h"

/* The names as PROTOCOL.md, section 9 has them, written down a second time: they may never change. */
static const struct {
    zr_code_t code;
    const char *name;
} s_codes[] = {
    {ZR_OK, "ok"},
    {ZR_NO_SESSION, "no-session"},
    {ZR_BAD_FRAME, "bad-frame"},
    {ZR_BAD_JSON, "bad-json"},
    {ZR_UNKNOWN_OP, "unknown-op"},
    {ZR_BAD_MEMBER, "bad-member"},
    {ZR_BAD_PROTO, "bad-proto"},
    {ZR_BAD_ROOM, "bad-room"},
    {ZR_BAD_NICK, "bad-nick"},
    {ZR_BAD_KEY, "bad-key"},
    {ZR_BAD_ID, "bad-id"},
    {ZR_NICK_IN_USE, "nick-in-use"},
    {ZR_NO_SUCH_USER, "no-such-user"},
    {ZR_NO_CHANNEL, "no-channel"},
    {ZR_TOO_LARGE, "too-large"},
    {ZR_TOO_MANY_ENTRIES, "too-many-entries"},
    {ZR_TOO_MANY_SESSIONS, "too-many-sessions"},
    {ZR_TOO_MANY_ROOMS, "too-many-rooms"},
    {ZR_TOO_MANY_JOINS, "too-many-joins"},
    {ZR_TOO_MANY_CHANNELS, "too-many-channels"},
    {ZR_TOO_MANY_KEYS, "too-many-keys"},
    {ZR_STATE_FULL, "state-full"},
    {ZR_TOO_MANY_REPLAYS, "too-many-replays"},
    {ZR_CONFLICT, "conflict"},
    {ZR_NO_GROUP, "no-group"},
    {ZR_TOO_MANY_GROUPS, "too-many-groups"},
    {ZR_TOO_MANY_WORKERS, "too-many-workers"},
    {ZR_NOT_KEPT, "not-kept"},
    {ZR_STORE_FAILED, "store-failed"},
    {ZR_OUTCOME_UNKNOWN, "outcome-unknown"},
    {ZR_FORBIDDEN, "forbidden"},
    {ZR_LOGIN_REQUIRED, "login-required"},
    {ZR_LOGIN_FAILED, "login-failed"},
    {ZR_RATE_LIMITED, "rate-limited"},
    {ZR_ADMIN_FAILED, "admin-failed"},
};

TEST(test_every_code_has_its_name) {
    ck_assert_uint_eq(sizeof s_codes / sizeof s_codes[0], ZR_CODE_COUNT);
    for (unsigned i = 0; i < ZR_CODE_COUNT; i++) {
        ck_assert_int_eq(s_codes[i].code, (int)i);
        ck_assert_str_eq(zr_code_name(s_codes[i].code), s_codes[i].name);
        ck_assert_int_eq(zr_code_from_name(zr_span(s_codes[i].name)), s_codes[i].code);
    }
}

TEST(test_every_code_has_a_text_of_its_own) {
    for (unsigned i = 0; i < ZR_CODE_COUNT; i++) {
        ck_assert_uint_gt(strlen(zr_code_text((zr_code_t)i)), 3);
        for (unsigned j = 0; j < i; j++)
            ck_assert_str_ne(zr_code_text((zr_code_t)i), zr_code_text((zr_code_t)j));
    }
}

TEST(test_other_names_are_unknown) {
    static const char *const names[] = {"", "OK", "ok ", "o", "bad", "bad-frames", "bad_frame", "unknown"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        ck_assert_msg(zr_code_from_name(zr_span(names[i])) == ZR_CODE_COUNT, "'%s' is known", names[i]);
    ck_assert_int_eq(zr_code_from_name(LIT("ok\0")), ZR_CODE_COUNT);
    ck_assert_int_eq(zr_code_from_name(zr_span(NULL)), ZR_CODE_COUNT);
    ck_assert_int_eq(zr_code_from_name(unit_at_edge(LIT("bad-fram"))), ZR_CODE_COUNT);
}

TEST(test_numbers_that_are_no_code) {
    ck_assert_str_eq(zr_code_name(ZR_CODE_COUNT), "unknown");
    ck_assert_uint_gt(strlen(zr_code_text(ZR_CODE_COUNT)), 3);
    ck_assert_str_eq(zr_code_name((zr_code_t)9999), "unknown");
}

UNIT_SUITE("common.code")
