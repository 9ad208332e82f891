/* See writer.h. Must not know rooms, sessions or sockets. */
#include "writer.h"

#include <stdatomic.h>
#include <stdio.h>

#include "fatal.h"
#include "hash.h"
#include "clock.h"

/* Limits of housekeeping, as a commit may have to wait for a step. A step has so many rows. A job has so many steps
 * that give space back, each of so many pages. */
enum { STEP_FRAMES = 64, STEP_MARKS = 1000, STEP_PAGES = 256, GIVE_BACK_STEPS = 8 };

/* The steps of a job, in their order. */
typedef enum { STEP_RENEW, STEP_ROOMS, STEP_FORGET, STEP_GIVE_BACK } step_t;

typedef struct {
    write_chores_t *chores; /* NULL: there is no job */
    step_t step;
    size_t room;  /* the next one */
    size_t given; /* steps that gave space back */
} job_t;

struct writer {
    pthread_t thread;
    zr_mailbox_t queue, *answers;
    atomic_bool renews; /* asked for */

    /* The thread's. */
    const db_ops_t *ops;
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
    for (size_t i = 0; i < pass->group_count; i++)
        zr_blob_unref(pass->groups[i].state);
    free(pass->groups);
    free(pass->error);
    free(pass);
}

void write_chores_destroy(write_chores_t *chores) {
    if (chores)
        free(chores->rooms);
    free(chores);
}

