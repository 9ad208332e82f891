/* Follows the frames of a ZMTP 3 connection without keeping any (RFC 23 and 26, https://rfc.zeromq.org/spec/23/). Pure. */
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
    bool opaque;         /* the mechanism encrypts: only sizes can be seen */
    bool shook;          /* the peer sent a frame, so the greeting was answered */
    uint64_t frame_left; /* bytes of the frame that are still to come */
} zmtp_scan_t;

typedef struct {
    size_t bytes;  /* of frames, and of the greeting; commands that can be seen do not count */
    size_t frames; /* that began, other than such commands */
    bool parts;    /* one of them says that more parts follow */
} zmtp_seen_t;

/* A zeroed `scan` is that of a new connection. Its next bytes came. */
zmtp_seen_t zmtp_scan(zmtp_scan_t *scan, const uint8_t *data, size_t len);

#endif
