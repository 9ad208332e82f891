/* The scanner of ZMTP and the limits of what may be read: a connection's bytes come to the same in whatever pieces they
 * come. A plain decoder, which has them all at once, says how many frames and heartbeats there are. */
#include "inflow.h"
#include "script.h"

enum { FD = 3, DESCRIPTORS = 8, BYTES_MAX = 4096, LIMIT_FRAME = 1 << 20 };
enum { MORE = 1, LONG = 2, COMMAND = 4 }; /* RFC 23/ZMTP */

/* --- The plain decoder --- */

typedef struct {
    zmtp_seen_t seen;
    size_t zeroed[BYTES_MAX]; /* offsets of the bytes that are to become zero */
    size_t zeroed_count;
} plain_t;

static uint64_t s_size(const uint8_t *at, size_t bytes) {
    uint64_t size = 0;
    for (size_t i = 0; i < bytes; i++)
        size = size << 8 | at[i];
    return size;
}

/* A command that is not encrypted, of which `there` bytes came. true: it counts as a heartbeat as far as they tell. */
static bool s_command(plain_t *out, const uint8_t *body, size_t offset, uint64_t size, size_t there) {
    static const uint8_t begin[] = {4, 'P'};
    if (size == 0 || (there > 0 && body[0] >= size))
        out->seen.malformed = true;
    if (size < 5 || size > 23)
        return false;
    for (size_t i = 0; i < sizeof begin && i < there; i++)
        if (body[i] != begin[i])
            return false;
    if (there > 2)
        out->seen.heartbeats++;
    for (size_t i = 5; i < 7 && i < there && body[2] == 'I'; i++)
        out->zeroed[out->zeroed_count++] = offset + i;
    return true;
}

static void s_decode(plain_t *out, const uint8_t *data, size_t len) {
    *out = (plain_t){.seen = {.bytes = len < ZMTP_GREETING ? len : ZMTP_GREETING}};
    bool opaque = len > 12 && data[12] != 'N';
    for (size_t at = ZMTP_GREETING; at < len;) {
        uint8_t flags = data[at];
        size_t head = flags & LONG ? 9 : 2;
        if (len - at < head)
            return;
        uint64_t size = s_size(data + at + 1, head - 1);
        size_t left = len - at - head, there = size < left ? (size_t)size : left;
        out->seen.largest = size > out->seen.largest ? size : out->seen.largest;
        out->seen.parts |= flags & MORE;
        bool command = flags & COMMAND && !opaque;
        bool heartbeat = command && s_command(out, data + at + head, at + head, size, there);
        if (!heartbeat && (there > 0 || !command || size == 0)) { /* of a command the first byte tells */
            out->seen.frames++;
            out->seen.bytes += head + there;
        }
        at += head + there;
    }
}

/* --- The pieces --- */

static void s_add(zmtp_seen_t *sum, const zmtp_seen_t *seen) {
    sum->bytes += seen->bytes;
    sum->frames += seen->frames;
    sum->heartbeats += seen->heartbeats;
    sum->largest = seen->largest > sum->largest ? seen->largest : sum->largest;
    sum->parts |= seen->parts;
    sum->malformed |= seen->malformed;
}

static void s_check_seen(const zmtp_seen_t *a, const zmtp_seen_t *b) {
    fuzz_require(a->bytes == b->bytes && a->frames == b->frames && a->heartbeats == b->heartbeats);
    fuzz_require(a->largest == b->largest && a->parts == b->parts && a->malformed == b->malformed);
}

static void s_check_scan(const zmtp_scan_t *a, const zmtp_scan_t *b) {
    fuzz_require(a->phase == b->phase && a->greeted == b->greeted && a->opaque == b->opaque && a->shook == b->shook);
    fuzz_require(a->frame_left == b->frame_left && a->begun == b->begun);
}

/* Pieces of 1 to 16 bytes, or as the script says. */
static size_t s_piece(script_t *cuts, unsigned run, size_t left) {
    size_t piece = run < 16 ? run + 1U : 1U + script_byte(cuts);
    return piece < left ? piece : left;
}

static void s_check_zmtp(zr_span_t bytes, script_t cuts, unsigned run) {
    static uint8_t whole[BYTES_MAX], pieces[BYTES_MAX];
    static plain_t plain;
    zmtp_scan_t a = {0}, b = {0};
    zmtp_seen_t sum = {0};
    memcpy(whole, bytes.ptr, bytes.len);
    memcpy(pieces, bytes.ptr, bytes.len);
    s_decode(&plain, whole, bytes.len);
    zmtp_seen_t seen = zmtp_scan(&a, whole, bytes.len);
    s_check_seen(&seen, &plain.seen);
    for (size_t at = 0, piece; at < bytes.len; at += piece) {
        piece = s_piece(&cuts, run, bytes.len - at);
        zmtp_seen_t part = zmtp_scan(&b, pieces + at, piece);
        s_add(&sum, &part);
    }
    s_check_seen(&seen, &sum);
    s_check_scan(&a, &b);
    fuzz_require(memcmp(whole, pieces, bytes.len) == 0);
    memcpy(pieces, bytes.ptr, bytes.len);
    for (size_t i = 0; i < plain.zeroed_count; i++)
        pieces[plain.zeroed[i]] = 0;
    fuzz_require(memcmp(whole, pieces, bytes.len) == 0);
}

