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
#include "clock.h"
#include "fatal.h"
#include "format.h"

extern char **environ;

void jobs_init(jobs_t *jobs, const char *command, size_t max) {
    *jobs = (jobs_t){.command = command, .max = max < JOBS_MAX ? max : JOBS_MAX};
}

static void s_free(job_t *job) {
    if (job->input >= 0)
        close(job->input);
    if (job->output >= 0)
        close(job->output);
    free(job->body);
    free(job->room);
    free(job->sender);
    free(job->ask);
    zr_buffer_finish(&job->answer);
    *job = (job_t){.input = -1, .output = -1};
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
    if (event->room) {
        starts[ours++] = text.len;
        zr_buffer_printf(&text, "ZRELAY_ROOM=%s", event->room);
        zr_buffer_u8(&text, 0);
        starts[ours++] = text.len;
        zr_buffer_printf(&text, "ZRELAY_SEQ=%" PRIu64, event->seq);
        zr_buffer_u8(&text, 0);
    }
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

/* Starts the command with the usual signals, `input` as its stdin and, unless it is -1, `output` as its stdout. It has a process group of its own, so that an
 * interrupt from the keyboard lets it finish its message. Returns an errno, or 0. */
static int s_spawn(const char *command, int input, int output, char **environment, pid_t *pid) {
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
    if (output >= 0)
        posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    posix_spawnattr_setsigdefault(&attributes, &usual);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
    int failed = posix_spawn(pid, "/bin/sh", &actions, &attributes, (char *const *)argv, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return failed;
}

/* Whose message it is, for a line on stderr. */
static const char *s_of(const job_t *job) {
    return job->room ? job->room : job->sender ? job->sender : "";
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

static void s_read(job_t *job) {
    char piece[4096];
    while (job->output >= 0) {
        ssize_t len = read(job->output, piece, sizeof piece);
        if (len < 0 && errno == EINTR)
            continue;
        if (len < 0 && errno == EAGAIN)
            return;
        if (len <= 0) {
            close(job->output);
            job->output = -1;
            return;
        }
        size_t space = JOBS_ANSWER - job->answer.len;
        zr_buffer_append(&job->answer, piece, (size_t)len < space ? (size_t)len : space);
    }
}

static char *s_copy(const char *text) {
    return text ? fatal_check(strdup(text)) : NULL;
}

static void s_keep(job_t *job, const zrelay_event_t *event) {
    *job = (job_t){.input = -1,
        .output = -1,
        .len = event->body_len,
        .seq = event->seq,
        .worker = event->worker,
        .since_ms = zr_mono_ms()};
    job->body = fatal_check(malloc(event->body_len + 1));
    if (event->body_len)
        memcpy(job->body, event->body, event->body_len);
    job->room = s_copy(event->room);
    job->sender = s_copy(event->sender);
    job->ask = s_copy(event->ask);
}

/* Two pipes, or one; an errno, or 0. The command's ends are [0] of `in` and [1] of `out`. */
static int s_pipes(int *in, int *out, bool answers) {
    if (pipe2(in, O_CLOEXEC) != 0)
        return errno;
    out[0] = out[1] = -1;
    if (!answers || pipe2(out, O_CLOEXEC) == 0)
        return 0;
    int failed = errno;
    close(in[0]);
    close(in[1]);
    return failed;
}

static int s_begin(const jobs_t *jobs, job_t *job, const zrelay_event_t *event) {
    int in[2], out[2];
    int failed = s_pipes(in, out, jobs->answers);
    if (failed)
        return failed;
    char **environment = jobs_environment(environ, event);
    failed = s_spawn(jobs->command, in[0], out[1], environment, &job->pid);
    free(environment);
    close(in[0]);
    if (out[1] >= 0)
        close(out[1]);
    job->input = in[1];
    job->output = out[0];
    fcntl(job->input, F_SETFL, O_NONBLOCK);
    if (job->output >= 0)
        fcntl(job->output, F_SETFL, O_NONBLOCK);
    if (failed)
        job->pid = 0;
    return failed;
}

void jobs_start(jobs_t *jobs, const zrelay_event_t *event) {
    size_t place = 0;
    while (place < jobs->max && jobs->jobs[place].pid > 0)
        place++;
    if (place == jobs->max)
        abort();
    job_t *job = &jobs->jobs[place];
    s_keep(job, event);
    int failed = s_begin(jobs, job, event);
    if (!failed) {
        jobs->running++;
        s_write(job);
        return;
    }
    jobs->failed++;
    cli_say("cannot run the command for %s seq %" PRIu64 ": %s", s_of(job), job->seq, strerror(failed));
    if (jobs->ended)
        jobs->ended(jobs->ctx, job, -1);
    s_free(job);
}

uint64_t jobs_longest(const jobs_t *jobs, uint64_t now_ms) {
    uint64_t longest = 0;
    for (size_t i = 0; i < jobs->max; i++)
        if (jobs->jobs[i].pid > 0 && now_ms > jobs->jobs[i].since_ms + longest)
            longest = now_ms - jobs->jobs[i].since_ms;
    return longest;
}

nfds_t jobs_files(const jobs_t *jobs, struct pollfd *files) {
    nfds_t count = 0;
    for (size_t i = 0; i < jobs->max; i++) {
        const job_t *job = &jobs->jobs[i];
        if (job->pid > 0 && job->input >= 0)
            files[count++] = (struct pollfd){.fd = job->input, .events = POLLOUT};
        if (job->pid > 0 && job->output >= 0)
            files[count++] = (struct pollfd){.fd = job->output, .events = POLLIN};
    }
    return count;
}

void jobs_move(jobs_t *jobs, const struct pollfd *files, nfds_t count) {
    for (nfds_t i = 0; i < count; i++)
        for (size_t j = 0; files[i].revents && j < jobs->max; j++) {
            job_t *job = &jobs->jobs[j];
            if (job->pid > 0 && job->input == files[i].fd)
                s_write(job);
            else if (job->pid > 0 && job->output == files[i].fd)
                s_read(job);
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
        cli_say("the command failed for %s seq %" PRIu64 ": %.*s", s_of(job), job->seq, (int)text.len,
            (const char *)text.data);
    }
    zr_buffer_finish(&text);
    s_read(job); /* what is left; a process that the command left behind may write on, and is not heard */
    if (jobs->ended)
        jobs->ended(jobs->ctx, job, status);
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
