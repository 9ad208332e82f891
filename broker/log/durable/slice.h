/* Builds the answer to a read (log.h) from rows of frames. Knows no database. */
#ifndef SLICE_H
#define SLICE_H

#include "log.h"

/* A frame as it was delivered, and what its row says of it. */
typedef struct {
    uint64_t last, prev;
    size_t count;
    zr_span_t frame;
} slice_row_t;

/* Set all but the last three members before the first row. */
typedef struct {
    zr_span_t name; /* of the room */
    uint64_t epoch; /* that the frames get */
    const log_read_t *read;
    uint64_t until;    /* not above read->until */
    log_slice_t slice; /* `frames` has read->frames places; `seq` is the position that the first row goes beyond */
    size_t bytes;
    bool damaged; /* a frame was not what its row says */
} slice_builder_t;

/* Adds the room's next frame, cut, REPLAY set. false: no further row is wanted. */
bool slice_add(slice_builder_t *builder, const slice_row_t *row);

/* The answer. After a failure it has no frames, and its position is behind the damaged one or at read->until. Damaged
 * and unreadable entries are reported as gone: else they would be asked for, and fail, for ever. */
void slice_end(slice_builder_t *builder, bool ok, log_slice_t *slice);

#endif
