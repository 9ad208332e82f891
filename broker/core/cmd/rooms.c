/* rooms: lists the rooms that the user may read and whose names have the given prefix. */
#include "commands.h"
#include "control.h"
#include "listing.h"
#include "reply.h"
#include "rooms.h"
#include "state.h"

/* The first room from `room` on that the user may read; NULL: no such room follows. */
static const room_t *s_readable(const relay_t *relay, session_t *session, const room_t *room) {
    char next[ACCESS_NEXT_SIZE];
    while (room && !(session_rights(session, room_name(room)) & RIGHT_READ)) {
        bool barred = access_rights(session->access, room_name(room)) & RIGHT_READ;
        size_t len = barred ? 0 : access_next_readable(session->access, room_name(room), next);
        if (barred)
            room = room_next(relay, room_name(room), false);
        else
            room = len ? room_next(relay, zr_span_of(next, len), true) : NULL;
    }
    return room;
}

static void s_answer(relay_t *relay, const request_t *request, const page_t *page) {
    zr_span_t prefix = page->name, after = page->after;
    json_t *rooms = json_array();
    bool more = false, go_on = zr_span_compare(after, prefix) >= 0 && after.len;
    session_t *session = request->session;
    const room_t *room = s_readable(relay, session, room_next(relay, go_on ? after : prefix, !go_on));
    for (; room && zr_span_starts(room_name(room), prefix);
         room = s_readable(relay, session, room_next(relay, room_name(room), false))) {
        if (room->stored == room->begun && !room->member_count)
            continue;
        more = json_array_size(rooms) == page->limit;
        if (more)
            break;
        bool sees = session_rights(session, room_name(room)) & RIGHT_PRESENCE;
        json_t *about = json_pack("{so sI sI}", "room", zr_json_string(room_name(room)), "seq",
            (json_int_t)room->stored, "count", (json_int_t)(sees ? room->presence.count : 0));
        if (sees && page->versions)
            json_object_set_new(about, "version", json_integer((json_int_t)room->presence.version));
        if (room->level == ZR_LEVEL_NONE)
            json_object_set_new(about, "kept", json_false());
        json_array_append_new(rooms, about);
    }
    reply(relay, request, json_pack("{ss so sb}", "op", "rooms", "rooms", rooms, "more", more));
}

void cmd_rooms(relay_t *relay, request_t *request) {
    const char *wrong = NULL;
    page_t page = {0};
    zr_get_string_opt(request->object, "prefix", ZR_ROOM_MAX, &page.name, &wrong);
    zr_get_bool_opt(request->object, "presence", &page.versions, &wrong);
    if (wrong)
        fail_member(relay, request, wrong);
    else if (listing_read(relay, request, ZR_ROOM_MAX, &page))
        listing_add(relay, request, &page, s_answer);
}
