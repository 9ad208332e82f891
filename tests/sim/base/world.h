/* The base of a simulation: a clock that moves only when told, events in order of time, and randomness from a seed.
 * It knows nothing of brokers and clients. The same seed gives the same run to the byte, so nothing here may ask the
 * real clock, and no address may decide anything. */
#ifndef WORLD_H
#define WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MS 1000ULL /* times are microseconds */

typedef struct {
    uint64_t s[4];
} rng_t;

void rng_seed(rng_t *rng, uint64_t seed);
uint64_t rng_next(rng_t *rng);
uint64_t rng_below(rng_t *rng, uint64_t bound);                /* 0 … bound-1; bound > 0 */
uint64_t rng_between(rng_t *rng, uint64_t low, uint64_t high); /* both may come */
bool rng_chance(rng_t *rng, unsigned parts, unsigned of);
void rng_fill(rng_t *rng, void *out, size_t len);

/* Times in a world are mostly short and now and then long: up to `bound`, small values more often. */
uint64_t rng_skewed(rng_t *rng, uint64_t bound);

typedef void(event_fn)(void *ctx, uint64_t arg);

typedef struct {
    uint64_t time, order;
    event_fn *run;
    void *ctx;
    uint64_t arg;
} event_t;

typedef struct {
    uint64_t now;
    rng_t rng;
    event_t *heap;
    size_t count, size;
    uint64_t order; /* of the next event: those of the same time run as they were made */
    unsigned step;
    bool tracing; /* the trace goes to stdout */
    bool digesting;
    uint64_t digest; /* of the trace */
    bool failed;
    char invariant[24];
    char failure[480];
} world_t;

void world_init(world_t *world, uint64_t seed);
void world_finish(world_t *world);

/* Runs `run(ctx, arg)` at `time`, or now if that is past. It cannot be taken back: `run` looks whether it is still
 * wanted. */
void world_at(world_t *world, uint64_t time, event_fn *run, void *ctx, uint64_t arg);

/* Lets time pass up to `until`; stops early when something failed. */
void world_run(world_t *world, uint64_t until);

/* A line of the trace. The text is built only when somebody wants it. */
#define world_trace(world, ...)                                                                                        \
    do {                                                                                                               \
        if ((world)->tracing || (world)->digesting)                                                                    \
            world_trace_line(world, __VA_ARGS__);                                                                      \
    } while (0)
void world_trace_line(world_t *world, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* An invariant does not hold. The first one is kept; the run ends. */
void world_fail(world_t *world, const char *invariant, const char *format, ...) __attribute__((format(printf, 3, 4)));

void *world_grow(void *items, size_t *size, size_t item); /* doubles; stops the program when memory is gone */
void *world_calloc(size_t size);

#endif
