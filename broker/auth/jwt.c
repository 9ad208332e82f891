/* See jwt.h. Nothing of the claims is read before the signature fits. On any doubt the token is refused. */
#include "jwt.h"

#include <sodium.h>
#include <string.h>

#include "control.h"

static const struct {
    const char *fault, *answer;
} s_results[JWT_RESULTS] = {
    [JWT_OK] = {"ok", NULL},
    [JWT_BAD_FORM] = {"the token is no JWT of at most 4096 bytes in three parts of base64url", NULL},
    [JWT_BAD_HEADER] = {"the token's header is no JSON with alg and kid, or it has crit or b64", NULL},
    [JWT_NO_KEY] = {"no key of auth/jwt-keys has the token's kid; add the key and reload", NULL},
    [JWT_BAD_ALGORITHM] = {"the token's alg is not that of its key; sign with the key's own", NULL},
    [JWT_BAD_SIGNATURE] = {"the token's signature does not fit its key", NULL},
    [JWT_BAD_CLAIMS] = {"the token's claims are no JSON object, or a claim has the wrong type, or exp is missing",
        "the token's claims are no JSON object, or a claim has the wrong type, or exp is missing"},
    [JWT_EXPIRED] = {"the token has expired", "the token has expired; get a new one"},
    [JWT_EARLY] = {"the token is not valid yet; compare the clocks", "the token is not valid yet"},
    [JWT_BAD_ISSUER] = {"the token's iss is not auth/jwt-issuer", "the token is from another issuer"},
    [JWT_BAD_AUDIENCE] = {"the token's aud is not auth/jwt-audience", "the token is for another audience"},
    [JWT_BAD_USER] = {"the token's sub is missing or no valid name", "the token's sub is missing or no valid name"},
    [JWT_BAD_ROLES] = {"the token's roles are no list of 1 to 16 names",
        "the token's roles are no list of 1 to 16 names"},
};

const char *jwt_fault(jwt_result_t result) {
    return s_results[result].fault;
}

const char *jwt_answer(jwt_result_t result) {
    return s_results[result].answer;
}

/* --- The parts --- */

static bool s_split(zr_span_t token, jwt_parts_t *parts) {
    zr_span_t rest = token;
    if (token.len > ZR_JWT_MAX)
        return false;
    parts->header = zr_span_cut(&rest, '.');
    parts->payload = zr_span_cut(&rest, '.');
    parts->signature = rest;
    parts->signed_part = zr_span_of(token.ptr, token.len - rest.len - (token.len > rest.len));
    return parts->header.len && parts->payload.len && rest.len && !memchr(rest.ptr, '.', rest.len);
}

