/* See throttle.h. */
#include "throttle.h"

#include "fatal.h"
#include "hash.h"
#include "names.h"

typedef struct {
    char address[THROTTLE_ADDRESS_MAX + 1], user[ZR_NICK_MAX + 1];
} pair_t;

typedef struct {
    pair_t pair;
    unsigned failures; /* in a row, at least one */
    uint64_t until_ms;
    UT_hash_handle hh;
} entry_t;

struct throttle {
    entry_t *entries; /* uthash keeps them in the order in which they last failed */
    size_t max;
};

throttle_t *throttle_new(size_t max) {
    throttle_t *self = fatal_calloc(sizeof *self);
    self->max = max;
    return self;
}

static void s_drop(throttle_t *self, entry_t *entry) {
    HASH_DEL(self->entries, entry);
    free(entry);
}

void throttle_destroy(throttle_t *self) {
    while (self && self->entries)
        s_drop(self, self->entries);
    free(self);
}

/* All of its bytes are the key, so all of them are set. */
static void s_set(char *place, size_t max, zr_span_t text) {
    size_t len = text.len < max ? text.len : max;
    if (len > 0)
        memcpy(place, text.ptr, len);
}

static pair_t s_pair(zr_span_t address, zr_span_t user) {
    pair_t pair;
    memset(&pair, 0, sizeof pair);
    s_set(pair.address, THROTTLE_ADDRESS_MAX, address);
    s_set(pair.user, ZR_NICK_MAX, user);
    return pair;
}

static entry_t *s_find(const throttle_t *self, zr_span_t address, zr_span_t user) {
    pair_t pair = s_pair(address, user);
    entry_t *entry;
    HASH_FIND(hh, self->entries, &pair, sizeof pair, entry);
    return entry;
}

uint32_t throttle_wait(const throttle_t *self, zr_span_t address, zr_span_t user, uint64_t now_ms) {
    const entry_t *entry = s_find(self, address, user);
    return entry && entry->until_ms > now_ms ? (uint32_t)(entry->until_ms - now_ms) : 0;
}

uint32_t throttle_failed(throttle_t *self, zr_span_t address, zr_span_t user, uint64_t now_ms) {
    entry_t *entry = s_find(self, address, user);
    if (entry) {
        HASH_DEL(self->entries, entry);
        if (now_ms >= entry->until_ms + THROTTLE_FORGET_MS)
            entry->failures = 0;
    } else {
        if (HASH_COUNT(self->entries) >= self->max)
            s_drop(self, self->entries);
        entry = fatal_calloc(sizeof *entry);
        entry->pair = s_pair(address, user);
    }
    uint32_t wait = THROTTLE_FIRST_MS;
    for (unsigned i = 0; i < entry->failures && wait < THROTTLE_LONGEST_MS; i++)
        wait *= 2;
    if (wait > THROTTLE_LONGEST_MS)
        wait = THROTTLE_LONGEST_MS;
    entry->failures++;
    entry->until_ms = now_ms + wait;
    HASH_ADD(hh, self->entries, pair, sizeof entry->pair, entry);
    return wait;
}

void throttle_passed(throttle_t *self, zr_span_t address, zr_span_t user) {
    entry_t *entry = s_find(self, address, user);
    if (entry)
        s_drop(self, entry);
}
