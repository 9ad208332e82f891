/* The broker of relay_fuzz.c, and its log. The log answers when told, gives positions with gaps, keeps the marks of
 * clients, and may fail. */
#ifndef RELAY_LOG_H
#define RELAY_LOG_H

#include <string.h>

#include "fuzz.h"
#include "names.h"
#include "relay.h"
#include "wire.h"

enum { PEERS = 8, ROOMS = 6, SESSIONS = 5, QUEUE = 4096, EPOCH = 0xE1 };

typedef struct {
    char name[ZR_ROOM_MAX];
    size_t name_len;
    uint64_t stored, published, time;
    bool forgotten, begins; /* it may begin above, in the log and on the back */
} head_t;

typedef struct {
    relay_t *relay;
    outbox_t outbox;
    log_t log;
    log_t *memory;
    effect_t queue[QUEUE]; /* what the log was told and did not do yet */
    size_t queued, done;
    size_t staged; /* what was appended from here on waits for its commit */
    bool failing;
    uint64_t gap, now, random;
    bool spoke[PEERS + 1];
    route_t speaks;        /* its frame is handled */
    bool users;            /* there were some: rooms may have been private */
    uint64_t login, admin; /* tickets of the last requests to the edge; 0: none */
    char token[33];        /* of the last welcome */
    route_t lost;          /* this one's queue is full: what is sent there is lost */
    head_t heads[256];
    size_t head_count;
    uint64_t sessions[SESSIONS + 1]; /* watched */
} broker_t;

static broker_t *s_broker;

static head_t *s_head(zr_span_t room) {
    for (size_t i = 0; i < s_broker->head_count; i++)
        if (zr_span_equal(zr_span_of(s_broker->heads[i].name, s_broker->heads[i].name_len), room))
            return &s_broker->heads[i];
    fuzz_require(s_broker->head_count < sizeof s_broker->heads / sizeof s_broker->heads[0]);
    head_t *head = &s_broker->heads[s_broker->head_count++];
    memcpy(head->name, room.ptr, room.len);
    head->name_len = room.len;
    return head;
}

static uint64_t s_next_seq(log_t *log, zr_span_t room, uint64_t head) {
    (void)log;
    (void)room;
    return head + s_broker->gap;
}

static log_bounds_t s_bounds(log_t *log, zr_span_t room) {
    (void)log;
    log_bounds_t bounds = s_broker->memory->engine->bounds(s_broker->memory, room);
    bounds.tail = bounds.oldest; /* retention is at its end */
    return bounds;
}

static void s_restore(log_t *log, const log_restore_t *restore) {
    (void)log;
    (void)restore; /* it holds nothing, and is told what it would keep */
}

static void s_log_append(effect_t *effect) {
    if (s_broker->failing) {
        zr_blob_unref(effect->append.frame);
        return;
    }
    head_t *head = s_head(effect->append.room);
    bool anew = head->forgotten || head->stored == 0;
    fuzz_require(effect->append.prev == head->stored || (anew && effect->append.prev > head->stored));
    fuzz_require(effect->append.first > effect->append.prev);
    head->forgotten = false;
    head->stored = effect->append.last;
    s_broker->memory->engine->append(s_broker->memory, &effect->append);
}

static void s_log_forget(log_forget_t *forget) {
    if (!s_broker->failing) {
        head_t *head = s_head(zr_span_of(forget->room, forget->room_len));
        fuzz_require(forget->head >= head->stored && (s_broker->users || head->published == head->stored));
        head->forgotten = head->begins = true;
        s_broker->memory->engine->forget(s_broker->memory, forget);
    }
    free(forget);
}

static void s_log_commit(const log_commit_t *commit) {
    for (size_t i = s_broker->staged; i < s_broker->done; i++)
        if (s_broker->queue[i].kind == EFFECT_APPEND)
            s_log_append(&s_broker->queue[i]);
        else if (s_broker->queue[i].kind == EFFECT_FORGET)
            s_log_forget(s_broker->queue[i].forget);
    s_broker->staged = s_broker->done;
    for (size_t i = 0; i < commit->mark_count; i++)
        fuzz_require(commit->marks[i].mark > 0);
    uint64_t pass = commit->pass;
    log_commit_finish(commit);
    s_broker->log.sink.stored(s_broker->log.sink.ctx, pass, !s_broker->failing);
}

static bool s_log_step(void) {
    broker_t *broker = s_broker;
    if (broker->done == broker->queued)
        return false;
    effect_t *effect = &broker->queue[broker->done++];
    if (effect->kind == EFFECT_COMMIT)
        s_log_commit(&effect->commit);
    else if (effect->kind == EFFECT_READ) {
        broker->memory->engine->read(broker->memory, effect->read);
        free(effect->read);
    }
    if (broker->done == broker->queued) {
        broker->queued = broker->done -= broker->staged;
        memmove(broker->queue, broker->queue + broker->staged, broker->done * sizeof *broker->queue);
        broker->staged = 0;
    }
    return true;
}

static void s_queue(const effect_t *effect) {
    while (s_broker->queued == QUEUE && s_log_step()) /* until it is empty */
        ;
    s_broker->queue[s_broker->queued++] = *effect;
}

static void s_append(log_t *log, const log_append_t *append) {
    (void)log;
    s_queue(&(effect_t){.kind = EFFECT_APPEND, .append = *append});
}

static void s_commit(log_t *log, const log_commit_t *commit) {
    (void)log;
    s_queue(&(effect_t){.kind = EFFECT_COMMIT, .commit = *commit});
}

static void s_forget(log_t *log, const log_forget_t *forget) {
    (void)log;
    log_forget_t *copy = malloc(sizeof *copy);
    fuzz_require(copy);
    *copy = *forget;
    s_queue(&(effect_t){.kind = EFFECT_FORGET, .forget = copy});
}

static void s_read(log_t *log, const log_read_t *read) {
    (void)log;
    log_read_t *copy = malloc(sizeof *copy);
    fuzz_require(copy);
    *copy = *read;
    s_queue(&(effect_t){.kind = EFFECT_READ, .read = copy});
}

static const log_engine_t s_engine = {.next_seq = s_next_seq,
    .append = s_append,
    .commit = s_commit,
    .read = s_read,
    .bounds = s_bounds,
    .forget = s_forget,
    .restore = s_restore};

/* The disk is full: all that waits cannot be stored. */
static void s_log_fail(void) {
    s_broker->failing = true;
    while (s_log_step())
        ;
    s_broker->failing = false;
}

#endif
