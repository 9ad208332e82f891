/* See zmtp_scan.h. */
#include "zmtp_scan.h"

#include <string.h>

enum { GREETING, FLAGS, SIZE, BODY };
enum { FLAG_MORE = 1, FLAG_LONG = 2, FLAG_COMMAND = 4 };
/* The mechanism's name stands here in the greeting, filled up with zeros. CURVE and PLAIN do not begin with N. */
enum { MECHANISM_AT = 12, MECHANISM_NULL = 'N' };

static void s_greet(zmtp_scan_t *scan, uint8_t byte) {
    if (scan->greeted == MECHANISM_AT)
        scan->opaque = byte != MECHANISM_NULL;
    if (++scan->greeted == ZMTP_GREETING)
        scan->phase = FLAGS;
}

static void s_begin(zmtp_scan_t *scan, uint8_t flags) {
    scan->flags = flags;
    scan->frame_left = 0;
    scan->size_left = flags & FLAG_LONG ? 8 : 1;
    scan->phase = SIZE;
}

/* In the handshake commands of CURVE can be seen too. They are few. */
static bool s_is_command(const zmtp_scan_t *scan) {
    return scan->flags & FLAG_COMMAND && !scan->opaque;
}

static void s_size(zmtp_scan_t *scan, uint8_t byte, zmtp_seen_t *seen) {
    scan->frame_left = scan->frame_left << 8 | byte;
    if (--scan->size_left > 0)
        return;
    scan->phase = scan->frame_left ? BODY : FLAGS;
    scan->shook = true;
    if (s_is_command(scan))
        return;
    seen->frames++;
    seen->bytes += scan->flags & FLAG_LONG ? 9 : 2;
    seen->parts = seen->parts || scan->flags & FLAG_MORE;
}

static size_t s_body(zmtp_scan_t *scan, size_t len, zmtp_seen_t *seen) {
    size_t part = len < scan->frame_left ? len : (size_t)scan->frame_left;
    scan->frame_left -= part;
    if (scan->frame_left == 0)
        scan->phase = FLAGS;
    if (!s_is_command(scan))
        seen->bytes += part;
    return part;
}

zmtp_seen_t zmtp_scan(zmtp_scan_t *scan, const uint8_t *data, size_t len) {
    zmtp_seen_t seen = {0};
    for (size_t at = 0; at < len;) {
        if (scan->phase == BODY) {
            at += s_body(scan, len - at, &seen);
            continue;
        }
        uint8_t byte = data[at++];
        if (scan->phase == SIZE)
            s_size(scan, byte, &seen);
        else if (scan->phase == FLAGS)
            s_begin(scan, byte);
        else {
            s_greet(scan, byte);
            seen.bytes++;
        }
    }
    return seen;
}
