/* Tokens for login, and their hashes (Argon2id, libsodium's crypto_pwhash_str), which the users file holds.
 *
 * Hashing takes tens of milliseconds and TOKEN_MEMORY: never on the loop's thread. All hashes are made at the same
 * cost, so that a login takes the same time for every user. */
#ifndef TOKEN_H
#define TOKEN_H

#include <stdbool.h>

#include "errors.h"
#include "span.h"

enum {
    TOKEN_MAX = 256,       /* bytes of a token */
    TOKEN_HASH_SIZE = 128, /* of the text, its NUL included */
    TOKEN_PASSES = 2,
    TOKEN_MEMORY = 64 << 20, /* bytes */
};

/* A hash of no token that anybody knows: what is checked where there is no user to check. */
extern const char token_hash_of_nobody[];

/* false: memory is gone. */
bool token_hash(zr_span_t token, char out[TOKEN_HASH_SIZE]);

/* Is it such a hash, of that cost? */
bool token_hash_valid(const char *hash);

bool token_matches(const char *hash, zr_span_t token);

/* Reads one token from `fd`, which ends there (with a line feed or without), and hashes it. */
bool token_hash_from(int fd, char out[TOKEN_HASH_SIZE], zr_error_t *error);

#endif
