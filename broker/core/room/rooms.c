/* See rooms.h. */
#include "rooms.h"

#include "fatal.h"
#include "state.h"

room_t *room_find(const relay_t *relay, zr_span_t name) {
    room_t *room;
    HASH_FIND(hh, relay->rooms, name.ptr, name.len, room);
    return room;
}

room_t *room_next(const relay_t *relay, zr_span_t name, bool from) {
    return NAME_ORDER_ITEM(name_order_next(&relay->order, name, from), room_t, by_name);
}

/* Do rooms count as often as they may, in all or for this maker? */
static bool s_is_full(const relay_t *relay, const maker_t *maker) {
    return HASH_COUNT(relay->rooms) + makers_shared(&relay->makers) >= relay->config.max_rooms ||
           (maker && maker->rooms >= relay->config.max_user_rooms);
}

zr_code_t room_enter(relay_t *relay, const session_t *session, zr_span_t name, bool blind, room_t **room) {
    *room = room_find(relay, name);
    if (*room && (!blind || maker_counts(&relay->makers, &(*room)->claims, session->maker)))
        return ZR_OK;
    if (s_is_full(relay, session->maker)) {
        *room = NULL;
        return ZR_TOO_MANY_ROOMS;
    }
    if (!*room) {
        *room = room_add(relay, name);
        maker_room_made(&(*room)->claims, session->maker);
    }
    return ZR_OK;
}

void room_refresh_rights(relay_t *relay, room_t *room) {
    if (room->rights_seen == relay->access_number)
        return;
    room->rights_seen = relay->access_number;
    rights_t common = access_common(relay->access, room_name(room));
    room->private = !(common & RIGHT_READ);
    room->private_presence = room->private || !(common & RIGHT_PRESENCE);
}

void room_tell(relay_t *relay, const room_t *room, bool private, rights_t needed, zr_blob_t *frame) {
    if (!private) {
        outbox_add(relay->outbox, &(effect_t){.kind = EFFECT_PUBLISH, .frame = frame});
        return;
    }
    for (const member_t *member = room->members; member; member = member->next)
        if (member->session->route && (member->rights & needed) == needed)
            outbox_add(relay->outbox,
                &(effect_t){
                    .kind = EFFECT_SEND, .route = member->session->route, .frame = zr_blob_ref(frame), .live = true});
    follow_tell(relay, room, needed, frame);
    zr_blob_unref(frame);
}

zr_level_t room_level(const relay_t *relay, zr_span_t name) {
    const policy_t *policy = policy_of(&relay->config.policies, name);
    return policy->has_level && policy->level < ZR_LEVEL_DISK ? policy->level : relay->log->level;
}

/* The position before the first entry of a room that is to be made. */
static uint64_t s_beginning(const relay_t *relay, zr_span_t name, uint64_t head) {
    return room_level(relay, name) < relay->log->level && head < relay->log->base ? relay->log->base : head;
}

/* The earlier positions of a room with a lower level than the log are not known. A reader without any entry of it is
 * told that some may be lost. */
static uint64_t s_begun(const relay_t *relay, zr_span_t name, uint64_t begun) {
    return room_level(relay, name) < relay->log->level && relay->log->base ? 0 : begun;
}

room_t *room_add(relay_t *relay, zr_span_t name) {
    room_t *room = fatal_calloc(sizeof *room);
    memcpy(room->name, name.ptr, name.len);
    room->name_len = name.len;
    log_bounds_t bounds = relay->log->engine->bounds(relay->log, name);
    room->head = room->stored = room->born = s_beginning(relay, name, bounds.head);
    room->begun = s_begun(relay, name, bounds.begun);
    room->last_time = bounds.time;
    room->level = room_level(relay, name);
    room->kept = UINT64_MAX;
    room->presence.version = relay->presence_base;
    HASH_ADD(hh, relay->rooms, name, name.len, room);
    name_order_add(&relay->order, &room->by_name, room_name(room));
    return room;
}

uint64_t room_head(const relay_t *relay, zr_span_t name) {
    const room_t *room = room_find(relay, name);
    if (room)
        return room->stored;
    return s_beginning(relay, name, relay->log->engine->bounds(relay->log, name).head);
}

uint64_t room_begun(const relay_t *relay, zr_span_t name) {
    const room_t *room = room_find(relay, name);
    return room ? room->begun : s_begun(relay, name, relay->log->engine->bounds(relay->log, name).begun);
}

bool room_is_hollow(const relay_t *relay, zr_span_t name) {
    const room_t *room = room_find(relay, name);
    uint64_t head = relay->log->engine->bounds(relay->log, name).head;
    return room_level(relay, name) == ZR_LEVEL_NONE || head < (room ? room->born : s_beginning(relay, name, head));
}

log_bounds_t room_bounds(const relay_t *relay, const room_t *room) {
    if (room_is_hollow(relay, room_name(room)))
        return (log_bounds_t){.head = room->stored, .oldest = room->stored};
    log_bounds_t bounds = relay->log->engine->bounds(relay->log, room_name(room));
    bounds.head = room->stored;
    if (bounds.oldest > bounds.head)
        bounds.oldest = bounds.head;
    return bounds;
}

static void s_room_free(relay_t *relay, room_t *room) {
    HASH_DEL(relay->rooms, room);
    name_order_remove(&relay->order, &room->by_name);
    follow_room_gone(relay, room);
    room_state_finish(&room->keys, &relay->room_state_limits);
    if (relay->presence_base < room->presence.version)
        relay->presence_base = room->presence.version;
    presence_finish(&room->presence);
    zr_buffer_finish(&room->open);
    makers_room_gone(&relay->makers, &room->claims);
    relay->rooms_gone++;
    free(room);
}

void room_forget_unused(relay_t *relay, room_t *room) {
    if (room->member_count > 0 || room->head != room->born || room->has_news || room->keys.by_key || room->groups ||
        room->going)
        return;
    log_bounds_t bounds = relay->log->engine->bounds(relay->log, room_name(room));
    if (bounds.oldest == bounds.head)
        s_room_free(relay, room);
}

void room_forgotten(relay_t *relay, room_t *room, bool ok) {
    room->going = false;
    if (ok) {
        room->born = room->going_at;
        room->begun = s_begun(relay, room_name(room), room->born);
    }
    room_forget_unused(relay, room);
}

void rooms_finish(relay_t *relay) {
    room_t *room, *next;
    HASH_ITER(hh, relay->rooms, room, next)
    s_room_free(relay, room);
    relay->news = (news_t){0};
}
