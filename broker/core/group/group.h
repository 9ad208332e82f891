/* A group: a position in a room, and the entries before it that are not done yet. Workers share them. Pure: no socket,
 * clock, log or room; `rising` is a time in µs that never goes back.
 *
 * An entry's way: group_take (from a frame) → READY → group_give → HELD → group_settle. What is taken back waits (LATER)
 * and must be read again (UNREAD), as a group keeps no bodies of entries that are handed out. */
#ifndef GROUP_H
#define GROUP_H

#include "blob.h"
#include "buffer.h"
#include "deadlines.h"
#include "group_options.h"
#include "hash.h"
#include "wire_work.h"

typedef enum {
    ITEM_UNREAD, /* its entry is to be read from the log; then it is READY, AGAIN, BEHIND or DOOMED */
    ITEM_READY,  /* may be handed out for the first time; has a frame */
    ITEM_AGAIN,  /* likewise, and was handed out before: it comes first */
    ITEM_HELD,   /* a worker has it */
    ITEM_LATER,  /* backs off */
    ITEM_BEHIND, /* an earlier entry of its key is not done */
    ITEM_DOOMED, /* dead, and to be put into the room for dead entries; has a frame */
    ITEM_BURIED, /* that was done, and is not stored yet */
    ITEM_STATES,
} item_state_t;

/* Why an entry is dead. The order is stored. */
typedef enum { DEAD_NOT, DEAD_REJECTED, DEAD_RETRIED, DEAD_EXPIRED, DEAD_ENDED, DEAD_REASONS } dead_reason_t;

/* A frame that some items point into. */
typedef struct {
    zr_blob_t *blob;
    size_t users;
} group_frame_t;

typedef struct item {
    uint64_t seq;
    uint64_t time; /* of the entry; 0: not read yet */
    uint64_t key;  /* its hash; 0: the entry has no key, or the order does not matter */
    struct group *group;
    group_frame_t *frame; /* NULL: to be read again */
    uint32_t at, len;     /* of the entry in the frame */
    uint16_t deliveries;
    uint8_t state;                    /* item_state_t */
    uint8_t reason;                   /* dead_reason_t; DEAD_NOT: it lives */
    bool unkeyed;                     /* restored from the log: its key is not known yet */
    zr_blob_t *why;                   /* the worker's words for DEAD_REJECTED; NULL: none */
    struct group_part *part;          /* of the group, that it is stored with (group_pack.h) */
    struct group_worker *worker;      /* of a HELD one */
    struct item *prev, *next;         /* in the list of its state, or of its worker */
    struct item *key_next, *key_last; /* of the same key: the next; the last, kept by the first */
    deadline_t due;                   /* of HELD and LATER; of BURIED, `at` is the pass */
    UT_hash_handle hh, by_key;
} item_t;

/* Up to GROUP_PART items in a row, and their stored form. */
typedef struct group_part {
    item_t *first;
    size_t count;
    bool dirty;         /* some item changed since `bytes` were written */
    zr_buffer_t bytes;  /* runs, without the gap before the first one */
    uint64_t from, end; /* the first and the last seq in `bytes` */
    struct group_part *prev, *next;
} group_part_t;

enum { GROUP_PART = 256 };

/* Memory for items of all groups. A zeroed struct is empty. */
typedef struct {
    item_t *unused;
    struct item_chunk *chunks;
    size_t used;
    size_t frame_bytes; /* of the frames that items point into */
    deadlines_t due;    /* of all items */
} group_pool_t;

typedef struct group_worker {
    struct group *group;
    uint64_t session;
    uint32_t number;
    uint64_t credit;
    item_t *held;
    size_t held_count;
    uint64_t next_number;             /* above that of each SETTLE so far */
    bool stalled;                     /* its queue was full when there was work for it */
    struct group_worker *prev, *next; /* in the group: the next one to get work is the first */
    UT_hash_handle hh;                /* in the session, by number */
} group_worker_t;

typedef struct group {
    char name[ZR_NICK_MAX];
    size_t name_len;
    group_options_t options;
    group_pool_t *pool;
    bool paused;
    uint64_t cursor; /* all entries up to it are done, dead, lost, or items */
    uint64_t done, retried, died, lost;
    item_t *items; /* by seq; in rising order as uthash keeps it */
    item_t *lists[ITEM_STATES];
    size_t counts[ITEM_STATES];
    item_t *keys;   /* the first of each key, if ordered */
    size_t unkeyed; /* items */
    group_part_t *parts;
    size_t frame_bytes, reason_bytes;
    group_worker_t *workers;
    size_t worker_count;
    uint64_t wanted; /* credit of the workers that is left */
    struct {
        size_t left, share; /* workers that did not get theirs yet; entries for each */
    } round;
} group_t;

