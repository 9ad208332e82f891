/* The log behind the relay: one interface, several engines (log_memory.c keeps a bounded ring). An engine decides the
 * positions, which need not be dense, and keeps frames as they are delivered. Appending is asynchronous: a frame counts
 * as stored only when the engine says so. Commits are answered in their order. Everything here runs on the loop thread.
 */
#ifndef LOG_H
#define LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blob.h"
#include "names.h"
#include "policy.h"
#include "span.h"
#include "wire.h"

typedef struct log log_t;

/* One DELIVER frame of one room. */
typedef struct {
    zr_span_t room; /* points into the frame */
    uint64_t first, last, prev;
    size_t count;
    uint64_t time;    /* of the newest entry */
    bool keyed;       /* some entry has a key: its value is to be kept whatever the retention */
    zr_level_t level; /* of the room: a durable engine keeps ZR_LEVEL_MEMORY in memory only. Never ZR_LEVEL_NONE */
    zr_blob_t *frame;
} log_append_t;

/* The record of a client id, so that its entries are published once over restarts too (dedupe.h). */
typedef struct {
    char client[ZR_CLIENT_ID_LEN];
    uint64_t mark;
    zr_blob_t
        *refusals; /* dedupe_encode's bytes, for the engine to keep as they are; NULL: unchanged since the last mark */
} log_mark_t;

/* The state of a group (groups.h): bytes of group_pack.h, for the engine to keep as they are. */
typedef struct {
    char room[ZR_ROOM_MAX], name[ZR_NICK_MAX]; /* `room_len` and `name_len` bytes */
    size_t room_len, name_len;
    zr_blob_t *state; /* NULL: the group is deleted */
} log_group_t;

/* End of a pass: stores all frames appended since the last commit, `marks` and `groups`, as a whole. */
typedef struct {
    uint64_t pass;
    bool check;        /* with nothing to store too: the answer tells that this broker still leads */
    log_mark_t *marks; /* malloc'ed; it and the refusals' references go to the engine */
    size_t mark_count;
    log_group_t *groups; /* malloc'ed; it and the states' references go to the engine */
    size_t group_count;
    size_t held; /* bytes, about, that the caller keeps until this pass is answered */
} log_commit_t;

/* A slice of one room's entries. `ticket` is the asker's and comes back with the answer. */
typedef struct {
    uint64_t ticket;
    char room[ZR_ROOM_MAX]; /* the name, `room_len` bytes */
    size_t room_len;
    uint64_t after, until; /* after < seq <= until */
    uint64_t begun;        /* the room has no entries up to here; with `last`: fewer entries are complete if they reach
                              back to it */
    uint64_t last;         /* not 0: the last so many entries up to `until` instead, `after` is ignored */
    size_t entries, frames, bytes; /* stop there, but not before one frame */
} log_read_t;

/* The answer to a read: frames that hold exactly the entries asked for, REPLAY set. */
typedef struct {
    zr_blob_t **frames; /* the engine's, valid during the call */
    size_t frame_count;
    size_t count;
    uint64_t seq;  /* position reached: all wanted entries up to it were sent or are gone; at least `after` */
    bool complete; /* nothing is missing between `after` and `seq` */
    bool more;     /* there is more up to `until` */
} log_slice_t;

typedef struct {
    uint64_t head;   /* last seq given; 0: none */
    uint64_t oldest; /* everything after this seq can be read */
    uint64_t begun;  /* the position before the room's first entry, dropped ones counted */
    uint64_t tail;   /* before its newest frame, which retention never drops */
    uint64_t time;   /* of the newest entry; 0: unknown */
} log_bounds_t;

/* A room that is to be forgotten. */
typedef struct {
    char room[ZR_ROOM_MAX]; /* the name, `room_len` bytes */
    size_t room_len;
    uint64_t head; /* all of it is stored */
} log_forget_t;

/* An operator deletes a room's entries up to `upto`. */
typedef struct {
    uint64_t ticket;        /* the asker's, for the answer */
    char room[ZR_ROOM_MAX]; /* the name, `room_len` bytes */
    size_t room_len;
    uint64_t upto;
} log_trim_t;

/* What groups need of a room: limits on its age, entries and bytes delete no entry after `after`, as long as the room has
 * at most `bytes`. */
typedef struct {
    uint64_t after;
    uint64_t bytes; /* 0: nothing is needed */
} log_keep_t;

static inline bool log_keeps(const log_keep_t *keep, uint64_t seq, uint64_t bytes) {
    return keep->bytes && seq > keep->after && bytes <= keep->bytes;
}

/* Receives the log's content from earlier runs, once, rooms first. Views are valid during the call. */
typedef struct {
    void *ctx;
    void (*room)(void *ctx, zr_span_t name, const log_bounds_t *bounds);
    void (*value)(void *ctx, zr_span_t room, const zr_entry_t *entry); /* of a key; in rising seq within a room */
    void (*mark)(void *ctx, const log_mark_t *mark);                   /* longest unused first */
    void (*group)(void *ctx, zr_span_t room, zr_span_t name, zr_span_t state); /* rooms first */
} log_restore_t;

/* Where the engine answers. `ctx` is the relay. */
typedef struct {
    void *ctx;
    /* When `ok` is false nothing of the pass is stored. The engine then fails every pass committed by now, in order,
     * before it takes another one: they continue positions that do not exist. */
    void (*stored)(void *ctx, uint64_t pass, bool ok);
    void (*read_done)(void *ctx, uint64_t ticket, const log_slice_t *slice);
    void (*trimmed)(void *ctx, uint64_t ticket, bool ok);
} log_sink_t;

