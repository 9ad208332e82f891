/* The certificate and the key that the settings name, as IRC and HTTP read them. */
#ifndef TLS_FILES_H
#define TLS_FILES_H

#include <gnutls/gnutls.h>

#include "buffer.h"
#include "errors.h"

typedef struct {
    zr_buffer_t cert, key; /* PEM */
    gnutls_certificate_credentials_t credentials;
} tls_files_t;

/* Reads both, and looks whether they fit together. In any case tls_files_finish is to be called. */
bool tls_files_read(tls_files_t *files, const char *cert, const char *key, zr_error_t *error);

/* The same text for every fault of GnuTLS with them. Returns false. */
bool tls_files_fail(zr_error_t *error, int code);

gnutls_datum_t tls_files_datum(const zr_buffer_t *text); /* borrowed */

/* Wipes the key. A caller that keeps `credentials` or `cert` sets that member to zero before. */
void tls_files_finish(tls_files_t *files);

#endif
