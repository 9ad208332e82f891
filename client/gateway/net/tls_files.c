/* See tls_files.h. */
#include "tls_files.h"

#include "fatal.h"
#include "private_file.h"

bool tls_files_fail(zr_error_t *error, int code) {
    return zr_fail(error, "--tls-cert and --tls-key do not fit together, or are not PEM: %s", gnutls_strerror(code));
}

gnutls_datum_t tls_files_datum(const zr_buffer_t *text) {
    return (gnutls_datum_t){text->data, (unsigned)text->len};
}

bool tls_files_read(tls_files_t *files, const char *cert, const char *key, zr_error_t *error) {
    *files = (tls_files_t){0};
    if (zr_file_read(cert, &zr_file_config, &files->cert, NULL, error) != ZR_FILE_READ ||
        zr_file_read(key, &zr_file_secret, &files->key, NULL, error) != ZR_FILE_READ)
        return false;
    FATAL_UNLESS(gnutls_certificate_allocate_credentials(&files->credentials) == 0);
    gnutls_datum_t cert_pem = tls_files_datum(&files->cert), key_pem = tls_files_datum(&files->key);
    int code = gnutls_certificate_set_x509_key_mem(files->credentials, &cert_pem, &key_pem, GNUTLS_X509_FMT_PEM);
    return code >= 0 || tls_files_fail(error, code);
}

void tls_files_finish(tls_files_t *files) {
    if (files->credentials)
        gnutls_certificate_free_credentials(files->credentials);
    zr_buffer_finish(&files->cert);
    zr_file_wipe(&files->key);
}
