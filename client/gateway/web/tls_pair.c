/* See tls_pair.h. */
#include "tls_pair.h"

#include "fatal.h"
#include "tls_files.h"

static bool s_import_chain(tls_pair_t *pair, const gnutls_datum_t *cert, zr_error_t *error) {
    unsigned len = TLS_CHAIN_MAX;
    int code = gnutls_pcert_list_import_x509_raw(pair->chain, &len, cert, GNUTLS_X509_FMT_PEM,
        GNUTLS_X509_CRT_LIST_IMPORT_FAIL_IF_EXCEED | GNUTLS_X509_CRT_LIST_SORT);
    if (code == GNUTLS_E_SHORT_MEMORY_BUFFER)
        return zr_fail(error, "--tls-cert has more than %d certificates", TLS_CHAIN_MAX);
    pair->chain_len = code < 0 ? 0 : len;
    return code >= 0 || tls_files_fail(error, code);
}

static bool s_import(tls_pair_t *pair, const gnutls_datum_t *cert, const gnutls_datum_t *key, zr_error_t *error) {
    if (!s_import_chain(pair, cert, error))
        return false;
    int code = gnutls_privkey_init(&pair->key);
    if (code == 0)
        code = gnutls_privkey_import_x509_raw(pair->key, key, GNUTLS_X509_FMT_PEM, NULL, 0);
    return code == 0 || tls_files_fail(error, code);
}

tls_pair_t *tls_pair_load(const char *cert, const char *key, zr_error_t *error) {
    tls_pair_t *pair = fatal_calloc(sizeof *pair);
    tls_files_t files;
    bool ok = tls_files_read(&files, cert, key, error);
    gnutls_datum_t cert_pem = tls_files_datum(&files.cert), key_pem = tls_files_datum(&files.key);
    ok = ok && s_import(pair, &cert_pem, &key_pem, error);
    pair->cert_text = files.cert;
    files.cert = (zr_buffer_t){0};
    tls_files_finish(&files);
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
