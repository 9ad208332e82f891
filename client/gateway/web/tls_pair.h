/* A certificate chain and its secret key, ready for handshakes of GnuTLS. */
#ifndef TLS_PAIR_H
#define TLS_PAIR_H

#include <gnutls/abstract.h>

#include "buffer.h"
#include "errors.h"

enum { TLS_CHAIN_MAX = 16 }; /* certificates in a chain */

typedef struct tls_pair {
    gnutls_pcert_st chain[TLS_CHAIN_MAX];
    unsigned chain_len;
    gnutls_privkey_t key;
    zr_buffer_t cert_text; /* the file, to see whether it changed */
    struct tls_pair *next; /* for the owner */
} tls_pair_t;

/* Reads both files, in PEM, and checks that they fit together. Nobody but their owner may read the key's. NULL: `error`
 * says why. */
tls_pair_t *tls_pair_load(const char *cert, const char *key, zr_error_t *error);
void tls_pair_destroy(tls_pair_t *pair); /* NULL is accepted */

/* Whether both have the same chain. A chain names its public key, so their secret keys are the same too. */
bool tls_pair_equal(const tls_pair_t *a, const tls_pair_t *b);

#endif
