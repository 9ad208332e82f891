/* What the broker of session_fuzz.c has stored, as its log was told: each room's entries and the values of its keys. All
 * that readers get is held against it. */
#ifndef SESSION_MODEL_H
#define SESSION_MODEL_H

#include "fuzz.h"
#include "hash.h"
#include "names.h"
#include "wire.h"

enum { MODEL_ROOMS = 12, MODEL_ENTRIES = 512, MODEL_EPOCH = 0xE1 };

/* An entry, as far as it tells it from others. */
typedef struct {
    uint64_t seq, hash, key; /* hashes of all of it, and of its key */
    bool keyed, deletes;
} model_entry_t;

typedef struct {
    char name[ZR_ROOM_MAX];
    size_t name_len;
    model_entry_t entries[MODEL_ENTRIES];
    size_t count;
    uint64_t begun; /* `prev` of the first */
} model_room_t;

static struct {
    model_room_t rooms[MODEL_ROOMS];
    size_t count;
} s_model;

/* FNV-1a: the same on every machine. */
static uint64_t s_mix(uint64_t hash, const void *data, size_t len) {
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ ((const uint8_t *)data)[i]) * 0x100000001B3;
    return (hash ^ len) * 0x100000001B3;
}

static model_entry_t s_model_entry(const zr_entry_t *entry) {
    uint64_t hash = s_mix(0xCBF29CE484222325, &entry->time, sizeof entry->time);
    hash = s_mix(s_mix(hash, entry->sender.ptr, entry->sender.len), entry->body.ptr, entry->body.len);
    uint64_t key = s_mix(0xCBF29CE484222325, entry->key.ptr, entry->key.len);
    return (model_entry_t){.seq = entry->seq,
        .hash = hash ^ key ^ entry->flags,
        .key = key,
        .keyed = entry->key.len > 0,
        .deletes = entry->flags & ZR_ENTRY_DELETE};
}

static void s_model_begin(void) {
    s_model.count = 0;
}

/* NULL: nothing was ever stored there. */
static model_room_t *s_model_room(zr_span_t name) {
    for (size_t i = 0; i < s_model.count; i++)
        if (zr_span_equal(zr_span_of(s_model.rooms[i].name, s_model.rooms[i].name_len), name))
            return &s_model.rooms[i];
    return NULL;
}

static uint64_t s_model_head(const model_room_t *room) {
    return room && room->count > 0 ? room->entries[room->count - 1].seq : 0;
}

/* false: there is no place for more; the script ends. */
static bool s_model_has_place(void) {
    for (size_t i = 0; i < s_model.count; i++)
        if (s_model.rooms[i].count > MODEL_ENTRIES - 64)
            return false;
    return true;
}

static void s_model_append(zr_span_t frame) {
    zr_deliver_reader_t reader;
    zr_entry_t entry;
    fuzz_require(zr_deliver_read(&reader, frame) && reader.epoch == MODEL_EPOCH && reader.flags == 0);
    model_room_t *room = s_model_room(reader.room);
    if (!room) {
        fuzz_require(s_model.count < MODEL_ROOMS);
        room = &s_model.rooms[s_model.count++];
        memcpy(room->name, reader.room.ptr, reader.room.len);
        room->name_len = reader.room.len;
        room->count = 0;
        room->begun = reader.prev;
    }
    fuzz_require(room->count == 0 || reader.prev == s_model_head(room));
    while (zr_deliver_next(&reader, &entry)) {
        fuzz_require(room->count < MODEL_ENTRIES && entry.seq > s_model_head(room) && entry.seq > reader.prev);
        fuzz_require(zr_nick_valid(entry.sender) && (entry.key.len == 0 || zr_key_valid(entry.key)));
        room->entries[room->count++] = s_model_entry(&entry);
    }
    fuzz_require(!reader.failed);
}

static size_t s_model_find(const model_room_t *room, uint64_t seq) {
    size_t i = 0;
    while (room && i < room->count && room->entries[i].seq < seq)
        i++;
    return i;
}

/* The entry is the one that was stored at its position; returns its place. */
static size_t s_model_check(const model_room_t *room, const zr_entry_t *entry) {
    size_t at = s_model_find(room, entry->seq);
    model_entry_t given = s_model_entry(entry);
    fuzz_require(
        room && at < room->count && room->entries[at].seq == given.seq && room->entries[at].hash == given.hash);
    return at;
}

/* Live entries and replays: without holes, except before the first. Returns how many there are. */
static size_t s_model_check_run(zr_deliver_reader_t *reader) {
    const model_room_t *room = s_model_room(reader->room);
    zr_entry_t entry;
    size_t count = 0, before = 0;
    while (zr_deliver_next(reader, &entry)) {
        size_t at = s_model_check(room, &entry);
        fuzz_require(count > 0 ? at == before + 1 : reader->prev == (at > 0 ? room->entries[at - 1].seq : room->begun));
        before = at;
        count++;
    }
    fuzz_require(!reader->failed && count > 0);
    return count;
}

/* Is this the value of its key? */
static bool s_model_is_value(const model_room_t *room, size_t at) {
    for (size_t i = at + 1; i < room->count; i++)
        if (room->entries[i].keyed && room->entries[i].key == room->entries[at].key)
            return false;
    return room->entries[at].keyed && !room->entries[at].deletes;
}

/* Keys with a value whose entry is after this one. */
static size_t s_model_values(const model_room_t *room, uint64_t after) {
    size_t count = 0;
    for (size_t i = 0; room && i < room->count; i++)
        count += room->entries[i].seq > after && s_model_is_value(room, i);
    return count;
}

/* A slice of a snapshot: values, in order. */
static size_t s_model_check_state(zr_deliver_reader_t *reader) {
    const model_room_t *room = s_model_room(reader->room);
    zr_entry_t entry;
    uint64_t seq = reader->prev;
    size_t count = 0;
    for (; zr_deliver_next(reader, &entry); count++) {
        fuzz_require(entry.seq > seq && s_model_is_value(room, s_model_check(room, &entry)));
        seq = entry.seq;
    }
    fuzz_require(!reader->failed && count > 0);
    return count;
}

static size_t s_model_between(const model_room_t *room, uint64_t after, uint64_t until) {
    size_t count = 0;
    for (size_t i = 0; room && i < room->count; i++)
        count += room->entries[i].seq > after && room->entries[i].seq <= until;
    return count;
}

#endif
