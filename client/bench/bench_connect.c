/* Many clients, idle but for a few messages that every one of them must see. A client costs some file descriptors here,
 * so that some thousands need several processes (bench_crowd.c). This one starts them, publishes (bench_source.c),
 * restarts the broker if asked to, and sums up. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench_crowd.h"
#include "bench_process.h"
#include "bench_progress.h"
#include "bench_source.h"
#include "conn.h"
#include "signals.h"

enum { LOOK_MS = 20 };

typedef struct {
    const bench_plan_t *plan;
    target_t *target;
    bench_result_t *result;
    bench_board_t *board;
    size_t board_size;
    bench_source_t source; /* zeroed: it is not open yet */
    size_t processes;
    pid_t pids[CROWDS_MAX];
} watch_t;

/* --- Processes --- */

static bool s_start(watch_t *watch) {
    uint64_t most = bench_process_sessions(), clients = watch->plan->clients, first = 0;
    /* A client on its way from one server to the next has the descriptors of both for a while. */
    if (watch->plan->spread)
        most /= 2;
    if (most == 0 || (clients + most - 1) / most > CROWDS_MAX) {
        cli_say("too many clients for %d processes with %" PRIu64 " each, as RLIMIT_NOFILE allows", CROWDS_MAX, most);
        return false;
    }
    watch->processes = (size_t)((clients + most - 1) / most);
    fflush(NULL);
    for (size_t i = 0; i < watch->processes; i++) {
        size_t share = (size_t)(clients / watch->processes + (i < clients % watch->processes));
        pid_t parent = getpid(), pid = fork();
        if (pid < 0) {
            cli_say("cannot start a process: %s", strerror(errno));
            watch->processes = i;
            return false;
        }
        if (pid == 0) {
            prctl(PR_SET_PDEATHSIG, SIGTERM);
            if (getppid() != parent)
                _exit(CLI_USAGE);
            bench_crowd(watch->board, &watch->board->shares[i], first, share, watch->plan, watch->target);
            _exit(0);
        }
        watch->pids[i] = pid;
        first += share;
    }
    return true;
}

static bool s_failed(const watch_t *watch) {
    bool failed = false;
    for (size_t i = 0; i < watch->processes; i++)
        failed |= atomic_load(&watch->board->shares[i].failed) || waitpid(watch->pids[i], NULL, WNOHANG) != 0;
    return failed;
}

/* --- How far all are --- */

typedef enum { ALL_READY, ALL_AWARE, ALL_DONE, ALL_WAIT, ALL_BACK } state_t;

typedef struct {
    uint64_t ready, aware, done, waits, back;
    bool current; /* all know the goal */
} figures_t;

static figures_t s_figures(const watch_t *watch) {
    figures_t sum = {.current = true};
    for (size_t i = 0; i < watch->processes; i++) {
        bench_share_t *share = &watch->board->shares[i];
        sum.current &= atomic_load(&share->goal) == atomic_load(&watch->board->goal);
        sum.ready += atomic_load(&share->ready);
        sum.aware += atomic_load(&share->aware);
        sum.done += atomic_load(&share->done);
        sum.waits += atomic_load(&share->waits);
        sum.back += atomic_load(&share->back);
    }
    return sum;
}

static bool s_reached(const watch_t *watch, const figures_t *now, state_t state) {
    uint64_t readers = watch->plan->clients * watch->plan->joins;
    switch (state) {
    case ALL_READY:
        return now->ready == readers;
    case ALL_AWARE:
        return !watch->plan->presence || now->aware == readers;
    case ALL_DONE:
        return now->current && now->done == readers;
    case ALL_WAIT:
        return now->waits == watch->processes;
    case ALL_BACK: /* of several servers one may end; how many clients it had is known when all have caught up */
        return watch->plan->spread || now->back == watch->plan->clients;
    }
    return false;
}

/* Lets a moment pass, and publishes meanwhile. False: publishing failed. */
static bool s_turn(watch_t *watch) {
    struct pollfd file = {.fd = signals_fd(), .events = POLLIN};
    bool ok = !watch->source.relay || bench_source_turn(&watch->source);
    if (poll(&file, 1, watch->source.relay ? 0 : LOOK_MS) > 0)
        signals_drain();
    return ok;
}

