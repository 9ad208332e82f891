/* The frames of groups (PROTOCOL.md, section 6, "Groups"): WORK, SETTLE, SETTLED. Reading never copies: views point
 * into the frame, and what was read stays checked. */
#ifndef ZR_WIRE_WORK_H
#define ZR_WIRE_WORK_H

#include "wire.h"

enum { ZR_TYPE_WORK = 0x04, ZR_TYPE_SETTLE = 0x05, ZR_TYPE_SETTLED = 0x06 };
enum { ZR_FRAME_WORK = 0x04 }; /* flag of the DELIVER frame inside WORK */
enum { ZR_WORK_HEAD = 7, ZR_SETTLE_HEAD = 18, ZR_SETTLE_RANGE = 16, ZR_SETTLED_HEAD = 18, ZR_SETTLED_RANGE = 17 };
enum { ZR_SETTLE_RANGES = 4096 };         /* in one SETTLE */
enum { ZR_SETTLE_MS_MAX = 24 * 3600000 }; /* a day */
enum { ZR_SETTLE_REASON_MAX = 256 };      /* bytes of the reason of a reject */

typedef enum { ZR_SETTLE_DONE = 1, ZR_SETTLE_RETRY, ZR_SETTLE_REJECT, ZR_SETTLE_EXTEND, ZR_SETTLE_RETURN } zr_verb_t;

/* What became of an entry that a SETTLE named and did not settle. */
typedef enum {
    ZR_BECAME_HELD = 0, /* the worker holds it; not on the wire */
    ZR_BECAME_SETTLED,  /* it was done or dead before */
    ZR_BECAME_WAITING,  /* to be handed out again */
    ZR_BECAME_TAKEN,    /* another worker has it */
    ZR_BECAME_AHEAD,    /* the group has not come to it */
} zr_became_t;

/* --- WORK --- */

/* Takes a WORK frame apart; `*deliver` is a view into it, which zr_deliver_read judges. false: it is too short, of
 * another type, or of the worker 0. */
bool zr_work_read(zr_span_t frame, uint32_t *worker, uint16_t *deliveries, zr_span_t *deliver);

/* Clears `out`, and writes the head of a WORK frame and of the DELIVER frame in it; entries follow by zr_deliver_add. */
void zr_work_begin(
    zr_buffer_t *out, uint32_t worker, uint16_t deliveries, zr_span_t room, uint64_t epoch, uint64_t prev);

/* --- SETTLE --- */

typedef struct {
    uint32_t worker; /* not 0 */
    uint64_t number;
    zr_verb_t verb;
    uint32_t ms;      /* of retry and extend; else 0 */
    zr_span_t ranges; /* not read yet: whole ones */
    zr_span_t reason; /* of reject: UTF-8; may be empty */
} zr_settle_t;

typedef struct {
    uint64_t first, last; /* first <= last <= ZR_INT_MAX */
} zr_range_t;

/* Checks the whole frame; false when something is wrong with it. `settle->worker` and `number` are then set if they
 * could be read, else 0. */
bool zr_settle_read(zr_settle_t *settle, zr_span_t frame);

/* The next range; false at the end. */
bool zr_settle_next(zr_settle_t *settle, zr_range_t *range);

/* begin clears `out`; 1 to ZR_SETTLE_RANGES ranges are to follow. */
void zr_settle_begin(zr_buffer_t *out, uint32_t worker, uint64_t number, zr_verb_t verb, uint32_t ms);
void zr_settle_add(zr_buffer_t *out, zr_range_t range);

/* After the ranges of a reject: why. `reason`: UTF-8 of at most ZR_SETTLE_REASON_MAX bytes. */
void zr_settle_because(zr_buffer_t *out, zr_span_t reason);

/* --- SETTLED --- */

typedef struct {
    uint32_t worker;
    uint64_t number;
    zr_level_t level;
    uint32_t count; /* of entries that were settled */
    zr_span_t rest; /* not read yet: what was not settled */
} zr_settled_t;

bool zr_settled_read(zr_settled_t *settled, zr_span_t frame);

/* The next that was not settled; false at the end. `became` may be beyond ours: a newer broker's. */
bool zr_settled_next(zr_settled_t *settled, zr_became_t *became, zr_range_t *range);

/* begin clears `out`. The level and the count are known at the end only: end writes them. */
void zr_settled_begin(zr_buffer_t *out, uint32_t worker, uint64_t number);
void zr_settled_add(zr_buffer_t *out, zr_became_t became, zr_range_t range);
void zr_settled_end(zr_buffer_t *out, zr_level_t level, uint32_t count);

#endif
