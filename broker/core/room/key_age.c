/* See key_age.h. */
#include "key_age.h"

#include "batch.h"
#include "clock.h"
#include "rooms.h"
#include "state.h"

enum { LOOK_AT = 1000, DELETE_AT_ONCE = 1000 }; /* rooms, and values of all of them, in one go */
enum { DATE_AT_ONCE = 10000 };                  /* values from before */
#define CARRY_PAUSE 60000000ULL                 /* µs after an operator moved an entry to a room */
#define CARRY_RETURN 10000000ULL                /* µs until an operator's client is back after a start */
#define RETRY 1000000ULL                        /* µs until a deletion that was not stored is tried again */

static bool s_some_age(const policies_t *policies) {
    for (size_t i = 0; i < policies->count; i++)
        if (policies->policies[i].max_key_age)
            return true;
    return false;
}

/* The deletion bears the name of the value's sender: the broker has none. */
static void s_delete(relay_t *relay, room_t *room, const key_value_t *value, uint64_t now) {
    zr_entry_t old = room_state_entry(value);
    zr_entry_t entry = {.flags = ZR_ENTRY_DELETE, .sender = old.sender, .key = old.key};
    batch_add(relay, room, &entry, now);
    room_state_accept(&room->keys, &relay->room_state_limits, entry.key, true, entry.seq, 0);
}

/* The oldest values come first. So the first one that is young enough ends the search. Deletes `*left` values at most,
 * and takes them off it. */
static void s_age(relay_t *relay, room_t *room, uint64_t age, uint64_t now, int *left) {
    const key_value_t *value = room_state_next(&room->keys, 0);
    for (; value && *left > 0; value = room_state_following(&room->keys, value)) {
        if (value->time > now + ZR_CLOCK_SLACK)
            room_state_date(&room->keys, room_state_entry(value).key, now);
        if (now <= value->time || now - value->time <= age)
            return;
        if (value->unstored > 0)
            continue; /* a newer one, or a deletion, is on its way */
        s_delete(relay, room, value, now);
        --*left;
    }
}

/* An operator moves entries to the room. The positions of deletions would be those of the entries that are to come. */
static bool s_is_filled(const room_t *room, uint64_t now) {
    return room->carried_at && room->carried_at <= now && now - room->carried_at < CARRY_PAUSE;
}

void relay_age_keys(relay_t *relay, uint64_t now) {
    relay->now = now;
    if (!s_some_age(&relay->config.policies) || log_is_full(relay->log))
        return;
    int left = DELETE_AT_ONCE;
    for (int looked = 0; looked < LOOK_AT && left > 0; looked++) {
        room_t *room = room_next(relay, zr_span_of(relay->aging.room, relay->aging.room_len), false);
        relay->aging.room_len = room ? room->name_len : 0; /* at the end: from the beginning, the next time */
        if (!room)
            return;
        memcpy(relay->aging.room, room->name, room->name_len);
        uint64_t age = room->keys.live ? policy_of(&relay->config.policies, room_name(room))->max_key_age : 0;
        if (age && !s_is_filled(room, now))
            s_age(relay, room, age, now, &left);
    }
}

/* --- Time to live --- */

/* Says when values from before end. A value that is dated ahead of the clock counts as of now. One whose time is over stays
 * for a while: an operator may go on to move the room's entries, and the deletions have their positions. */
static void s_date_some(expiries_t *expiries, uint64_t now) {
    expiry_t *expiry;
    for (int left = DATE_AT_ONCE; left > 0 && (expiry = expiry_undated(expiries)); left--) {
        uint64_t time = expiry->value->time, life = expiry->ttl * 1000, age = now > time ? now - time : 0;
        expiry_set(expiries, expiry, expiries->rising + (age < life ? life - age : CARRY_RETURN));
    }
}

static room_t *s_room_of(const expiry_t *expiry) {
    return (room_t *)((char *)expiry->keys - offsetof(room_t, keys));
}

void relay_expire_keys(relay_t *relay, uint64_t now, bool sure) {
    expiries_t *expiries = &relay->room_state_limits.expiries;
    expiry_t *expiry;
    relay->now = now;
    if (sure)
        s_date_some(expiries, now);
    if (log_is_full(relay->log))
        return;
    for (int left = DELETE_AT_ONCE; left > 0 && (expiry = expiry_due(expiries)); left--) {
        room_t *room = s_room_of(expiry);
        bool filled = s_is_filled(room, now), waits = expiry->value->unstored > 0;
        uint64_t again = filled ? room->carried_at + CARRY_PAUSE - now : RETRY; /* unless it is gone by then */
        expiry_set(expiries, expiry, expiries->rising + again);
        if (!filled && !waits)
            s_delete(relay, room, expiry->value, now);
    }
}
