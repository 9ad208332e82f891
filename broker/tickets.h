/* One expiry ticket a session, on zloop's tickets: all with the same delay, restarting one costs the same whatever
 * their number. */
#ifndef TICKETS_H
#define TICKETS_H

#include <czmq.h>
#include <stdint.h>

typedef struct tickets tickets_t;

/* A session's ticket ran out. It may be restarted with tickets_alive or dropped with tickets_unwatch, now or later. */
typedef void(tickets_fn)(void *ctx, uint64_t session);

/* `loop` stays the caller's and must outlive the tickets. */
tickets_t *tickets_new(zloop_t *loop, size_t delay_ms, tickets_fn *ran_out, void *ctx);
void tickets_destroy(tickets_t *tickets); /* NULL is accepted */

/* A session that is watched already is restarted, one that is not watched is ignored by the other two. */
void tickets_watch(tickets_t *tickets, uint64_t session);
void tickets_alive(tickets_t *tickets, uint64_t session);
void tickets_unwatch(tickets_t *tickets, uint64_t session);

#endif
