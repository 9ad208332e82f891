/* See fixture_late.h. It asserts nothing itself: it is linked without Check too. */
#include "fixture_late.h"

#include <stdlib.h>

#include "fatal.h"

static late_log_t *s_late(log_t *log) {
    return (late_log_t *)log; /* its first member */
}

/* --- Work --- */

static void s_append_now(late_log_t *late, const log_append_t *append, bool ok) {
    if (!ok) {
        zr_blob_unref(append->frame);
        return;
    }
    late->calls->append(late->ctx, append);
    log_t *place = late->calls->place(late->ctx, append->room);
    place->engine->append(place, append);
}

/* Takes `forget` over. */
static void s_forget_now(late_log_t *late, log_forget_t *forget, bool ok) {
    if (ok) {
        log_t *place = late->calls->place(late->ctx, zr_span_of(forget->room, forget->room_len));
        late->calls->forget(late->ctx, forget);
        place->engine->forget(place, forget);
    }
    free(forget);
}

static void s_commit_now(late_log_t *late, const log_commit_t *commit) {
    if (*late->fail > 0 && commit->pass > late->void_upto) {
        --*late->fail;
        late->void_upto = late->committed;
    }
    bool ok = commit->pass > late->void_upto;
    for (size_t i = 0; i < late->staged_count; i++)
        if (late->staged[i].kind == EFFECT_APPEND)
            s_append_now(late, &late->staged[i].append, ok);
        else
            s_forget_now(late, late->staged[i].forget, ok);
    late->staged_count = 0;
    late->calls->commit(late->ctx, commit, ok);
    uint64_t pass = commit->pass;
    log_commit_finish(commit);
    late->log.sink.stored(late->log.sink.ctx, pass, ok);
}

static void s_read_now(late_log_t *late, log_read_t *read) {
    log_t *place = late->calls->place(late->ctx, zr_span_of(read->room, read->room_len));
    place->sink = late->log.sink;
    place->engine->read(place, read);
    free(read);
}

static void s_do(late_log_t *late, const effect_t *effect) {
    if (effect->kind == EFFECT_COMMIT) {
        s_commit_now(late, &effect->commit);
    } else if (effect->kind == EFFECT_READ) {
        s_read_now(late, effect->read);
    } else {
        FATAL_GROW(late->staged, late->staged_count, late->staged_size);
        late->staged[late->staged_count++] = *effect;
    }
}

static void s_queue(late_log_t *late, const effect_t *effect) {
    if (effect->kind == EFFECT_COMMIT)
        late->committed = effect->commit.pass;
    if (!*late->late) {
        s_do(late, effect);
        return;
    }
    FATAL_GROW(late->queue, late->count, late->size);
    late->queue[late->count++] = *effect;
}

static bool s_step(late_log_t *late, bool failing) {
    if (late->done == late->count)
        return false;
    effect_t effect = late->queue[late->done]; /* a copy: the queue may grow meanwhile */
    if (failing && effect.kind == EFFECT_COMMIT && effect.commit.pass > late->void_upto)
        return false;
    if (++late->done == late->count)
        late->done = late->count = 0;
    s_do(late, &effect);
    return true;
}

bool late_log_step(late_log_t *late) {
    uint64_t failed = late->void_upto;
    if (!s_step(late, false))
        return false;
    if (late->void_upto != failed)
        while (s_step(late, true))
            ;
    return true;
}

/* --- The engine --- */

static uint64_t s_next_seq(log_t *log, zr_span_t room, uint64_t head) {
    (void)room;
    return head + *s_late(log)->gap;
}

static void s_append(log_t *log, const log_append_t *append) {
    s_queue(s_late(log), &(effect_t){.kind = EFFECT_APPEND, .append = *append});
}

static void s_commit(log_t *log, const log_commit_t *commit) {
    s_queue(s_late(log), &(effect_t){.kind = EFFECT_COMMIT, .commit = *commit});
}

static void s_forget(log_t *log, const log_forget_t *forget) {
    log_forget_t *copy = fatal_calloc(sizeof *copy);
    *copy = *forget;
    s_queue(s_late(log), &(effect_t){.kind = EFFECT_FORGET, .forget = copy});
}

static void s_read(log_t *log, const log_read_t *read) {
    log_read_t *copy = fatal_calloc(sizeof *copy);
    *copy = *read;
    s_queue(s_late(log), &(effect_t){.kind = EFFECT_READ, .read = copy});
}

static log_bounds_t s_bounds(log_t *log, zr_span_t room) {
    log_t *place = s_late(log)->calls->place(s_late(log)->ctx, room);
    log_bounds_t bounds = place->engine->bounds(place, room);
    bounds.tail = bounds.oldest; /* retention is at its end */
    return bounds;
}

static void s_keep(log_t *log, zr_span_t room, const log_keep_t *keep) {
    log_t *place = s_late(log)->calls->place(s_late(log)->ctx, room);
    place->engine->keep(place, room, keep);
}

/* --- Its life --- */

static void s_drop(const effect_t *effect) {
    if (effect->kind == EFFECT_APPEND)
        zr_blob_unref(effect->append.frame);
    else if (effect->kind == EFFECT_COMMIT)
        log_commit_finish(&effect->commit);
    else if (effect->kind == EFFECT_FORGET)
        free(effect->forget);
    else
        free(effect->read);
}

void late_log_drop(late_log_t *late) {
    for (size_t i = late->done; i < late->count; i++)
        s_drop(&late->queue[i]);
    for (size_t i = 0; i < late->staged_count; i++)
        s_drop(&late->staged[i]);
    late->count = late->done = late->staged_count = 0;
    late->void_upto = late->committed = 0;
}

void late_log_begin(late_log_t *late, zr_level_t level) {
    late_log_drop(late);
    late->engine = (log_engine_t){.next_seq = s_next_seq,
        .append = s_append,
        .commit = s_commit,
        .read = s_read,
        .bounds = s_bounds,
        .forget = s_forget,
        .keep = s_keep};
    late->log = (log_t){.engine = &late->engine, .level = level};
}

void late_log_finish(late_log_t *late) {
    late_log_drop(late);
    free(late->queue);
    free(late->staged);
    late->queue = late->staged = NULL;
    late->size = late->staged_size = 0;
}
