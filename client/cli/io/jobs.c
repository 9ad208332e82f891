#include "jobs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "cli.h"
#include "fatal.h"
#include "format.h"

extern char **environ;

void jobs_init(jobs_t *jobs, const char *command, size_t max) {
    *jobs = (jobs_t){.command = command, .max = max < JOBS_MAX ? max : JOBS_MAX};
}

static void s_free(job_t *job) {
    if (job->input >= 0)
        close(job->input);
    free(job->body);
    free(job->room);
    *job = (job_t){.input = -1};
}

void jobs_finish(jobs_t *jobs) {
    for (size_t i = 0; i < jobs->max; i++)
        if (jobs->jobs[i].pid > 0) {
            kill(-jobs->jobs[i].pid, SIGTERM);
            while (waitpid(jobs->jobs[i].pid, NULL, 0) < 0 && errno == EINTR)
                ;
            s_free(&jobs->jobs[i]);
        }
    jobs->running = 0;
}

/* --- The environment --- */

static const char *const s_names[] = {
    "ZRELAY_ROOM=", "ZRELAY_SEQ=", "ZRELAY_SENDER=", "ZRELAY_KEY=", "ZRELAY_TIME=", "ZRELAY_DELIVERIES="};
#define NAMES (sizeof s_names / sizeof s_names[0])

static bool s_ours(const char *variable) {
    for (size_t i = 0; i < NAMES; i++)
        if (strncmp(variable, s_names[i], strlen(s_names[i])) == 0)
            return true;
    return false;
}

char **jobs_environment(char *const *base, const zrelay_event_t *event) {
    size_t count = 0;
    while (base[count])
        count++;
    zr_buffer_t text = {0};
    size_t starts[NAMES];
    size_t ours = 0;
    starts[ours++] = text.len;
    zr_buffer_printf(&text, "ZRELAY_ROOM=%s", event->room);
    zr_buffer_u8(&text, 0);
    starts[ours++] = text.len;
    zr_buffer_printf(&text, "ZRELAY_SEQ=%" PRIu64, event->seq);
    zr_buffer_u8(&text, 0);
    starts[ours++] = text.len;
    zr_buffer_printf(&text, "ZRELAY_SENDER=%s", event->sender ? event->sender : "");
    zr_buffer_u8(&text, 0);
    if (event->key) {
        starts[ours++] = text.len;
        zr_buffer_printf(&text, "ZRELAY_KEY=%s", event->key);
        zr_buffer_u8(&text, 0);
    }
    starts[ours++] = text.len;
    zr_buffer_printf(&text, "ZRELAY_TIME=%" PRIu64, event->time);
    zr_buffer_u8(&text, 0);
    if (event->worker) {
        starts[ours++] = text.len;
        zr_buffer_printf(&text, "ZRELAY_DELIVERIES=%" PRIu64, event->count);
        zr_buffer_u8(&text, 0);
    }

    char **all = fatal_check(malloc((count + ours + 1) * sizeof *all + text.len));
    char *texts = (char *)(all + count + ours + 1);
    memcpy(texts, text.data, text.len);
    size_t used = 0;
    for (size_t i = 0; i < count; i++)
        if (!s_ours(base[i]))
            all[used++] = base[i];
    for (size_t i = 0; i < ours; i++)
        all[used++] = texts + starts[i];
    all[used] = NULL;
    zr_buffer_finish(&text);
    return all;
}

/* --- Starting --- */

/* Starts the command with the usual signals and `input` as its stdin. It has a process group of its own, so that an
 * interrupt from the keyboard lets it finish its message. Returns an errno, or 0. */