bool write_pass_for_disk(const write_pass_t *pass) {
    if (pass->check || pass->mark_count > 0 || pass->group_count > 0)
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

static write_pass_t *s_next(const write_pass_t *pass) {
    return (write_pass_t *)pass->mail.next;
}

/* The rest of the job must not touch the room: another room may get its id soon. */
static void s_leave_out(job_t *job, uint32_t id) {
    write_chores_t *chores = job->chores;
    if (!chores)
        return;
    size_t kept = job->room;
    for (size_t i = job->room; i < chores->room_count; i++)
        if (chores->rooms[i].room != id)
            chores->rooms[kept++] = chores->rooms[i];
    chores->room_count = kept;
}

static bool s_write_frames(writer_t *self, const write_pass_t *pass, zr_error_t *error) {
    for (size_t i = 0; i < pass->forget_count; i++) {
        const write_forget_t *forget = &pass->forgets[i];
        if (!forget->id)
            continue;
        if (!self->ops->forget_room(self->db, forget->id, forget->forget.head, error))
            return false;
        s_leave_out(&self->job, forget->id);
    }
    for (size_t i = 0; i < pass->room_count; i++)
        if (!self->ops->add_room(self->db, pass->rooms[i].id, pass->rooms[i].name, error))
            return false;
    for (size_t i = 0; i < pass->frame_count; i++)
        if (pass->frames[i].room &&
            !self->ops->add_frame(self->db, pass->frames[i].room, &pass->frames[i].append, error))
            return false;
    return true;
}

/* A client's marks within one transaction become one row. */
typedef struct {
    log_mark_t mark;
    UT_hash_handle hh;
} merged_t;

static bool s_write_marks(writer_t *self, const write_pass_t *passes, zr_error_t *error) {
    size_t count = 0;
    for (const write_pass_t *pass = passes; pass; pass = s_next(pass))
        count += pass->mark_count;
    if (count == 0)
        return true;
    merged_t *all = fatal_calloc(count * sizeof *all), *merged = NULL, *found;
    size_t used = 0;
    for (const write_pass_t *pass = passes; pass; pass = s_next(pass))
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
    bool ok = true;
    for (size_t i = 0; i < used && ok; i++)
        ok = self->ops->set_mark(self->db, &all[i].mark, passes->now, error);
    HASH_CLEAR(hh, merged);
    free(all);
    return ok;
}

/* Of the states of a group within one transaction the last one is written. */
typedef struct {
    const log_group_t *group;
    UT_hash_handle hh;
} newest_t;

static bool s_write_groups(writer_t *self, const write_pass_t *passes, zr_error_t *error) {
    size_t count = 0, used = 0;
    for (const write_pass_t *pass = passes; pass; pass = s_next(pass))
        count += pass->group_count;
    if (count == 0)
        return true;
    newest_t *all = fatal_calloc(count * sizeof *all), *newest = NULL, *found;
    for (const write_pass_t *pass = passes; pass; pass = s_next(pass))
        for (size_t i = 0; i < pass->group_count; i++) {
            const log_group_t *group = &pass->groups[i];
            const size_t key = sizeof group->room + sizeof group->name; /* the one follows the other */
            HASH_FIND(hh, newest, group->room, key, found);
            if (!found) {
                found = &all[used++];
                HASH_ADD_KEYPTR(hh, newest, group->room, key, found);
            }
            found->group = group;
        }
    bool ok = true;
    for (size_t i = 0; i < used && ok; i++)
        ok = self->ops->set_group(self->db, all[i].group, error);
    HASH_CLEAR(hh, newest);
    free(all);
    return ok;
}

static bool s_transaction(writer_t *self, const write_pass_t *passes, zr_error_t *error) {
    bool something = false;
    for (const write_pass_t *pass = passes; pass && !something; pass = s_next(pass))
        something = write_pass_for_disk(pass);
    if (!something)
        return true;
    if (!self->ops->begin(self->db, error))
        return false;
    bool ok = true;
    for (const write_pass_t *pass = passes; pass && ok; pass = s_next(pass))
        ok = s_write_frames(self, pass, error);
    if (ok && s_write_marks(self, passes, error) && s_write_groups(self, passes, error))
        return self->ops->commit(self->db, error);
    self->ops->rollback(self->db);
    return false;
}

/* Stores all of them as one, or none. Those of a generation that failed continue positions that do not exist. */
static void s_store(writer_t *self, write_pass_t *passes) {
    zr_error_t error = {0};
    while (passes && passes->generation <= self->failed_generation) {
        passes->ok = false;
        passes = s_next(passes);
    }
    if (!passes)
        return;
    self->ops->enter(self->db);
    bool ok = s_transaction(self, passes, &error);
    self->ops->leave(self->db);
    if (!ok) {
        self->failed_generation = passes->generation;
        passes->error = fatal_check(strdup(error.text));
    }
    for (write_pass_t *pass = passes; pass; pass = s_next(pass))
        pass->ok = ok;
}

/* --- Housekeeping --- */

/* The rest of a job is done after a failure; else the disk would fill up because of one damaged room. */
static void s_retain(writer_t *self, job_t *job) {
    const write_retain_t *room = &job->chores->rooms[job->room];
    bool more = false;
    write_retained_t *retained = fatal_calloc(sizeof *retained);
    retained->mail.kind = LOG_MAIL_RETAINED;
    retained->owner = room->owner;
    retained->upto = room->kept.upto;
    retained->failed = !self->ops->retain(self->db, room->room, &room->kept, job->chores->now, STEP_FRAMES,
        &retained->bounds, &more, &job->chores->error);
    retained->more = more && !retained->failed;
    if (retained->failed || !more)
        job->room++;
    zr_mailbox_put(self->answers, &retained->mail);
}

/* That it fails is no news: the disk is full, and publishers are told. It is tried again. */
static void s_set_meta(writer_t *self, write_chores_t *chores) {
    zr_error_t error = {0};
    if (chores->base && !self->ops->set_base(self->db, chores->base, &error))
        chores->base = 0;
    chores->held = chores->held && self->ops->set_hold(self->db, chores->hold, &error);
}

static bool s_forget_marks(writer_t *self, write_chores_t *chores, bool *more) {
    return (!chores->now || self->ops->date_marks(self->db, chores->now, STEP_MARKS, &chores->error)) &&
           self->ops->forget_marks(self->db, chores->marks_before, chores->max_marks, STEP_MARKS, more, &chores->error);
}

static void s_renew(writer_t *self) {
    zr_error_t unsaid = {0}; /* commits tell */
    if (self->ops->renew)
        self->ops->renew(self->db, &unsaid);
}

static void s_step(writer_t *self, job_t *job) {
    write_chores_t *chores = job->chores;
    bool more = false, ok;
    switch (job->step) {
    case STEP_RENEW:
        s_renew(self);
        job->step = STEP_ROOMS;
        break;
    case STEP_ROOMS:
        if (job->room < chores->room_count)
            s_retain(self, job);
        else
            job->step = STEP_FORGET;
        break;
    case STEP_FORGET:
        ok = !chores->marks || s_forget_marks(self, chores, &more);
        if (!ok || !more) {
            s_set_meta(self, chores);
            job->step = STEP_GIVE_BACK;
        }
        break;
    case STEP_GIVE_BACK:
        ok = self->ops->give_back(self->db, STEP_PAGES, &chores->error);
        if (ok && ++job->given < GIVE_BACK_STEPS)
            break;
        zr_mailbox_put(self->answers, &chores->mail);
        *job = (job_t){.chores = NULL};
        break;
    }
}

/* --- The thread --- */

/* What the loop put since the last time: the passes as a chain, and chores to begin. */
static write_pass_t *s_take(writer_t *self) {
    zr_mail_t *passes = NULL, **end = &passes;
    for (zr_mail_t *mail = zr_mailbox_take_all(&self->queue); mail; mail = mail->next)
        if (mail->kind == LOG_MAIL_PASS) {
            *end = mail;
            end = &mail->next;
        } else {
            self->job = (job_t){.chores = (write_chores_t *)mail};
        }
    *end = NULL;
    return (write_pass_t *)passes;
}

static void *s_run(void *arg) {
    writer_t *self = arg;
    job_t *job = &self->job;
    for (bool more = true; more;) {
        more = zr_mailbox_wait(&self->queue, !job->chores);
        write_pass_t *passes = s_take(self);
        s_store(self, passes);
        for (write_pass_t *next; passes; passes = next) {
            next = s_next(passes);
            zr_mailbox_put(self->answers, &passes->mail);
        }
        if (atomic_exchange(&self->renews, false))
            s_renew(self);
        if (job->chores) {
            self->ops->enter(self->db);
            s_step(self, job);
            self->ops->leave(self->db);
        }
    }
    write_chores_destroy(job->chores);
    return NULL;
}

/* --- The loop's side --- */

writer_t *writer_new(const db_ops_t *ops, db_t *db, zr_mailbox_t *answers) {
    writer_t *self = fatal_calloc(sizeof *self);
    self->answers = answers;
    self->ops = ops;
    self->db = db;
    zr_mailbox_init(&self->queue);
    zr_thread_start(&self->thread, s_run, self);
    return self;
}

void writer_put(writer_t *self, write_pass_t *pass) {
    pass->mail.kind = LOG_MAIL_PASS;
    zr_mailbox_put(&self->queue, &pass->mail);
}

void writer_chores(writer_t *self, write_chores_t *chores) {
    chores->mail.kind = LOG_MAIL_CHORES;
    zr_mailbox_put(&self->queue, &chores->mail);
}

void writer_renew(writer_t *self) {
    atomic_store(&self->renews, true);
    zr_mailbox_wake(&self->queue);
}

void writer_destroy(writer_t *self) {
    if (!self)
        return;
    zr_mailbox_end(&self->queue);
    pthread_join(self->thread, NULL);
    zr_mailbox_finish(&self->queue);
    free(self);
}
