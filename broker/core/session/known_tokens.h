/* The logins that were checked of late, so that the next hello of the same user with the same token need not be hashed
 * again. A table in memory, bounded in number and time. It holds no token and no slow hash: each entry is a keyed hash
 * of user and token (BLAKE2b), whose key is drawn at the start and never leaves the process.
 *
 * An attacker cannot choose where its guess falls in the table, so a comparison that takes longer tells it nothing. The
 * whole tag is compared in constant time all the same. */
#ifndef KNOWN_TOKENS_H
#define KNOWN_TOKENS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "span.h"

enum {
    KNOWN_TOKENS_MAX = 1000, /* the one checked longest ago goes first */
    KNOWN_TOKENS_S = 600,    /* since the token was checked */
    KNOWN_TOKENS_BYTES = 32  /* of a tag, and of the key */
};

typedef struct {
    uint8_t bytes[KNOWN_TOKENS_BYTES];
} token_tag_t;

typedef struct {
    uint8_t key[KNOWN_TOKENS_BYTES]; /* unpredictable bytes, the caller's to fill in before all else */
    struct known_token *entries;     /* in the order in which they were checked */
} known_tokens_t;

/* Forgets all, the key too. */
void known_tokens_finish(known_tokens_t *known);

/* Two tags are equal if user and token are. `user` holds no NUL. */
token_tag_t known_tokens_tag(const known_tokens_t *known, zr_span_t user, zr_span_t token);
bool token_tag_equal(const token_tag_t *a, const token_tag_t *b);

/* The token of this tag was checked just now (µs). */
void known_tokens_add(known_tokens_t *known, const token_tag_t *tag, uint64_t now);

/* Was it checked of late? */
bool known_tokens_has(const known_tokens_t *known, const token_tag_t *tag, uint64_t now);

/* Forgets those that were checked too long ago; call it now and then, also since the clock may be set. */
void known_tokens_expire(known_tokens_t *known, uint64_t now);

/* Forgets all: other users, or other tokens, are in force. */
void known_tokens_forget(known_tokens_t *known);

size_t known_tokens_count(const known_tokens_t *known);

#endif
