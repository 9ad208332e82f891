/* A benchmark's progress: a line on stderr for a person that watches, and whether anything moves at all. */
#ifndef BENCH_PROGRESS_H
#define BENCH_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    uint64_t messages;         /* to be published; 0: not known */
    uint64_t acked, delivered; /* at the last look */
    uint64_t start_ms, shown_ms, moved_ms, quiet_ms;
    bool terminal, shown;
} bench_progress_t;

void bench_progress_begin(bench_progress_t *progress, uint64_t messages, uint64_t quiet_ms);

/* Notes where it stands, and shows it on a terminal. False: nothing has moved for too long. */
bool bench_progress_look(bench_progress_t *progress, uint64_t published, uint64_t acked, uint64_t delivered);

/* The same for clients that come in, and have then seen all there was. */
bool bench_progress_clients(bench_progress_t *progress, uint64_t clients, uint64_t ready, uint64_t done);

/* Leaves a clean line. */
void bench_progress_end(bench_progress_t *progress);

#endif
