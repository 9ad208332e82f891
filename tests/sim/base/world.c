#include "world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- Randomness: xoshiro256**, seeded by splitmix64 (both by Blackman and Vigna, public domain) --- */

static uint64_t s_splitmix(uint64_t *state) {
    uint64_t z = (*state += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

void rng_seed(rng_t *rng, uint64_t seed) {
    for (size_t i = 0; i < 4; i++)
        rng->s[i] = s_splitmix(&seed);
}

static uint64_t s_rotate(uint64_t x, int by) {
    return (x << by) | (x >> (64 - by));
}

uint64_t rng_next(rng_t *rng) {
    uint64_t *s = rng->s, result = s_rotate(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = s_rotate(s[3], 45);
    return result;
}

uint64_t rng_below(rng_t *rng, uint64_t bound) {
    return rng_next(rng) % bound; /* the bias does not matter here */
}

uint64_t rng_between(rng_t *rng, uint64_t low, uint64_t high) {
    return low + rng_below(rng, high - low + 1);
}

bool rng_chance(rng_t *rng, unsigned parts, unsigned of) {
    return rng_below(rng, of) < parts;
}

uint64_t rng_skewed(rng_t *rng, uint64_t bound) {
    uint64_t limit = rng_below(rng, bound + 1);
    return rng_below(rng, rng_below(rng, limit + 1) + 1);
}

void rng_fill(rng_t *rng, void *out, size_t len) {
    uint8_t *bytes = out;
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(rng_next(rng) >> 32);
}

/* --- Memory --- */

static void *s_check(void *memory) {
    if (!memory) {
        fputs("sim: out of memory\n", stderr);
        abort();
    }
    return memory;
}

void *world_calloc(size_t size) {
    return s_check(calloc(1, size));
}

void *world_grow(void *items, size_t *size, size_t item) {
    *size = *size ? 2 * *size : 16;
    return s_check(realloc(items, *size * item));
}

/* --- Events: a binary heap --- */

static bool s_before(const event_t *a, const event_t *b) {
    return a->time != b->time ? a->time < b->time : a->order < b->order;
}

void world_at(world_t *world, uint64_t time, event_fn *run, void *ctx, uint64_t arg) {
    if (world->count == world->size)
        world->heap = world_grow(world->heap, &world->size, sizeof *world->heap);
    event_t event = {time > world->now ? time : world->now, world->order++, run, ctx, arg};
    size_t at = world->count++;
    for (; at > 0 && s_before(&event, &world->heap[(at - 1) / 2]); at = (at - 1) / 2)
        world->heap[at] = world->heap[(at - 1) / 2];
    world->heap[at] = event;
}

static event_t s_take(world_t *world) {
    event_t *heap = world->heap, top = heap[0], last = heap[--world->count];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= world->count)
            break;
        if (child + 1 < world->count && s_before(&heap[child + 1], &heap[child]))
            child++;
        if (!s_before(&heap[child], &last))
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = last;
    return top;
}

void world_run(world_t *world, uint64_t until) {
    while (!world->failed && world->count > 0 && world->heap[0].time <= until) {
        event_t event = s_take(world);
        world->now = event.time;
        event.run(event.ctx, event.arg);
    }
    if (!world->failed && world->now < until)
        world->now = until;
}

void world_init(world_t *world, uint64_t seed) {
    *world = (world_t){.now = 1000 * MS, .digest = 0xcbf29ce484222325ULL};
    rng_seed(&world->rng, seed);
}

void world_finish(world_t *world) {
    free(world->heap);
    world->heap = NULL;
    world->count = world->size = 0;
}

/* --- Trace and failure --- */

void world_trace_line(world_t *world, const char *format, ...) {
    char line[4096];
    int len = snprintf(line, sizeof line, "%4u %10.3f ", world->step, (double)world->now / (double)MS);
    va_list args;
    va_start(args, format);
    vsnprintf(line + len, sizeof line - (size_t)len, format, args);
    va_end(args);
    for (char *at = line; *at; at++) {
        if ((uint8_t)*at < ' ' || (uint8_t)*at > '~')
            *at = '.';
        world->digest = (world->digest ^ (uint8_t)*at) * 0x100000001b3ULL;
    }
    if (world->tracing)
        puts(line);
}

void world_fail(world_t *world, const char *invariant, const char *format, ...) {
    if (world->failed)
        return;
    world->failed = true;
    snprintf(world->invariant, sizeof world->invariant, "%s", invariant);
    va_list args;
    va_start(args, format);
    vsnprintf(world->failure, sizeof world->failure, format, args);
    va_end(args);
    world_trace(world, "VIOLATED %s: %s", world->invariant, world->failure);
}
