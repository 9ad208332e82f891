/* See zmtp_scan.h. */
#include "zmtp_scan.h"

enum { GREETING, FLAGS, SIZE, NAME, BODY };
enum { HANDS = 2 }; /* frames of a client's handshake with CURVE: HELLO and INITIATE */
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

/* Four letters behind their count, and in a PING two bytes of time to live, then up to 16 of the peer's own. */
enum { HEARTBEAT_MIN = 5, HEARTBEAT_MAX = 23, LETTERS = 4, TTL_AT = 5, TTL_END = 7 };

static size_t s_head(const zmtp_scan_t *scan) {
    return scan->flags & FLAG_LONG ? 9 : 2;
}

static void s_end_frame(zmtp_scan_t *scan) {
    scan->phase = FLAGS;
    scan->begun = 0;
}

/* The frame counts, with the bytes of it that came. */
static void s_count(zmtp_scan_t *scan, size_t bytes, zmtp_seen_t *seen) {
    seen->frames++;
    seen->bytes += bytes;
    scan->begun = bytes;
    scan->phase = BODY;
    if (scan->frame_left == 0)
        s_end_frame(scan);
}

static void s_size(zmtp_scan_t *scan, uint8_t byte, zmtp_seen_t *seen) {
    scan->frame_left = scan->frame_left << 8 | byte;
    if (--scan->size_left > 0)
        return;
    scan->hands += scan->hands < HANDS;
    scan->shook = scan->hands == HANDS || !scan->opaque;
    seen->largest = scan->frame_left > seen->largest ? scan->frame_left : seen->largest;
    seen->parts = seen->parts || scan->flags & FLAG_MORE;
    bool command = scan->flags & FLAG_COMMAND && !scan->opaque;
    seen->malformed = seen->malformed || (command && scan->frame_left == 0);
    if (command && scan->frame_left > 0) {
        scan->phase = NAME;
        scan->offset = 0;
        scan->heartbeat = scan->frame_left >= HEARTBEAT_MIN && scan->frame_left <= HEARTBEAT_MAX;
        return;
    }
    s_count(scan, s_head(scan), seen);
}

/* Takes a byte of a command. As far as the bytes before tell, the command may be a heartbeat. */
static void s_name(zmtp_scan_t *scan, uint8_t *byte, zmtp_seen_t *seen) {
    static const uint8_t name[] = {LETTERS, 'P'};
    if (scan->offset == 0 && *byte >= scan->frame_left)
        seen->malformed = true;
    if (scan->offset < sizeof name && *byte != name[scan->offset])
        scan->heartbeat = false;
    scan->frame_left--;
    if (!scan->heartbeat) {
        s_count(scan, s_head(scan) + scan->offset + 1U, seen);
        return;
    }
    if (scan->offset == 2)
        scan->ping = *byte == 'I';
    if (scan->offset == sizeof name)
        seen->heartbeats++;
    if (scan->ping && scan->offset >= TTL_AT && scan->offset < TTL_END)
        *byte = 0;
    scan->offset++;
    if (scan->frame_left == 0)
        s_end_frame(scan);
}

static size_t s_body(zmtp_scan_t *scan, size_t len, zmtp_seen_t *seen) {
    size_t part = len < scan->frame_left ? len : (size_t)scan->frame_left;
    scan->frame_left -= part;
    scan->begun += part;
    seen->bytes += part;
    if (scan->frame_left == 0)
        s_end_frame(scan);
    return part;
}

zmtp_seen_t zmtp_scan(zmtp_scan_t *scan, uint8_t *data, size_t len) {
    zmtp_seen_t seen = {0};
    for (size_t at = 0; at < len;) {
        if (scan->phase == BODY) {
            at += s_body(scan, len - at, &seen);
            continue;
        }
        uint8_t *byte = &data[at++];
        if (scan->phase == NAME)
            s_name(scan, byte, &seen);
        else if (scan->phase == SIZE)
            s_size(scan, *byte, &seen);
        else if (scan->phase == FLAGS)
            s_begin(scan, *byte);
        else {
            s_greet(scan, *byte);
            seen.bytes++;
        }
    }
    return seen;
}