/* What the log counts, for the operator. An engine leaves at 0 what it does not have. */
typedef struct {
    uint64_t entries, bytes;                   /* kept in memory now */
    uint64_t waiting_bytes, max_waiting_bytes; /* that wait to be stored now; the limit */
    uint64_t passes, failed_passes;            /* that were to be stored, and are answered */
    uint64_t store_us;                         /* time from commit to answer, of all passes together */
    uint64_t failing;                          /* 1: the last pass could not be stored */
    uint64_t file_bytes, free_bytes;           /* of its files now; free on their disk now */
} log_stats_t;

typedef struct {
    uint64_t room_entries, room_bytes; /* the most that one room keeps */
    uint64_t entries, bytes; /* the most that all rooms keep; the oldest frames go first, whatever their room. A room
                                whose entries groups keep has at most half of `bytes` */
} log_memory_limits_t;

/* How much a log keeps. */
typedef struct {
    log_memory_limits_t memory; /* of rooms whose level is memory */
    policies_t policies;        /* of the others; must live as long as they are in force */
    uint64_t mark_age;          /* µs that a client's marks are kept after its last entry */
    size_t max_marks;
    size_t queue_bytes; /* log_is_full is true while more bytes than this wait to be stored */
} log_limits_t;

typedef struct {
    /* The position for the next entry of a room whose newest one is `head`: greater than `head`. */
    uint64_t (*next_seq)(log_t *log, zr_span_t room, uint64_t head);
    /* Takes over the frame's reference. */
    void (*append)(log_t *log, const log_append_t *append);
    void (*commit)(log_t *log, const log_commit_t *commit); /* → sink.stored, now or later, in the order of commits */
    void (*read)(log_t *log, const log_read_t *read);       /* → sink.read_done, now or later */
    /* For an unknown room, head, oldest, begun and tail are one position, not below the head of any forgotten room. A
     * new room begins there, so that no position of a name comes again. */
    log_bounds_t (*bounds)(log_t *log, zr_span_t room);
    /* Part of the pass like an append. Once the pass is stored, the room that stood at `head` is not known any more,
     * except frames appended after this call. If the pass fails, nothing has changed. */
    void (*forget)(log_t *log, const log_forget_t *forget);
    /* From now on; the room need not exist yet. A limit on all rooms together goes on. NULL: the engine keeps nothing for
     * groups, or deletes nothing. */
    void (*keep)(log_t *log, zr_span_t room, const log_keep_t *keep);
    void (*restore)(log_t *log, const log_restore_t *restore); /* NULL: the engine holds nothing from before */
    void (*destroy)(log_t *log);
    /* Of an engine that answers later; NULL in others. */
    int (*fd)(const log_t *log);
    void (*answer)(log_t *log);
    bool (*is_full)(const log_t *log);
    bool (*is_idle)(const log_t *log);
    uint64_t (*leads_until)(const log_t *log); /* NULL: no other broker can lead this log */
    void (*tick)(log_t *log, uint64_t now);
    /* Deletes entries as retention does: the room's newest entry and the last value of each key stay, and a reader that
     * asks for the others is told of a loss. → sink.trimmed, now or later: once they are gone from the disk too. NULL: the
     * engine cannot. */
    void (*trim)(log_t *log, const log_trim_t *trim);
    void (*stats)(log_t *log, log_stats_t *stats); /* NULL: it counts nothing */
    /* Other limits, from now on; what is too much goes by and by. The levels of rooms must not change. */
    void (*limit)(log_t *log, const log_limits_t *limits);
} log_engine_t;

struct log {
    const log_engine_t *engine;
    log_sink_t sink;
    zr_level_t level; /* the level of its `stored` */
    /* Another broker may take it over at any time. Then nothing more is stored here, and the engine ends the process. */
    bool shared;
    /* Rooms below that level begin after this position. It is above all positions of such rooms in earlier runs under
     * this epoch, of which nothing is left. 0: there was no such epoch. */
    uint64_t base;
    uint64_t newest; /* the latest time of an entry from earlier runs; 0: the log is empty */
    /* Nothing is deleted for its age before this time (µs), since the clock is in doubt; 0: it is not. The edge sets it
     * before each tick. An engine on a disk keeps it: at the start it is that of the run before. */
    uint64_t hold;
    /* A room of that level whose head is above this is never forgotten, or those that begin after it would have too few
     * positions left. 0: there are always enough. */
    uint64_t ceiling;
};

/* --- The memory engine --- */

/* Returns the log; log_destroy gives it back. Set its `sink` before use. */
log_t *log_memory_new(const log_memory_limits_t *limits);

/* Rooms that it does not know begin after `floor`, or later. */
void log_memory_raise(log_t *log, uint64_t floor);

/* --- Every engine --- */

/* Readable when the engine has answers: then call log_answer. Level-triggered; the log's. -1: it answers at once. */
int log_fd(const log_t *log);

/* Hands the answers that are there to the sink, in order. */
void log_answer(log_t *log);

/* Too much waits to be stored: take nothing in until an answer came. */
bool log_is_full(const log_t *log);

/* Everything that was committed has been answered. */
bool log_is_idle(const log_t *log);

/* Until when (ms of zr_boot_us) no other broker leads this log. After that another may lead, and this one must say nothing.
 * 2^64-1: none ever does. */
uint64_t log_leads_until(const log_t *log);

/* What it counts; takes two or three system calls. */
log_stats_t log_stats(log_t *log);

/* To be called once a second or so, with the time: the engine does its housekeeping in small steps. */
void log_tick(log_t *log, uint64_t now);

/* NULL is accepted. */
void log_destroy(log_t *log);

/* For engines: gives back what a commit brought. */
void log_commit_finish(const log_commit_t *commit);

#endif
