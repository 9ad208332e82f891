/* See reader.h. The database is the thread's alone. */
#include "reader.h"

enum { UNTAKEN_MAX = 32 << 20 }; /* bytes of answers; one answer beyond it */

struct reader {
    pthread_t thread;
    zr_mailbox_t jobs, *answers;
    atomic_size_t untaken; /* bytes of answers that the loop has not taken */
    const db_ops_t *ops;
    db_t *db;
};

void read_job_destroy(read_job_t *job) {
    for (size_t i = 0; i < job->slice.frame_count; i++)
        zr_blob_unref(job->slice.frames[i]);
    free(job->slice.frames);
    free(job);
}

static void s_read(reader_t *self, read_job_t *job) {
    zr_blob_t **frames = fatal_calloc((job->read.frames + 1) * sizeof *frames);
    self->ops->enter(self->db);
    self->ops->read(
        self->db, job->room, &job->bounds, &job->read, &job->slice, frames, &job->error); /* `error` tells */
    self->ops->leave(self->db);
    job->slice.frames = frames;
    for (size_t i = 0; i < job->slice.frame_count; i++)
        job->bytes += zr_blob_len(frames[i]);
    self->untaken += job->bytes;
    zr_mailbox_put(self->answers, &job->mail);
}

static void *s_run(void *arg) {
    reader_t *self = arg;
    zr_mail_t *first = NULL, **end = &first;
    while (zr_mailbox_wait(&self->jobs, !first || self->untaken > UNTAKEN_MAX)) {
        *end = zr_mailbox_take_all(&self->jobs);
        while (*end)
            end = &(*end)->next;
        if (!first || self->untaken > UNTAKEN_MAX)
            continue;
        read_job_t *job = (read_job_t *)first;
        first = first->next;
        if (!first)
            end = &first;
        s_read(self, job);
    }
    *end = zr_mailbox_take_all(&self->jobs);
    for (zr_mail_t *next; first; first = next) {
        next = first->next;
        read_job_destroy((read_job_t *)first);
    }
    return NULL;
}

reader_t *reader_new(const db_ops_t *ops, db_t *db, zr_mailbox_t *answers) {
    reader_t *self = fatal_calloc(sizeof *self);
    self->answers = answers;
    self->ops = ops;
    self->db = db;
    zr_mailbox_init(&self->jobs);
    zr_thread_start(&self->thread, s_run, self);
    return self;
}

void reader_ask(reader_t *self, const log_read_t *read, uint32_t room, const log_bounds_t *bounds) {
    read_job_t *job = fatal_calloc(sizeof *job);
    job->mail.kind = LOG_MAIL_READ;
    job->read = *read;
    job->room = room;
    job->bounds = *bounds;
    zr_mailbox_put(&self->jobs, &job->mail);
}

void reader_taken(reader_t *self, const read_job_t *job) {
    if (atomic_fetch_sub(&self->untaken, job->bytes) > UNTAKEN_MAX)
        zr_mailbox_wake(&self->jobs);
}

void reader_destroy(reader_t *self) {
    if (!self)
        return;
    zr_mailbox_end(&self->jobs);
    pthread_join(self->thread, NULL);
    zr_mailbox_finish(&self->jobs);
    free(self);
}
