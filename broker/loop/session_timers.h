/* One expiry ticket a session, on zloop's timers: all with the same delay, restarting one costs the same whatever
 * their number. */
#ifndef SESSION_TIMERS_H
#define SESSION_TIMERS_H

#include <czmq.h>
#include <stdint.h>

typedef struct session_timers session_timers_t;

/* A session's ticket ran out. It may be restarted with session_timers_alive or dropped with session_timers_unwatch, now or later. */
typedef void(session_timers_fn)(void *ctx, uint64_t session);

/* `loop` stays the caller's and must outlive the timers. */
session_timers_t *session_timers_new(zloop_t *loop, size_t delay_ms, session_timers_fn *ran_out, void *ctx);
void session_timers_destroy(session_timers_t *timers); /* NULL is accepted */

/* A session that is watched already is restarted, one that is not watched is ignored by the other two. */
void session_timers_watch(session_timers_t *timers, uint64_t session);
void session_timers_alive(session_timers_t *timers, uint64_t session);
void session_timers_unwatch(session_timers_t *timers, uint64_t session);

#endif
