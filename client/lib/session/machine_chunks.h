/* The memory in which published messages lie. */
#ifndef MACHINE_CHUNKS_H
#define MACHINE_CHUNKS_H

#include "machine_state.h"

/* `size` bytes, aligned, with no less than `room` behind them to grow into. */
void *chunks_take(chunks_t *chunks, size_t size, size_t room, chunk_t **chunk);
static inline size_t chunks_room(const chunks_t *chunks) { /* that the last piece may still grow into */
    return chunks->open->size - chunks->open->used;
}
static inline void chunks_grow(chunks_t *chunks, size_t len) {
    chunks->open->used += len;
}
void chunks_release(chunks_t *chunks, chunk_t *chunk); /* a piece taken from it is not used any more */
void chunks_finish(chunks_t *chunks);                  /* no piece is */

#endif
