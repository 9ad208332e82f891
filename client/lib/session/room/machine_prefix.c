/* Rooms of a prefix: `metrics/` + '*' reads each room whose name starts so. SUB's subscription to the prefix carries the
 * open ones. The broker, which we tell to follow the prefix, sends the private ones, and tells the heads in pongs. The
 * list of rooms names those that exist; frames and pongs show new ones. Each has a position of its own here, as far as
 * there is place. */
#include "machine_prefix.h"

#include "machine_events.h"
#include "machine_waiting.h"
#include "machine_presence.h"
#include "machine_repair.h"
#include "machine_requests.h"
#include "machine_rooms.h"

#define UNKNOWN UINT64_MAX /* of `prev`: the sign of the room is no frame */

static bool s_matches(const room_t *prefix, zr_span_t name) {
    return zr_span_starts(name, zr_span_of(prefix->name, prefix->len - 1));
}

static void s_forgotten(machine_t *m, const char *room, uint64_t seq) {
    m->given_up++;
    events_post(m, &(zrelay_event_t){.type = ZRELAY_FORGOTTEN, .room = room, .seq = seq, .count = m->given_up});
}

/* Makes place for another room. False: all rooms have something under way. */
static bool s_make_place(machine_t *m, room_t *prefix, zr_span_t name) {
    if (m->child_count < m->config.prefix_rooms)
        return true;
    room_t *least = m->idle;
    if (least) {
        s_forgotten(m, least->name, least->last);
        rooms_remove(m, least);
        return true;
    }
    char text[ZR_ROOM_MAX + 1] = "";
    memcpy(text, name.ptr, name.len);
    if (!prefix->overflow_told) /* once, though each of its frames comes here */
        s_forgotten(m, text, 0);
    prefix->overflow_told = true;
    return false;
}

static void s_list_at(machine_t *m, room_t *prefix, uint64_t at) {
    prefix->list_at = at;
    if (at < m->list_at)
        m->list_at = at;
}

/* Once the list is whole, a room that was not in it is new: all of it is "from now on". Once positions were given up, it
 * may be one of those. Then it is read from its next frame on. */
static room_t *s_add(machine_t *m, room_t *prefix, zr_span_t name, uint64_t prev) {
    bool listed = prefix->listed;
    uint64_t first = m->given_up ? prev : 0;
    if ((listed && first == UNKNOWN) || !s_make_place(m, prefix, name))
        return NULL;
    prefix->overflow_told = false;
    if (m->given_up && prefix->list_at == NEVER)
        s_list_at(m, prefix, m->now + LIST_MS); /* its head may have been told while its position was given up */
    room_t *room = rooms_add(m, name, prefix);
    room->from = prefix->from;
    room->position = prefix->position;
    room->silent = true;
    room->presence_wanted = prefix->presence_wanted;
    room->started = listed;
    room->last = room->head = listed ? first : 0;
    room->state = ROOM_SYNCING;
    if (m->state == STATE_LIVE && prefix->state == ROOM_LIVE)
        rooms_go_live(m, room); /* else it is kept until the prefix is listed */
    return room;
}

static room_t *s_wanting(const machine_t *m, zr_span_t name) {
    room_t *prefix = m->prefixes;
    while (prefix && !s_matches(prefix, name))
        prefix = prefix->next_prefix;
    return prefix;
}

room_t *prefix_room(machine_t *m, zr_span_t name, uint64_t prev) {
    room_t *prefix = s_wanting(m, name);
    return prefix ? s_add(m, prefix, name, prev) : NULL;
}

room_t *prefix_named(machine_t *m, zr_span_t name, bool presence) {
    room_t *prefix = zr_room_valid(name) ? s_wanting(m, name) : NULL;
    return prefix && (!presence || prefix->presence_wanted) ? s_add(m, prefix, name, UNKNOWN) : NULL;
}

void prefix_unpark(machine_t *m, room_t *room) {
    if (room->state != ROOM_PARKED)
        return;
    room->state = ROOM_LIVE;
    presence_on_joined(m, room, 0, false);
    if (!room->started)
        repair_begin(m, room, false); /* its last entries are still to be read */
}

/* --- The list --- */

