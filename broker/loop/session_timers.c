/* See session_timers.h. The danger is zloop's: once a ticket's handler has returned, zloop frees the ticket, whatever the
 * handler did with it. So the handle is forgotten *before* the session's owner hears of it, and a restart from there
 * makes a new ticket. A ticket that was deleted is only marked, its handler is not called any more, and zloop frees it
 * later. */
#include "session_timers.h"

#include <stdlib.h>

#include "fatal.h"
#include "hash.h"

typedef struct {
    uint64_t session;
    void *ticket; /* NULL: ran out, and nobody restarted it yet */
    session_timers_t *timers;
    UT_hash_handle hh;
} watch_t;

struct session_timers {
    zloop_t *loop;
    session_timers_fn *ran_out;
    void *ctx;
    watch_t *watches;
};

session_timers_t *session_timers_new(zloop_t *loop, size_t delay_ms, session_timers_fn *ran_out, void *ctx) {
    session_timers_t *timers = fatal_calloc(sizeof *timers);
    *timers = (session_timers_t){loop, ran_out, ctx, NULL};
    zloop_set_ticket_delay(loop, delay_ms);
    return timers;
}

static watch_t *s_find(session_timers_t *timers, uint64_t session) {
    watch_t *watch;
    HASH_FIND(hh, timers->watches, &session, sizeof session, watch);
    return watch;
}

static int s_on_ticket(zloop_t *loop, int timer_id, void *arg) {
    (void)loop;
    (void)timer_id;
    watch_t *watch = arg;
    watch->ticket = NULL;
    watch->timers->ran_out(watch->timers->ctx, watch->session); /* may free `watch` */
    return 0;
}

static void s_restart(watch_t *watch) {
    if (watch->ticket)
        zloop_ticket_reset(watch->timers->loop, watch->ticket);
    else
        watch->ticket = fatal_check(zloop_ticket(watch->timers->loop, s_on_ticket, watch));
}

static void s_drop(watch_t *watch) {
    session_timers_t *timers = watch->timers;
    if (watch->ticket)
        zloop_ticket_delete(timers->loop, watch->ticket);
    HASH_DEL(timers->watches, watch);
    free(watch);
}

void session_timers_destroy(session_timers_t *timers) {
    if (!timers)
        return;
    watch_t *watch, *next;
    HASH_ITER(hh, timers->watches, watch, next)
    s_drop(watch);
    free(timers);
}

void session_timers_watch(session_timers_t *timers, uint64_t session) {
    watch_t *watch = s_find(timers, session);
    if (!watch) {
        watch = fatal_calloc(sizeof *watch);
        watch->session = session;
        watch->timers = timers;
        HASH_ADD(hh, timers->watches, session, sizeof watch->session, watch);
    }
    s_restart(watch);
}

void session_timers_alive(session_timers_t *timers, uint64_t session) {
    watch_t *watch = s_find(timers, session);
    if (watch)
        s_restart(watch);
}

void session_timers_unwatch(session_timers_t *timers, uint64_t session) {
    watch_t *watch = s_find(timers, session);
    if (watch)
        s_drop(watch);
}
