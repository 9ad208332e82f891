/* sub --group, reply --group: the entries of a group, what becomes of them, and their time. */
#ifndef GROUP_WORKER_H
#define GROUP_WORKER_H

#include "conn.h"
#include "group_show.h"
#include "jobs.h"

typedef struct {
    conn_t *session;
    jobs_t *jobs;
    const char *name; /* of the group; NULL: no group */
    uint64_t time_ms, deliveries;
    bool time_given, deliveries_given, ordered, keep, all, after_given;
    bool in_order; /* a durable reader: the next message comes when the one before it is done */
    uint64_t after;
    const char *dead;
    struct {
        uint32_t worker;
        uint64_t seq;
    } * shown; /* entries written to stdout, and not said to be done */
    size_t shown_count, shown_size;
    uint32_t *numbers; /* of the workers, one for each room */
    size_t number_count;
    size_t quick; /* commands in a row that were over soon */
    bool ahead;   /* as many messages again as there are commands may wait here */
    group_show_t show;
    uint64_t limit_ms; /* the shortest time of the groups, as the broker says */
    uint64_t extend_at;
} group_worker_t;

/* Begins to work in each room. Unless `jobs` tells somebody else, a message is done when its command exits with 0. 0, or the exit code after telling why not. `credit`: entries at a time. */
int group_worker_begin(group_worker_t *worker, int count, char **rooms, uint64_t credit);

/* Handles an event about workers. false: the event is about something else, or an entry. `*end`: the worker has ended. */
bool group_worker_event(group_worker_t *worker, const zrelay_event_t *event, bool *end);

/* An entry of worker `number` is done, or is to be tried again after the group's back-off. 0: of no worker. */
void group_worker_settle(group_worker_t *worker, uint32_t number, uint64_t seq, bool done);

/* The entry was written; it is done once group_worker_flushed says so. */
void group_worker_shown(group_worker_t *worker, const zrelay_event_t *event);
void group_worker_flushed(group_worker_t *worker);

/* While commands are over soon, as many messages again wait here, so that no place is empty until the broker hands out the
 * next. True: a command runs for long, so the messages that wait are to be given back. */
bool group_worker_stuck(group_worker_t *worker);
void group_worker_give_back(const group_worker_t *worker, const zrelay_event_t *event);

/* Gives running commands more time when half of it is over, and shows the backlog. Returns the milliseconds until it wants
 * to be called again; -1: never. */
int group_worker_go_on(group_worker_t *worker);

void group_worker_finish(group_worker_t *worker);

#endif
