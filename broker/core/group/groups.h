/* The groups of all rooms: where they stand, and when they have something to do. group.h is what they decide; here they
 * meet rooms, sessions, the log and the outbox.
 *
 * Requests and answers of the log only mark a group as busy. Its work is then done piece by piece (relay_work): timers,
 * dead entries, one frame for one worker, one read from the log. */
#ifndef GROUPS_H
#define GROUPS_H

#include "code.h"
#include "group.h"
#include "log.h"
#include "logger.h"
#include "name_order.h"
#include "room.h"
#include "session.h"

struct relay;

/* A group in its room. */
typedef struct room_group {
    group_t group;
    room_t *room;
    maker_t *maker;   /* NULL: nobody whose groups count, or made in an earlier run */
    bool fresh;       /* not stored yet: nothing is handed out */
    bool going;       /* it is being deleted */
    bool dirty;       /* changed since it was stored */
    bool busy;        /* in the list of those that have something to do */
    bool parked;      /* in the list of those that the next tick wakes */
    uint64_t kept;    /* it is stored that it finished all up to this seq */
    uint64_t touched; /* the last pass that stores it */
    size_t passes;    /* that refer to it and are not answered yet */
    struct {
        uint64_t told; /* lost entries that workers were told of */
        uint64_t due;  /* when they may be told again, by the rising clock */
    } lost;
    struct {
        uint64_t ticket; /* 0: nothing is asked of the log */
        uint64_t after, until;
        bool ahead; /* entries beyond the cursor; else items that are unread */
    } read;
    struct room_group *prev, *next; /* busy */
    struct room_group *next_parked;
    UT_hash_handle hh, by_ticket; /* in the room, by name */
} room_group_t;

typedef struct {
    group_pool_t pool;
    room_group_t *busy;
    room_group_t *parked;
    room_group_t *by_ticket;
    name_order_t rooms; /* that have groups (room_t.by_groups) */
    size_t count;
    uint64_t rising; /* µs of a clock that only rises */
    zr_log_limit_t lost_lines;
    zr_buffer_t frame;
    zr_range_t ranges[ZR_SETTLE_RANGES]; /* of the SETTLE that is carried out */
} groups_t;

/* --- Finding and making --- */

room_group_t *groups_find(const room_t *room, zr_span_t name);

/* A new group that begins after `cursor`: ZR_OK, or ZR_TOO_MANY_GROUPS. It is stored with the pass that is gathered.
 * `maker` (may be NULL): the user that it counts for. */
zr_code_t groups_make(struct relay *relay, room_t *room, maker_t *maker, zr_span_t name, const group_options_t *options,
    uint64_t cursor, room_group_t **group);

/* It goes with the pass that is gathered; its workers are dismissed at once. */
void groups_delete(struct relay *relay, room_group_t *group);

/* From the log: the stored form of a group. */
void groups_restore(struct relay *relay, zr_span_t room, zr_span_t name, zr_span_t bytes);
void groups_finish(struct relay *relay);

/* --- Changes --- */

/* The group changed, or may have something to do now. */
void groups_touch(struct relay *relay, room_group_t *group, bool changed);

/* It changed, and is stored with the pass that is gathered. */
void groups_store(struct relay *relay, room_group_t *group);

/* The pass that is gathered ends, and stores the group. Returns the seq up to which the group finished all. */
uint64_t groups_commit(struct relay *relay, room_group_t *group);

/* The pass, which stored it, is answered; groups_commit gave `finished`. It may be freed here. */
void groups_stored(struct relay *relay, room_group_t *group, uint64_t pass, uint64_t finished, bool ok);

/* A frame of the room is stored: groups at the head take it from memory. */
void groups_frame(struct relay *relay, const room_t *room, zr_blob_t *frame);

/* --- Workers --- */

/* The group of a worker. */
static inline room_group_t *groups_of(const group_worker_t *worker) {
    return (room_group_t *)worker->group; /* its first member */
}

group_worker_t *groups_worker(const session_t *session, uint32_t number);
group_worker_t *groups_worker_add(struct relay *relay, session_t *session, room_group_t *group, uint32_t number);

/* Ends it; `counts` as group_worker_remove. `reason`: the session is told why (static). NULL: it is not told. */
void groups_worker_end(
    struct relay *relay, session_t *session, group_worker_t *worker, bool counts, const char *reason);

/* The session ends. */
void groups_session_end(struct relay *relay, session_t *session);

/* The session's rights changed: workers without the rights end. */
void groups_rights(struct relay *relay, session_t *session);

/* --- Work --- */

bool groups_is_due(const struct relay *relay);
void groups_work(struct relay *relay);

/* It waits for something that nobody tells it of: the next tick looks again. */
void groups_park(struct relay *relay, room_group_t *group);

/* Once a tick: groups that wait are looked at again. They wait for a worker's queue, for memory, or for the disk. */
void groups_tick(struct relay *relay);

/* The log's answer; false: the ticket is of no group. */
bool groups_read_done(struct relay *relay, uint64_t ticket, const log_slice_t *slice);

#endif
