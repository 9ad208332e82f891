/* Rooms, in the order of their names. */
#include "control.h"
#include "rooms.h"
#include "state.h"
#include "stats_kind.h"

#define COLUMN(name, value)                                                                                            \
    static uint64_t s_##name(const relay_t *relay, const void *thing) {                                                \
        const room_t *room = thing;                                                                                    \
        (void)relay;                                                                                                   \
        return (value);                                                                                                \
    }

COLUMN(rate, meter_rate(&room->meter, relay->now).entries)
COLUMN(rate_bytes, meter_rate(&room->meter, relay->now).bytes)
COLUMN(entries, room->meter.entries)
COLUMN(bytes, room->meter.bytes)
COLUMN(members, room->member_count)
COLUMN(present, room->presence.count)
COLUMN(keys, room->keys.live)
COLUMN(groups, HASH_COUNT(room->groups))
COLUMN(unstored, room->unstored)
COLUMN(seq, room->stored)

static const stats_column_t s_columns[] = {
    {"rate", s_rate},
    {"rate-bytes", s_rate_bytes},
    {"entries", s_entries},
    {"bytes", s_bytes},
    {"members", s_members},
    {"present", s_present},
    {"keys", s_keys},
    {"groups", s_groups},
    {"unstored", s_unstored},
    {"seq", s_seq},
};

static void *s_next(const relay_t *relay, const stats_key_t *key, bool from) {
    return room_next(relay, zr_span_of(key->name, key->name_len), from);
}

static void s_key(const void *thing, stats_key_t *key) {
    zr_span_t name = room_name(thing);
    memcpy(key->name, name.ptr, name.len);
    key->name_len = name.len;
    key->id = 0;
}

static json_t *s_names(const relay_t *relay, const void *thing) {
    const room_t *room = thing;
    (void)relay;
    return json_pack("{so ss}", "room", zr_json_string(room_name(room)), "level", zr_level_name(room->level));
}

const stats_kind_t stats_rooms = {.name = "rooms",
    .columns = s_columns,
    .column_count = sizeof s_columns / sizeof *s_columns,
    .next = s_next,
    .key = s_key,
    .names = s_names};
