/* The content of a benchmark's messages, and a reader's checks of them. Each publisher's messages must come whole, once
 * and in order, and all readers of a room must see the same. Pure. */
#ifndef BENCH_CHECK_H
#define BENCH_CHECK_H

#include <stdbool.h>

#include <stddef.h>
#include <stdint.h>

enum { BENCH_BODY_MIN = 24 };

/* The head of a message; the rest up to its size is left as it is. */
typedef struct {
    uint32_t run; /* tells the messages of one run from all others */
    uint32_t publisher;
    uint64_t number; /* from 0, of this publisher in this room */
    uint64_t due;    /* nanoseconds of the sender's clock */
} bench_head_t;

void bench_head_write(void *body, const bench_head_t *head);

typedef struct {
    uint32_t run;
    size_t publishers;
    uint64_t *next, *expected; /* of each publisher: the number to come, and how many will */
    bool open;                 /* more than expected may come: nobody knows yet how many there will be */
    uint64_t left;             /* messages expected and not accounted for */
    uint64_t received, missing, disordered, foreign;
    uint64_t last_seq;
    uint64_t digest; /* of all that was seen, in its order */
} bench_check_t;

/* `expected` has an element a publisher and is copied. bench_check_finish frees what it holds. */
void bench_check_init(bench_check_t *check, uint32_t run, const uint64_t *expected, size_t publishers);
void bench_check_finish(bench_check_t *check);

/* From now on so many are expected of each publisher in all, and `open`: more may come. */
void bench_check_expect(bench_check_t *check, const uint64_t *expected, bool open);

/* An entry came. True: it is the next of its publisher, `*due` is what it holds. */
bool bench_check_entry(bench_check_t *check, uint64_t seq, const void *body, size_t len, uint64_t *due);

/* No more will come: what is left is missing. */
void bench_check_end(bench_check_t *check);

#endif
