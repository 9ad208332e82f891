/* The thread that reads slices for replays, so that other clients do not wait for the disk. It answers in the order of
 * the requests. The relay limits the number of requests (max-replays a session). This module bounds the memory of the
 * answers: it stops reading while too many bytes of them have not been taken.
 *
 * Everything here is called on the loop thread. */
#ifndef READER_H
#define READER_H

#include "db_ops.h"
#include "log_mail.h"

typedef struct {
    zr_mail_t mail; /* LOG_MAIL_READ */
    log_read_t read;
    uint32_t room;
    log_bounds_t bounds; /* of the room when it was asked; `read.until` is not beyond its head */

    /* The answer. */
    log_slice_t slice;
    size_t bytes;     /* of its frames */
    zr_error_t error; /* none; or the slice is empty and incomplete: see db_ops_t */
} read_job_t;

typedef struct reader reader_t;

/* Starts the thread. `db` is its own from now on, and the caller's again after reader_destroy. It puts the answered
 * jobs into `answers`, the caller's. */
reader_t *reader_new(const db_ops_t *ops, db_t *db, zr_mailbox_t *answers);

/* Ends the thread and drops pending reads. NULL is accepted. */
void reader_destroy(reader_t *reader);

/* Asks for `read` (copied). */
void reader_ask(reader_t *reader, const log_read_t *read, uint32_t room, const log_bounds_t *bounds);

/* The answer is taken, and its memory will soon be free. */
void reader_taken(reader_t *reader, const read_job_t *job);

/* Gives back the job and its frames. */
void read_job_destroy(read_job_t *job);

#endif
