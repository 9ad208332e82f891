/* See writer.h. The queue and the answers are shared under a mutex; the database, `job` and `failed_generation` are the
 * thread's alone. Must not know rooms, sessions or sockets. */
#include "writer.h"

#include <stdio.h>

#include "fatal.h"
#include "hash.h"
#include "logger.h"
#include "store_clock.h"
#include "thread.h"

/* Limits of housekeeping, as a commit may have to wait for a step. A step has so many rows. A job has so many steps
 * that give space back, each of so many pages. */
enum { STEP_FRAMES = 256, STEP_MARKS = 1000, STEP_PAGES = 256, GIVE_BACK_STEPS = 8 };

/* The steps of a job, in their order. */
typedef enum { STEP_ROOMS, STEP_FORGET, STEP_GIVE_BACK, STEP_DONE } step_t;

typedef struct {
    write_chores_t chores;
    step_t step;
    size_t room;  /* the next one */
    size_t given; /* steps that gave space back */
    db_error_t error;
} job_t;

struct writer {
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    int fd;

    /* Shared. */
    write_pass_t *queue, **queue_end;
    write_pass_t **answers_end;
    write_answers_t answers;
    write_chores_t chores;
    bool chores_wait; /* in `chores`, for the thread to begin with */
    bool stop;

    /* The thread's. */
    db_t *db;
    job_t job;
    uint64_t failed_generation;
};

void write_pass_destroy(write_pass_t *pass) {
    if (!pass)
        return;
    for (size_t i = 0; i < pass->frame_count; i++)
        zr_blob_unref(pass->frames[i].append.frame);
    for (size_t i = 0; i < pass->mark_count; i++)
        zr_blob_unref(pass->marks[i].refusals);
    free(pass->forgets);
    free(pass->rooms);
    free(pass->frames);
    free(pass->marks);
    free(pass);
}

bool write_pass_for_disk(const write_pass_t *pass) {
    if (pass->mark_count > 0)
        return true;
    for (size_t i = 0; i < pass->forget_count; i++)
        if (pass->forgets[i].id)
            return true;
    for (size_t i = 0; i < pass->frame_count; i++)
        if (pass->frames[i].room)
            return true;
    return false;
}

/* --- Passes --- */

/* The rest of the job must not touch the room: another room may get its id soon. */
static void s_leave_out(job_t *job, uint32_t id) {
    size_t kept = job->room;
    for (size_t i = job->room; i < job->chores.room_count; i++)
        if (job->chores.rooms[i].room != id)
            job->chores.rooms[kept++] = job->chores.rooms[i];
    job->chores.room_count = kept;
}

static bool s_write_frames(writer_t *self, const write_pass_t *pass, char *error) {
    for (size_t i = 0; i < pass->forget_count; i++) {
        const write_forget_t *forget = &pass->forgets[i];
        if (!forget->id)
            continue;
        if (!db_forget_room(self->db, forget->id, forget->forget.head, error))
            return false;
        s_leave_out(&self->job, forget->id);
    }
    for (size_t i = 0; i < pass->room_count; i++)
        if (!db_add_room(self->db, pass->rooms[i].id, pass->rooms[i].name, error))
            return false;
    for (size_t i = 0; i < pass->frame_count; i++)
        if (pass->frames[i].room && !db_add_frame(self->db, pass->frames[i].room, &pass->frames[i].append, error))
            return false;
    return true;
}

/* A client's marks within one transaction become one row. */
typedef struct {
    log_mark_t mark;
    UT_hash_handle hh;
} merged_t;

