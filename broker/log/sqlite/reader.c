/* See reader.h. The two lists are shared under a mutex; the database is the thread's alone. */
#include "reader.h"

#include "thread.h"

enum { UNTAKEN_MAX = 32 << 20 }; /* bytes of answers; one answer beyond it */

struct reader {
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    int fd;

    /* Shared. */
    read_job_t *queue, **queue_end;
    read_job_t *answers, **answers_end;
    size_t untaken; /* bytes of `answers` */
    bool stop;

    db_t *db; /* the thread's */
};

void read_job_destroy(read_job_t *job) {
    if (!job)
        return;
    for (size_t i = 0; i < job->slice.frame_count; i++)
        zr_blob_unref(job->slice.frames[i]);
    free(job->slice.frames);
    free(job);
}

/* Returns the bytes read. */
static size_t s_read(reader_t *self, read_job_t *job) {
    zr_blob_t **frames = fatal_calloc((job->read.frames + 1) * sizeof *frames);
    job->error[0] = '\0';
    db_read(self->db, job->room, &job->bounds, &job->read, &job->slice, frames, job->error); /* `error` tells */
    job->slice.frames = frames;
    size_t bytes = 0;
    for (size_t i = 0; i < job->slice.frame_count; i++)
        bytes += zr_blob_len(frames[i]);
    return bytes;
}

static void *s_run(void *arg) {
    reader_t *self = arg;
    pthread_mutex_lock(&self->mutex);
    while (true) {
        while (!self->stop && (!self->queue || self->untaken > UNTAKEN_MAX))
            pthread_cond_wait(&self->wake, &self->mutex);
        if (self->stop)
            break;
        read_job_t *job = self->queue;
        self->queue = job->next;
        if (!self->queue)
            self->queue_end = &self->queue;
        job->next = NULL;
        pthread_mutex_unlock(&self->mutex);
        size_t bytes = s_read(self, job);
        pthread_mutex_lock(&self->mutex);
        self->untaken += bytes;
        *self->answers_end = job;
        self->answers_end = &job->next;
        thread_tell(self->fd);
    }
    pthread_mutex_unlock(&self->mutex);
    return NULL;
}

reader_t *reader_new(db_t *db, int fd) {
    reader_t *self = fatal_calloc(sizeof *self);
    self->fd = fd;
    self->db = db;
    self->queue_end = &self->queue;
    self->answers_end = &self->answers;
    pthread_mutex_init(&self->mutex, NULL);
    pthread_cond_init(&self->wake, NULL);
    thread_start(&self->thread, s_run, self);
    return self;
}

void reader_ask(reader_t *self, const log_read_t *read, uint32_t room, const log_bounds_t *bounds) {
    read_job_t *job = fatal_calloc(sizeof *job);
    job->read = *read;
    job->room = room;
    job->bounds = *bounds;
    pthread_mutex_lock(&self->mutex);
    *self->queue_end = job;
    self->queue_end = &job->next;
    pthread_cond_signal(&self->wake);
    pthread_mutex_unlock(&self->mutex);
}

read_job_t *reader_take(reader_t *self) {
    pthread_mutex_lock(&self->mutex);
    read_job_t *answers = self->answers;
    self->answers = NULL;
    self->answers_end = &self->answers;
    self->untaken = 0;
    pthread_cond_signal(&self->wake);
    pthread_mutex_unlock(&self->mutex);
    return answers;
}

static void s_destroy_all(read_job_t *jobs) {
    for (read_job_t *next; jobs; jobs = next) {
        next = jobs->next;
        read_job_destroy(jobs);
    }
}

void reader_destroy(reader_t *self) {
    if (!self)
        return;
    pthread_mutex_lock(&self->mutex);
    self->stop = true;
    pthread_cond_signal(&self->wake);
    pthread_mutex_unlock(&self->mutex);
    pthread_join(self->thread, NULL);
    s_destroy_all(self->queue);
    s_destroy_all(self->answers);
    pthread_cond_destroy(&self->wake);
    pthread_mutex_destroy(&self->mutex);
    free(self);
}
