/* Files of keys: what is read, and what each fault is told as. */
#include <stdio.h>

#include "fixture_dir.h"
#include "fixture_jwt.h"

static jwt_keys_t *s_parse(const char *text, zr_error_t *error) {
    static char json[40000];
    snprintf(json, sizeof json, "%s", text);
    unit_quotes(json);
    return jwt_keys_parse("f", zr_span(json), NULL, error);
}

static void s_refused(const char *text, const char *part) {
    zr_error_t error = {0};
    jwt_keys_t *keys = s_parse(text, &error);
    ck_assert_msg(!keys, "%s", text);
    ck_assert_msg(strstr(error.text, part) != NULL, "%s: %s", text, error.text);
    ck_assert_int_eq(strncmp(error.text, "f: ", 3), 0);
}

#define OKP "'kty':'OKP','crv':'Ed25519','alg':'EdDSA'"
#define X "'x':'11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo'"
#define SECRET "'k':'AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow'"

TEST(test_faults) {
    s_refused("", "JWK Set");
    s_refused("[]", "JWK Set");
    s_refused("{'keys':1}", "no list");
    s_refused("{'keys':[]}", "no key in it");
    s_refused("{'keys':[1]}", "key 1: it is no JSON object");
    s_refused("{}", "alg is missing");
    s_refused("{'kty':'OKP','alg':'none'}", "alg is missing or unknown");
    s_refused("{'kty':'oct','alg':'HS384'," SECRET "}", "alg is missing or unknown");
    s_refused("{'kty':'RSA','alg':'EdDSA'," X "}", "do not fit");
    s_refused("{'kty':'OKP','crv':'X25519','alg':'EdDSA'," X "}", "do not fit");
    s_refused("{'kty':'oct','alg':'RS256'," SECRET "}", "do not fit");
    s_refused("{" OKP "}", "bytes are missing");
    s_refused("{" OKP ",'x':'11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHUQ'}", "wrong length");
    s_refused("{" OKP ",'x':'11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo'}", "no base64url");
    s_refused("{" OKP "," X ",'d':'AA'}", "private key");
    s_refused("{" OKP "," X ",'kid':''}", "kid");
    s_refused("{" OKP "," X ",'kid':7}", "kid");
    s_refused("{'keys':[{" OKP "," X "},{" OKP "," X ",'kid':'b'}]}", "a key has no kid");
    s_refused("{'keys':[{" OKP "," X ",'kid':'b'},{" OKP "," X ",'kid':'b'}]}", "key 2: another key has the same kid");
    s_refused("{'keys':[{" OKP "," X ",'use':'enc'}]}", "no key in it");
    s_refused("{" OKP "," OKP "," X "}", "JWK Set"); /* repeated members */
}

/* A point that is not on the curve, and a modulus that is too short. */
TEST(test_keys_that_are_none) {
    s_refused("{'kty':'EC','crv':'P-256','alg':'ES256','x':'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',"
              "'y':'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5aA'}",
        "no valid key");
    s_refused(
        "{'kty':'RSA','alg':'RS256','n':'11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo','e':'AQAB'}", "wrong length");
}

static void s_secret(size_t len, bool ok) {
    char text[2000];
    zr_error_t error = {0};
    snprintf(text, sizeof text, "{'kty':'oct','alg':'HS256','k':'%s'}", fx_b64(unit_fill('s', len)));
    jwt_keys_t *keys = s_parse(text, &error);
    ck_assert_msg((keys != NULL) == ok, "%zu bytes: %s", len, error.text);
    jwt_keys_destroy(keys);
}

TEST(test_length_of_a_secret) {
    s_secret(31, false);
    s_secret(32, true);
    s_secret(512, true);
    s_secret(513, false);
}

TEST(test_several) {
    json_t *a = fx_jwk("EdDSA", "a"), *b = fx_jwk("HS256", "b"), *c = fx_jwk("ES256", "c");
    zr_error_t error = {0};
    bool secret = false;
    jwt_keys_t *keys = jwt_keys_parse("f", zr_span(fx_jwk_set(a, c, NULL)), &secret, &error);
    ck_assert_uint_eq(jwt_keys_count(keys), 2);
    ck_assert(!secret);
    ck_assert_str_eq(jwt_key_algorithm(jwt_keys_find(keys, zr_span("c"))), "ES256");
    ck_assert_ptr_null(jwt_keys_find(keys, zr_span(NULL))); /* which of them? */
    ck_assert_ptr_null(jwt_keys_find(keys, zr_span("b")));
    uint64_t number = jwt_keys_number(keys, 0);
    ck_assert_uint_ne(number, jwt_keys_number(keys, 1));
    jwt_keys_destroy(keys);

    keys = jwt_keys_parse("f", zr_span(fx_jwk_set(b, a, NULL)), &secret, &error);
    ck_assert(secret);
    ck_assert_uint_eq(jwt_keys_number(keys, 1), number); /* the same key, elsewhere */
    jwt_keys_destroy(keys);
    json_decref(a);
    json_decref(b);
    json_decref(c);
}

TEST(test_so_many) {
    for (unsigned count = JWT_KEYS_MAX; count <= JWT_KEYS_MAX + 1; count++) {
        zr_error_t error = {0};
        char text[40000] = "{'keys':[";
        for (unsigned i = 0; i < count; i++)
            snprintf(text + strlen(text), 200, "%s{" OKP "," X ",'kid':'%u'}", i ? "," : "", i);
        strcat(text, "]}");
        jwt_keys_t *keys = s_parse(text, &error);
        ck_assert_int_eq(keys != NULL, count == JWT_KEYS_MAX);
        jwt_keys_destroy(keys);
    }
}

TEST(test_length_of_a_kid) {
    for (int len = JWT_KID_MAX; len <= JWT_KID_MAX + 1; len++) {
        zr_error_t error = {0};
        char text[400];
        snprintf(text, sizeof text, "{" OKP "," X ",'kid':'%.*s'}", len, unit_fill('k', JWT_KID_MAX + 1).ptr);
        jwt_keys_t *keys = s_parse(text, &error);
        ck_assert_int_eq(keys != NULL, len == JWT_KID_MAX);
        jwt_keys_destroy(keys);
    }
}

TEST(test_files) {
    json_t *open = fx_jwk("EdDSA", ""), *shared = fx_jwk("HS256", "");
    zr_error_t error = {0};
    dir_begin();
    ck_assert_ptr_null(jwt_keys_load(dir_path("none"), &error));
    dir_write("keys", fx_jwk_set(open, NULL), 0644);
    jwt_keys_t *keys = jwt_keys_load(dir_path("keys"), &error);
    ck_assert_ptr_nonnull(keys);
    jwt_keys_destroy(keys);
    error = (zr_error_t){0};
    dir_write("secret", fx_jwk_set(shared, NULL), 0644);
    ck_assert_ptr_null(jwt_keys_load(dir_path("secret"), &error));
    ck_assert_ptr_nonnull(strstr(error.text, "chmod 640"));
    dir_write("hidden", fx_jwk_set(shared, NULL), 0640);
    keys = jwt_keys_load(dir_path("hidden"), &error);
    ck_assert_ptr_nonnull(keys);
    jwt_keys_destroy(keys);
    dir_end();
    json_decref(open);
    json_decref(shared);
}

UNIT_SUITE("broker.auth.jwt_keys")
