#include "seek.h"

bool seek_next(const seek_t *seek, uint64_t *after) {
    if (seek->high <= seek->low || seek->high - seek->low <= SEEK_NEAR)
        return false;
    *after = seek->low + (seek->high - seek->low) / 2;
    return true;
}

void seek_found(seek_t *seek, uint64_t after, uint64_t seq, bool before) {
    if (seq && before)
        seek->low = seq;
    else
        seek->high = after;
}
