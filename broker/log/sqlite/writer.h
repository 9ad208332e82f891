/* The thread that writes the database. The loop thread hands over whole passes and takes them back answered, in their
 * order. All waiting passes form one transaction. Between transactions it does the housekeeping, a step at a time.
 *
 * Everything here is called on the loop thread. */
#ifndef WRITER_H
#define WRITER_H

#include "db.h"

typedef struct {
    uint32_t room; /* its id in the database; 0: of level memory, not for the disk */
    log_append_t append;
    void *owner; /* the loop's */
} write_frame_t;

typedef struct {
    uint32_t id;
    zr_span_t name; /* must stay where it is until the pass is back */
    void *owner;    /* the loop's */
} write_room_t;

/* A room that the log forgets. */
typedef struct {
    uint32_t id; /* 0: it is not on the disk */
    log_forget_t forget;
    void *owner; /* the loop's */
} write_forget_t;

/* A pass. While the writer has it only the members marked so are the loop's. */
typedef struct write_pass {
    uint64_t number;
    uint64_t generation;     /* a failed pass fails all those of its generation that come after it */
    write_forget_t *forgets; /* before the rooms */
    size_t forget_count, forget_size;
    write_room_t *rooms; /* that have no row yet; before the frames */
    size_t room_count, room_size;
    write_frame_t *frames;
    size_t frame_count, frame_size;
    log_mark_t *marks;
    size_t mark_count;
    size_t bytes; /* of memory that it holds */
    bool ok;      /* the writer's answer */
    struct write_pass *next;
    struct write_pass *later; /* the loop's: the next one in flight */
    bool answered;            /* the loop's: the sink knows already */
} write_pass_t;

/* Gives back the pass and the references in it. */
void write_pass_destroy(write_pass_t *pass);

/* Is there something in it to write? */
bool write_pass_for_disk(const write_pass_t *pass);

typedef struct {
    uint32_t room;
    const policy_t *policy;
    void *owner; /* the loop's */
} write_retain_t;

typedef struct {
    void *owner;
    bool failed; /* nothing could be deleted for now; `bounds` are not set */
    log_bounds_t bounds;
} write_retained_t;

/* Housekeeping to be done. */
typedef struct {
    uint64_t now;
    write_retain_t *rooms; /* malloc'ed; goes to the writer */
    size_t room_count;
    bool marks; /* forget old ones, too */
    uint64_t marks_before;
    size_t max_marks;
} write_chores_t;

/* The answers since the last call. */
typedef struct {
    write_pass_t *passes; /* in their order; the caller's */
    db_error_t error; /* why the last pass that is not ok could not be stored; "": not known, see the one before it */
    write_retained_t *retained; /* malloc'ed; the caller's */
    size_t retained_count, retained_size;
    db_error_t chores_error; /* "": none */
    bool chores_done;        /* the chores handed over came to their end */
} write_answers_t;

typedef struct writer writer_t;

/* Starts the thread. `db` is its own from now on, and the caller's again after writer_destroy. After each answer it
 * writes to the eventfd `fd`. */
writer_t *writer_new(db_t *db, int fd);

/* Writes all waiting passes, then ends the thread. Frees answers that were not taken. NULL is accepted. */
void writer_destroy(writer_t *writer);

/* Takes over the pass until writer_take gives it back. */
void writer_put(writer_t *writer, write_pass_t *pass);

/* Takes over `chores->rooms`. No chores may be under way. */
void writer_chores(writer_t *writer, const write_chores_t *chores);

void writer_take(writer_t *writer, write_answers_t *answers);

#endif
