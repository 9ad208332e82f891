/* An IRC client of the gateway: its lines in, lines out, and its session at the broker. Without socket, clock or
 * thread. */
#ifndef IRC_H
#define IRC_H

#include "irc_host.h"

typedef struct irc irc_t;

enum { IRC_BURST_S = 5 }; /* a client may send so many seconds' worth of lines at once */

/* What irc_host_t's people are told by. */
void irc_people_changed(void *client, zr_span_t nick);

irc_t *irc_new(const irc_host_t *host, const irc_from_t *from, const irc_calls_t *calls, void *ctx, uint64_t now);
/* Its session at the broker ends, and its rooms see that. NULL is accepted. */
void irc_destroy(irc_t *irc);

/* Bytes came. Returns how many were taken: the rest is offered again when it is not paused. */
size_t irc_bytes(irc_t *irc, zr_span_t bytes, uint64_t now);

/* It sent lines faster than it may, or too much of it is unanswered: it is not to be read. */
bool irc_is_paused(irc_t *irc, uint64_t now);

/* The connection has room again. */
void irc_drained(irc_t *irc, uint64_t now);

/* The client ended its side, or the gateway stops: it is told why, and the connection ends. */
void irc_end_with(irc_t *irc, const char *reason);

/* Does what is due; to be called about once a second. */
void irc_tick(irc_t *irc, uint64_t now);

#endif
