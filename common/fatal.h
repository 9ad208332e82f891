/* Memory that is there or the end: a relay without memory has nothing better to do than to be restarted. */
#ifndef FATAL_H
#define FATAL_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline void *fatal_check(void *memory) {
    if (!memory) {
        fputs("zrelay: out of memory\n", stderr);
        abort();
    }
    return memory;
}

static inline void *fatal_calloc(size_t size) {
    return fatal_check(calloc(1, size));
}

static inline void *fatal_realloc(void *memory, size_t size) {
    return fatal_check(realloc(memory, size));
}

static inline void *fatal_grown(void *items, size_t *size, size_t item) {
    *size = *size ? 2 * *size : 4;
    return fatal_realloc(items, *size * item);
}

/* Room for one more item in the array `items`, which has `size` places, `count` of them in use. Twice as many each time.
 */
#define FATAL_GROW(items, count, size)                                                                                 \
    ((items) = (count) < (size) ? (items) : fatal_grown((items), &(size), sizeof *(items)))

static inline void *fatal_reached(void *items, size_t *size, size_t index, size_t item) {
    size_t more = *size ? *size : 64;
    while (more <= index)
        more *= 2;
    items = fatal_realloc(items, more * item);
    memset((char *)items + *size * item, 0, (more - *size) * item);
    *size = more;
    return items;
}

/* The array `items`, which has `size` places, has one at `index` from now on. New places are zeroed. */
#define FATAL_REACH(items, size, index)                                                                                \
    ((items) = (index) < (size) ? (items) : fatal_reached((items), &(size), (index), sizeof *(items)))

/* Stops the program, in release builds too: the relay's own promise is broken, and going on would break others'. */
#define FATAL_UNLESS(condition)                                                                                        \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: broken promise: %s\n", __FILE__, __LINE__, #condition);                            \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

#endif
