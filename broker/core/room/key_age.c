/* See key_age.h. */
#include "key_age.h"

#include "batch.h"
#include "clock.h"
#include "rooms.h"
#include "state.h"

enum { LOOK_AT = 1000, DELETE_AT_ONCE = 1000 }; /* rooms, and values of all of them, in one go */
#define CARRY_PAUSE 60000000ULL                 /* µs after an operator moved an entry to a room */

static bool s_some_age(const policies_t *policies) {
    for (size_t i = 0; i < policies->count; i++)
        if (policies->policies[i].max_key_age)
            return true;
    return false;
}

/* The deletion bears the name of the value's sender: the broker has none. */
static void s_delete(relay_t *relay, room_t *room, const key_value_t *value, uint64_t now) {
    zr_entry_t entry = room_state_entry(value);
    size_t size = room_state_size(entry.sender, entry.key, 0);
    entry.flags = ZR_ENTRY_DELETE;
    entry.body = zr_span_of(NULL, 0);
    batch_add(relay, room, &entry, now);
    room_state_accept(&room->keys, &relay->room_state_limits, entry.key, true, entry.seq, size);
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
    return room->carried && room->carried_at <= now && now - room->carried_at < CARRY_PAUSE;
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
