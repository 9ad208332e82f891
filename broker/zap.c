/* See zap.h. */
#include "zap.h"

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

static zap_verdict_t s_judge_key(const zap_request_t *request, const users_t *users) {
    if (request->credential_count != 1 || request->credentials[0].len != CERT_KEY_BYTES)
        return (zap_verdict_t){"500", "CURVE has one credential, a key of 32 bytes", ""};
    const user_t *user = users ? users_of_key(users, (const uint8_t *)request->credentials[0].ptr) : NULL;
    if (!user)
        return (zap_verdict_t){"400", "nobody has this key", ""};
    if (user_is_banned(user))
        return (zap_verdict_t){"400", "banned", user_name(user)};
    return (zap_verdict_t){"200", "OK", user_name(user)};
}

zap_verdict_t zap_judge(const zap_request_t *request, const users_t *users) {
    /* The RFC has the peer's routing id here; libzmq 4.3 sends its own socket's, which is empty for us. So this refuses
     * claimed ids only where a libzmq tells of them: ROUTER's reader has to look at them in any case. */
    if (request->identity.len > 0)
        return (zap_verdict_t){"400", "it sets a routing id of its own", ""};
    bool plain = zr_span_equal(request->domain, zr_span(ZAP_DOMAIN_PLAIN));
    bool curve = zr_span_equal(request->domain, zr_span(ZAP_DOMAIN_CURVE));
    if (plain && zr_span_equal(request->mechanism, zr_span("NULL")))
        return request->credential_count == 0 ? (zap_verdict_t){"200", "OK", ""}
                                              : (zap_verdict_t){"500", "NULL has no credentials", ""};
    if (curve && zr_span_equal(request->mechanism, zr_span("CURVE")))
        return s_judge_key(request, users);
    if (plain || curve)
        return (zap_verdict_t){"400", "the listener is not for this mechanism", ""};
    return (zap_verdict_t){"400", "no such domain", ""};
}

size_t zap_metadata(uint64_t generation, uint8_t out[ZAP_METADATA_MAX]) {
    static const char name[] = ZAP_GENERATION;
    enum { NAME = sizeof name - 1 };
    char digits[24];
    size_t len = (size_t)snprintf(digits, sizeof digits, "%llu", (unsigned long long)generation);
    out[0] = NAME;
    memcpy(out + 1, name, NAME);
    memset(out + 1 + NAME, 0, 3); /* the value's length has four bytes */
    out[4 + NAME] = (uint8_t)len;
    memcpy(out + 5 + NAME, digits, len);
    return 5 + NAME + len;
}