void group_pool_finish(group_pool_t *pool);

/* Sets what a zeroed group needs. The pool must outlive it. */
void group_init(group_t *group, group_pool_t *pool, zr_span_t name, const group_options_t *options);
void group_finish(group_t *group); /* has no workers any more */

static inline zr_span_t group_name(const group_t *group) {
    return zr_span_of(group->name, group->name_len);
}

/* --- Entries come --- */

/* A frame whose entries may be taken; the caller is a user of it until group_frame_end. Takes a reference of its own. */
group_frame_t *group_frame(group_t *group, zr_blob_t *blob);
void group_frame_end(group_t *group, group_frame_t *frame);

/* The entry, which stands in `frame` at `at`, `len` bytes long: an item that waits for it, or the next one beyond the
 * cursor, which moves there. Others are ignored. */
void group_take(group_t *group, group_frame_t *frame, size_t at, size_t len, const zr_entry_t *entry);

/* All up to `upto` is gone from the log: unread items with after < seq <= upto are lost. */
void group_lose(group_t *group, uint64_t after, uint64_t upto);

/* How many more entries beyond the cursor may become items? */
size_t group_space(const group_t *group);

/* --- Workers --- */

void group_worker_add(group_t *group, group_worker_t *worker); /* group, session and number of it are set */
void group_worker_credit(group_worker_t *worker, uint64_t credit);

/* Its entries may be handed out again at once. `counts`: these deliveries count. */
void group_worker_remove(group_worker_t *worker, bool counts);

/* May it hold more? */
static inline uint64_t group_worker_wants(const group_worker_t *worker) {
    return worker->credit > worker->held_count ? worker->credit - worker->held_count : 0;
}

/* Its turn is over: the others come first. */
void group_worker_turn(group_worker_t *worker);

/* Gives the memory of entries back that could be handed out: they are to be read again. */
void group_release(group_t *group);

/* How many entries can be handed out now. */
static inline size_t group_ready(const group_t *group) {
    return group->counts[ITEM_READY] + group->counts[ITEM_AGAIN];
}

/* The next entry to hand out; NULL: nothing can be handed out now. It has a frame until it is given. */
item_t *group_next(const group_t *group);

/* The worker has it, until `due`. */
void group_give(group_worker_t *worker, item_t *item, uint64_t due);

/* --- Settling --- */

/* What a SETTLE says. */
typedef struct {
    zr_verb_t verb;
    uint64_t ms;    /* 0: the group's */
    zr_blob_t *why; /* of a reject; NULL: it has no reason */
} group_said_t;

/* Does what a SETTLE says with one range of entries. Returns how many it settled. If that is 0, `*became` says what
 * became of the entry; of a range of several it is ZR_BECAME_HELD. */
size_t group_settle(
    group_worker_t *worker, const group_said_t *said, zr_range_t range, uint64_t rising, zr_became_t *became);

/* The same with many ranges, which it sorts and joins. Its cost is bounded by what the worker holds, whatever the ranges
 * cover: they come from a peer. */
size_t group_settle_ranges(
    group_worker_t *worker, const group_said_t *said, zr_range_t *ranges, size_t count, uint64_t rising);

/* The time of the item at the top of the pool's heap has come. */
void group_expire(item_t *item, uint64_t rising);

/* --- Dead entries --- */

/* A DOOMED item is in the pass that is gathered. */
void group_bury(item_t *item, uint64_t pass);

/* It cannot be buried now: it tries again at `due`. */
void group_bury_later(item_t *item, uint64_t due);

/* Buried in passes up to this one: they are gone; or, if not `ok`, are tried again at `due`. */
void group_buried(group_t *group, uint64_t pass, bool ok, uint64_t due);

/* --- The operator --- */

/* Forgets all items, and goes on after `cursor`. Those that are being buried count as dead. */
void group_seek(group_t *group, uint64_t cursor);

/* Other options; `ordered` changes only while the group has no items. Workers have no more credit than `each` allows.
 * Without a room for dead entries, those that wait for it are dropped. */
void group_set(group_t *group, const group_options_t *options);

/* All entries up to this seq are done, dead or lost; `stored` once the pass that is gathered is stored. */
uint64_t group_finished(const group_t *group);

/* Time of the oldest item that was read; 0: no item was read. */
uint64_t group_oldest(const group_t *group);

#endif
