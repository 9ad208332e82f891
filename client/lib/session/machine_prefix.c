/* Rooms joined by a prefix: `metrics/` joins each room whose name starts so. SUB's subscription to the prefix carries
 * them all. The list of rooms names existing rooms; live frames show new ones. Each is then a room like any other,
 * joined silently. */
#include "machine_prefix.h"

#include "machine_events.h"
#include "machine_requests.h"
#include "machine_rooms.h"

static bool s_matches(const room_t *prefix, zr_span_t name) {
    return zr_span_starts(name, zr_span_of(prefix->name, prefix->len - 1));
}

/* A room that was not there when the prefix was listed is new: all of it is "from now on". */
static room_t *s_add(machine_t *m, room_t *prefix, zr_span_t name) {
    if (rooms_full(m) || HASH_COUNT(m->rooms) >= ROOMS_MAX) {
        if (!prefix->overflow_told)
            events_post(m, &(zrelay_event_t){.type = ZRELAY_REFUSED,
                               .room = prefix->name,
                               .code = zr_code_name(ZR_TOO_MANY_JOINS),
                               .text = zr_code_text(ZR_TOO_MANY_JOINS)});
        prefix->overflow_told = true;
        return NULL;
    }
    room_t *room = rooms_add(m, name);
    room->parent = prefix;
    room->from = prefix->from;
    room->position = prefix->position;
    room->silent = true;
    room->presence_wanted = prefix->presence_wanted;
    room->started = prefix->listed;
    room->state = ROOM_SYNCING;
    return room;
}

room_t *prefix_room(machine_t *m, zr_span_t name) {
    for (room_t *prefix = m->prefixes; prefix; prefix = prefix->next_prefix) {
        if (!s_matches(prefix, name))
            continue;
        room_t *room = s_add(m, prefix, name);
        if (room && m->state == STATE_LIVE && prefix->state == ROOM_LIVE)
            rooms_join(m, room);
        return room; /* not live yet: its frames are kept until the prefix is listed */
    }
    return NULL;
}

static void s_listed(machine_t *m, room_t *prefix, json_t *one) {
    const char *name = json_string_value(json_object_get(one, "room")), *wrong = NULL;
    uint64_t seq = 0;
    zr_span_t span = zr_span(name);
    if (!name || !zr_room_valid(span) || !s_matches(prefix, span) || !zr_get_uint_opt(one, "seq", 0, &seq, &wrong)) {
        m->malformed++;
        return;
    }
    prefix->found++;
    room_t *room = rooms_find(m, span);
    if (!room)
        room = s_add(m, prefix, span);
    if (!room || !room->parent)
        return;
    rooms_note_head(m, room, seq);
    if (room->state == ROOM_SYNCING || room->state == ROOM_PARKED)
        rooms_join(m, room);
}

static void s_list_later(machine_t *m, room_t *prefix) {
    prefix->list_at = m->now + (m->known ? LIST_USER_MS : LIST_MS);
    if (prefix->list_at < m->list_at)
        m->list_at = prefix->list_at;
}

/* The list is whole. */
static void s_complete(machine_t *m, room_t *prefix) {
    prefix->state = ROOM_LIVE;
    prefix->listed = true;
    s_list_later(m, prefix);
    if (!prefix->announced)
        events_post(m, &(zrelay_event_t){.type = ZRELAY_JOINED, .room = prefix->name, .count = prefix->found});
    prefix->announced = true;
    room_t *room, *next;
    HASH_ITER(hh, m->rooms, room, next) {
        if (room->parent != prefix || room->state != ROOM_SYNCING)
            continue;
        room->started = true; /* seen live, but not listed: it has just come up */
        rooms_join(m, room);
    }
}

void prefix_on_rooms(machine_t *m, request_t *request, json_t *object) {
    room_t *prefix = request->room;
    json_t *rooms = json_object_get(object, "rooms"), *one;
    bool more = false;
    const char *wrong = NULL;
    size_t i;
    if (!json_is_array(rooms) || !zr_get_bool_opt(object, "more", &more, &wrong))
        m->malformed++;
    if (!request->page[0])
        prefix->found = 0;
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
        prefix->state = ROOM_LIVE; /* the next look may do better */
        s_list_later(m, prefix);
        return;
    }
    prefix_leave(m, prefix);
    rooms_leave(m, prefix);
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
        room->parent = other;
        if (other)
            continue;
        request_leave(m, name);
        rooms_remove(m, room);
    }
}
