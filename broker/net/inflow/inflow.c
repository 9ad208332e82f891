/* See inflow.h. */
#include "inflow.h"

#include <stdlib.h>

#include "fatal.h"

enum { NONE = -1, TENTHS = 10 };

void inflow_init(inflow_t *inflow, size_t descriptors) {
    inflow->places = fatal_calloc(descriptors * sizeof *inflow->places);
    inflow->size = descriptors;
    atomic_store(&inflow->leaves, INFLOW_LEAVES);
}

void inflow_finish(inflow_t *inflow) {
    free(inflow->places);
    *inflow = (inflow_t){0};
}

/* --- The reading thread --- */

/* A place that is zeroed has side 0: sides are kept one higher. */
static void s_set_side(inflow_place_t *place, int side) {
    atomic_store(&place->side, side + 1);
}

int inflow_side(const inflow_t *inflow, int fd) {
    return (size_t)fd < inflow->size ? atomic_load_explicit(&inflow->places[fd].side, memory_order_relaxed) - 1 : NONE;
}

static void s_set_incomplete(inflow_t *inflow, inflow_place_t *place, uint64_t incomplete) {
    atomic_fetch_add(&inflow->incomplete, incomplete - atomic_exchange(&place->incomplete, incomplete));
}

bool inflow_is_free(const inflow_t *inflow, int fd) {
    if ((size_t)fd >= inflow->size)
        return true;
    const inflow_place_t *place = &inflow->places[fd];
    return inflow_side(inflow, fd) == NONE &&
           atomic_load(&inflow->turns[place->gone_side]) >= atomic_load(&place->free_turn);
}

void inflow_open(inflow_t *inflow, int side, int fd) {
    if ((size_t)fd >= inflow->size)
        return;
    inflow_place_t *place = &inflow->places[fd];
    place->scan = (zmtp_scan_t){0};
    place->cost = place->frames = place->taken_before = 0;
    atomic_store(&place->taken, 0);
    atomic_store(&place->heartbeats, 0);
    atomic_store(&place->begun, 0);
    atomic_store(&place->open, 0);
    atomic_store(&place->met, false);
    atomic_store(&place->opaque, false);
    atomic_store(&place->ending, false);
    atomic_store(&place->turn, atomic_load(&inflow->turns[side]));
    s_set_incomplete(inflow, place, 0);
    s_set_side(place, side);
    for (size_t top = atomic_load(&inflow->top); (size_t)fd >= top;)
        if (atomic_compare_exchange_weak(&inflow->top, &top, (size_t)fd + 1))
            break;
}

void inflow_close(inflow_t *inflow, int fd) {
    int side = inflow_side(inflow, fd);
    if (side == NONE)
        return;
    inflow_place_t *place = &inflow->places[fd];
    place->gone_side = side;
    atomic_store(&place->free_turn, UINT64_MAX);
    s_set_incomplete(inflow, place, 0);
    s_set_side(place, NONE);
}

/* What an encrypted connection sent in its last turn and the loop did not get are heartbeats, or messages on their way.
 * Those are taken later, and then they count back. */
static void s_count_hidden(inflow_place_t *place) {
    uint64_t taken = atomic_load_explicit(&place->taken, memory_order_relaxed) - place->taken_before;
    uint32_t hidden = atomic_load(&place->heartbeats);
    while (!atomic_compare_exchange_weak(
        &place->heartbeats, &hidden, hidden + place->frames > taken ? (uint32_t)(hidden + place->frames - taken) : 0))
        ;
}

/* Bytes that are still open at the beginning of a turn belong to an incomplete message, as the broker found no whole
 * one to take. */
static void s_enter_turn(inflow_t *inflow, int side, inflow_place_t *place) {
    uint64_t turn = atomic_load(&inflow->turns[side]);
    if (atomic_load_explicit(&place->turn, memory_order_relaxed) == turn)
        return;
    atomic_store(&place->turn, turn);
    if (atomic_load_explicit(&place->opaque, memory_order_relaxed))
        s_count_hidden(place);
    place->cost = place->frames = 0;
    place->taken_before = atomic_load_explicit(&place->taken, memory_order_relaxed);
    s_set_incomplete(inflow, place, atomic_load(&place->open));
}

static bool s_has_had(const inflow_t *inflow, int side, uint64_t times) {
    const inflow_limits_t *limits = &inflow->limits[side];
    return atomic_load(&inflow->cost[side]) >= times * limits->all ||
           atomic_load(&inflow->frames[side]) >= times * limits->frames;
}

/* A client that asks little is served also while others have much waiting. */
static bool s_has_little_waiting(const inflow_place_t *place) {
    uint64_t taken = atomic_load_explicit(&place->taken, memory_order_relaxed) - place->taken_before;
    return place->frames < taken + INFLOW_WAITING;
}

bool inflow_is_opaque(const inflow_t *inflow, int fd) {
    return inflow_side(inflow, fd) != NONE && atomic_load(&inflow->places[fd].opaque);
}

bool inflow_has_shook(const inflow_t *inflow, int fd) {
    return inflow_side(inflow, fd) != NONE && inflow->places[fd].scan.shook;
}

