/* Memory in large pieces for published messages: filled one after the other, given back in the order of the acks, and
 * then used again. Knows nothing of frames. */
#include "machine_chunks.h"

#define ALIGNED(size) (((size) + 7) & ~(size_t)7)

static chunk_t *s_new(size_t size) {
    zr_blob_t *blob = zr_blob_new(size);
    chunk_t *chunk = (chunk_t *)zr_blob_data(blob);
    *chunk = (chunk_t){.blob = blob, .size = size, .used = sizeof *chunk};
    return chunk;
}

/* Nothing lives in it, and it is not the open one. libzmq may still be sending from it: then it is freed by that. */
static void s_retire(chunks_t *chunks, chunk_t *chunk) {
    if (chunk->size != CHUNK_BYTES || chunks->spare_count == CHUNKS_SPARE || zr_blob_shared(chunk->blob)) {
        zr_blob_unref(chunk->blob);
        return;
    }
    chunk->used = sizeof *chunk;
    chunk->next = chunks->spare;
    chunks->spare = chunk;
    chunks->spare_count++;
}

static void s_open(chunks_t *chunks, size_t size) {
    chunk_t *old = chunks->open;
    if (size <= CHUNK_BYTES && chunks->spare) {
        chunks->open = chunks->spare;
        chunks->spare = chunks->spare->next;
        chunks->spare_count--;
    } else {
        chunks->open = s_new(size < CHUNK_BYTES ? CHUNK_BYTES : size);
    }
    if (old && old->live == 0)
        s_retire(chunks, old);
}

void *chunks_take(chunks_t *chunks, size_t size, size_t room, chunk_t **chunk) {
    if (!chunks->open || ALIGNED(chunks->open->used) + size + room > chunks->open->size)
        s_open(chunks, ALIGNED(sizeof **chunk) + size + room);
    chunk_t *open = *chunk = chunks->open;
    uint8_t *taken = (uint8_t *)open + ALIGNED(open->used);
    open->used = ALIGNED(open->used) + size;
    open->live++;
    return taken;
}

void chunks_release(chunks_t *chunks, chunk_t *chunk) {
    if (--chunk->live > 0)
        return;
    if (chunk != chunks->open) {
        s_retire(chunks, chunk);
    } else if (chunk->size != CHUNK_BYTES) { /* large, and perhaps the last for long */
        chunks->open = NULL;
        s_retire(chunks, chunk);
    } else if (!zr_blob_shared(chunk->blob)) {
        chunk->used = sizeof *chunk;
    }
}

void chunks_finish(chunks_t *chunks) {
    if (chunks->open)
        zr_blob_unref(chunks->open->blob);
    while (chunks->spare) {
        chunk_t *chunk = chunks->spare;
        chunks->spare = chunk->next;
        zr_blob_unref(chunk->blob);
    }
    *chunks = (chunks_t){0};
}
