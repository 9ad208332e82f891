/* What an operator's publish brings along, to move entries from another log: their position, time and sender. */
#ifndef PUBLISH_KEPT_H
#define PUBLISH_KEPT_H

#include "buffer.h"
#include "request.h"
#include "room.h"
#include "state.h"

typedef struct {
    bool given;
    uint64_t seq, time;
    zr_span_t sender;    /* points into the request */
    zr_buffer_t decoded; /* the body that came in base64 */
} publish_kept_t;

/* Reads the members `kept` and `base64` of a publish; `*body` becomes what base64 holds. false: it has answered. After
 * true, finish it. */
bool publish_kept_read(relay_t *relay, request_t *request, publish_kept_t *kept, zr_span_t *body);
void publish_kept_finish(publish_kept_t *kept);

/* The room has taken the entry, which is its newest. The audit hears of the first one that this session moves there. */
void publish_kept_note(relay_t *relay, const request_t *request, room_t *room);

#endif