/* --- What may be read --- */

static inflow_t *s_inflow(unsigned which) {
    static inflow_t both[2];
    inflow_t *inflow = &both[which];
    if (!inflow->places) {
        *inflow = (inflow_t){
            .limits = {{.first = 600, .frame = LIMIT_FRAME, .part = 2000, .turn = 1500, .all = 3000, .frames = 40},
                {.first = 300, .frame = LIMIT_FRAME, .part = 800, .turn = 1500, .all = 3000, .frames = 40}},
            .max_incomplete = 1000};
        inflow_init(inflow, DESCRIPTORS);
    }
    return inflow;
}

/* Reads it in these pieces in one turn. true: the connection may go on. */
static bool s_read(inflow_t *inflow, int side, zr_span_t bytes, script_t cuts, unsigned run) {
    static uint8_t copy[BYTES_MAX];
    bool fine = true;
    memcpy(copy, bytes.ptr, bytes.len);
    inflow_open(inflow, side, FD);
    inflow_room(inflow, FD);
    for (size_t at = 0, piece; at < bytes.len; at += piece) {
        piece = s_piece(&cuts, run, bytes.len - at);
        fine &= inflow_read(inflow, FD, copy + at, piece) == INFLOW_FINE;
    }
    fuzz_require(inflow_is_ending(inflow, FD) == !fine);
    return fine;
}

/* How many turns of nothing but waiting the connection lives, and what it costs. */
static void s_check_inflow(zr_span_t bytes, script_t cuts, unsigned run, int side) {
    inflow_t *a = s_inflow(0), *b = s_inflow(1);
    inflow_reason_t reason_a, reason_b;
    bool fine = s_read(a, side, bytes, (script_t){0}, UINT8_MAX);
    fuzz_require(s_read(b, side, bytes, cuts, run) == fine);
    const inflow_place_t *x = &a->places[FD], *y = &b->places[FD];
    fuzz_require(x->cost == y->cost && x->frames == y->frames && x->open == y->open && x->begun == y->begun);
    fuzz_require(x->heartbeats == y->heartbeats && x->opaque == y->opaque);
    fuzz_require(a->cost[side] == b->cost[side] && a->frames[side] == b->frames[side]);
    fuzz_require(a->cost[side] == x->cost && a->frames[side] == x->frames);
    fuzz_require(!fine || inflow_room(a, FD) == inflow_room(b, FD));
    fuzz_require(!fine || inflow_room(a, FD) <= a->limits[side].turn);
    if (x->frames > 0) {
        inflow_took(a, FD);
        inflow_took(b, FD);
        fuzz_require(x->open == x->begun && y->open == y->begun);
    }
    inflow_end_turn(a, side);
    inflow_end_turn(b, side);
    fuzz_require(!fine || (inflow_room(a, FD) == inflow_room(b, FD) && a->incomplete == x->open));
    fuzz_require(a->incomplete == b->incomplete);
    fuzz_require(inflow_sweep(a, &reason_a) == inflow_sweep(b, &reason_b) && reason_a == reason_b);
    fuzz_require(a->incomplete <= a->max_incomplete);
    inflow_close(a, FD);
    inflow_close(b, FD);
    inflow_end_turn(a, side);
    inflow_end_turn(b, side);
    fuzz_require(a->incomplete == 0 && a->cost[side] == 0 && b->incomplete == 0);
}

/* A byte that says how it is cut, one for the kind of greeting, and the connection's bytes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static uint8_t bytes[BYTES_MAX];
    static const uint8_t greeting[ZMTP_GREETING] = "\xff\0\0\0\0\0\0\0\0\x7f\x03\0NULL", curve[] = "CURVE";
    script_t script = {data, size};
    unsigned run = script_byte(&script) % 24, kind = script_byte(&script);
    size_t greeted = kind % 4 == 3 ? 0 : ZMTP_GREETING;
    memcpy(bytes, greeting, greeted);
    if (kind % 4 == 1)
        memcpy(bytes + 12, curve, sizeof curve - 1);
    zr_span_t rest = script_bytes(&script, BYTES_MAX - greeted);
    memcpy(bytes + greeted, rest.ptr ? rest.ptr : "", rest.len);
    zr_span_t all = zr_span_of(bytes, greeted + rest.len);
    s_check_zmtp(all, (script_t){data, size}, run);
    s_check_inflow(all, (script_t){data, size}, run, kind & 4 ? INFLOW_BACK : INFLOW_FRONT);
    return 0;
}
