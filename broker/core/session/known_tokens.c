/* See known_tokens.h. */
#include "known_tokens.h"

#include <sodium.h>

#include "fatal.h"
#include "hash.h"

typedef struct known_token {
    token_tag_t tag;
    uint64_t checked; /* µs */
    UT_hash_handle hh;
} known_token_t;

enum { PLACE = 16 }; /* bytes of a tag that find its place */

static void s_drop(known_tokens_t *known, known_token_t *entry) {
    HASH_DEL(known->entries, entry);
    sodium_memzero(entry, sizeof *entry);
    free(entry);
}

void known_tokens_forget(known_tokens_t *known) {
    while (known->entries)
        s_drop(known, known->entries);
}

void known_tokens_finish(known_tokens_t *known) {
    known_tokens_forget(known);
    sodium_memzero(known, sizeof *known);
}

token_tag_t known_tokens_tag(const known_tokens_t *known, zr_span_t user, zr_span_t token) {
    static const uint8_t end = 0;
    token_tag_t tag;
    crypto_generichash_state state;
    crypto_generichash_init(&state, known->key, sizeof known->key, sizeof tag.bytes);
    crypto_generichash_update(&state, (const uint8_t *)user.ptr, user.len);
    crypto_generichash_update(&state, &end, sizeof end);
    crypto_generichash_update(&state, (const uint8_t *)token.ptr, token.len);
    crypto_generichash_final(&state, tag.bytes, sizeof tag.bytes);
    sodium_memzero(&state, sizeof state);
    return tag;
}

bool token_tag_equal(const token_tag_t *a, const token_tag_t *b) {
    return sodium_memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

static known_token_t *s_find(const known_tokens_t *known, const token_tag_t *tag) {
    known_token_t *entry;
    HASH_FIND(hh, known->entries, tag->bytes, PLACE, entry);
    return entry && token_tag_equal(&entry->tag, tag) ? entry : NULL;
}

/* Neither too long ago nor, after the clock was set back, in the future. */
static bool s_is_fresh(const known_token_t *entry, uint64_t now) {
    return now - entry->checked < KNOWN_TOKENS_S * 1000000ULL;
}

void known_tokens_add(known_tokens_t *known, const token_tag_t *tag, uint64_t now) {
    known_token_t *entry = s_find(known, tag);
    if (entry)
        s_drop(known, entry);
    else if (HASH_COUNT(known->entries) >= KNOWN_TOKENS_MAX)
        s_drop(known, known->entries);
    entry = fatal_calloc(sizeof *entry);
    entry->tag = *tag;
    entry->checked = now;
    HASH_ADD(hh, known->entries, tag.bytes, PLACE, entry);
}

bool known_tokens_has(const known_tokens_t *known, const token_tag_t *tag, uint64_t now) {
    const known_token_t *entry = s_find(known, tag);
    return entry && s_is_fresh(entry, now);
}

void known_tokens_expire(known_tokens_t *known, uint64_t now) {
    while (known->entries && !s_is_fresh(known->entries, now))
        s_drop(known, known->entries);
}

size_t known_tokens_count(const known_tokens_t *known) {
    return HASH_COUNT(known->entries);
}
