/* Follows the frames of a ZMTP 3 connection without keeping any (RFC 23, 26 and 37, https://rfc.zeromq.org/spec/37/).
 * Pure.
 *
 * libzmq hands some commands to the socket as messages, such as SUBSCRIBE. So commands count as messages do. Heartbeats
 * (PING and PONG) do not: libzmq answers them itself. */
#ifndef ZMTP_SCAN_H
#define ZMTP_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ZMTP_GREETING = 64 };

typedef struct {
    uint8_t phase;
    uint8_t greeted;     /* bytes of the greeting that came, up to ZMTP_GREETING */
    uint8_t size_left;   /* bytes of the frame's size that are still to come */
    uint8_t flags;       /* of the frame */
    uint8_t offset;      /* of a command's next byte, as long as it may be a heartbeat */
    bool heartbeat;      /* it is one, */
    bool ping;           /* and a PING */
    bool opaque;         /* the mechanism encrypts: only sizes can be seen */
    uint8_t hands;       /* frames of the handshake, as far as they count */
    bool shook;          /* as far as can be seen, the handshake may be over */
    uint64_t frame_left; /* bytes of the frame that are still to come, */
    uint64_t begun;      /* and those that came, unless libzmq keeps the frame for itself; 0: no frame has begun */
} zmtp_scan_t;

typedef struct {
    size_t bytes;      /* of frames, and of the greeting; those of heartbeats do not count */
    size_t frames;     /* other than heartbeats */
    size_t heartbeats; /* that can be seen */
    uint64_t largest;  /* bytes of the largest frame that began, as its size says */
    bool parts;        /* one of them says that more parts follow */
    bool malformed;    /* one of them is a command that libzmq refuses: its name does not fit into it */
} zmtp_seen_t;

/* A zeroed `scan` is that of a new connection. Its next bytes came. The time to live in a PING is set to zero in
 * `data`: for each message of such a peer libzmq would walk all timers. */
zmtp_seen_t zmtp_scan(zmtp_scan_t *scan, uint8_t *data, size_t len);

#endif