/* Waits until all are so far; false: a process failed, it takes too long, or somebody does not want to wait. */
static bool s_all(watch_t *watch, state_t state) {
    bench_progress_t progress;
    bool all = false, failed = false, moves = true;
    bench_progress_begin(&progress, 0, watch->plan->quiet_ms);
    while (!all && !failed && moves && !signals_stop()) {
        failed = !s_turn(watch) || s_failed(watch);
        figures_t now = s_figures(watch);
        uint64_t in = atomic_load(&watch->board->restart) ? now.back : now.ready / watch->plan->joins;
        watch->result->aware = now.aware;
        watch->result->back = now.back;
        watch->result->connected = now.ready / watch->plan->joins;
        moves = bench_progress_clients(&progress, watch->plan->clients, in, now.done + now.aware);
        all = s_reached(watch, &now, state);
    }
    bench_progress_end(&progress);
    watch->result->quiet |= !moves && !all && !failed;
    watch->result->interrupted |= signals_stop() > 0;
    return all;
}

/* So many of the messages are what all are to see; `open`: there may be more. */
static void s_want(watch_t *watch, uint64_t messages, bool open) {
    atomic_store(&watch->board->open, open);
    atomic_store(&watch->board->goal, messages);
}

/* Publishes so much, and waits until all have seen it. */
static bool s_show(watch_t *watch, uint64_t messages, bool open) {
    bench_source_more(&watch->source, messages);
    s_want(watch, watch->source.at_once, open);
    return s_all(watch, ALL_DONE);
}

/* --- The restart --- */

