#include "handshake.h"

#include "unit.h"

static const handshake_t s_good = {"GET", "websocket", "keep-alive, Upgrade", "13", "dGhlIHNhbXBsZSBub25jZQ=="};

#define REFUSES(member, value, expected)                                                                               \
    do {                                                                                                               \
        handshake_t request = s_good;                                                                                  \
        unsigned status = 0;                                                                                           \
        request.member = value;                                                                                        \
        ck_assert_ptr_nonnull(handshake_fault(&request, &status));                                                     \
        ck_assert_uint_eq(status, expected);                                                                           \
    } while (0)

TEST(test_the_example_of_the_rfc) {
    char accept[HANDSHAKE_ACCEPT];
    unsigned status;
    ck_assert_ptr_null(handshake_fault(&s_good, &status));
    handshake_accept(s_good.key, accept);
    ck_assert_str_eq(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST(test_what_is_no_handshake) {
    REFUSES(method, "POST", 405);
    REFUSES(upgrade, NULL, 426);
    REFUSES(upgrade, "websockets", 426);
    REFUSES(connection, NULL, 426);
    REFUSES(connection, "keep-alive", 426);
    REFUSES(version, NULL, 426);
    REFUSES(version, "8", 426);
    REFUSES(key, NULL, 400);
    REFUSES(key, "", 400);
    REFUSES(key, "dGhlIHNhbXBsZSBub25jZQ", 400);
    REFUSES(key, "dGhlIHNhbXBsZSBub25jZSEh", 400);
    REFUSES(key, "dGhlIHNhbXBsZSBub25jZ!==", 400);
}

TEST(test_tokens) {
    ck_assert(handshake_has_token("a", "A"));
    ck_assert(handshake_has_token(" x ,\tUpGrade ", "upgrade"));
    ck_assert(handshake_has_token("zrelay.v1.json, zrelay.v1", "zrelay.v1"));
    ck_assert(!handshake_has_token("zrelay.v1.json", "zrelay.v1"));
    ck_assert(!handshake_has_token("", "a"));
    ck_assert(!handshake_has_token(NULL, "a"));
    ck_assert(!handshake_has_token(",,", "a"));
}

UNIT_SUITE("client.gateway.handshake")
