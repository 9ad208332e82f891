/* Commands run for messages (sub --exec, reply --exec): at most so many at once. Each has a message on its stdin and the
 * message's properties in its environment. What it writes to stdout may be taken as its answer. Owns the processes and
 * their pipes; knows nothing of sessions. */
#ifndef JOBS_H
#define JOBS_H

#include <poll.h>
#include <sys/types.h>

#include "buffer.h"
#include "zrelay.h"

#define JOBS_MAX 64
#define JOBS_FILES (2 * JOBS_MAX)
#define JOBS_ANSWER 65536 /* bytes of an answer that are kept; the rest is read and dropped */

typedef struct {
    pid_t pid;  /* 0: a free place */
    int input;  /* -1: all was written */
    int output; /* -1: none, or it ended */
    char *body;
    size_t len, written;
    char *room, *sender, *ask; /* of the message; NULL: it has none */
    uint64_t seq;
    uint32_t worker;    /* of a group; 0: none */
    uint64_t since_ms;  /* when its command began */
    zr_buffer_t answer; /* with `answers` */
} job_t;

/* A command has ended with `status`, as wait tells it, or could not be started (-1). The job is valid until this
 * returns. */
typedef void jobs_ended_fn(void *ctx, const job_t *job, int status);

typedef struct {
    const char *command;
    size_t max; /* at most JOBS_MAX */
    size_t running;
    uint64_t failed;
    bool answers;         /* keep what commands write to stdout */
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

/* How long the longest of the running commands runs, in milliseconds; 0: none does. */
uint64_t jobs_longest(const jobs_t *jobs, uint64_t now_ms);

/* Starts the command for an entry. Not when full. A command that cannot be started is told and counted as failed. */
void jobs_start(jobs_t *jobs, const zrelay_event_t *event);

/* The pipes that want more of their message, or may have some of an answer: fills `files` (JOBS_FILES places), returns how
 * many. After a poll, hand them back to jobs_move. */
nfds_t jobs_files(const jobs_t *jobs, struct pollfd *files);
void jobs_move(jobs_t *jobs, const struct pollfd *files, nfds_t count);

/* Takes leave of those that ended (after SIGCHLD); failures are told and counted. */
void jobs_reap(jobs_t *jobs);

/* The environment for an entry or a direct message: `base` with the ZRELAY_… variables of the message in place of any that were there. One
 * free() gives it back, as long as `base` lives. */
char **jobs_environment(char *const *base, const zrelay_event_t *event);

/* Appends the outcome of a command: "exit status 2", "killed by signal 9". false: it succeeded. */
bool jobs_outcome(zr_buffer_t *out, int status);

#endif
