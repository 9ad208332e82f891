/* The bytes of frames that libzmq holds for each connection at the front. The high-water mark bounds frames only, and
 * one frame may have a megabyte. The loop takes places; libzmq's threads give them back.
 *
 * A frame is refused when the connection would have more than `route_bytes`, or more than a quarter of what is left of
 * `all_bytes`. So the more is queued in all, the less a connection may add. A connection with little queued is still
 * served when those with much are not. A frame that several connections hold counts once towards `all_bytes`, also while
 * the log holds it too: the log may let it go first. */
#ifndef FRONT_QUEUE_H
#define FRONT_QUEUE_H

#include "outbox.h"

typedef struct front_queue front_queue_t;
typedef struct front_queue_place front_queue_place_t;

enum { FRONT_QUEUE_MESSAGE = 64 }; /* bytes that a frame counts for beside its own, as libzmq takes them */

front_queue_t *front_queue_new(uint64_t route_bytes, uint64_t all_bytes);

/* Places may outlive it. NULL is accepted. */
void front_queue_destroy(front_queue_t *queued);

/* A place for `frame` on its way to `route`; NULL: there is no room. The place takes over the reference to the frame;
 * on failure it stays the caller's. */
front_queue_place_t *front_queue_take(front_queue_t *queued, route_t route, zr_blob_t *frame);

/* The frame was sent, or dropped: gives its reference up, and the place back. From any thread. */
void front_queue_give_back(front_queue_place_t *place);

/* Bytes that may be queued for the connection now, beside those that are. */
uint64_t front_queue_room(const front_queue_t *queued, route_t route);

/* Now, of one connection and of all. */
uint64_t front_queue_of(const front_queue_t *queued, route_t route);
uint64_t front_queue_in_all(const front_queue_t *queued);

/* Connections that are remembered: all that have something queued, and others for a while. */
size_t front_queue_count(const front_queue_t *queued);

#endif
