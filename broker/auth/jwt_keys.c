/* See jwt_keys.h. Of each key only the members that its algorithm needs are kept, so that no other one has an effect. */
#include "jwt_keys.h"

#include <jose/b64.h>
#include <jose/jws.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "fatal.h"
#include "private_file.h"

typedef struct {
    const char *name, *kty, *crv;
    const char *members[3]; /* the key's bytes */
    size_t min, max;        /* bytes of the first of them */
} algorithm_t;

static const algorithm_t s_algorithms[] = {
    {"EdDSA", "OKP", "Ed25519", {"x"}, crypto_sign_PUBLICKEYBYTES, crypto_sign_PUBLICKEYBYTES},
    {"ES256", "EC", "P-256", {"x", "y"}, 32, 32},
    {"RS256", "RSA", NULL, {"n", "e"}, 2048 / 8, 8192 / 8},
    {"HS256", "oct", NULL, {"k"}, 32, 512},
};
enum { ALGORITHMS = sizeof s_algorithms / sizeof *s_algorithms, EDDSA = 0, HS256 = 3, SIZE_OF_JWK = 4096 };

struct jwt_key {
    char kid[JWT_KID_MAX + 1]; /* empty: none */
    const algorithm_t *algorithm;
    uint64_t number;
    uint8_t ed25519[crypto_sign_PUBLICKEYBYTES]; /* of EdDSA */
    json_t *jwk;                                 /* of the others */
};

struct jwt_keys {
    jose_cfg_t *quiet; /* libjose would write to stderr */
    jwt_key_t items[JWT_KEYS_MAX];
    size_t count;
};

static void s_ignore(void *misc, const char *file, int line, uint64_t err, const char *fmt, va_list ap) {
    (void)misc;
    (void)file;
    (void)line;
    (void)err;
    (void)fmt;
    (void)ap;
}

void jwt_keys_destroy(jwt_keys_t *keys) {
    if (!keys)
        return;
    for (size_t i = 0; i < keys->count; i++)
        json_decref(keys->items[i].jwk);
    jose_cfg_decref(keys->quiet);
    sodium_memzero(keys, sizeof *keys);
    free(keys);
}

/* --- Asking --- */

size_t jwt_keys_count(const jwt_keys_t *keys) {
    return keys->count;
}

uint64_t jwt_keys_number(const jwt_keys_t *keys, size_t index) {
    return keys->items[index].number;
}

const jwt_key_t *jwt_keys_find(const jwt_keys_t *keys, zr_span_t kid) {
    if (!kid.len)
        return keys->count == 1 ? keys->items : NULL;
    for (size_t i = 0; i < keys->count; i++)
        if (zr_span_equal(zr_span(keys->items[i].kid), kid))
            return &keys->items[i];
    return NULL;
}

const char *jwt_key_algorithm(const jwt_key_t *key) {
    return key->algorithm->name;
}

uint64_t jwt_key_number(const jwt_key_t *key) {
    return key->number;
}

