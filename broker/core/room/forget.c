/* Forgets rooms that are empty, long unused and have nothing to keep, so that names used once do not fill the broker.
 * The log forgets first. Until it has stored that, the room stays, and may be used on from its old position. So no
 * reader is told a position that a crash takes back. */
#include "batch.h"
#include "clock.h"
#include "rooms.h"
#include "state.h"

enum { LOOK_AT = 1000 }; /* rooms in one go */

/* Longer than `age` (µs) ago? */
static bool s_is_past(uint64_t now, uint64_t time, uint64_t age) {
    return now > time && now - time > age;
}

static bool s_is_unused(const relay_t *relay, const room_t *room, uint64_t now) {
    uint64_t used = room->last_time > room->emptied ? room->last_time : room->emptied;
    if (used < relay->idle.began)
        used = relay->idle.began;
    return s_is_past(now, used, relay->config.forget_after_ms * 1000);
}

/* Does the room have values or entries that clients may still ask for? */
static bool s_is_kept(const relay_t *relay, const room_t *room, uint64_t now) {
    if (room->keys.by_key)
        return true;
    if (room->level == ZR_LEVEL_NONE)
        return false;
    log_bounds_t bounds = relay->log->engine->bounds(relay->log, room_name(room));
    if (bounds.oldest >= bounds.head)
        return false;
    /* An old room may go only after retention: then the log has to delete only one frame. */
    const policy_t *policy = policy_of(&relay->config.policies, room_name(room));
    return !policy->max_age || !s_is_past(now, room->last_time, policy->max_age) || bounds.oldest < bounds.tail;
}

/* A clock that was ahead must not keep rooms for years: what seems to have been used in the future was used now. */
static void s_heal(room_t *room, uint64_t now) {
    if (room->last_time > now + ZR_CLOCK_SLACK)
        room->last_time = now;
    if (room->emptied > now + ZR_CLOCK_SLACK)
        room->emptied = now;
}

static bool s_may_go(const relay_t *relay, const room_t *room, uint64_t now) {
    if (room->member_count > 0 || room->groups || room->going || room->unstored > 0 || room->next_open ||
        room->has_news)
        return false;
    if (relay->log->ceiling && room->level == relay->log->level && room->head > relay->log->ceiling)
        return false;
    return s_is_unused(relay, room, now) && !s_is_kept(relay, room, now);
}

void relay_forget_idle(relay_t *relay, uint64_t now) {
    relay->now = now;
    if (!relay->idle.began || relay->idle.began > now)
        relay->idle.began = now;
    if (!relay->config.forget_after_ms)
        return;
    for (int looked = 0; looked < LOOK_AT; looked++) {
        room_t *room = room_next(relay, zr_span_of(relay->idle.room, relay->idle.room_len), false);
        relay->idle.room_len = room ? room->name_len : 0; /* at the end: from the beginning, the next time */
        if (!room)
            return;
        memcpy(relay->idle.room, room->name, room->name_len);
        s_heal(room, now);
        if (s_may_go(relay, room, now))
            batch_forget(relay, room);
    }
}
