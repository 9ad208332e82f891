/* See database_wal.h. */
#include "database_wal.h"

#include <stdlib.h>
#include <string.h>

static void *s_copy(const void *items, size_t size) {
    void *copy = world_calloc(size + 1);
    if (size)
        memcpy(copy, items, size);
    return copy;
}

void wal_add(wal_t *wal, const txn_t *txn, const ask_t *ask) {
    if (wal->count == wal->size)
        wal->items = world_grow(wal->items, &wal->size, sizeof *wal->items);
    txn_t *added = &wal->items[wal->count++];
    *added = *txn;
    added->frames = NULL;
    added->marks = NULL;
    added->frame_count = added->mark_count = 0;
    if (!ask)
        return;
    added->frames = s_copy(ask->frames, ask->frame_count * sizeof *ask->frames);
    added->marks = s_copy(ask->marks, ask->mark_count * sizeof *ask->marks);
    added->frame_count = ask->frame_count;
    added->mark_count = ask->mark_count;
    for (size_t i = 0; i < ask->frame_count; i++)
        zr_blob_ref(ask->frames[i].frame);
    for (size_t i = 0; i < ask->mark_count; i++)
        if (ask->marks[i].refusals)
            zr_blob_ref(ask->marks[i].refusals);
}

static void s_free(txn_t *txn) {
    for (size_t i = 0; i < txn->frame_count; i++)
        zr_blob_unref(txn->frames[i].frame);
    for (size_t i = 0; i < txn->mark_count; i++)
        zr_blob_unref(txn->marks[i].refusals);
    free(txn->frames);
    free(txn->marks);
}

void wal_cut(wal_t *wal, size_t count) {
    while (wal->count > count)
        s_free(&wal->items[--wal->count]);
}

void wal_finish(wal_t *wal) {
    wal_cut(wal, 0);
    free(wal->items);
}

void txn_apply(const txn_t *txn, store_t *store) {
    for (size_t i = 0; i < txn->frame_count; i++)
        store_append(store, &txn->frames[i]);
    for (size_t i = 0; i < txn->mark_count; i++)
        store_mark(store, &txn->marks[i]);
}