static bool s_write_marks(writer_t *self, const write_pass_t *passes, char *error) {
    size_t count = 0;
    for (const write_pass_t *pass = passes; pass; pass = pass->next)
        count += pass->mark_count;
    if (count == 0)
        return true;
    merged_t *all = fatal_calloc(count * sizeof *all), *merged = NULL, *found;
    size_t used = 0;
    for (const write_pass_t *pass = passes; pass; pass = pass->next)
        for (size_t i = 0; i < pass->mark_count; i++) {
            const log_mark_t *mark = &pass->marks[i];
            HASH_FIND(hh, merged, mark->client, sizeof mark->client, found);
            if (!found) {
                found = &all[used++];
                found->mark = *mark;
                HASH_ADD_KEYPTR(hh, merged, found->mark.client, sizeof found->mark.client, found);
            } else {
                zr_blob_t *refusals = mark->refusals ? mark->refusals : found->mark.refusals;
                found->mark.mark = mark->mark;
                found->mark.refusals = refusals;
            }
        }
    uint64_t now = store_now();
    bool ok = true;
    for (size_t i = 0; i < used && ok; i++)
        ok = db_set_mark(self->db, &all[i].mark, now, error);
    HASH_CLEAR(hh, merged);
    free(all);
    return ok;
}

static bool s_transaction(writer_t *self, const write_pass_t *passes, char *error) {
    bool something = false;
    for (const write_pass_t *pass = passes; pass && !something; pass = pass->next)
        something = write_pass_for_disk(pass);
    if (!something)
        return true;
    if (!db_begin(self->db, error))
        return false;
    bool ok = true;
    for (const write_pass_t *pass = passes; pass && ok; pass = pass->next)
        ok = s_write_frames(self, pass, error);
    if (ok && s_write_marks(self, passes, error))
        return db_commit(self->db, error);
    db_rollback(self->db);
    return false;
}

/* Stores all of them as one, or none. Those of a generation that failed continue positions that do not exist. */
static void s_store(writer_t *self, write_pass_t *passes, db_error_t error) {
    error[0] = '\0';
    while (passes && passes->generation <= self->failed_generation) {
        passes->ok = false;
        passes = passes->next;
    }
    if (!passes)
        return;
    bool ok = s_transaction(self, passes, error);
    if (!ok)
        self->failed_generation = passes->generation;
    for (write_pass_t *pass = passes; pass; pass = pass->next)
        pass->ok = ok;
}

/* --- Housekeeping --- */

static void s_job_begin(job_t *job, const write_chores_t *chores) {
    *job = (job_t){.chores = *chores, .step = STEP_ROOMS};
}

/* Only the first failure of a job is reported. The rest of the job is done; else the disk would fill up because of one
 * damaged room. */
static void s_job_fail(job_t *job, const char *error) {
    if (!job->error[0])
        snprintf(job->error, sizeof job->error, "%s", error);
}

static void s_retain(writer_t *self, job_t *job, write_retained_t *retained) {
    const write_retain_t *room = &job->chores.rooms[job->room];
    bool more = false;
    db_error_t error;
    *retained = (write_retained_t){.owner = room->owner};
    retained->failed =
        !db_retain(self->db, room->room, room->policy, job->chores.now, STEP_FRAMES, &retained->bounds, &more, error);
    if (retained->failed)
        s_job_fail(job, error);
    if (retained->failed || !more)
        job->room++;
}

/* One step. true: `*retained` tells of a room. */
static bool s_step(writer_t *self, job_t *job, write_retained_t *retained) {
    const write_chores_t *chores = &job->chores;
    bool more = false, ok;
    db_error_t error;
    switch (job->step) {
    case STEP_ROOMS:
        if (job->room < chores->room_count) {
            s_retain(self, job, retained);
            return true;
        }
        job->step = STEP_FORGET;
        return false;
    case STEP_FORGET:
        ok = !chores->marks ||
             db_forget_marks(self->db, chores->marks_before, chores->max_marks, STEP_MARKS, &more, error);
        if (!ok)
            s_job_fail(job, error);
        if (!ok || !more)
            job->step = STEP_GIVE_BACK;
        return false;
    case STEP_GIVE_BACK:
        ok = db_give_back(self->db, STEP_PAGES, error);
        if (!ok)
            s_job_fail(job, error);
        if (!ok || ++job->given == GIVE_BACK_STEPS)
            job->step = STEP_DONE;
        return false;
    case STEP_DONE:
        break;
    }
    return false;
}

static void s_add_retained(write_answers_t *answers, const write_retained_t *retained) {
    FATAL_GROW(answers->retained, answers->retained_count, answers->retained_size);
    answers->retained[answers->retained_count++] = *retained;
}

/* --- The thread --- */

