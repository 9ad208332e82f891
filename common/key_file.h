/* CURVE key pairs in the files that CZMQ's zcert and pyzmq write and read: FILE with the public key, FILE_secret with
 * both. zcert itself is not used: it takes the public file when the secret one cannot be read, looks at no permissions,
 * and overwrites. */
#ifndef ZR_KEY_FILE_H
#define ZR_KEY_FILE_H

#include "private_file.h"

enum { ZR_CURVE_LEN = 40, ZR_CURVE_BYTES = 32 }; /* of a key: characters of Z85, and the bytes that they stand for */

/* Keys in Z85. */
typedef struct {
    char public_key[ZR_CURVE_LEN + 1];
    char secret_key[ZR_CURVE_LEN + 1];
} zr_pair_t;

/* Z85 of a key. On success `key` gets its bytes; it may be NULL. */
bool zr_curve_decode(zr_span_t text, uint8_t key[ZR_CURVE_BYTES]);

/* Reads a secret file. Refused are files that others may read, that hold no secret key, or keys that are no pair. Done
 * with the pair, call zr_pair_wipe. */
zr_file_t zr_pair_load(zr_pair_t *pair, const char *path, zr_error_t *error);

/* Makes a key pair and writes `path`_secret (mode 0600) and then `path`. Neither may exist. */
bool zr_pair_make(zr_pair_t *pair, const char *path, zr_error_t *error);

void zr_pair_wipe(zr_pair_t *pair);

#endif
