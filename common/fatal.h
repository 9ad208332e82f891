/* Memory that is there or the end: a relay without memory has nothing better to do than to be restarted. */
#ifndef FATAL_H
#define FATAL_H

#include <stdio.h>
#include <stdlib.h>

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

/* Stops the program, in release builds too: the relay's own promise is broken, and going on would break others'. */
#define FATAL_UNLESS(condition)                                                                                        \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: broken promise: %s\n", __FILE__, __LINE__, #condition);                            \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

#endif
