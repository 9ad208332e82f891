/* The loop's table of rooms on disk: their committed bounds, and when retention should look at each. */
#ifndef DISK_ROOMS_H
#define DISK_ROOMS_H

#include "db_ops.h"
#include "hash.h"
#include "keeps.h"
#include "writer.h"

typedef struct disk_room {
    char name[ZR_ROOM_MAX];
    size_t name_len;
    uint32_t id;
    const policy_t *policy;
    log_bounds_t bounds;             /* committed */
    bool grown;                      /* since retention looked last */
    uint64_t age_check;              /* when retention looks for entries that are too old */
    uint64_t trim_upto, trim_ticket; /* an operator deletes entries up to there; 0: nobody does */
    bool going;                      /* a pass that is not answered yet forgets it */
    struct disk_room *successor; /* of one that is going: what is appended meanwhile is of this one, known by id only */
    struct disk_room *next_buried;
    UT_hash_handle hh;
} disk_room_t;

/* Zeroed but for `policies` it is empty. */
typedef struct {
    const policies_t *policies; /* must live as long as the rooms */
    disk_room_t *by_name;
    disk_room_t **by_id; /* `size` places; NULL: no such room */
    size_t size;
    uint32_t last_id;
    uint32_t looked_at; /* by retention, last */
    uint32_t *freed;    /* ids that may be free again */
    size_t freed_count, freed_size;
    keep_t *keeps;       /* what groups need */
    disk_room_t *buried; /* forgotten, but retention may speak of them */
} disk_rooms_t;

/* Takes in the rooms of the database. */
bool disk_rooms_load(disk_rooms_t *rooms, const db_ops_t *ops, db_t *db, zr_error_t *error);

void disk_rooms_finish(disk_rooms_t *rooms);

/* NULL if no such entry exists. */
disk_room_t *disk_rooms_find(const disk_rooms_t *rooms, zr_span_t name);
disk_room_t *disk_rooms_at(const disk_rooms_t *rooms, uint32_t id);

/* A new one, under a free id; no other room may have the name, except one that is going. Rooms stay where they are. */
disk_room_t *disk_rooms_add(disk_rooms_t *rooms, zr_span_t name);

/* Takes back a room that has no row, and nothing refers to. */
void disk_rooms_drop(disk_rooms_t *rooms, disk_room_t *room);

/* The room's row is gone: its name is its successor's, if it has one. It stays where it is, and keeps its id, until the
 * next disk_rooms_unbury: when no housekeeping is under way. */
void disk_rooms_bury(disk_rooms_t *rooms, disk_room_t *room);
void disk_rooms_unbury(disk_rooms_t *rooms);

static inline zr_span_t disk_room_name(const disk_room_t *room) {
    return zr_span_of(room->name, room->name_len);
}

/* Retention did not come to its end there: it looks again the next time. */
static inline void disk_room_again(disk_room_t *room) {
    room->grown = true;
    room->age_check = 0;
}

/* Groups need so much of the room, which need not exist yet. */
void disk_rooms_keep(disk_rooms_t *rooms, zr_span_t name, const log_keep_t *keep);

/* `policies` has changed: retention looks at every room again. Takes a moment for each room. */
void disk_rooms_set_policies(disk_rooms_t *rooms);

/* Rooms that have something to delete, perhaps; at most a thousand, the others' turn comes next time. malloc'ed, the
 * caller's; NULL: none. */
write_retain_t *disk_rooms_due(disk_rooms_t *rooms, uint64_t now, size_t *count);

#endif
