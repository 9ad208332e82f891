/* How large a frame of many entries may get. Each frame costs broker and readers a little, so a backlog travels in large
 * frames. A quiet stream has small frames: a slow reader that misses one misses little. The limit follows the load,
 * between FRAME_LIMIT_LEAST and a setting. It only says where a frame is cut: no entry waits for others. The broker has
 * such a limit for each room, the library for each session. Pure. */
#ifndef ZR_FRAME_LIMIT_H
#define ZR_FRAME_LIMIT_H

#include <stdbool.h>
#include <stddef.h>

enum {
    FRAME_LIMIT_LEAST = 16 << 10, /* bytes until the load needs more */
    FRAME_LIMIT_IDLE = 4,         /* a pass with less than this part (a fourth) of a frame halves the limit */
};

/* Zeroed it is the limit of a new stream. */
typedef struct {
    size_t bytes; /* 0: FRAME_LIMIT_LEAST */
    bool filled;  /* an entry of this pass did not fit */
} frame_limit_t;

/* Bytes that the next frame may have; `most` is the setting, which may be below FRAME_LIMIT_LEAST. */
static inline size_t frame_limit(const frame_limit_t *limit, size_t most) {
    size_t bytes = limit->bytes ? limit->bytes : FRAME_LIMIT_LEAST;
    return bytes < most ? bytes : most;
}

/* An entry does not fit into the frame, and another frame begins in the same pass: the limit doubles. */
static inline void frame_limit_fill(frame_limit_t *limit, size_t most) {
    size_t bytes = frame_limit(limit, most);
    limit->bytes = bytes < most - bytes ? 2 * bytes : most;
    limit->filled = true;
}

/* The pass ends with a frame of `len` bytes. */
static inline void frame_limit_end_pass(frame_limit_t *limit, size_t len, size_t most) {
    size_t bytes = frame_limit(limit, most), least = most < FRAME_LIMIT_LEAST ? most : FRAME_LIMIT_LEAST;
    if (!limit->filled && len < bytes / FRAME_LIMIT_IDLE)
        limit->bytes = bytes / 2 > least ? bytes / 2 : least;
    limit->filled = false;
}

#endif