bool inflow_must_wait(const inflow_t *inflow, int fd) {
    if (inflow_side(inflow, fd) != INFLOW_BACK)
        return false;
    const inflow_place_t *place = &inflow->places[fd];
    bool newcomer = !atomic_load(&place->met) && atomic_load(&inflow->leaving) >= INFLOW_LEAVING;
    return newcomer || (atomic_load(&place->opaque) && atomic_load(&inflow->leaves) == 0);
}

size_t inflow_room(inflow_t *inflow, int fd) {
    int side = inflow_side(inflow, fd);
    if (side == NONE)
        return SIZE_MAX;
    inflow_place_t *place = &inflow->places[fd];
    s_enter_turn(inflow, side, place);
    bool met = atomic_load_explicit(&place->met, memory_order_relaxed);
    uint64_t limit = met ? inflow->limits[side].turn : INFLOW_FRESH;
    if (!s_has_had(inflow, side, 1))
        return place->cost < limit ? limit - place->cost : 0;
    if (side != INFLOW_FRONT || s_has_had(inflow, side, INFLOW_FULL))
        return 0;
    if (!met)
        return place->cost < limit ? limit - place->cost : 0;
    return s_has_little_waiting(place) ? INFLOW_ALWAYS : 0;
}

bool inflow_is_served(const inflow_t *inflow, int fd) {
    return inflow_side(inflow, fd) == INFLOW_FRONT && !s_has_had(inflow, INFLOW_FRONT, INFLOW_FULL) &&
           inflow->places[fd].frames <= atomic_load(&inflow->places[fd].taken) - inflow->places[fd].taken_before;
}

static bool s_is_too_large(const inflow_t *inflow, int side, const inflow_place_t *place) {
    const inflow_limits_t *limits = &inflow->limits[side];
    return atomic_load(&place->incomplete) > (atomic_load(&place->met) ? limits->part : limits->first);
}

static inflow_reason_t s_reason(
    const inflow_t *inflow, int side, const inflow_place_t *place, const zmtp_seen_t *seen) {
    if (seen->parts)
        return INFLOW_PARTS;
    if (seen->malformed)
        return INFLOW_MALFORMED;
    if (atomic_load(&place->heartbeats) > (place->scan.opaque ? INFLOW_HIDDEN_MAX : INFLOW_PINGS_MAX))
        return INFLOW_HEARTBEATS;
    if (seen->largest > inflow->limits[side].frame || s_is_too_large(inflow, side, place))
        return INFLOW_INCOMPLETE;
    return INFLOW_FINE;
}

inflow_reason_t inflow_read(inflow_t *inflow, int fd, uint8_t *data, size_t len) {
    int side = inflow_side(inflow, fd);
    if (side == NONE)
        return INFLOW_FINE;
    inflow_place_t *place = &inflow->places[fd];
    zmtp_seen_t seen = zmtp_scan(&place->scan, data, len);
    uint64_t cost = seen.bytes + INFLOW_FRAME * seen.frames;
    if (place->scan.opaque && !atomic_load_explicit(&place->opaque, memory_order_relaxed))
        atomic_store(&place->opaque, true);
    place->cost += cost;
    place->frames += seen.frames;
    if (seen.heartbeats)
        atomic_fetch_add(&place->heartbeats, (uint32_t)seen.heartbeats);
    /* In this order: a message that is taken in between lets `open` be too small, not too large. */
    atomic_fetch_add(&place->open, cost);
    atomic_store(&place->begun, place->scan.begun ? place->scan.begun + INFLOW_FRAME : 0);
    atomic_fetch_add(&inflow->cost[side], cost);
    atomic_fetch_add(&inflow->frames[side], seen.frames);
    inflow_reason_t reason = s_reason(inflow, side, place, &seen);
    if (reason != INFLOW_FINE)
        inflow_end(inflow, fd);
    return reason;
}

/* What it sent is freed in a moment, so nobody else needs to end for it. */
void inflow_end(inflow_t *inflow, int fd) {
    atomic_store(&inflow->places[fd].ending, true);
    s_set_incomplete(inflow, &inflow->places[fd], 0);
}

bool inflow_is_ending(const inflow_t *inflow, int fd) {
    return inflow_side(inflow, fd) != NONE && atomic_load(&inflow->places[fd].ending);
}

/* XPUB knows a reader from the end of its handshake on. */
bool inflow_may_leave(inflow_t *inflow, int fd) {
    if (inflow_side(inflow, fd) != INFLOW_BACK || !inflow->places[fd].scan.shook)
        return true;
    unsigned leaves = atomic_load(&inflow->leaves);
    while (leaves > 0)
        if (atomic_compare_exchange_weak(&inflow->leaves, &leaves, leaves - 1))
            return true;
    return false;
}

bool inflow_left_unasked(inflow_t *inflow, int fd) {
    inflow_may_leave(inflow, fd);
    return inflow_side(inflow, fd) == INFLOW_BACK && atomic_load(&inflow->places[fd].met);
}

