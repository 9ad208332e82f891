/* join and leave: membership, which brings heads in pong and a name in the room's presence. */
#include "commands.h"
#include "control.h"
#include "lead_check.h"
#include "members.h"
#include "meta.h"
#include "reply.h"
#include "rooms.h"
#include "state.h"

/* The membership, new or not. NULL: the request is answered with an error, and changes nothing. */
static member_t *s_enter(relay_t *relay, request_t *request, bool present, const zr_blob_t *meta) {
    session_t *session = request->session;
    room_t *room = room_find(relay, request->room);
    member_t *member = room ? member_find(session, room) : NULL;
    if (meta && !member_meta_fits(session, member, meta)) {
        meta_fail_full(relay, request);
        return NULL;
    }
    if (member) {
        member_set_present(relay, member, present);
        return member;
    }
    zr_code_t code = ZR_TOO_MANY_JOINS;
    if (session_joins(session) < relay->config.max_joins)
        code = room_enter(relay, session, request->room, false, &room);
    if (code == ZR_OK)
        return member_add(relay, session, room, present);
    fail(relay, request, code, NULL);
    return NULL;
}

void cmd_join(relay_t *relay, request_t *request) {
    const char *wrong = NULL;
    uint64_t after = 0;
    bool present = true;
    zr_blob_t *meta = NULL;
    zr_get_uint_opt(request->object, "after", 0, &after, &wrong);
    zr_get_bool_opt(request->object, "presence", &present, &wrong);
    if (wrong) {
        fail_member(relay, request, wrong);
        return;
    }
    if (!lead_is_sure(relay, request->session, request->room, after)) {
        fail_wait(relay, request, LEAD_WAIT_MS);
        return;
    }
    if (!meta_read(relay, request, &meta))
        return;
    member_t *member = s_enter(relay, request, present, meta);
    if (member && meta)
        member_set_meta(relay, member, meta);
    zr_blob_unref(meta);
    if (!member)
        return;
    room_t *room = member->room;
    room_refresh_rights(relay, room);
    log_bounds_t bounds = room_bounds(relay, room);
    bool sees = member->rights & RIGHT_PRESENCE;
    bool crowded = sees && presence_is_crowded(&room->presence, relay->config.presence_names);
    if (crowded)
        presence_listed(&room->presence); /* the count is told, and no reader asks for the list */
    json_t *joined = json_pack("{ss so sI sI sI sI sb}", "op", "joined", "room", zr_json_string(request->room), "seq",
        (json_int_t)bounds.head, "oldest", (json_int_t)bounds.oldest, "version",
        (json_int_t)(sees ? room->presence.version : 0), "count", (json_int_t)(sees ? room->presence.count : 0),
        "private", room->private);
    if (zr_has(request->object, "after") && after == 0)
        after = room->begun;
    if (zr_has(request->object, "after"))
        json_object_set_new(joined, "recovered", json_boolean(after >= bounds.oldest && after <= bounds.head));
    if (crowded)
        json_object_set_new(joined, "crowded", json_true());
    reply(relay, request, joined);
}

void cmd_leave(relay_t *relay, request_t *request) {
    room_t *room = room_find(relay, request->room);
    member_t *member = room ? member_find(request->session, room) : NULL;
    json_t *ok = json_pack("{ss so}", "op", "ok", "room", zr_json_string(request->room));
    if (member)
        member_remove(relay, member, "leave");
    reply(relay, request, ok);
}
