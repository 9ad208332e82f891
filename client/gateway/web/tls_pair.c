/* See tls_pair.h. */
#include "tls_pair.h"

#include "fatal.h"
#include "private_file.h"

static bool s_unfit(zr_error_t *error, int code) {
    return zr_fail(error, "--tls-cert and --tls-key do not fit together, or are not PEM: %s", gnutls_strerror(code));
}

/* GnuTLS compares the two only in credentials. */
static bool s_check(const gnutls_datum_t *cert, const gnutls_datum_t *key, zr_error_t *error) {
    gnutls_certificate_credentials_t credentials;
    if (gnutls_certificate_allocate_credentials(&credentials) != 0)
        return zr_fail(error, "cannot start GnuTLS");
    int code = gnutls_certificate_set_x509_key_mem(credentials, cert, key, GNUTLS_X509_FMT_PEM);
    gnutls_certificate_free_credentials(credentials);
    return code >= 0 || s_unfit(error, code);
}

static bool s_import_chain(tls_pair_t *pair, const gnutls_datum_t *cert, zr_error_t *error) {
    unsigned len = TLS_CHAIN_MAX;
    int code = gnutls_pcert_list_import_x509_raw(pair->chain, &len, cert, GNUTLS_X509_FMT_PEM,
        GNUTLS_X509_CRT_LIST_IMPORT_FAIL_IF_EXCEED | GNUTLS_X509_CRT_LIST_SORT);
    if (code == GNUTLS_E_SHORT_MEMORY_BUFFER)
        return zr_fail(error, "--tls-cert has more than %d certificates", TLS_CHAIN_MAX);
    pair->chain_len = code < 0 ? 0 : len;
    return code >= 0 || s_unfit(error, code);
}

static bool s_import(tls_pair_t *pair, const gnutls_datum_t *cert, const gnutls_datum_t *key, zr_error_t *error) {
    if (!s_check(cert, key, error) || !s_import_chain(pair, cert, error))
        return false;
    int code = gnutls_privkey_init(&pair->key);
    if (code == 0)
        code = gnutls_privkey_import_x509_raw(pair->key, key, GNUTLS_X509_FMT_PEM, NULL, 0);
    return code == 0 || s_unfit(error, code);
}

static gnutls_datum_t s_datum(const zr_buffer_t *text) {
    return (gnutls_datum_t){text->data, (unsigned)text->len};
}

static bool s_load(tls_pair_t *pair, const char *cert, const char *key, zr_buffer_t *secret, zr_error_t *error) {
    if (zr_file_read(cert, &zr_file_config, &pair->cert_text, NULL, error) != ZR_FILE_READ ||
        zr_file_read(key, &zr_file_secret, secret, NULL, error) != ZR_FILE_READ)
        return false;
    gnutls_datum_t cert_pem = s_datum(&pair->cert_text), key_pem = s_datum(secret);
    return s_import(pair, &cert_pem, &key_pem, error);
}

tls_pair_t *tls_pair_load(const char *cert, const char *key, zr_error_t *error) {
    tls_pair_t *pair = fatal_calloc(sizeof *pair);
    zr_buffer_t secret = {0};
    bool ok = s_load(pair, cert, key, &secret, error);
    zr_file_wipe(&secret);
    if (ok)
        return pair;
    tls_pair_destroy(pair);
    return NULL;
}

void tls_pair_destroy(tls_pair_t *pair) {
    if (!pair)
        return;
    for (unsigned i = 0; i < pair->chain_len; i++)
        gnutls_pcert_deinit(&pair->chain[i]);
    if (pair->key)
        gnutls_privkey_deinit(pair->key);
    zr_buffer_finish(&pair->cert_text);
    free(pair);
}

bool tls_pair_equal(const tls_pair_t *a, const tls_pair_t *b) {
    return zr_span_equal(
        zr_span_of(a->cert_text.data, a->cert_text.len), zr_span_of(b->cert_text.data, b->cert_text.len));
}
