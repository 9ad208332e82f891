/* See disk_rooms.h. */
#include "disk_rooms.h"

#include "fatal.h"

enum { DUE_MAX = 1000 };
#define SECOND 1000000ULL /* in µs */
#define AGE_CHECK_MAX (60 * SECOND)

/* --- The table --- */

disk_room_t *disk_rooms_find(const disk_rooms_t *rooms, zr_span_t name) {
    disk_room_t *room;
    HASH_FIND(hh, rooms->by_name, name.ptr, name.len, room);
    return room;
}

disk_room_t *disk_rooms_at(const disk_rooms_t *rooms, uint32_t id) {
    return id <= rooms->last_id ? rooms->by_id[id] : NULL;
}

static disk_room_t *s_add(disk_rooms_t *rooms, zr_span_t name, uint32_t id) {
    disk_room_t *room = fatal_calloc(sizeof *room);
    FATAL_UNLESS(name.len <= sizeof room->name);
    memcpy(room->name, name.ptr, name.len);
    room->name_len = name.len;
    room->id = id;
    room->policy = policy_of(rooms->policies, name);
    disk_room_t *going = disk_rooms_find(rooms, name);
    if (going)
        going->successor = room;
    else
        HASH_ADD_KEYPTR(hh, rooms->by_name, room->name, room->name_len, room);
    FATAL_REACH(rooms->by_id, rooms->size, id);
    rooms->by_id[id] = room;
    if (id > rooms->last_id)
        rooms->last_id = id;
    return room;
}

static void s_note_free(disk_rooms_t *rooms, uint32_t id) {
    FATAL_GROW(rooms->freed, rooms->freed_count, rooms->freed_size);
    rooms->freed[rooms->freed_count++] = id;
}

static uint32_t s_free_id(disk_rooms_t *rooms) {
    while (rooms->freed_count > 0) {
        uint32_t id = rooms->freed[--rooms->freed_count];
        if (id < rooms->last_id && !rooms->by_id[id])
            return id;
    }
    return rooms->last_id + 1;
}

disk_room_t *disk_rooms_add(disk_rooms_t *rooms, zr_span_t name) {
    return s_add(rooms, name, s_free_id(rooms));
}

/* Frees the room and its id: another room may get it. */
static void s_free(disk_rooms_t *rooms, disk_room_t *room) {
    rooms->by_id[room->id] = NULL;
    s_note_free(rooms, room->id);
    while (rooms->last_id > 0 && !rooms->by_id[rooms->last_id])
        rooms->last_id--;
    free(room);
}

void disk_rooms_drop(disk_rooms_t *rooms, disk_room_t *room) {
    FATAL_UNLESS(room->bounds.head == 0);
    disk_room_t *known = disk_rooms_find(rooms, disk_room_name(room));
    if (known == room)
        HASH_DEL(rooms->by_name, room);
    else
        known->successor = NULL;
    s_free(rooms, room);
}

void disk_rooms_bury(disk_rooms_t *rooms, disk_room_t *room) {
    disk_room_t *successor = room->successor;
    HASH_DEL(rooms->by_name, room);
    if (successor)
        HASH_ADD_KEYPTR(hh, rooms->by_name, successor->name, successor->name_len, successor);
    room->next_buried = rooms->buried;
    rooms->buried = room;
}

void disk_rooms_unbury(disk_rooms_t *rooms) {
    while (rooms->buried) {
        disk_room_t *room = rooms->buried;
        rooms->buried = room->next_buried;
        s_free(rooms, room);
    }
}

void disk_rooms_finish(disk_rooms_t *rooms) {
    HASH_CLEAR(hh, rooms->by_name);
    for (uint32_t id = 1; id <= rooms->last_id; id++) /* successors and buried ones, too */
        free(rooms->by_id[id]);
    free(rooms->by_id);
    free(rooms->freed);
    keeps_finish(&rooms->keeps);
    *rooms = (disk_rooms_t){.policies = rooms->policies};
}

/* --- Opening --- */

static void s_on_room(void *ctx, const db_room_t *row) {
    disk_room_t *room = s_add(ctx, row->name, row->id);
    room->bounds = row->bounds;
    room->grown = true; /* the policy may be another one now */
}

bool disk_rooms_load(disk_rooms_t *rooms, const db_ops_t *ops, db_t *db, zr_error_t *error) {
    if (!ops->each_room(db, s_on_room, rooms, error))
        return false;
    for (uint32_t id = rooms->last_id; id > 0; id--)
        if (!rooms->by_id[id])
            s_note_free(rooms, id);
    return true;
}

/* --- Retention --- */

void disk_rooms_keep(disk_rooms_t *rooms, zr_span_t name, const log_keep_t *keep) {
    disk_room_t *room = disk_rooms_find(rooms, name);
    keeps_set(&rooms->keeps, name, keep);
    if (room)
        disk_room_again(room); /* more may go now */
}

void disk_rooms_set_policies(disk_rooms_t *rooms) {
    for (uint32_t id = 1; id <= rooms->last_id; id++) {
        disk_room_t *room = rooms->by_id[id];
        if (!room)
            continue;
        room->policy = policy_of(rooms->policies, disk_room_name(room));
        disk_room_again(room);
    }
}

static bool s_is_due(disk_room_t *room, uint64_t now) {
    const policy_t *policy = room->policy;
    if (room->bounds.head == 0 || room->going)
        return false;
    if (room->trim_upto)
        return true;
    /* A check that is further away was planned by a clock that was ahead. */
    bool planned = now < room->age_check && room->age_check - now <= AGE_CHECK_MAX;
    bool aged = policy->max_age && now && !planned;
    bool more = room->grown && (policy->max_entries || policy->max_bytes);
    if (!aged && !more)
        return false;
    uint64_t every = policy->max_age / 20;
    if (now)
        room->age_check = now + (every < SECOND ? SECOND : every > AGE_CHECK_MAX ? AGE_CHECK_MAX : every);
    room->grown = false;
    return true;
}

write_retain_t *disk_rooms_due(disk_rooms_t *rooms, uint64_t now, size_t *count) {
    write_retain_t *due = NULL;
    size_t size = 0;
    *count = 0;
    for (uint32_t looked = 0; looked < rooms->last_id && *count < DUE_MAX; looked++) {
        rooms->looked_at = rooms->looked_at >= rooms->last_id ? 1 : rooms->looked_at + 1;
        disk_room_t *room = rooms->by_id[rooms->looked_at];
        if (!room || !s_is_due(room, now))
            continue;
        FATAL_GROW(due, *count, size);
        due[(*count)++] = (write_retain_t){.room = room->id,
            .kept = {*room->policy, keeps_of(rooms->keeps, disk_room_name(room)), room->trim_upto},
            .owner = room};
    }
    return due;
}
