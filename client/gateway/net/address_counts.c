/* See address_counts.h. */
#include "address_counts.h"

#include "fatal.h"
#include "hash.h"

typedef struct {
    address_t peer;
    uint64_t count;
    UT_hash_handle hh;
} row_t;

struct address_counts {
    row_t *rows;
};

address_counts_t *address_counts_new(void) {
    return fatal_calloc(sizeof(address_counts_t));
}

void address_counts_destroy(address_counts_t *counts) {
    row_t *row, *next;
    if (!counts)
        return;
    HASH_ITER(hh, counts->rows, row, next) {
        HASH_DEL(counts->rows, row);
        free(row);
    }
    free(counts);
}

static row_t *s_find(address_counts_t *counts, const address_t *peer) {
    row_t *row;
    HASH_FIND(hh, counts->rows, peer, sizeof *peer, row);
    return row;
}

bool address_counts_add(address_counts_t *counts, const address_t *address, uint64_t max) {
    address_t peer;
    address_peer(address, &peer);
    row_t *row = s_find(counts, &peer);
    if (row ? row->count >= max : max == 0)
        return false;
    if (!row) {
        row = fatal_calloc(sizeof *row);
        row->peer = peer;
        HASH_ADD(hh, counts->rows, peer, sizeof row->peer, row);
    }
    row->count++;
    return true;
}

void address_counts_remove(address_counts_t *counts, const address_t *address) {
    address_t peer;
    address_peer(address, &peer);
    row_t *row = s_find(counts, &peer);
    FATAL_UNLESS(row);
    if (--row->count > 0)
        return;
    HASH_DEL(counts->rows, row);
    free(row);
}
