/* See frame_limit.h. */
#include "frame_limit.h"

static size_t s_least(size_t most) {
    return most < FRAME_LIMIT_LEAST ? most : FRAME_LIMIT_LEAST;
}

size_t frame_limit(const frame_limit_t *limit, size_t most) {
    size_t bytes = limit->bytes ? limit->bytes : FRAME_LIMIT_LEAST;
    return bytes < most ? bytes : most;
}

void frame_limit_fill(frame_limit_t *limit, size_t most) {
    size_t bytes = frame_limit(limit, most);
    limit->bytes = bytes < most - bytes ? 2 * bytes : most;
    limit->filled = true;
}

void frame_limit_end_pass(frame_limit_t *limit, size_t len, size_t most) {
    size_t bytes = frame_limit(limit, most), least = s_least(most);
    if (!limit->filled && len < bytes / FRAME_LIMIT_IDLE)
        limit->bytes = bytes / 2 > least ? bytes / 2 : least;
    limit->filled = false;
}
