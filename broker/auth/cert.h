/* The server's key pair, in the files that CZMQ's zcert writes and reads: FILE with the public key, FILE_secret with
 * both. zcert itself is not used: it takes the public file when the secret one cannot be read, looks at no permissions,
 * and overwrites. */
#ifndef CERT_H
#define CERT_H

#include <stdbool.h>
#include <stdint.h>

#include "zpl.h"

enum { CERT_KEY_LEN = 40, CERT_KEY_BYTES = 32 }; /* Z85 characters, and what they stand for */

/* Keys in Z85. */
typedef struct {
    char public_key[CERT_KEY_LEN + 1];
    char secret_key[CERT_KEY_LEN + 1];
} cert_t;

/* Z85 of a key that can be a public one. On success `key` gets its bytes. */
bool cert_key_decode(const char *text, uint8_t key[CERT_KEY_BYTES]);

/* Reads a secret file. Refused are files that others may read, that hold no secret key, or keys that are no pair. Done
 * with it, call cert_wipe. */
bool cert_load(cert_t *cert, const char *path, char error[ZPL_ERROR_SIZE]);

/* Makes a key pair and writes `path` and `path`_secret (mode 0600). Neither may exist. */
bool cert_make(cert_t *cert, const char *path, char error[ZPL_ERROR_SIZE]);

void cert_wipe(cert_t *cert);

#endif