/* The JSON object that a part encodes; NULL: it encodes something else. */
static json_t *s_object(zr_span_t part) {
    char text[ZR_JWT_MAX];
    size_t len = 0;
    json_t *object = NULL;
    if (sodium_base642bin((uint8_t *)text, sizeof text, part.ptr, part.len, NULL, &len, NULL,
            sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0)
        return NULL;
    return zr_control_read_request(zr_span_of(text, len), &object) == ZR_OK ? object : NULL;
}

/* --- The header --- */

static jwt_result_t s_find_key(const jwt_keys_t *keys, const json_t *header, const jwt_key_t **key) {
    const char *wrong = NULL;
    zr_span_t algorithm, kid = {0};
    zr_get_string(header, "alg", 1, 16, &algorithm, &wrong);
    zr_get_string_opt(header, "kid", JWT_KID_MAX, &kid, &wrong);
    if (wrong || zr_has(header, "crit") || zr_has(header, "b64"))
        return JWT_BAD_HEADER;
    *key = jwt_keys_find(keys, kid);
    if (!*key)
        return JWT_NO_KEY;
    return zr_span_equal(algorithm, zr_span(jwt_key_algorithm(*key))) ? JWT_OK : JWT_BAD_ALGORITHM;
}

static jwt_result_t s_check_header(const jwt_keys_t *keys, const jwt_parts_t *parts, const jwt_key_t **key) {
    json_t *header = s_object(parts->header);
    jwt_result_t result = header ? s_find_key(keys, header, key) : JWT_BAD_HEADER;
    json_decref(header);
    return result;
}

/* --- The claims --- */

/* A NumericDate in µs: whole seconds since 1970, or with a fraction, up to the year 9999. */
static bool s_time(const json_t *value, uint64_t *out) {
    static const double end = 253402300799;
    double seconds = json_number_value(value);
    if (!json_is_number(value) || !(seconds >= 0 && seconds <= end))
        return false;
    *out = json_is_integer(value) ? (uint64_t)json_integer_value(value) * 1000000 : (uint64_t)(seconds * 1e6);
    return true;
}

static jwt_result_t s_check_times(const json_t *claims, const jwt_rules_t *rules, uint64_t now, grant_t *grant) {
    uint64_t expires, begins = 0;
    const json_t *nbf = json_object_get(claims, "nbf");
    if (!s_time(json_object_get(claims, "exp"), &expires) || (nbf && !s_time(nbf, &begins)))
        return JWT_BAD_CLAIMS;
    grant->expires = expires + rules->leeway;
    if (now >= grant->expires)
        return JWT_EXPIRED;
    return now + rules->leeway < begins ? JWT_EARLY : JWT_OK;
}

static bool s_is(const json_t *value, const char *text) {
    return text && json_is_string(value) && json_string_length(value) == strlen(text) &&
           strcmp(json_string_value(value), text) == 0;
}

/* `aud` is a text or a list of texts. */
static bool s_is_for(const json_t *audience, const char *us) {
    bool found = !audience ? !us : s_is(audience, us);
    for (size_t i = 0; json_is_array(audience) && i < json_array_size(audience); i++)
        found |= s_is(json_array_get(audience, i), us);
    return found;
}

static bool s_take_name(const json_t *value, char out[ZR_NICK_MAX + 1]) {
    zr_span_t name = zr_span_of(json_string_value(value), json_string_length(value));
    if (!json_is_string(value) || !zr_nick_valid(name))
        return false;
    memcpy(out, name.ptr, name.len);
    out[name.len] = '\0';
    return true;
}

static bool s_take_roles(const json_t *list, grant_t *grant) {
    size_t count = json_array_size(list);
    bool ok = json_is_array(list) && count >= 1 && count <= GRANT_ROLES_MAX;
    for (size_t i = 0; ok && i < count; i++)
        ok = s_take_name(json_array_get(list, i), grant->roles[i]);
    grant->role_count = ok ? count : 0;
    return ok;
}

static jwt_result_t s_check_claims(const json_t *claims, const jwt_rules_t *rules, uint64_t now, grant_t *grant) {
    jwt_result_t result = s_check_times(claims, rules, now, grant);
    if (result != JWT_OK)
        return result;
    if (rules->issuer && !s_is(json_object_get(claims, "iss"), rules->issuer))
        return JWT_BAD_ISSUER;
    if (!s_is_for(json_object_get(claims, "aud"), rules->audience))
        return JWT_BAD_AUDIENCE;
    if (!s_take_name(json_object_get(claims, "sub"), grant->user))
        return JWT_BAD_USER;
    return s_take_roles(json_object_get(claims, "roles"), grant) ? JWT_OK : JWT_BAD_ROLES;
}

jwt_result_t jwt_check(
    const jwt_keys_t *keys, const jwt_rules_t *rules, zr_span_t token, uint64_t now, grant_t *grant) {
    jwt_parts_t parts;
    const jwt_key_t *key = NULL;
    *grant = (grant_t){0};
    if (!s_split(token, &parts))
        return JWT_BAD_FORM;
    jwt_result_t result = s_check_header(keys, &parts, &key);
    if (result != JWT_OK)
        return result;
    if (!jwt_key_verify(keys, key, &parts))
        return JWT_BAD_SIGNATURE;
    grant->signer = jwt_key_number(key);
    json_t *claims = s_object(parts.payload);
    result = claims ? s_check_claims(claims, rules, now, grant) : JWT_BAD_CLAIMS;
    json_decref(claims);
    return result;
}
