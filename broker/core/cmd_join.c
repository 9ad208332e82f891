/* join and leave: membership, which brings heads in pong and a name in the room's presence. */
#include "control.h"
#include "relay_internal.h"

void cmd_join(relay_t *relay, request_t *request) {
    zr_span_t name;
    if (!take_room(relay, request, &name))
        return;
    const char *wrong = NULL;
    uint64_t after = 0;
    bool present = true;
    zr_get_uint_opt(request->object, "after", 0, &after, &wrong);
    zr_get_bool_opt(request->object, "presence", &present, &wrong);
    if (wrong) {
        fail_member(relay, request, wrong);
        return;
    }
    session_t *session = request->session;
    room_t *room = room_find(relay, name);
    member_t *member = room ? member_find(session, room) : NULL;
    if (member) {
        member_set_present(relay, member, present);
    } else {
        if (HASH_COUNT(session->members) >= relay->config.max_joins) {
            fail(relay, request, ZR_TOO_MANY_JOINS, NULL);
            return;
        }
        room = room_find_or_add(relay, name);
        if (!room) {
            fail(relay, request, ZR_TOO_MANY_ROOMS, NULL);
            return;
        }
        member_add(relay, session, room, present);
    }
    log_bounds_t bounds = room_bounds(relay, room);
    json_t *joined = json_pack("{ss so sI sI sI sI}", "op", "joined", "room", zr_json_string(name), "seq",
        (json_int_t)bounds.head, "oldest", (json_int_t)bounds.oldest, "version", (json_int_t)room->presence.version,
        "count", (json_int_t)room->presence.count);
    if (zr_has(request->object, "after") && after == 0)
        after = room->begun;
    if (zr_has(request->object, "after"))
        json_object_set_new(joined, "recovered", json_boolean(after >= bounds.oldest && after <= bounds.head));
    reply(relay, request, joined);
}

void cmd_leave(relay_t *relay, request_t *request) {
    zr_span_t name;
    if (!take_room(relay, request, &name))
        return;
    room_t *room = room_find(relay, name);
    member_t *member = room ? member_find(request->session, room) : NULL;
    json_t *ok = json_pack("{ss so}", "op", "ok", "room", zr_json_string(name));
    if (member)
        member_remove(relay, member, "leave");
    reply(relay, request, ok);
}
