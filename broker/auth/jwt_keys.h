/* The public keys of applications that sign logins: a JWK Set (RFC 7517), or a single JWK. Each key has one algorithm,
 * its member `alg`, so that no token can choose another one for it. libjose knows no EdDSA: libsodium checks that.
 *
 *     alg     kty   its bytes
 *     EdDSA   OKP   crv Ed25519, x
 *     ES256   EC    crv P-256, x, y
 *     RS256   RSA   n (2048 to 8192 bits), e
 *     HS256   oct   k, the shared secret (32 to 512 bytes)
 *
 * Keys with another `use` than "sig" are skipped. Not thread-safe. */
#ifndef JWT_KEYS_H
#define JWT_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "errors.h"
#include "span.h"

enum {
    JWT_KEYS_MAX = 16, /* in one file: the old and the new ones of a few applications */
    JWT_KID_MAX = 64,  /* bytes of a key's name */
};

typedef struct jwt_keys jwt_keys_t;
typedef struct jwt_key jwt_key_t;

/* Reads the file. NULL: `error` holds a line with the file, the reason and what to do. A file with a secret (oct) must be
 * its owner's alone; a file with a private key is refused. */
jwt_keys_t *jwt_keys_load(const char *path, zr_error_t *error);

/* The same of a text; `path` is for errors. `*secret` (may be NULL): there is a shared secret in it. */
jwt_keys_t *jwt_keys_parse(const char *path, zr_span_t text, bool *secret, zr_error_t *error);

void jwt_keys_destroy(jwt_keys_t *keys); /* NULL is accepted */

size_t jwt_keys_count(const jwt_keys_t *keys);

/* A number that is the key's own: a key with other bytes has another one. `index` is below the count. */
uint64_t jwt_keys_number(const jwt_keys_t *keys, size_t index);

/* The key that a token's header names. An empty `kid` names the only key of a file with one. NULL: no key fits. */
const jwt_key_t *jwt_keys_find(const jwt_keys_t *keys, zr_span_t kid);

const char *jwt_key_algorithm(const jwt_key_t *key);
uint64_t jwt_key_number(const jwt_key_t *key);

/* Did this key sign the token? The parts are those between the dots, still encoded; `signed_part` is all before the
 * second dot. The caller has seen that the header's `alg` is the key's. */
typedef struct {
    zr_span_t header, payload, signature, signed_part;
} jwt_parts_t;
bool jwt_key_verify(const jwt_keys_t *keys, const jwt_key_t *key, const jwt_parts_t *parts);

#endif