static void s_answer_passes(writer_t *self, write_pass_t *passes, const char *error) {
    *self->answers_end = passes;
    while (*self->answers_end)
        self->answers_end = &(*self->answers_end)->next;
    if (error[0])
        snprintf(self->answers.error, sizeof self->answers.error, "%s", error);
    thread_tell(self->fd);
}

static void s_answer_job(writer_t *self, job_t *job) {
    free(job->chores.rooms);
    job->chores.rooms = NULL;
    job->room = job->chores.room_count = 0;
    snprintf(self->answers.chores_error, sizeof self->answers.chores_error, "%s", job->error);
    self->answers.chores_done = true;
    thread_tell(self->fd);
}

static void *s_run(void *arg) {
    writer_t *self = arg;
    job_t *job = &self->job;
    bool busy = false; /* with a job */
    pthread_mutex_lock(&self->mutex);
    while (true) {
        while (!self->queue && !self->stop && !busy && !self->chores_wait)
            pthread_cond_wait(&self->wake, &self->mutex);
        if (!self->queue && self->stop)
            break;
        write_pass_t *passes = self->queue;
        self->queue = NULL;
        self->queue_end = &self->queue;
        if (self->chores_wait) {
            s_job_begin(job, &self->chores);
            self->chores_wait = false;
            busy = true;
        }
        pthread_mutex_unlock(&self->mutex);

        if (passes) {
            db_error_t error;
            s_store(self, passes, error);
            pthread_mutex_lock(&self->mutex);
            s_answer_passes(self, passes, error);
            pthread_mutex_unlock(&self->mutex);
        }
        write_retained_t retained;
        bool told = busy && s_step(self, job, &retained);

        pthread_mutex_lock(&self->mutex);
        if (told) {
            s_add_retained(&self->answers, &retained);
            thread_tell(self->fd);
        }
        if (busy && job->step == STEP_DONE) {
            s_answer_job(self, job);
            busy = false;
        }
    }
    if (busy)
        free(job->chores.rooms);
    pthread_mutex_unlock(&self->mutex);
    return NULL;
}

/* --- The loop's side --- */

writer_t *writer_new(db_t *db, int fd) {
    writer_t *self = fatal_calloc(sizeof *self);
    self->fd = fd;
    self->db = db;
    self->queue_end = &self->queue;
    self->answers_end = &self->answers.passes;
    pthread_mutex_init(&self->mutex, NULL);
    pthread_cond_init(&self->wake, NULL);
    thread_start(&self->thread, s_run, self);
    return self;
}

void writer_put(writer_t *self, write_pass_t *pass) {
    pass->next = NULL;
    pthread_mutex_lock(&self->mutex);
    *self->queue_end = pass;
    self->queue_end = &pass->next;
    pthread_cond_signal(&self->wake);
    pthread_mutex_unlock(&self->mutex);
}

void writer_chores(writer_t *self, const write_chores_t *chores) {
    pthread_mutex_lock(&self->mutex);
    FATAL_UNLESS(!self->chores_wait);
    self->chores = *chores;
    self->chores_wait = true;
    pthread_cond_signal(&self->wake);
    pthread_mutex_unlock(&self->mutex);
}

void writer_take(writer_t *self, write_answers_t *answers) {
    pthread_mutex_lock(&self->mutex);
    *answers = self->answers;
    self->answers = (write_answers_t){0};
    self->answers_end = &self->answers.passes;
    pthread_mutex_unlock(&self->mutex);
}

void writer_destroy(writer_t *self) {
    if (!self)
        return;
    pthread_mutex_lock(&self->mutex);
    self->stop = true;
    pthread_cond_signal(&self->wake);
    pthread_mutex_unlock(&self->mutex);
    pthread_join(self->thread, NULL);
    if (self->answers.error[0])
        zr_log(ZR_LOG_ERROR, "%s; what waited at the end is lost", self->answers.error);
    for (write_pass_t *pass = self->answers.passes, *next; pass; pass = next) {
        next = pass->next;
        write_pass_destroy(pass);
    }
    free(self->answers.retained);
    if (self->chores_wait)
        free(self->chores.rooms);
    pthread_cond_destroy(&self->wake);
    pthread_mutex_destroy(&self->mutex);
    free(self);
}
