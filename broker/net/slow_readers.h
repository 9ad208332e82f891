/* Finds the readers that are furthest behind, when libzmq holds too many bytes for all readers together. Readers share
 * frames, so the cost of a single reader is not known. Pure: no socket is touched, no clock is read. */
#ifndef SLOW_READERS_H
#define SLOW_READERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SLOW_READERS_STUCK = 10 }; /* rounds, a second: a reader that got nothing for so long reads no more */

typedef struct {
    uint64_t socket;    /* the connection's handle; 0: none */
    uint64_t confirmed; /* bytes that it got, at the last look */
    uint64_t got;       /* of these, in the last round */
    unsigned round;     /* the last one in which it was looked at, */
    unsigned stuck;     /* and for how many rounds it got nothing by then, though there was something */
    bool compared;      /* it was looked at before */
} slow_reader_t;

typedef struct {
    slow_reader_t *items; /* by descriptor */
    size_t size;
    unsigned round;
} slow_readers_t;

/* Zeroed it is ready. */
void slow_readers_finish(slow_readers_t *readers);

/* A round begins, ten a second. */
void slow_readers_begin(slow_readers_t *readers);

/* A reader for which bytes wait in the kernel, and that got `confirmed` bytes since it came. Once a round. */
void slow_readers_look(slow_readers_t *readers, int fd, uint64_t socket, uint64_t confirmed);

/* After the looks of a round: a reader that is to end, from descriptor `fd` on; -1: there is none. These are all that
 * are stuck. */
int slow_readers_next_stuck(const slow_readers_t *readers, int fd);

/* It is ended: not to be named again in this round. */
void slow_readers_drop(slow_readers_t *readers, int fd);

/* The one that got least in this round; -1: none was looked at in the round before. */
int slow_readers_slowest(const slow_readers_t *readers);

#endif
