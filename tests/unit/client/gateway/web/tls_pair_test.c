#include "tls_pair.h"

#include <gnutls/x509.h>
#include <stdio.h>
#include <time.h>

#include "fixture_dir.h"

enum { PEM_MAX = 4096 };

typedef struct {
    char cert[PEM_MAX], key[PEM_MAX];
} pems_t;

static void s_make(pems_t *pems, unsigned serial) {
    gnutls_x509_privkey_t key;
    gnutls_x509_crt_t cert;
    size_t size = sizeof pems->key - 1;
    ck_assert_int_eq(gnutls_x509_privkey_init(&key), 0);
    ck_assert_int_eq(
        gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0), 0);
    ck_assert_int_eq(gnutls_x509_crt_init(&cert), 0);
    gnutls_x509_crt_set_version(cert, 3);
    gnutls_x509_crt_set_dn(cert, "CN=localhost", NULL);
    gnutls_x509_crt_set_serial(cert, &serial, 1);
    gnutls_x509_crt_set_activation_time(cert, time(NULL));
    gnutls_x509_crt_set_expiration_time(cert, time(NULL) + 3600);
    gnutls_x509_crt_set_key(cert, key);
    ck_assert_int_eq(gnutls_x509_crt_sign2(cert, cert, key, GNUTLS_DIG_SHA256, 0), 0);
    memset(pems, 0, sizeof *pems);
    ck_assert_int_eq(gnutls_x509_privkey_export(key, GNUTLS_X509_FMT_PEM, pems->key, &size), 0);
    size = sizeof pems->cert - 1;
    ck_assert_int_eq(gnutls_x509_crt_export(cert, GNUTLS_X509_FMT_PEM, pems->cert, &size), 0);
    gnutls_x509_crt_deinit(cert);
    gnutls_x509_privkey_deinit(key);
}

static tls_pair_t *s_load(const char *cert, const char *key, zr_error_t *error) {
    char path[256];
    snprintf(path, sizeof path, "%s", dir_write("cert.pem", cert, 0644));
    return tls_pair_load(path, dir_write("key.pem", key, 0600), error);
}

TEST(test_a_pair_is_loaded_and_compared) {
    pems_t first, second;
    zr_error_t error = {0};
    dir_begin();
    s_make(&first, 1);
    s_make(&second, 2);
    tls_pair_t *a = s_load(first.cert, first.key, &error), *b = s_load(first.cert, first.key, &error);
    tls_pair_t *c = s_load(second.cert, second.key, &error);
    ck_assert_uint_eq(error.count, 0);
    ck_assert(a && b && c);
    ck_assert_uint_eq(a->chain_len, 1);
    ck_assert(tls_pair_equal(a, b));
    ck_assert(!tls_pair_equal(a, c));
    tls_pair_destroy(a);
    tls_pair_destroy(b);
    tls_pair_destroy(c);
    tls_pair_destroy(NULL);
    dir_end();
}

TEST(test_files_that_do_not_fit_are_told) {
    pems_t first, second;
    zr_error_t error = {0};
    dir_begin();
    s_make(&first, 1);
    s_make(&second, 2);
    ck_assert(!s_load(first.cert, second.key, &error));
    dir_assert_error(&error, "do not fit together");
    ck_assert(!s_load("nonsense", first.key, &error));
    dir_assert_error(&error, "do not fit together, or are not PEM");
    ck_assert(!s_load("", first.key, &error));
    dir_assert_error(&error, "do not fit together, or are not PEM");
    ck_assert(!tls_pair_load(dir_path("cert.pem"), dir_path("missing.pem"), &error));
    dir_assert_error(&error, "missing.pem");
    dir_end();
}

TEST(test_a_key_that_others_may_read_is_refused) {
    pems_t pems;
    zr_error_t error = {0};
    dir_begin();
    s_make(&pems, 1);
    dir_write("cert.pem", pems.cert, 0644);
    dir_write("key.pem", pems.key, 0640);
    ck_assert(!tls_pair_load(dir_path("cert.pem"), dir_path("key.pem"), &error));
    dir_assert_error(&error, "key.pem");
    dir_end();
}

TEST(test_the_longest_chain_and_one_more) {
    static char chain[PEM_MAX * (TLS_CHAIN_MAX + 1)];
    pems_t pems;
    zr_error_t error = {0};
    dir_begin();
    s_make(&pems, 1);
    chain[0] = '\0';
    for (int i = 0; i < TLS_CHAIN_MAX; i++)
        strcat(chain, pems.cert);
    tls_pair_t *pair = s_load(chain, pems.key, &error);
    ck_assert_msg(pair, "%s", error.text);
    tls_pair_destroy(pair);
    strcat(chain, pems.cert);
    ck_assert(!s_load(chain, pems.key, &error));
    dir_assert_error(&error, "more than 16 certificates");
    dir_end();
}

UNIT_SUITE("client.gateway.web")
