/* The thread that writes the database. The loop thread hands over whole passes and takes them back answered, in their
 * order. All waiting passes form one transaction. Between transactions it does the housekeeping, a step at a time.
 *
 * Everything here is called on the loop thread. */
#ifndef WRITER_H
#define WRITER_H

#include "db_ops.h"
#include "log_mail.h"

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
    zr_mail_t mail; /* LOG_MAIL_PASS */
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
    log_group_t *groups;
    size_t group_count;
    bool check;               /* there is something to write in any case */
    uint64_t now;             /* the marks are used */
    size_t bytes;             /* of memory that it holds */
    bool ok;                  /* the writer's answer */
    char *error;              /* why it is not ok; NULL: not known, see the one before it */
    uint64_t began_us;        /* the loop's: when it was handed over (zr_boot_us) */
    struct write_pass *later; /* the loop's: the next one in flight */
    bool answered;            /* the loop's: the sink knows already */
} write_pass_t;

/* Gives back the pass and the references in it. */
void write_pass_destroy(write_pass_t *pass);

/* Is there something in it to write? */
bool write_pass_for_disk(const write_pass_t *pass);

typedef struct {
    uint32_t room;
    db_kept_t kept;
    void *owner; /* the loop's */
} write_retain_t;

/* What came of it. */
typedef struct {
    zr_mail_t mail; /* LOG_MAIL_RETAINED */
    void *owner;
    uint64_t upto; /* as asked for */
    bool failed;   /* nothing could be deleted for now; `bounds` are not set */
    bool more;     /* another answer follows */
    log_bounds_t bounds;
} write_retained_t;

/* Housekeeping to be done. */
typedef struct {
    zr_mail_t mail; /* LOG_MAIL_CHORES */
    uint64_t now;   /* 0: nothing goes for its age */
    uint64_t base;  /* to be stored (db_set_base); 0: none. The writer's answer: 0 if that failed */
    bool held;      /* `hold` is to be stored (db_set_hold). The writer's answer: false if that failed */
    uint64_t hold;
    write_retain_t *rooms; /* malloc'ed */
    size_t room_count;
    bool marks; /* forget old ones, too */
    uint64_t marks_before;
    size_t max_marks;
    zr_error_t error; /* the writer's answer */
} write_chores_t;

void write_chores_destroy(write_chores_t *chores);

typedef struct writer writer_t;

/* Starts the thread. `db` is its own from now on, and the caller's again after writer_destroy. It puts what it is done
 * with into `answers`: passes in their order, what came of each room, chores. All of that is malloc'ed, and the
 * caller's then. */
writer_t *writer_new(const db_ops_t *ops, db_t *db, zr_mailbox_t *answers);

/* Writes all waiting passes, then ends the thread. NULL is accepted. */
void writer_destroy(writer_t *writer);

/* Takes over the pass until it is answered. */
void writer_put(writer_t *writer, write_pass_t *pass);

/* Takes over the chores, malloc'ed. No others may be under way. */
void writer_chores(writer_t *writer, write_chores_t *chores);

/* Only says that this broker still leads, as chores do; they may be under way. */
void writer_renew(writer_t *writer);

#endif
