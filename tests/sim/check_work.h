/* Programs that work for groups now and then: one group `g` in each room. groups/ has worlds of workers alone; here they
 * are among users with rights, gateways and all faults, and use the real client machine. */
#ifndef CHECK_WORK_H
#define CHECK_WORK_H

#include "client.h"

/* What a program does as a worker: it begins, ends, changes its credit, or finishes an entry. */
void work_step(client_t *client);

/* Entries that its program kept for a while are done, as there are no faults any more. */
void work_hurry(client_t *client);

/* An event about a worker; true: it was one. */
bool work_event(client_t *client, const zrelay_event_t *event);

/* A frame leaves the broker for a client. WORK: may its user have the entries? Are they stored, not done before, and with
 * no other worker that lives? true: the frame was WORK or SETTLED. */
bool work_sent(struct sim *sim, const struct conn *conn, zr_span_t frame);
/* Shows a SETTLE frame in the trace. */
void work_trace_settle(const client_t *client, zr_span_t frame);

/* A frame for the client could not be sent: its session is without a connection now, and its entries go to others. */
void work_unsent(struct sim *sim, const struct client *client);

/* A worker of the room is there, and an entry is not done; `why` gets a text. */
bool work_missing(const client_t *client, unsigned room, char *why, size_t size);

#endif
