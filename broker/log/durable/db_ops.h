/* What the durable log (log_durable.h) needs of a database: a table of functions, which each engine has. A handle is
 * used by one thread at a time: the writing thread or the reading one.
 *
 * Functions that return bool give false on failure and add a line about it to `error`. */
#ifndef DB_OPS_H
#define DB_OPS_H

#include "errors.h"
#include "log.h"
#include "policy.h"

enum { DB_SEQ_BITS = 40, DB_ROOM_MAX = (1 << (63 - DB_SEQ_BITS)) - 1 };

#define DB_SEQ_MAX ((1ULL << DB_SEQ_BITS) - 1)

/* A handle. Each engine has a struct of its own. */
typedef struct db db_t;

/* A room of earlier runs. */
typedef struct {
    uint32_t id; /* 1 to DB_ROOM_MAX */
    zr_span_t name;
    log_bounds_t bounds;
    uint64_t entries, bytes; /* kept; counted cheaply: exact after retention ran once */
} db_room_t;

/* What a room keeps: what its policy says, and what groups need; but nothing up to `upto`, which an operator deletes. */
typedef struct {
    policy_t policy; /* a copy: the loop may change its own meanwhile */
    log_keep_t keep;
    uint64_t upto; /* 0: nothing is deleted */
} db_kept_t;

typedef struct {
    /* --- What a start needs: every row to `each` --- */

    bool (*each_room)(db_t *db, void (*each)(void *ctx, const db_room_t *room), void *ctx, zr_error_t *error);
    bool (*each_value)(
        db_t *db, void (*each)(void *ctx, uint32_t room, const zr_entry_t *entry), void *ctx, zr_error_t *error);
    bool (*each_mark)(db_t *db, void (*each)(void *ctx, const log_mark_t *mark), void *ctx, zr_error_t *error);
    bool (*each_group)(db_t *db, void (*each)(void *ctx, zr_span_t room, zr_span_t name, zr_span_t state), void *ctx,
        zr_error_t *error);

    /* --- Writing: everything between begin and commit is stored as a whole, or not at all. --- */

    bool (*begin)(db_t *db, zr_error_t *error);
    /* true: the transaction is stored. false: nothing of it is, and it has ended; so after an add that failed. What was
     * added must stay valid until then. */
    bool (*commit)(db_t *db, zr_error_t *error);
    void (*rollback)(db_t *db);
    bool (*add_room)(db_t *db, uint32_t room, zr_span_t name, zr_error_t *error);
    /* The frame, and the values of its keyed entries if `append->keyed`. */
    bool (*add_frame)(db_t *db, uint32_t room, const log_append_t *append, zr_error_t *error);
    /* Deletes all of the room, which stood at `head`, and raises the floor to it. One step, so it is for rooms that
     * retention has left a frame or two of. The id is free when this is committed. */
    bool (*forget_room)(db_t *db, uint32_t room, uint64_t head, zr_error_t *error);
    /* The state of a group, or that it is gone. */
    bool (*set_group)(db_t *db, const log_group_t *group, zr_error_t *error);
    /* One of a client in a transaction. */
    bool (*set_mark)(db_t *db, const log_mark_t *mark, uint64_t now, zr_error_t *error);

    /* --- Housekeeping, in steps: each is a transaction of its own, and changes so many rows at most. --- */

    /* Deletes what is not kept of the room, oldest first, never its newest entry; moves the room's
     * `oldest`. By age whole frames go, and never the newest; `now` 0: none goes for its age. By number and bytes the
     * oldest frame that stays is cut. `*more`: call again. `bounds` gets the new bounds. Values of keys stay. */
    bool (*retain)(db_t *db, uint32_t room, const db_kept_t *kept, uint64_t now, size_t frames, log_bounds_t *bounds,
        bool *more, zr_error_t *error);
    /* Forgets marks not used since `before` (µs), and the longest unused beyond `max`; at most `rows`. */
    bool (*forget_marks)(db_t *db, uint64_t before, size_t max, size_t rows, bool *more, zr_error_t *error);
    /* Marks that were used ahead of `now`, by a clock that was wrong, count as used now; at most `rows`. */
    bool (*date_marks)(db_t *db, uint64_t now, size_t rows, zr_error_t *error);
    /* Until when nothing is to be deleted for its age (µs), for the next start. */
    bool (*set_hold)(db_t *db, uint64_t until, zr_error_t *error);
    /* Positions up to `base` may be given in this run. */
    bool (*set_base)(db_t *db, uint64_t base, zr_error_t *error);
    /* With every tick: says that this broker still leads. NULL: no other one can. */
    bool (*renew)(db_t *db, zr_error_t *error);
    /* As log.h has it. From any thread. NULL: no other broker can lead. */
    uint64_t (*leads_until)(const db_t *db);
    /* Gives free pages back to the file system, at most `pages`. */
    bool (*give_back)(db_t *db, int pages, zr_error_t *error);
    /* Adds the bytes of the database's files, and sets those that are free on their disk. From any thread. NULL: it has
     * no files here. */
    void (*measure)(const db_t *db, uint64_t *bytes, uint64_t *free_bytes);

    /* --- Reading --- */

    /* A slice as log.h describes it: cut, REPLAY set. `bounds` are the room's; nothing beyond bounds->head is read. The
     * frames are one reference each, the caller's, in `frames` (read->frames places). A damaged frame ends the slice
     * before it. On failure the slice has no frames and stands behind the damaged one, or at read->until: entries up to
     * there are lost. If the room was forgotten since the caller looked, or another room has its id by now, nothing is
     * left. */
    bool (*read)(db_t *db, uint32_t room, const log_bounds_t *bounds, const log_read_t *read, log_slice_t *slice,
        zr_blob_t **frames, zr_error_t *error);

    /* --- The handle --- */

    /* Around each use by a thread of a handle that both threads share. */
    void (*enter)(db_t *db);
    void (*leave)(db_t *db);
    /* From another thread: the program ends, so a function that waits for the database gives up. May be NULL. */
    void (*give_up)(db_t *db);
    /* Gives the handle back. NULL is accepted. */
    void (*close)(db_t *db);
} db_ops_t;

#endif
