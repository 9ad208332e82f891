/* A channel of the trunk for each peer (PROTOCOL.md, "Trunks"). When the trunk breaks, every channel hears of it and
 * stays. Once the broker is back, each is opened again. Without socket, clock or thread. */
#ifndef CHANNEL_H
#define CHANNEL_H

#include <jansson.h>
#include <stdbool.h>

#include "span.h"

typedef struct uplink uplink_t;
typedef struct channel channel_t;

typedef enum {
    CHANNEL_OPEN, /* the broker is there: a session may begin with `hello` */
    CHANNEL_LOST, /* the broker is away: the session is detached, CHANNEL_OPEN follows some time */
    CHANNEL_ENDED /* the broker sent the peer away; nothing follows, and only channel_close is left to do */
} channel_change_t;

/* Both may close any channel. `inner` is valid during the call. `reason` is a word, such as "kicked". */
typedef struct {
    void (*frame)(void *ctx, zr_span_t inner);
    void (*change)(void *ctx, channel_change_t change, zr_span_t reason);
} channel_calls_t;

/* A channel for the peer at `address` ("" for this machine's own sockets). If the broker is there, CHANNEL_OPEN holds
 * already; nothing is told within the call. */
channel_t *uplink_open(uplink_t *uplink, const char *address, bool secure, const channel_calls_t *calls, void *ctx);
bool channel_is_open(const channel_t *channel);

/* Sends a frame of the protocol; when the channel is not open, it is dropped. */
void channel_send(channel_t *channel, zr_span_t inner);
void channel_say(channel_t *channel, json_t *object); /* takes over the reference */

/* Sends a `hello` that begins a session, and takes over the reference. The session has heartbeats from now on. They show
 * when the broker had no place for its answer: then the `hello` goes once more. */
void channel_hello(channel_t *channel, json_t *hello);

/* The session on the channel begins or ended. Until its end the uplink sends its heartbeats. */
void channel_set_session(channel_t *channel, bool alive);

/* Does the broker's answer `object` belong to such a heartbeat? It is a `pong`, or says that there is no session. */
bool channel_is_beat(const json_t *object);

/* The peer is gone. Frees the channel; NULL is accepted. */
void channel_close(channel_t *channel);

#endif