/* Runs the command to its end, and goes on publishing. Its output goes to stderr: stdout is for the result. */
static bool s_command(watch_t *watch) {
    extern char **environ;
    const char *const argv[] = {"sh", "-c", watch->plan->restart, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
    pid_t pid, ended = 0;
    int status = 0, failed = posix_spawn(&pid, "/bin/sh", &actions, NULL, (char *const *)argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (failed) {
        cli_say("cannot run the command of --restart: %s", strerror(failed));
        return false;
    }
    bool goes_on = true;
    while (ended == 0 && goes_on && !signals_stop()) {
        goes_on = s_turn(watch);
        ended = waitpid(pid, &status, WNOHANG);
    }
    if (ended == 0) {
        kill(pid, SIGTERM);
        waitpid(pid, &status, 0);
    }
    if (ended == pid && status != 0)
        cli_say("the command of --restart failed");
    return ended == pid && status == 0;
}

static double s_since(uint64_t start, uint64_t at) {
    return at > start ? (double)(at - start) / 1e9 : 0;
}

/* The same for an event that may happen before the command ends; 0 means that it never happens. */
static double s_moment(uint64_t start, uint64_t at) {
    return at > start ? s_since(start, at) : 1e-9;
}

static void s_note_back(watch_t *watch, uint64_t start) {
    uint64_t first = UINT64_MAX, last = 0;
    for (size_t i = 0; i < watch->processes; i++) {
        uint64_t its_first = atomic_load(&watch->board->shares[i].first_at);
        uint64_t its_last = atomic_load(&watch->board->shares[i].last_at);
        first = its_first && its_first < first ? its_first : first;
        last = its_last > last ? its_last : last;
    }
    watch->result->first_back_s = s_moment(start, first);
    watch->result->last_back_s = s_moment(start, last);
}

/* Restarts the broker under steady publishing. 0, or an exit code. */
static int s_restart(watch_t *watch) {
    atomic_store(&watch->board->restart, true);
    if (!s_all(watch, ALL_WAIT))
        return 0;
    bench_source_steady(&watch->source, true);
    if (!s_command(watch)) {
        watch->result->interrupted |= signals_stop() > 0;
        return signals_stop() ? 0 : CLI_USAGE;
    }
    uint64_t start = bench_clock();
    if (!s_all(watch, ALL_BACK))
        return 0;
    /* One more message in each room: a client that has seen it has joined again, and has all messages before it. */
    bool shown = s_show(watch, watch->plan->schedule.rooms, true);
    s_note_back(watch, start);
    if (!shown)
        return 0;
    watch->result->caught_up_s = s_since(start, bench_clock());
    if (watch->plan->presence && s_all(watch, ALL_AWARE))
        watch->result->aware_s = s_since(start, bench_clock());
    return 0;
}

/* --- The whole --- */

static void s_sum_up(watch_t *watch, uint64_t start) {
    bench_result_t *result = watch->result;
    uint64_t last = start;
    result->one_order = true;
    atomic_store(&watch->board->end, true);
    for (size_t i = 0; i < watch->processes; i++) {
        bench_share_t *share = &watch->board->shares[i];
        while (waitpid(watch->pids[i], NULL, 0) < 0 && errno == EINTR)
            ;
        if (!atomic_load(&share->ended)) {
            result->one_order = false; /* it was killed: what its clients saw nobody knows */
            continue;
        }
        result->expected += share->expected;
        result->received += share->received;
        result->missing += share->missing;
        result->disordered += share->disordered;
        result->foreign += share->foreign;
        result->gaps += share->gaps;
        result->repaired += share->repaired;
        result->lost += share->lost;
        result->disconnects += share->disconnects;
        result->one_order &= share->one_order;
        uint64_t ready_at = atomic_load(&share->ready_at);
        last = ready_at > last ? ready_at : last;
    }
    result->connected_s = s_since(start, last);
}

static void s_hold(const watch_t *watch) {
    for (uint64_t end = zr_mono_ms() + watch->plan->hold_ms; zr_mono_ms() < end && !signals_stop();) {
        struct pollfd file = {.fd = signals_fd(), .events = POLLIN};
        if (poll(&file, 1, (int)(end - zr_mono_ms() + 1)) > 0)
            signals_drain();
    }
}

/* All are in. 0, or an exit code. */
static int s_work(watch_t *watch) {
    const bench_plan_t *plan = watch->plan;
    bench_result_t *result = watch->result;
    s_hold(watch);
    if (plan->broker_pid)
        result->memory_after = bench_process_memory(plan->broker_pid);
    result->interrupted = signals_stop() > 0;
    if (result->interrupted)
        return 0;
    int code = bench_source_init(&watch->source, plan, watch->target);
    if (code == 0 && s_show(watch, plan->schedule.messages, plan->restart != NULL) && plan->restart)
        code = s_restart(watch);
    bench_source_steady(&watch->source, false);
    /* Those that came after: how many there were is known only now. */
    if (code == 0 && !result->interrupted && !result->quiet) {
        s_want(watch, watch->source.published, false);
        s_all(watch, ALL_DONE);
    }
    for (uint64_t end = zr_mono_ms() + plan->quiet_ms; code == 0 && !signals_stop() && zr_mono_ms() < end;) {
        if (bench_source_idle(&watch->source))
            break;
        s_turn(watch);
    }
    if (watch->source.relay) {
        result->published = watch->source.published;
        result->refused = watch->source.refused;
        result->acked = bench_source_acked(&watch->source);
        result->level = watch->source.level;
    }
    return code;
}

int bench_connect(const bench_plan_t *plan, target_t *target, bench_result_t *result) {
    watch_t watch = {.plan = plan, .target = target, .result = result};
    watch.board_size = sizeof *watch.board + plan->schedule.rooms * sizeof watch.board->digests[0];
    watch.board = mmap(NULL, watch.board_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (watch.board == MAP_FAILED)
        abort();
    signal(SIGCHLD, SIG_DFL); /* else, as process 1 or started with it ignored, it could not wait for its processes */
    s_want(&watch, plan->schedule.messages, plan->restart != NULL);
    int code = 0;
    if (plan->broker_pid && !(result->memory_before = bench_process_memory(plan->broker_pid))) {
        cli_say("no memory figures of process %" PRIu64 " to be had", plan->broker_pid);
        code = CLI_USAGE;
    }
    uint64_t start = bench_clock();
    if (code == 0 && !s_start(&watch))
        code = CLI_USAGE;
    if (code == 0 && s_all(&watch, ALL_READY) && s_all(&watch, ALL_AWARE))
        code = s_work(&watch);
    s_sum_up(&watch, start);
    for (size_t i = 0; code == 0 && i < watch.processes; i++)
        code = atomic_load(&watch.board->shares[i].failed);
    if (code == 0 && result->connected == 0 && !result->interrupted) {
        target_tell_unreachable(target);
        code = CLI_UNREACHABLE;
    }
    bench_source_finish(&watch.source);
    munmap(watch.board, watch.board_size);
    return code;
}
