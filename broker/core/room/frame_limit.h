/* How large a live frame of a room may get. Each frame costs every reader a little, so a backlog travels in large frames.
 * A quiet room has small frames: a slow reader that misses one misses little. The limit follows the room's load between
 * FRAME_LIMIT_LEAST and the setting batch-bytes. It only says where a frame is cut: no entry waits for others. Pure. */
#ifndef FRAME_LIMIT_H
#define FRAME_LIMIT_H

#include <stdbool.h>
#include <stddef.h>

enum {
    FRAME_LIMIT_LEAST = 16 << 10, /* bytes of a room's frames until its load needs more */
    FRAME_LIMIT_IDLE = 4,         /* a pass with less than this part (a fourth) of a frame halves the limit */
};

/* Zeroed it is the limit of a new room. */
typedef struct {
    size_t bytes; /* 0: FRAME_LIMIT_LEAST */
    bool filled;  /* an entry of this pass did not fit */
} frame_limit_t;

/* Bytes that the next frame may have; `most` is the setting, which may be below FRAME_LIMIT_LEAST. */
size_t frame_limit(const frame_limit_t *limit, size_t most);

/* An entry does not fit into the frame, and another frame begins in the same pass: the limit doubles. */
void frame_limit_fill(frame_limit_t *limit, size_t most);

/* The pass ends with a frame of `len` bytes. */
void frame_limit_end_pass(frame_limit_t *limit, size_t len, size_t most);

#endif