static int s_spawn(const char *command, int input, char **environment, pid_t *pid) {
    const char *const argv[] = {"sh", "-c", command, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t usual;
    sigset_t none;
    sigemptyset(&none);
    sigemptyset(&usual);
    sigaddset(&usual, SIGPIPE);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
    posix_spawnattr_setsigdefault(&attributes, &usual);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
    int failed = posix_spawn(pid, "/bin/sh", &actions, &attributes, (char *const *)argv, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return failed;
}

static void s_write(job_t *job) {
    while (job->written < job->len) {
        ssize_t len = write(job->input, job->body + job->written, job->len - job->written);
        if (len < 0 && errno == EAGAIN)
            return;
        if (len < 0 && errno != EINTR)
            break; /* a command need not read its stdin */
        if (len > 0)
            job->written += (size_t)len;
    }
    close(job->input);
    job->input = -1;
    free(job->body);
    job->body = NULL;
}

void jobs_start(jobs_t *jobs, const zrelay_event_t *event) {
    size_t place = 0;
    while (place < jobs->max && jobs->jobs[place].pid > 0)
        place++;
    if (place == jobs->max)
        abort();
    job_t *job = &jobs->jobs[place];
    int ends[2];
    int failed = pipe2(ends, O_CLOEXEC) == 0 ? 0 : errno;
    if (!failed) {
        char **environment = jobs_environment(environ, event);
        failed = s_spawn(jobs->command, ends[0], environment, &job->pid);
        free(environment);
        close(ends[0]);
        if (failed)
            close(ends[1]);
    }
    if (failed) {
        job->pid = 0;
        jobs->failed++;
        cli_say("cannot run the command for %s seq %" PRIu64 ": %s", event->room, event->seq, strerror(failed));
        if (jobs->ended)
            jobs->ended(jobs->ctx, event->room, event->worker, event->seq, -1);
        return;
    }
    fcntl(ends[1], F_SETFL, O_NONBLOCK);
    job->input = ends[1];
    job->body = fatal_check(malloc(event->body_len + 1));
    job->room = fatal_check(strdup(event->room));
    if (event->body_len)
        memcpy(job->body, event->body, event->body_len);
    job->len = event->body_len;
    job->written = 0;
    job->seq = event->seq;
    job->worker = event->worker;
    jobs->running++;
    s_write(job);
}

nfds_t jobs_files(const jobs_t *jobs, struct pollfd *files) {
    nfds_t count = 0;
    for (size_t i = 0; i < jobs->max; i++)
        if (jobs->jobs[i].pid > 0 && jobs->jobs[i].input >= 0)
            files[count++] = (struct pollfd){.fd = jobs->jobs[i].input, .events = POLLOUT};
    return count;
}

void jobs_write(jobs_t *jobs, const struct pollfd *files, nfds_t count) {
    for (nfds_t i = 0; i < count; i++)
        for (size_t j = 0; files[i].revents && j < jobs->max; j++)
            if (jobs->jobs[j].pid > 0 && jobs->jobs[j].input == files[i].fd) {
                s_write(&jobs->jobs[j]);
                break;
            }
}

/* --- Ending --- */

bool jobs_outcome(zr_buffer_t *out, int status) {
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return false;
    if (WIFSIGNALED(status))
        zr_buffer_printf(out, "killed by signal %d", WTERMSIG(status));
    else
        zr_buffer_printf(out, "exit status %d", WEXITSTATUS(status));
    return true;
}

static void s_ended(jobs_t *jobs, job_t *job, int status) {
    zr_buffer_t text = {0};
    bool later = job->worker && WIFEXITED(status) && WEXITSTATUS(status) == EX_TEMPFAIL; /* asked for, no failure */
    if (jobs_outcome(&text, status) && !later) {
        jobs->failed++;
        cli_say("the command failed for %s seq %" PRIu64 ": %.*s", job->room, job->seq, (int)text.len,
            (const char *)text.data);
    }
    zr_buffer_finish(&text);
    if (jobs->ended)
        jobs->ended(jobs->ctx, job->room, job->worker, job->seq, status);
    s_free(job);
    jobs->running--;
}

/* The first process of a container gets the orphans of its commands as children. */
void jobs_reap(jobs_t *jobs) {
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
        for (size_t i = 0; i < jobs->max; i++)
            if (jobs->jobs[i].pid == pid) {
                s_ended(jobs, &jobs->jobs[i], status);
                break;
            }
}
