/* The target of a request, path and query, as what it names. Pure. The target is as it stood on the request line, with
 * its percent-encoding: after decoding, a slash of a room's name could not be told from one of the path. */
#ifndef HTTP_ROUTE_H
#define HTTP_ROUTE_H

#include "http_problem.h"
#include "names.h"

enum { HTTP_TARGET_MAX = 4096 }; /* bytes of a target: the longest room and key, percent-encoded, and a query */

typedef enum {
    HTTP_PAGE,      /* outside /v1: the files of the chat page */
    HTTP_HEALTH,    /* /healthz */
    HTTP_METRICS,   /* /metrics */
    HTTP_WS,        /* /v1/ws */
    HTTP_ROOMS,     /* /v1/rooms */
    HTTP_ROOM,      /* /v1/rooms/ROOM */
    HTTP_ROOM_WS,   /* …/ws */
    HTTP_EVENTS,    /* …/events */
    HTTP_WHO,       /* …/who */
    HTTP_STATE,     /* …/state: all keys */
    HTTP_STATE_KEY, /* …/state/KEY */
} http_resource_t;

typedef enum { HTTP_FORMAT_DEFAULT, HTTP_FORMAT_JSON, HTTP_FORMAT_BODY, HTTP_FORMAT_NICK } http_format_t;

/* A position in a room: "SEQ", or "EPOCH:SEQ" as the id of an event has it. */
typedef struct {
    bool has_epoch;
    uint64_t epoch;
    uint64_t seq;
} http_position_t;

enum { HTTP_POSITION_SIZE = 16 + 1 + 16 + 1 };

/* What a query may have. `has` has a bit for each that it has. */
typedef enum {
    HTTP_Q_AFTER,
    HTTP_Q_LAST,
    HTTP_Q_UNTIL,
    HTTP_Q_LIMIT,
    HTTP_Q_FORMAT,
    HTTP_Q_NICK,
    HTTP_Q_PREFIX,
    HTTP_Q_COUNT
} http_parameter_t;

typedef struct {
    http_resource_t resource;
    char room[ZR_ROOM_MAX + 1]; /* valid, or empty if the resource has no room */
    char key[ZR_KEY_MAX + 1];   /* likewise */
    unsigned has;
    http_position_t after;
    uint64_t last, until, limit;
    http_format_t format;
    char nick[ZR_NICK_MAX + 1];
    char prefix[ZR_ROOM_MAX + 1]; /* of rooms; with rooms, `after_room` is where the list goes on */
    char after_room[ZR_ROOM_MAX + 1];
} http_route_t;

static inline bool http_has(const http_route_t *route, http_parameter_t parameter) {
    return route->has >> parameter & 1;
}

/* Reads `target`. false: `problem` says why. With HTTP_PAGE the query is not looked at. */
bool http_route_read(http_route_t *route, zr_span_t target, http_problem_t *problem);

/* "SEQ" or "EPOCH:SEQ". false: it is neither. */
bool http_position_read(http_position_t *position, zr_span_t text);

/* Writes "EPOCH:SEQ"; returns its length. */
size_t http_position_write(char out[HTTP_POSITION_SIZE], uint64_t epoch, uint64_t seq);

#endif
