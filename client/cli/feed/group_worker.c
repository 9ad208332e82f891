/* See group_worker.h. */
#include "group_worker.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <sysexits.h>

#include "cli.h"
#include "fatal.h"

enum { SOON_MS = 200, LONG_MS = 1000 };
enum { DURABLE_TIME_MS = 24 * 3600 * 1000, DURABLE_DELIVERIES = 1000 }; /* the most that a group allows */

static void s_credit(group_worker_t *worker, bool ahead) {
    worker->ahead = ahead;
    worker->quick = 0;
    for (size_t i = 0; i < worker->number_count; i++)
        zrelay_credit(worker->session->relay, worker->numbers[i], worker->jobs->max * (ahead ? 2 : 1));
}

bool group_worker_stuck(group_worker_t *worker) {
    if (!worker->name || jobs_longest(worker->jobs, zr_mono_ms()) < LONG_MS)
        return false;
    if (worker->ahead)
        s_credit(worker, false);
    return true;
}

void group_worker_give_back(const group_worker_t *worker, const zrelay_event_t *event) {
    zrelay_return(worker->session->relay, event->worker, event->seq);
}

/* Exit status 0 is done; every other one, and a signal, is to be tried again. */
static void s_ended(void *ctx, const job_t *job, int status) {
    group_worker_t *worker = ctx;
    worker->quick = zr_mono_ms() - job->since_ms < SOON_MS ? worker->quick + 1 : 0;
    if (worker->quick >= 2 * worker->jobs->max && !worker->ahead)
        s_credit(worker, true);
    group_worker_settle(worker, job->worker, job->seq, status >= 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

void group_worker_settle(group_worker_t *worker, uint32_t number, uint64_t seq, bool done) {
    if (!number)
        return;
    zrelay_t *relay = worker->session->relay;
    int failed = done ? zrelay_done(relay, number, seq) : zrelay_retry(relay, number, seq, 0);
    if (failed == ZRELAY_EFULL)
        cli_say("seq %" PRIu64 ": too much is not answered; it will be worked on again", seq);
}

/* The options for the group, should it be made; malloc'ed. */
static char *s_options(const group_worker_t *worker) {
    json_t *options = json_object();
    if (worker->time_given)
        json_object_set_new(options, "time", json_integer((json_int_t)worker->time_ms));
    else if (worker->in_order) /* its session says whether it lives */
        json_object_set_new(options, "time", json_integer(DURABLE_TIME_MS));
    if (worker->deliveries_given || worker->in_order)
        json_object_set_new(options, "deliveries",
            json_integer(worker->deliveries_given ? (json_int_t)worker->deliveries : DURABLE_DELIVERIES));
    if (worker->in_order) /* nothing overtakes a message that is tried again */
        json_object_set_new(options, "total", json_integer(1));
    if (worker->dead)
        json_object_set_new(options, "dead", json_string(worker->dead));
    if (worker->ordered)
        json_object_set_new(options, "ordered", json_true());
    if (worker->keep)
        json_object_set_new(options, "keep", json_true());
    if (worker->all)
        json_object_set_new(options, "all", json_true());
    if (worker->after_given)
        json_object_set_new(options, "after", json_integer((json_int_t)worker->after));
    char *text = fatal_check(json_dumps(options, JSON_COMPACT));
    json_decref(options);
    return text;
}

int group_worker_begin(group_worker_t *worker, int count, char **rooms, uint64_t credit) {
    bool dead = worker->dead != NULL;
    worker->name = cli_group(worker->name);
    worker->dead = worker->dead ? cli_room(worker->dead, false) : NULL;
    if (!worker->name || (dead && !worker->dead))
        return CLI_USAGE;
    char *options = s_options(worker);
    int code = 0;
    if (!worker->jobs->ended) {
        worker->jobs->ended = s_ended;
        worker->jobs->ctx = worker;
    }
    worker->numbers = fatal_check(calloc((size_t)count, sizeof *worker->numbers));
    for (int i = 0; i < count && code == 0; i++) {
        int failed = zrelay_work(
            worker->session->relay, rooms[i], worker->name, credit, options, &worker->numbers[worker->number_count++]);
        code = failed ? conn_failed(worker->session, failed) : 0;
    }
    free(options);
    group_show_begin(&worker->show, worker->session, worker->name, (size_t)count, rooms);
    return code;
}

/* false: the group is none that keeps the order. */
static bool s_working(group_worker_t *worker, const zrelay_event_t *event) {
    json_t *options = event->text ? json_loads(event->text, 0, NULL) : NULL;
    uint64_t time = (uint64_t)json_integer_value(json_object_get(options, "time"));
    if (time && (!worker->limit_ms || time < worker->limit_ms))
        worker->limit_ms = time;
    bool fits = !worker->in_order || json_integer_value(json_object_get(options, "total")) == 1;
    json_decref(options);
    if (!fits)
        cli_say(
            "%s: %s is a group of workers there, and no durable reader; choose another name", event->room, event->name);
    return fits;
}

bool group_worker_event(group_worker_t *worker, const zrelay_event_t *event, bool *end) {
    if (worker->name && group_show_event(&worker->show, event))
        return true;
    switch (event->type) {
    case ZRELAY_WORKING:
        *end = !s_working(worker, event);
        return true;
    case ZRELAY_SETTLED:
        return true;
    case ZRELAY_UNSETTLED:
        if (worker->session->config->verbose)
            cli_say("seq %" PRIu64 " is not settled: %s", event->seq, event->code);
        return true;
    case ZRELAY_DISMISSED:
        cli_say("%s: no work for the group %s any more: %s", event->room, event->name, event->code);
        *end = true;
        return true;
    default:
        return false;
    }
}

void group_worker_shown(group_worker_t *worker, const zrelay_event_t *event) {
    FATAL_GROW(worker->shown, worker->shown_count, worker->shown_size);
    worker->shown[worker->shown_count].worker = event->worker;
    worker->shown[worker->shown_count++].seq = event->seq;
}

void group_worker_flushed(group_worker_t *worker) {
    for (size_t i = 0; i < worker->shown_count; i++)
        zrelay_done(worker->session->relay, worker->shown[i].worker, worker->shown[i].seq);
    worker->shown_count = 0;
}

static int s_extend(group_worker_t *worker) {
    if (!worker->limit_ms || !worker->jobs->running)
        return -1;
    uint64_t now = zr_mono_ms(), half = worker->limit_ms / 2;
    if (!worker->extend_at)
        worker->extend_at = now + half / 2; /* a command may have begun some time ago */
    if (now >= worker->extend_at) {
        for (size_t i = 0; i < worker->jobs->max; i++)
            if (worker->jobs->jobs[i].pid > 0)
                zrelay_extend(worker->session->relay, worker->jobs->jobs[i].worker, worker->jobs->jobs[i].seq, 0);
        worker->extend_at = now + half;
        zrelay_keep_alive(worker->session->relay); /* now: the caller may wait for a command only */
    }
    return (int)(worker->extend_at - now);
}

int group_worker_go_on(group_worker_t *worker) {
    if (!worker->name)
        return -1;
    int extend = s_extend(worker), show = group_show_go_on(&worker->show);
    return extend < 0 || (show >= 0 && show < extend) ? show : extend;
}

void group_worker_finish(group_worker_t *worker) {
    group_show_end(&worker->show);
    free(worker->numbers);
    worker->numbers = NULL;
    free(worker->shown);
    worker->shown = NULL;
}
