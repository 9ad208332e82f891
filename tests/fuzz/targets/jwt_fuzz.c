/* Signed logins. The first byte says what the rest is: a token, which nobody signed; claims, or a header, a line feed and
 * claims, which are signed here; or a file of keys. Nothing unsigned is let in, and what is let in keeps the rules. */
#include <sodium.h>
#include <string.h>

#include "fuzz.h"
#include "jwt.h"

enum { PART_MAX = 8000 };
#define NOW 1800000000000000ULL
#define SECRET "0123456789abcdef0123456789abcdef"
#define KEYS                                                                                                           \
    "{\"keys\":[{\"kty\":\"oct\",\"alg\":\"HS256\",\"kid\":\"h\",\"k\":"                                               \
    "\"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY\"},"                                                                \
    "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"alg\":\"EdDSA\",\"kid\":\"e\","                                            \
    "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}"

static const jwt_rules_t s_rules = {.issuer = "i", .audience = "a", .leeway = 60000000};
static jwt_keys_t *s_keys;

static void s_check(zr_span_t token, bool is_signed) {
    grant_t grant;
    jwt_result_t result = jwt_check(s_keys, &s_rules, token, NOW, &grant);
    fuzz_require(result < JWT_RESULTS && jwt_fault(result));
    fuzz_require(token.len <= ZR_JWT_MAX || result == JWT_BAD_FORM);
    fuzz_require(is_signed || result <= JWT_BAD_SIGNATURE);
    fuzz_require(result > JWT_BAD_SIGNATURE || !jwt_answer(result));
    if (result != JWT_OK)
        return;
    fuzz_require(is_signed && zr_nick_valid(zr_span(grant.user)) && grant.expires > NOW);
    fuzz_require(grant.role_count >= 1 && grant.role_count <= GRANT_ROLES_MAX);
    for (size_t i = 0; i < grant.role_count; i++)
        fuzz_require(zr_nick_valid(zr_span(grant.roles[i])));
    fuzz_require(jwt_check(s_keys, &s_rules, token, grant.expires, &grant) == JWT_EXPIRED);
}

static size_t s_encode(zr_span_t bytes, char *out) {
    sodium_bin2base64(
        out, 2 * PART_MAX, (const uint8_t *)bytes.ptr, bytes.len, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    return strlen(out);
}

/* Signs the parts, and checks the token; then one whose last bytes are another's. */
static void s_check_signed(zr_span_t header, zr_span_t claims) {
    static char token[6 * PART_MAX];
    uint8_t mac[crypto_auth_hmacsha256_BYTES];
    if (header.len > PART_MAX || claims.len > PART_MAX)
        return;
    size_t len = s_encode(header, token);
    token[len++] = '.';
    len += s_encode(claims, token + len);
    crypto_auth_hmacsha256(mac, (const uint8_t *)token, len, (const uint8_t *)SECRET);
    token[len++] = '.';
    size_t end = len + s_encode(zr_span_of(mac, sizeof mac), token + len);
    s_check(zr_span_of(token, end), true);
    token[len] = token[len] == 'A' ? 'B' : 'A';
    s_check(zr_span_of(token, end), false);
}

static void s_check_keys(zr_span_t text) {
    zr_error_t error = {0};
    bool secret = false;
    jwt_keys_t *keys = jwt_keys_parse("f", text, &secret, &error);
    if (!keys) {
        fuzz_require(error.count == 1 && strncmp(error.text, "f: ", 3) == 0 && !strchr(error.text, '\n'));
        return;
    }
    size_t count = jwt_keys_count(keys);
    fuzz_require(count >= 1 && count <= JWT_KEYS_MAX && error.count == 0);
    fuzz_require((jwt_keys_find(keys, zr_span(NULL)) != NULL) == (count == 1));
    jwt_keys_destroy(keys);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char header[] = "{\"alg\":\"HS256\",\"kid\":\"h\"}";
    zr_error_t error = {0};
    if (size == 0)
        return 0;
    fuzz_require(sodium_init() >= 0);
    if (!s_keys)
        s_keys = jwt_keys_parse("keys", zr_span(KEYS), NULL, &error);
    fuzz_require(s_keys);
    zr_span_t rest = zr_span_of(data + 1, size - 1), first;
    switch (data[0]) {
    case 't':
        s_check(rest, false);
        break;
    case 'c':
        s_check_signed(zr_span(header), rest);
        break;
    case 'h':
        first = zr_span_cut(&rest, '\n');
        s_check_signed(first, rest);
        break;
    default:
        s_check_keys(rest);
    }
    return 0;
}
