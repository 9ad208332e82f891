/* The broker of relay_fuzz.c, and its log: a late one (fixture_late.h) before one in memory. What is stored is held
 * against what was published. */
#ifndef RELAY_BROKER_H
#define RELAY_BROKER_H

#include "fixture_late.h"
#include "fuzz.h"
#include "names.h"
#include "relay.h"
#include "wire.h"

enum { CHANNELS = 3 }; /* numbers of channels that a script uses */
enum { PEERS = 8, ROOMS = 6, SESSIONS = 5, HEADS = 256, EPOCH = 0xE1 };

typedef struct {
    char name[ZR_ROOM_MAX];
    size_t name_len;
    uint64_t stored, published, time;
    bool forgotten, begins; /* it may begin above, in the log and on the back */
} head_t;

typedef struct {
    relay_t *relay;
    outbox_t outbox;
    late_log_t late;
    log_t *memory;
    size_t fail; /* passes */
    uint64_t gap, now, rising, random;
    bool spoke[PEERS + 1];
    route_t speaks;                     /* its frame is handled */
    bool users;                         /* there were some: rooms may have been private */
    uint64_t login, jwt, admin;         /* tickets of the last requests to the edge; 0: none */
    char token[33];                     /* of the last welcome */
    uint32_t channel;                   /* that the frames of this step come by; 0: none */
    bool open[PEERS + 1][CHANNELS + 1]; /* channels that the broker may send to */
    route_t lost;                       /* this one's queue is full: what is sent there is lost */
    uint64_t sessions[SESSIONS + 1];    /* watched */
    size_t head_count;
} broker_t;

static broker_t s_broker;
static head_t s_heads[HEADS];

static head_t *s_head(zr_span_t room) {
    for (size_t i = 0; i < s_broker.head_count; i++)
        if (zr_span_equal(zr_span_of(s_heads[i].name, s_heads[i].name_len), room))
            return &s_heads[i];
    fuzz_require(s_broker.head_count < HEADS);
    head_t *head = &s_heads[s_broker.head_count++];
    *head = (head_t){.name_len = room.len};
    memcpy(head->name, room.ptr, room.len);
    return head;
}

static log_t *s_place(void *ctx, zr_span_t room) {
    (void)ctx;
    (void)room;
    return s_broker.memory;
}

static void s_on_append(void *ctx, const log_append_t *append) {
    (void)ctx;
    head_t *head = s_head(append->room);
    bool anew = head->forgotten || head->stored == 0;
    fuzz_require(append->prev == head->stored || (anew && append->prev > head->stored));
    fuzz_require(append->first > append->prev);
    head->forgotten = false;
    head->stored = append->last;
}

static void s_on_forget(void *ctx, const log_forget_t *forget) {
    (void)ctx;
    head_t *head = s_head(zr_span_of(forget->room, forget->room_len));
    fuzz_require(forget->head >= head->stored && (s_broker.users || head->published == head->stored));
    head->forgotten = head->begins = true;
}

static void s_on_commit(void *ctx, const log_commit_t *commit, bool ok) {
    (void)ctx;
    (void)ok;
    for (size_t i = 0; i < commit->mark_count; i++)
        fuzz_require(commit->marks[i].mark > 0);
}

/* It keeps the marks of clients, so it must be told them; and it holds nothing from before. */
static void s_restore(log_t *log, const log_restore_t *restore) {
    (void)log;
    (void)restore;
}

static void s_log_begin(uint64_t gap, const log_memory_limits_t *limits) {
    static const bool late = true;
    static const late_calls_t calls = {
        .place = s_place, .append = s_on_append, .forget = s_on_forget, .commit = s_on_commit};
    s_broker.gap = gap;
    s_broker.memory = log_memory_new(limits);
    s_broker.late.calls = &calls;
    s_broker.late.late = &late;
    s_broker.late.gap = &s_broker.gap;
    s_broker.late.fail = &s_broker.fail;
    late_log_begin(&s_broker.late, ZR_LEVEL_DISK);
    s_broker.late.engine.restore = s_restore;
}

static bool s_log_step(void) {
    return late_log_step(&s_broker.late);
}

/* The disk is full: all that waits cannot be stored. */
static void s_log_fail(void) {
    s_broker.fail = 1;
    while (s_log_step())
        ;
    s_broker.fail = 0;
}

#endif
