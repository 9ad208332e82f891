/* The edge, where the core's effects are carried out. The server, the simulator and the tests share what is said here;
 * each brings functions of its own for sockets, tickets and users. */
#ifndef EDGE_H
#define EDGE_H

#include "log.h"
#include "outbox.h"
#include "relay.h"

enum { EDGE_BITE = 16 }; /* effects in one bite */

typedef enum { EDGE_SENT, EDGE_FULL, EDGE_GONE } edge_sent_t;

/* One for each kind of effect that is not for the log (outbox.h). Those that get a frame take over the reference. NULL:
 * nothing is done, and an ack is sent as a frame. */
typedef struct {
    edge_sent_t (*send)(void *ctx, route_t route, zr_blob_t *frame, bool live);
    edge_sent_t (*ack)(void *ctx, route_t route, const zr_ack_t *ack);
    void (*publish)(void *ctx, zr_blob_t *frame);
    void (*watch)(void *ctx, uint64_t session);
    void (*alive)(void *ctx, uint64_t session);
    void (*unwatch)(void *ctx, uint64_t session);
    void (*drop)(void *ctx, uint64_t connection);
    void (*charge)(void *ctx, uint64_t connection);
    void (*drop_user)(void *ctx, zr_span_t user);
    void (*login)(void *ctx, const login_request_t *login);
    void (*admin)(void *ctx, const admin_request_t *admin);
    void (*lost)(void *ctx, route_t route); /* NULL: relay_route_lost is told */
} edge_calls_t;

typedef struct {
    const edge_calls_t *calls;
    void *ctx;      /* theirs */
    relay_t *relay; /* NULL: the core is no relay; then `lost` is set */
    log_t *log;
    outbox_t *outbox;
    uint64_t live_dropped; /* frames of private rooms for which a peer's queue had no room */
} edge_t;

/* Carries out the next few effects: at most EDGE_BITE of them, and one frame on the back, which may go to thousands of
 * readers. Returns whether some are left. Answers of the log and lost routes may add others.
 *
 * The core must not hear of the log or of changed rights before all of them are carried out: the log would fail passes
 * that it does not have yet, and frames would be sent that are not allowed any more. */
bool edge_carry_out(edge_t *edge);

#endif
