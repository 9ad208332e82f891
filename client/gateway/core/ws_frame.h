/* WebSocket frames that the gateway sends (RFC 6455, section 5.2): whole messages, without a mask. Frames that come are
 * read by wslay. */
#ifndef WS_FRAME_H
#define WS_FRAME_H

#include <jansson.h>

#include "buffer.h"

typedef enum { WS_TEXT = 1, WS_BINARY = 2, WS_CLOSE = 8, WS_PING = 9, WS_PONG = 10 } ws_opcode_t;

enum { WS_HEAD_MAX = 10, WS_REASON_MAX = 123 };

/* Codes of a close (RFC 6455, section 7.4), and what they mean here. */
typedef enum {
    WS_NORMAL = 1000,
    WS_AWAY = 1001,        /* the gateway stops */
    WS_PROTOCOL = 1002,    /* the peer broke the WebSocket protocol */
    WS_UNSUPPORTED = 1003, /* a kind of message that this path does not take */
    WS_NOT_UTF8 = 1007,
    WS_POLICY = 1008, /* the broker sent the peer away; the reason says why */
    WS_TOO_BIG = 1009,
    WS_INTERNAL = 1011,
    WS_LATER = 1013 /* a limit is reached, or the peer reads too slowly */
} ws_code_t;

/* Writes the head of a frame with `len` bytes of payload; returns its length. */
size_t ws_head(uint8_t out[WS_HEAD_MAX], ws_opcode_t opcode, uint64_t len);

/* Appends a whole frame. */
void ws_append(zr_buffer_t *out, ws_opcode_t opcode, zr_span_t payload);

/* A whole frame as a new blob, the caller's. */
zr_blob_t *ws_blob(ws_opcode_t opcode, zr_span_t payload);

/* A text message of JSON; takes over the reference `object`. */
zr_blob_t *ws_json(json_t *object);

#endif