/* --- The loop --- */

void inflow_release(inflow_t *inflow, int fd) {
    inflow_place_t *place = &inflow->places[fd];
    if ((size_t)fd < inflow->size)
        atomic_store(&place->free_turn, atomic_load(&inflow->turns[place->gone_side]) + 1);
}

void inflow_took(inflow_t *inflow, int fd) {
    if (inflow_side(inflow, fd) == NONE)
        return;
    inflow_place_t *place = &inflow->places[fd];
    atomic_store_explicit(&place->open, atomic_load(&place->begun), memory_order_release);
    atomic_fetch_add_explicit(&place->taken, 1, memory_order_relaxed);
    if (!atomic_load_explicit(&place->met, memory_order_relaxed))
        atomic_store(&place->met, true);
    if (atomic_load_explicit(&place->incomplete, memory_order_relaxed))
        s_set_incomplete(inflow, place, 0);
}

void inflow_end_turn(inflow_t *inflow, int side) {
    atomic_store_explicit(&inflow->cost[side], 0, memory_order_relaxed);
    atomic_store_explicit(&inflow->frames[side], 0, memory_order_relaxed);
    atomic_fetch_add(&inflow->turns[side], 1);
}

static unsigned s_leaves(uint64_t topic_bytes) {
    uint64_t leaves = INFLOW_TOPICS / (topic_bytes + 1);
    return leaves == 0 ? 1 : leaves < INFLOW_LEAVES ? (unsigned)leaves : INFLOW_LEAVES;
}

unsigned inflow_let_leave(inflow_t *inflow, uint64_t topic_bytes) {
    unsigned leaves = s_leaves(topic_bytes);
    atomic_store(&inflow->leaves, leaves);
    return leaves;
}

void inflow_limit_leaves(inflow_t *inflow, uint64_t topic_bytes) {
    unsigned most = s_leaves(topic_bytes), leaves = atomic_load(&inflow->leaves);
    while (leaves > most && !atomic_compare_exchange_weak(&inflow->leaves, &leaves, most))
        ;
}

/* Notes the end of a connection's turn, if no read has noted it. */
static void s_look(inflow_t *inflow, int fd) {
    inflow_place_t *place = &inflow->places[fd];
    if (atomic_load(&place->turn) != atomic_load(&inflow->turns[inflow_side(inflow, fd)]))
        s_set_incomplete(inflow, place, atomic_load(&place->open));
}

/* The next one, from where the last look stopped, whose incomplete message is too large. */
static int s_next_too_large(inflow_t *inflow) {
    for (int top = (int)atomic_load(&inflow->top); inflow->swept < top; inflow->swept++) {
        const inflow_place_t *place = &inflow->places[inflow->swept];
        int side = inflow_side(inflow, inflow->swept);
        if (side == NONE || atomic_load(&place->ending))
            continue;
        s_look(inflow, inflow->swept);
        if (s_is_too_large(inflow, side, place))
            return inflow->swept;
    }
    return NONE;
}

static int s_largest(const inflow_t *inflow) {
    uint64_t most = 0;
    int found = NONE;
    for (int fd = 0, top = (int)atomic_load(&inflow->top); fd < top; fd++) {
        const inflow_place_t *place = &inflow->places[fd];
        uint64_t incomplete = atomic_load(&place->incomplete);
        if (incomplete <= most || inflow_side(inflow, fd) == NONE || atomic_load(&place->ending))
            continue;
        found = fd;
        most = incomplete;
    }
    return found;
}

int inflow_sweep(inflow_t *inflow, inflow_reason_t *reason) {
    *reason = INFLOW_INCOMPLETE;
    int found = s_next_too_large(inflow);
    if (found == NONE && atomic_load(&inflow->incomplete) > inflow->max_incomplete) {
        *reason = INFLOW_MOST;
        found = s_largest(inflow);
    }
    if (found == NONE)
        inflow->swept = 0;
    else
        inflow_end(inflow, found);
    return found;
}

static void s_forgive_heartbeats(inflow_place_t *place) {
    uint32_t heartbeats = atomic_load(&place->heartbeats);
    while (heartbeats > 0 && !atomic_compare_exchange_weak(&place->heartbeats, &heartbeats,
                                 heartbeats > INFLOW_PINGS ? heartbeats - INFLOW_PINGS : 0))
        ;
}

static void s_forgive_open(inflow_place_t *place) {
    uint64_t open = atomic_load(&place->open);
    while (!atomic_compare_exchange_weak(
        &place->open, &open, open > INFLOW_FORGIVEN / TENTHS ? open - INFLOW_FORGIVEN / TENTHS : 0))
        ;
}

void inflow_forgive(inflow_t *inflow) {
    for (size_t fd = 0, top = atomic_load(&inflow->top); fd < top; fd++) {
        inflow_place_t *place = &inflow->places[fd];
        int side = inflow_side(inflow, (int)fd);
        if (side != NONE)
            s_forgive_heartbeats(place);
        if (side == INFLOW_BACK && atomic_load(&place->opaque))
            s_forgive_open(place);
    }
}
