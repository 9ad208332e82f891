/* How often values occur: counts in buckets no wider than a hundred and twenty-eighth of their values. So a percentile
 * is told within 0.8 % whatever the values' range. Pure; fixed size. */
#ifndef HISTOGRAM_H
#define HISTOGRAM_H

#include <stdint.h>
#include <stddef.h>

enum {
    HISTOGRAM_SUB_BITS = 7, /* buckets in each doubling: 128 */
    HISTOGRAM_BUCKETS = (64 - HISTOGRAM_SUB_BITS + 1) << HISTOGRAM_SUB_BITS,
};

/* A zeroed struct is empty. */
typedef struct {
    uint64_t counts[HISTOGRAM_BUCKETS];
    uint64_t total, most; /* values, and the largest, exactly */
} histogram_t;

void histogram_add(histogram_t *histogram, uint64_t value);

/* The value that `part` of all values (0 to 1) do not exceed; 0 of an empty one. */
uint64_t histogram_at(const histogram_t *histogram, double part);

/* The largest value that bucket `index` holds. */
uint64_t histogram_bucket_top(size_t index);

#endif
