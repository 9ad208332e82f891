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

typedef struct {
    zr_span_t name; /* of the room */
    uint64_t epoch; /* that the frames get */
    const log_read_t *read;
    uint64_t until;    /* not above read->until */
    log_slice_t slice; /* `frames` has read->frames places; `seq` is the position that the first row goes beyond */
    size_t bytes;
    bool damaged; /* a frame was not what its row says */
} slice_builder_t;

/* Before the first row. `frames` has read->frames places. */
slice_builder_t slice_begin(uint64_t epoch, const log_bounds_t *bounds, const log_read_t *read, zr_blob_t **frames);

/* The room is not there, or another room has its id by now: all up to `until` is gone. */
void slice_no_room(slice_builder_t *builder);

/* A read from `after` on: sets the position that the first row goes beyond. `oldest`: all up to there is gone. A read of the
 * last so many comes with the position that was found for it. `enough`: there were so many. */
void slice_from(slice_builder_t *builder, const log_bounds_t *bounds, uint64_t oldest, uint64_t after, bool enough);

/* The entries of the frame up to position `until`. */
uint64_t slice_count(zr_span_t frame, uint64_t until);

/* The position of the frame's entry number `count`; `prev`: before its first. */
uint64_t slice_position(zr_span_t frame, uint64_t prev, uint64_t count);

/* Adds the room's next frame, cut, REPLAY set. false: no further row is wanted. */
bool slice_add(slice_builder_t *builder, const slice_row_t *row);

/* The answer. After a failure it has no frames, and its position is behind the damaged one or at read->until. Damaged
 * and unreadable entries are reported as gone: else they would be asked for, and fail, for ever. */
void slice_end(slice_builder_t *builder, bool ok, log_slice_t *slice);

#endif
