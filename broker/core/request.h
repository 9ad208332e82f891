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
    size_t size;    /* bytes of the frame */
    uint64_t now;
} request_t;

typedef void(command_fn)(relay_t *relay, request_t *request);

enum { BUSY_WAIT_MS = 1000 }; /* how long to wait when too many requests are under way in all */

#endif
