/* See fixture_jwt.h. */
#include "fixture_jwt.h"

#include <jose/b64.h>
#include <jose/jwk.h>
#include <jose/jws.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>

const char *fx_b64(zr_span_t bytes) {
    static char texts[8][2 * ZR_JWT_MAX];
    static unsigned next;
    char *text = texts[next++ % 8];
    sodium_bin2base64(text, sizeof texts[0], (const uint8_t *)(bytes.len ? bytes.ptr : ""), bytes.len,
        sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    return text;
}

static json_t *s_jwk_ed25519(void) {
    uint8_t public_key[crypto_sign_PUBLICKEYBYTES], secret[crypto_sign_SECRETKEYBYTES];
    crypto_sign_keypair(public_key, secret);
    return json_pack("{ss ss ss ss ss}", "kty", "OKP", "crv", "Ed25519", "alg", "EdDSA", "x",
        fx_b64(zr_span_of(public_key, sizeof public_key)), "d", fx_b64(zr_span_of(secret, 32)));
}

json_t *fx_jwk(const char *alg, const char *kid) {
    ck_assert_int_ge(sodium_init(), 0);
    json_t *jwk = strcmp(alg, "EdDSA") == 0 ? s_jwk_ed25519() : json_pack("{ss}", "alg", alg);
    if (strcmp(alg, "EdDSA") != 0)
        ck_assert(jose_jwk_gen(NULL, jwk));
    json_object_del(jwk, "key_ops");
    if (kid[0])
        json_object_set_new(jwk, "kid", json_string(kid));
    return jwk;
}

static json_t *s_public(json_t *jwk) {
    static const char *const secret[] = {"d", "p", "q", "dp", "dq", "qi"};
    json_t *copy = json_deep_copy(jwk);
    for (size_t i = 0; i < sizeof secret / sizeof *secret; i++)
        json_object_del(copy, secret[i]);
    return copy;
}

const char *fx_jwk_set(json_t *first, ...) {
    static char *text;
    json_t *list = json_array();
    va_list more;
    va_start(more, first);
    for (json_t *jwk = first; jwk; jwk = va_arg(more, json_t *))
        json_array_append_new(list, s_public(jwk));
    va_end(more);
    json_t *set = json_pack("{so}", "keys", list);
    free(text);
    text = json_dumps(set, 0);
    json_decref(set);
    return text;
}

jwt_keys_t *fx_jwt_keys(json_t *jwk) {
    zr_error_t error = {0};
    jwt_keys_t *keys = jwt_keys_parse("keys", zr_span(fx_jwk_set(jwk, NULL)), NULL, &error);
    ck_assert_msg(keys != NULL, "%s", error.text);
    return keys;
}

static const char *s_sign(json_t *jwk, const char *alg, const char *header, const char *payload) {
    static char encoded[2 * ZR_JWT_MAX];
    if (strcmp(alg, "EdDSA") == 0) {
        uint8_t seed[32], public_key[crypto_sign_PUBLICKEYBYTES], secret[crypto_sign_SECRETKEYBYTES], signature[64];
        char text[4 * ZR_JWT_MAX];
        const char *d = json_string_value(json_object_get(jwk, "d"));
        ck_assert_uint_eq(jose_b64_dec_buf(d, strlen(d), seed, sizeof seed), sizeof seed);
        crypto_sign_seed_keypair(public_key, secret, seed);
        int len = snprintf(text, sizeof text, "%s.%s", header, payload);
        crypto_sign_detached(signature, NULL, (const uint8_t *)text, (size_t)len, secret);
        return fx_b64(zr_span_of(signature, sizeof signature));
    }
    json_t *jws = json_pack("{ss}", "payload", payload), *sig = json_pack("{ss}", "protected", header);
    json_t *key = json_deep_copy(jwk);
    json_object_del(key, "key_ops");
    ck_assert(jose_jws_sig(NULL, jws, sig, key));
    snprintf(encoded, sizeof encoded, "%s", json_string_value(json_object_get(jws, "signature")));
    json_decref(jws);
    json_decref(sig);
    json_decref(key);
    return encoded;
}

const char *fx_jwt(json_t *jwk, const char *alg, const char *header, const char *claims) {
    static char tokens[4][8 * ZR_JWT_MAX];
    static unsigned next;
    char *token = tokens[next++ % 4], head[1024], body[ZR_JWT_MAX * 2];
    snprintf(head, sizeof head, "%s", header);
    snprintf(body, sizeof body, "%s", claims);
    unit_quotes(head);
    unit_quotes(body);
    const char *first = fx_b64(zr_span(head)), *second = fx_b64(zr_span(body));
    snprintf(token, sizeof tokens[0], "%s.%s.%s", first, second, s_sign(jwk, alg, first, second));
    return token;
}

const char *fx_jwt_of(json_t *jwk, const char *claims) {
    char header[200];
    const char *alg = json_string_value(json_object_get(jwk, "alg"));
    const json_t *kid = json_object_get(jwk, "kid");
    snprintf(header, sizeof header, "{'alg':'%s','typ':'JWT'%s%s%s}", alg, kid ? ",'kid':'" : "",
        kid ? json_string_value(kid) : "", kid ? "'" : "");
    return fx_jwt(jwk, alg, header, claims);
}
