/* What the two kinds of WebSockets have in common: what they need of the gateway, and what they ask of their socket. */
#ifndef WS_PEER_H
#define WS_PEER_H

#include "uplink.h"
#include "ws_frame.h"

/* The same for all. It outlives them. */
typedef struct {
    uplink_t *uplink;
    feeds_t *feeds;
    size_t max_rooms;     /* that one peer may be subscribed to */
    size_t max_message;   /* bytes */
    uint64_t *unanswered; /* bytes of all plain peers' messages that the broker has not answered; NULL: not counted */
    void (*entropy)(void *ctx, void *out, size_t len);
    void *ctx;
} ws_host_t;

/* Where the peer came from. */
typedef struct {
    char address[ADDRESS_TEXT];
    bool secure;
} ws_from_t;

/* Its socket. */
typedef struct {
    /* Queues whole frames; the reference stays the caller's. `live`: they may be dropped when too much waits: false. */
    bool (*send)(void *ctx, zr_blob_t *frames, bool live);
    /* Little waits. False: the peer object is told when that is so. */
    bool (*ready)(void *ctx);
    /* Ends the connection after what is queued. Nothing is told to the peer object any more. */
    void (*close)(void *ctx, ws_code_t code, zr_span_t reason);
} ws_calls_t;

#endif
