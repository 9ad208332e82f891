/* A request: one control frame that is being handled. */
#ifndef REQUEST_H
#define REQUEST_H

#include <jansson.h>

#include "relay.h"
#include "session.h"

/* One control frame being handled. */
typedef struct {
    route_t route;
    session_t *session; /* NULL only in hello */
    const json_t *object;
    zr_span_t room; /* of ops about one: valid */
    json_t *id;     /* borrowed; NULL: none */
    unsigned size;  /* the cost of reading it, charged already */
    uint64_t now;
} request_t;

typedef void(command_fn)(relay_t *relay, request_t *request);

/* The cost of a request beyond the op's fixed one: it grows with the broker's work for it. Called before anything in
 * the request is checked. The result is at most WEIGHT_MAX. */
typedef unsigned(weigh_fn)(const relay_t *relay, const request_t *request);

enum { WEIGHT_MAX = 1 << 30 };
enum { BUSY_WAIT_MS = 1000 }; /* how long to wait when too many requests are under way in all */

#endif
