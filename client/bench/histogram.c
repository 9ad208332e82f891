#include "histogram.h"

#include <math.h>

enum { SUBS = 1 << HISTOGRAM_SUB_BITS };

/* Values below 2 * SUBS have a bucket each; above, the highest bit and the SUB_BITS after it choose. */
static size_t s_index(uint64_t value) {
    if (value < 2 * SUBS)
        return (size_t)value;
    unsigned shift = 63 - (unsigned)__builtin_clzll(value) - HISTOGRAM_SUB_BITS;
    return ((size_t)shift << HISTOGRAM_SUB_BITS) + (size_t)(value >> shift);
}

uint64_t histogram_bucket_top(size_t index) {
    if (index < 2 * SUBS)
        return index;
    unsigned shift = (unsigned)(index >> HISTOGRAM_SUB_BITS) - 1;
    uint64_t first = (uint64_t)(SUBS + (index & (SUBS - 1))) << shift;
    return first + ((UINT64_C(1) << shift) - 1);
}

void histogram_add(histogram_t *histogram, uint64_t value) {
    histogram->counts[s_index(value)]++;
    histogram->total++;
    if (value > histogram->most)
        histogram->most = value;
}

uint64_t histogram_at(const histogram_t *histogram, double part) {
    uint64_t rank = (uint64_t)ceil(part * (double)histogram->total), seen = 0;
    if (rank >= histogram->total)
        return histogram->most;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += histogram->counts[i];
        if (seen >= rank && seen > 0) {
            uint64_t top = histogram_bucket_top(i);
            return top < histogram->most ? top : histogram->most;
        }
    }
    return histogram->most;
}