static void s_listed(machine_t *m, room_t *prefix, json_t *one) {
    const char *name = json_string_value(json_object_get(one, "room")), *wrong = NULL;
    uint64_t seq = 0, count = 0, version = 0;
    zr_span_t span = zr_span(name);
    if (!name || !zr_room_valid(span) || !s_matches(prefix, span) || !zr_get_uint_opt(one, "seq", 0, &seq, &wrong) ||
        !zr_get_uint_opt(one, "count", 0, &count, &wrong) || !zr_get_uint_opt(one, "version", 0, &version, &wrong)) {
        m->malformed++;
        return;
    }
    prefix->found++;
    room_t *room = rooms_find(m, span);
    if (!room)
        room = s_add(m, prefix, span, UNKNOWN);
    if (!room || !room->parent)
        return;
    if (!room->announced)
        room->count = count;
    if (room->state == ROOM_LIVE && zr_has(one, "version"))
        presence_note_version(m, room, version);
    room->list = prefix->list;
    prefix_unpark(m, room);
    rooms_note_head(m, room, seq);
    if (room->state == ROOM_SYNCING)
        rooms_go_live(m, room);
}

/* A room that we know is gone, perhaps, and with it entries that did not come, or the last user's leave. Of a parked
 * room, that may not be read still, or again: its users tell. */
static void s_unlisted(machine_t *m, room_t *room) {
    if (room->state == ROOM_LIVE && room->last > 0)
        repair_begin(m, room, false);
    if (room->state == ROOM_LIVE || room->state == ROOM_PARKED)
        presence_doubt(m, room);
}

/* The list is whole. */
static void s_complete(machine_t *m, room_t *prefix) {
    prefix->state = ROOM_LIVE;
    prefix->listed = true;
    if (prefix->list_again)
        s_list_at(m, prefix, m->now);
    prefix->list_again = false;
    if (!prefix->announced)
        events_post(m, &(zrelay_event_t){.type = ZRELAY_JOINED, .room = prefix->name, .count = prefix->found});
    prefix->announced = true;
    room_t *room, *next;
    HASH_ITER(hh, m->rooms, room, next) {
        if (room->parent == prefix && room->list != prefix->list)
            s_unlisted(m, room);
        if (room->parent != prefix || room->state != ROOM_SYNCING)
            continue;
        bool read = room->kept.first || (room->announced && room->last > 0);
        room->started = true; /* seen, but not listed: it has just come up; or it is empty, or may not be read now */
        rooms_go_live(m, room);
        room->missed |= room->kept.first != NULL;
        if (read)
            repair_begin(m, room, false); /* its last entries may be lost with the broker before */
    }
}

void prefix_on_followed(machine_t *m, request_t *request, json_t *object) {
    room_t *prefix = request->room;
    (void)object;
    prefix->joining = NULL;
    request_free(m, request);
    rooms_list(m, prefix);
}

void prefix_on_rooms(machine_t *m, request_t *request, json_t *object) {
    room_t *prefix = request->room;
    json_t *rooms = json_object_get(object, "rooms"), *one;
    bool more = false;
    const char *wrong = NULL;
    size_t i;
    if (!json_is_array(rooms) || !zr_get_bool_opt(object, "more", &more, &wrong))
        m->malformed++;
    if (!request->page[0]) {
        prefix->found = 0;
        prefix->list++;
    }
    json_array_foreach(rooms, i, one) s_listed(m, prefix, one);
    if (request_next_page(m, request, rooms, "room", more))
        return;
    prefix->joining = NULL;
    request_free(m, request);
    s_complete(m, prefix);
}

void prefix_on_refused(machine_t *m, request_t *request, json_t *error) {
    room_t *prefix = request->room;
    prefix->joining = NULL;
    request_free(m, request);
    events_error(m, error, &(zrelay_event_t){.room = prefix->name});
    if (prefix->listed) {
        prefix->state = ROOM_LIVE; /* the next attempt may do better */
        s_list_at(m, prefix, m->now + LIST_MS);
        return;
    }
    prefix_leave(m, prefix);
    rooms_leave(m, prefix);
}

void prefix_on_pong(machine_t *m, const json_t *object) {
    if (!m->prefixes)
        return;
    if (json_is_true(json_object_get(object, "more")) && m->ping_at > m->now + MORE_MS)
        m->ping_at = m->now + MORE_MS;
    if (!json_is_true(json_object_get(object, "list")))
        return;
    for (room_t *prefix = m->prefixes; prefix; prefix = prefix->next_prefix)
        if (prefix->state == ROOM_LIVE || prefix->joining)
            rooms_list(m, prefix);
}

void prefix_leave(machine_t *m, room_t *prefix) {
    room_t *room, *next;
    HASH_ITER(hh, m->rooms, room, next) {
        if (room->parent != prefix)
            continue;
        zr_span_t name = zr_span_of(room->name, room->len);
        room_t *other = m->prefixes;
        while (other && (other == prefix || !s_matches(other, name)))
            other = other->next_prefix;
        if (other)
            room->parent = other;
        else
            rooms_remove(m, room);
    }
}
