/* Commands run for messages (sub --exec): at most so many at once. Each has a message on its stdin and the message's
 * properties in its environment. Owns the processes and their pipes; knows nothing of sessions. */
#ifndef JOBS_H
#define JOBS_H

#include <poll.h>
#include <sys/types.h>

#include "buffer.h"
#include "zrelay.h"

#define JOBS_MAX 64

typedef struct {
    pid_t pid; /* 0: a free place */
    int input; /* -1: all was written */
    char *body;
    size_t len, written;
    char *room;
    uint64_t seq;
    uint32_t worker; /* of a group; 0: none */
} job_t;

/* A command of a worker has ended with `status`, as wait tells it, or could not be started (-1). */
typedef void jobs_ended_fn(void *ctx, const char *room, uint32_t worker, uint64_t seq, int status);

typedef struct {
    const char *command;
    size_t max; /* at most JOBS_MAX */
    size_t running;
    uint64_t failed;
    jobs_ended_fn *ended; /* NULL: nobody wants to know */
    void *ctx;            /* its */
    job_t jobs[JOBS_MAX];
} jobs_t;

void jobs_init(jobs_t *jobs, const char *command, size_t max);

/* Asks the running ones to end, if any are left, and waits for them. */
void jobs_finish(jobs_t *jobs);

static inline bool jobs_full(const jobs_t *jobs) {
    return jobs->running >= jobs->max;
}

/* Starts the command for an entry. Not when full. A command that cannot be started is told and counted as failed. */
void jobs_start(jobs_t *jobs, const zrelay_event_t *event);

/* The pipes that want more of their message: fills `files` (JOBS_MAX places), returns how many. After a poll, hand them
 * back to jobs_write. */
nfds_t jobs_files(const jobs_t *jobs, struct pollfd *files);
void jobs_write(jobs_t *jobs, const struct pollfd *files, nfds_t count);

/* Takes leave of those that ended (after SIGCHLD); failures are told and counted. */
void jobs_reap(jobs_t *jobs);

/* The environment for an entry: `base` with the ZRELAY_… variables of the message in place of any that were there. One
 * free() gives it back, as long as `base` lives. */
char **jobs_environment(char *const *base, const zrelay_event_t *event);

/* Appends the outcome of a command: "exit status 2", "killed by signal 9". false: it succeeded. */
bool jobs_outcome(zr_buffer_t *out, int status);

#endif
