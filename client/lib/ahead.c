/* See ahead.h. */
#include "ahead.h"

#define BYTES_PER_MS ((uint64_t)2000000)
#define NEXT_TO_NOTHING(ahead) ((ahead)->queue / 64)

static uint64_t s_max(uint64_t a, uint64_t b) {
    return a > b ? a : b;
}

/* The program takes what comes: memory is measured from here. */
static void s_keeps_pace(ahead_t *ahead, uint64_t resident) {
    ahead->resident = resident;
    ahead->arrivals = 0;
}

static uint64_t s_growth(const ahead_t *ahead, uint64_t resident) {
    return ahead->resident && resident > ahead->resident ? resident - ahead->resident : 0;
}

static uint64_t s_growth_allowed(const ahead_t *ahead) {
    return s_max(4 * ahead->queue, AHEAD_GROWTH_MIN);
}

/* When the queue is empty, all that waits is one message that is not complete. It may be as large as libzmq takes. When
 * it is complete, the program needs some time to take it. */
static uint64_t s_bytes_allowed(const ahead_t *ahead, const ahead_seen_t *seen) {
    bool keeps_up = ahead->empty_at && seen->now <= ahead->empty_at + AHEAD_GRACE_MS;
    return keeps_up ? s_max(ahead->queue, AHEAD_FRAME_MAX) : ahead->queue + seen->largest;
}

static bool s_look_uncounted(ahead_t *ahead, const ahead_seen_t *seen) {
    if (seen->empty && (seen->took || seen->ended)) {
        s_keeps_pace(ahead, seen->resident);
        return false;
    }
    if (!ahead->resident)
        ahead->resident = seen->resident;
    ahead->arrivals++;
    uint64_t frame = seen->empty ? AHEAD_FRAME_MAX : seen->largest;
    return ahead->arrivals >= AHEAD_ARRIVALS && s_growth(ahead, seen->resident) > s_growth_allowed(ahead) + frame;
}

bool ahead_is_calm(const ahead_t *ahead, uint64_t arrived, uint64_t took) {
    return arrived <= ahead->done + took + NEXT_TO_NOTHING(ahead);
}

bool ahead_look(ahead_t *ahead, const ahead_seen_t *seen) {
    if (seen->empty)
        ahead->empty_at = seen->now;
    if (!seen->counted)
        return s_look_uncounted(ahead, seen);
    ahead->read = s_max(ahead->read, seen->read);
    ahead->done += seen->took;
    /* AHEAD_FRAME is an upper bound, so `done` may overtake. Bytes that the program never takes (ZMTP heartbeats) are
     * forgiven. */
    if (ahead->done > ahead->read || (seen->empty && (seen->took || seen->ended)))
        ahead->done = ahead->read;
    uint64_t waiting = ahead->read - ahead->done;
    if (waiting <= NEXT_TO_NOTHING(ahead) || !ahead->resident)
        s_keeps_pace(ahead, seen->resident);
    if (waiting > s_bytes_allowed(ahead, seen))
        return true;
    return waiting > ahead->queue / 8 && s_growth(ahead, seen->resident) > s_growth_allowed(ahead) + waiting;
}

uint64_t ahead_wait_ms(const ahead_t *ahead) {
    uint64_t waiting = ahead->read - ahead->done;
    uint64_t ms = waiting < ahead->queue ? (ahead->queue - waiting) / BYTES_PER_MS : 0;
    return ms < AHEAD_WAIT_MIN_MS ? AHEAD_WAIT_MIN_MS : ms > AHEAD_WAIT_MAX_MS ? AHEAD_WAIT_MAX_MS : ms;
}
