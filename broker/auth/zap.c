/* See zap.h. */
#include "zap.h"

#include <pthread.h>
#include <sodium.h>
#include <stdio.h>

const char *zap_parse(const zr_span_t *frames, size_t count, zap_request_t *request) {
    zr_span_t *const places[ZAP_FRAMES_MIN] = {
        &request->version, &request->id, &request->domain, &request->address, &request->identity, &request->mechanism};
    memset(request, 0, sizeof *request);
    for (size_t i = 0; i < count && i < ZAP_FRAMES_MAX; i++)
        if (i < ZAP_FRAMES_MIN)
            *places[i] = frames[i];
        else
            request->credentials[request->credential_count++] = frames[i];
    if (count < ZAP_FRAMES_MIN || count > ZAP_FRAMES_MAX)
        return "a request has 6 to 8 frames";
    if (!zr_span_equal(request->version, zr_span("1.0")))
        return "the version is not 1.0";
    return NULL;
}

static zap_verdict_t s_check_key(const zap_request_t *request, const users_t *users) {
    if (request->credential_count != 1 || request->credentials[0].len != ZR_CURVE_BYTES)
        return (zap_verdict_t){"500", "CURVE has one credential, a key of 32 bytes", ""};
    const user_t *user = users ? users_of_key(users, (const uint8_t *)request->credentials[0].ptr) : NULL;
    if (!user)
        return (zap_verdict_t){"400", "nobody has this key", ""};
    if (user_is_banned(user))
        return (zap_verdict_t){"400", "banned", user_name(user)};
    return (zap_verdict_t){"200", "OK", user_name(user)};
}

zap_verdict_t zap_check(const zap_request_t *request, const users_t *users) {
    /* The RFC has the peer's routing id here; libzmq 4.3 sends its own socket's, which is empty for us. So this refuses
     * claimed ids only where a libzmq tells of them: ROUTER's reader has to look at them in any case. */
    if (request->identity.len > 0)
        return (zap_verdict_t){"400", "it sets a routing id of its own", ""};
    bool plain = zr_span_equal(request->domain, zr_span(ZAP_DOMAIN_PLAIN));
    if (!plain && !zr_span_equal(request->domain, zr_span(ZAP_DOMAIN_CURVE)))
        return (zap_verdict_t){"400", "no such domain", ""};
    if (!zr_span_equal(request->mechanism, zr_span(plain ? "NULL" : "CURVE")))
        return (zap_verdict_t){"400", "the listener is not for this mechanism", ""};
    if (plain)
        return (zap_verdict_t){"200", "OK", ""};
    return s_check_key(request, users);
}

static char s_generation[ZAP_GENERATION_LEN + 1];

static void s_make_generation(void) {
    uint8_t secret[(ZAP_GENERATION_LEN - 2) / 2];
    randombytes_buf(secret, sizeof secret);
    memcpy(s_generation, "X-", 2);
    sodium_bin2hex(s_generation + 2, sizeof s_generation - 2, secret, sizeof secret);
    sodium_memzero(secret, sizeof secret);
}

const char *zap_generation(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, s_make_generation);
    return s_generation;
}

size_t zap_metadata(uint64_t generation, uint8_t out[ZAP_METADATA_MAX]) {
    enum { NAME = ZAP_GENERATION_LEN };
    char digits[24];
    size_t len = (size_t)snprintf(digits, sizeof digits, "%llu", (unsigned long long)generation);
    out[0] = NAME;
    memcpy(out + 1, zap_generation(), NAME);
    memset(out + 1 + NAME, 0, 3); /* the value's length has four bytes */
    out[4 + NAME] = (uint8_t)len;
    memcpy(out + 5 + NAME, digits, len);
    return 5 + NAME + len;
}
