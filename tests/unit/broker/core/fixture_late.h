/* A log that does its work when told: an engine before others, with a queue. Its positions may have gaps, and it can
 * fail. The unit tests and the fuzz targets share it; each says by calls where rooms are kept, and checks what
 * comes. */
#ifndef FIXTURE_LATE_H
#define FIXTURE_LATE_H

#include "log.h"
#include "outbox.h"

typedef struct {
    log_t *(*place)(void *ctx, zr_span_t room); /* the log that keeps the room */
    /* A frame, and a room to forget, are stored now; before the room's log hears of it. */
    void (*append)(void *ctx, const log_append_t *append);
    void (*forget)(void *ctx, const log_forget_t *forget);
    /* A pass is done, with all of it, or failed. */
    void (*commit)(void *ctx, const log_commit_t *commit, bool ok);
} late_calls_t;

typedef struct {
    log_t log; /* for the relay */
    log_engine_t engine;
    const late_calls_t *calls;
    void *ctx;           /* theirs */
    const bool *late;    /* false: it does everything at once */
    const uint64_t *gap; /* between a room's positions */
    size_t *fail;        /* so many commits fail; each takes those with it that are in the queue by then */
    effect_t *queue;     /* what it was told, and did not do yet from `done` on */
    size_t count, size, done;
    effect_t *staged; /* since the commit before */
    size_t staged_count, staged_size;
    uint64_t void_upto; /* a pass failed, and those up to this one go with it */
    uint64_t committed; /* the newest pass in the queue, or done */
} late_log_t;

/* A zeroed one with `calls`, `ctx`, `late`, `gap` and `fail` set. Begin gives it its engine, without `restore`; the
 * memory of the queue is kept. What was queued is dropped: work that the log did not do is lost. */
void late_log_begin(late_log_t *late, zr_level_t level);
void late_log_drop(late_log_t *late);
void late_log_finish(late_log_t *late);

/* Does the next piece of work. If a pass failed, those that go with it are answered too, before the relay does anything
 * else. false: nothing waits. */
bool late_log_step(late_log_t *late);

#endif