static bool s_verify_ed25519(const jwt_key_t *key, const jwt_parts_t *parts) {
    uint8_t signature[crypto_sign_BYTES];
    size_t len = 0;
    zr_span_t text = parts->signature;
    if (sodium_base642bin(signature, sizeof signature, text.ptr, text.len, NULL, &len, NULL,
            sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0)
        return false;
    return len == sizeof signature && crypto_sign_verify_detached(signature, (const uint8_t *)parts->signed_part.ptr,
                                          parts->signed_part.len, key->ed25519) == 0;
}

static json_t *s_text(zr_span_t text) {
    return json_stringn(text.len ? text.ptr : "", text.len);
}

bool jwt_key_verify(const jwt_keys_t *keys, const jwt_key_t *key, const jwt_parts_t *parts) {
    if (key->algorithm == &s_algorithms[EDDSA])
        return s_verify_ed25519(key, parts);
    json_t *jws = json_pack("{so so so}", "protected", s_text(parts->header), "payload", s_text(parts->payload),
        "signature", s_text(parts->signature));
    bool ok = jws && jose_jws_ver(keys->quiet, jws, NULL, key->jwk, false);
    json_decref(jws);
    return ok;
}

/* --- Reading. Values are not shown: one may be a secret put in the wrong place. --- */

typedef struct {
    const char *path;
    size_t number; /* of the key in the file, from 1 */
    zr_error_t *error;
} reading_t;

static bool s_wrong(const reading_t *reading, const char *text) {
    return zr_fail(reading->error, "%s: key %zu: %s", reading->path, reading->number, text);
}

static const char *s_string(const json_t *jwk, const char *name) {
    const char *text = json_string_value(json_object_get(jwk, name));
    return text ? text : "";
}

static const algorithm_t *s_algorithm(const char *name) {
    for (size_t i = 0; i < ALGORITHMS; i++)
        if (strcmp(s_algorithms[i].name, name) == 0)
            return &s_algorithms[i];
    return NULL;
}

/* Bytes that the member stands for; 0: it is missing or no base64url. */
static size_t s_bytes(const json_t *jwk, const char *name, uint8_t *out, size_t size) {
    const char *text = s_string(jwk, name);
    size_t len = 0;
    if (sodium_base642bin(out, size, text, strlen(text), NULL, &len, NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING) !=
        0)
        return 0;
    return len;
}

/* Copies the key's own bytes, and gives it its number. */
static bool s_take_members(jwt_key_t *key, const json_t *jwk, const reading_t *reading) {
    const algorithm_t *algorithm = key->algorithm;
    uint8_t bytes[SIZE_OF_JWK];
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, sizeof key->number);
    crypto_generichash_update(&state, (const uint8_t *)algorithm->name, strlen(algorithm->name) + 1);
    key->jwk = json_pack("{ss ss}", "kty", algorithm->kty, "alg", algorithm->name);
    if (algorithm->crv)
        json_object_set_new(key->jwk, "crv", json_string(algorithm->crv));
    bool ok = true;
    for (size_t i = 0; i < 3 && algorithm->members[i] && ok; i++) {
        size_t len = s_bytes(jwk, algorithm->members[i], bytes, sizeof bytes);
        ok = len > 0 && (i > 0 || (len >= algorithm->min && len <= algorithm->max));
        json_object_set(key->jwk, algorithm->members[i], json_object_get(jwk, algorithm->members[i]));
        crypto_generichash_update(&state, bytes, len);
        if (algorithm == &s_algorithms[EDDSA] && ok)
            memcpy(key->ed25519, bytes, sizeof key->ed25519);
    }
    crypto_generichash_final(&state, (uint8_t *)&key->number, sizeof key->number);
    sodium_memzero(bytes, sizeof bytes);
    return ok ||
           s_wrong(reading,
               "its bytes are missing, no base64url or of the wrong length; EdDSA takes 32 bytes, ES256 two times 32, "
               "RS256 2048 to 8192 bits, HS256 a secret of 32 to 512 bytes");
}

/* A signature that fits nothing: libjose looks at the key before it looks at that. */
static bool s_is_usable(const jwt_keys_t *keys, const jwt_key_t *key) {
    if (key->algorithm == &s_algorithms[EDDSA])
        return true;
    char header[64];
    int len = snprintf(header, sizeof header, "{\"alg\":\"%s\"}", key->algorithm->name);
    json_t *jws =
        json_pack("{so ss ss}", "protected", jose_b64_enc(header, (size_t)len), "payload", "", "signature", "");
    jose_io_t *io = jws ? jose_jws_ver_io(keys->quiet, jws, NULL, key->jwk, false) : NULL;
    if (io)
        jose_io_decref(io);
    json_decref(jws);
    return io != NULL;
}

static bool s_take_kid(jwt_keys_t *keys, jwt_key_t *key, const json_t *jwk, const reading_t *reading) {
    const json_t *kid = json_object_get(jwk, "kid");
    if (!kid)
        return true;
    size_t len = json_string_length(kid);
    if (!json_is_string(kid) || len == 0 || len > JWT_KID_MAX)
        return s_wrong(reading, "kid is no text of 1 to 64 bytes");
    if (jwt_keys_find(keys, zr_span(json_string_value(kid))))
        return s_wrong(reading, "another key has the same kid; tokens name the key by it, so rename one");
    memcpy(key->kid, json_string_value(kid), len);
    return true;
}

