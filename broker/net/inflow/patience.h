/* How an I/O thread waits for the loop. The loop answers most frames within some microseconds, by a delivery and an ack.
 * To wake a thread that sleeps meanwhile takes as long again, as its processor may sleep, too. So the thread looks for
 * the answer for a while before it sleeps. If none comes, it looks more and more rarely: then the loop waits for the disk,
 * or other programs have the processors. A thread that reads nothing does not look. Pure. */
#ifndef PATIENCE_H
#define PATIENCE_H

#include <stdbool.h>

enum {
    PATIENCE_NS = 100000,    /* the longest that it looks */
    PATIENCE_MISSES_MAX = 8, /* after so many misses in a row it looks once in 256 times (2 to the power of it) */
};

/* Zeroed it is that of a new thread. */
typedef struct {
    bool asked;      /* something was read since it last looked */
    unsigned misses; /* in a row */
    unsigned skip;   /* so many answers are not looked for */
} patience_t;

/* The thread has read something that the loop may answer. */
static inline void patience_ask(patience_t *patience) {
    patience->asked = true;
}

/* Before the thread sleeps: is it to look for PATIENCE_NS? If so, patience_found follows. */
static inline bool patience_begin(patience_t *patience) {
    bool look = patience->asked && patience->skip == 0;
    patience->skip -= patience->asked && patience->skip > 0;
    patience->asked = false;
    return look;
}

/* Did something come while it looked? */
static inline void patience_found(patience_t *patience, bool some) {
    patience->misses = some ? 0 : patience->misses + (patience->misses < PATIENCE_MISSES_MAX);
    patience->skip = some ? 0 : (1U << patience->misses) - 1;
}

#endif