static bool s_add(jwt_keys_t *keys, const json_t *jwk, const reading_t *reading) {
    if (!json_is_object(jwk))
        return s_wrong(reading, "it is no JSON object; write a JWK (RFC 7517)");
    const json_t *use = json_object_get(jwk, "use");
    if (use && strcmp(s_string(jwk, "use"), "sig") != 0)
        return true;
    if (keys->count == JWT_KEYS_MAX)
        return s_wrong(reading, "there are 16 keys before it; take out those that sign no more");
    jwt_key_t *key = &keys->items[keys->count];
    key->algorithm = s_algorithm(s_string(jwk, "alg"));
    if (!key->algorithm)
        return s_wrong(reading, "alg is missing or unknown; write EdDSA, ES256, RS256 or HS256");
    if (strcmp(s_string(jwk, "kty"), key->algorithm->kty) != 0 ||
        (key->algorithm->crv && strcmp(s_string(jwk, "crv"), key->algorithm->crv) != 0))
        return s_wrong(reading, "kty or crv do not fit its alg; EdDSA is for OKP and Ed25519, ES256 for EC and P-256, "
                                "RS256 for RSA, HS256 for oct");
    if (json_object_get(jwk, "d"))
        return s_wrong(reading, "it is a private key; the broker needs the public one alone, without \"d\"");
    if (!s_take_kid(keys, key, jwk, reading))
        return false;
    keys->count++; /* jwt_keys_destroy frees it from here on */
    if (!s_take_members(key, jwk, reading))
        return false;
    return s_is_usable(keys, key) || s_wrong(reading, "it is no valid key; make it anew");
}

static bool s_add_all(jwt_keys_t *keys, const json_t *object, reading_t *reading) {
    const json_t *list = json_object_get(object, "keys");
    size_t count = list ? json_array_size(list) : 1;
    if (list && !json_is_array(list))
        return zr_fail(reading->error, "%s: \"keys\" is no list; write {\"keys\":[{...}]}", reading->path);
    for (size_t i = 0; i < count; i++) {
        reading->number = i + 1;
        if (!s_add(keys, list ? json_array_get(list, i) : object, reading))
            return false;
    }
    if (keys->count == 0)
        return zr_fail(reading->error, "%s: there is no key in it; add one, or remove auth/jwt-keys", reading->path);
    for (size_t i = 0; keys->count > 1 && i < keys->count; i++)
        if (!keys->items[i].kid[0])
            return zr_fail(reading->error, "%s: a key has no kid; with several keys each needs one", reading->path);
    return true;
}

jwt_keys_t *jwt_keys_parse(const char *path, zr_span_t text, bool *secret, zr_error_t *error) {
    json_error_t where;
    json_t *object = json_loadb(text.ptr ? text.ptr : "", text.len, JSON_REJECT_DUPLICATES, &where);
    if (!json_is_object(object)) {
        zr_fail(
            error, "%s: line %d: no JSON object; write a JWK Set, {\"keys\":[{...}]}", path, object ? 1 : where.line);
        json_decref(object);
        return NULL;
    }
    jwt_keys_t *keys = fatal_calloc(sizeof *keys);
    keys->quiet = fatal_check(jose_cfg());
    jose_cfg_set_err_func(keys->quiet, s_ignore, NULL);
    reading_t reading = {.path = path, .error = error};
    bool ok = s_add_all(keys, object, &reading);
    json_decref(object);
    for (size_t i = 0; secret && i < keys->count; i++)
        *secret |= keys->items[i].algorithm == &s_algorithms[HS256];
    if (ok)
        return keys;
    jwt_keys_destroy(keys);
    return NULL;
}

jwt_keys_t *jwt_keys_load(const char *path, zr_error_t *error) {
    zr_buffer_t text = {0};
    mode_t mode;
    bool secret = false;
    if (zr_file_read(path, &zr_file_access, &text, &mode, error) != ZR_FILE_READ)
        return NULL;
    jwt_keys_t *keys = jwt_keys_parse(path, zr_span_of(text.data, text.len), &secret, error);
    zr_file_wipe(&text);
    if (keys && secret && (mode & S_IROTH)) {
        zr_fail(error, "%s: there is a shared secret (HS256) in it, and everybody may read it; chmod 640 it", path);
        jwt_keys_destroy(keys);
        return NULL;
    }
    return keys;
}
