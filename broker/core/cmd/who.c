/* who: the users present in a room. */
#include "commands.h"
#include "control.h"
#include "listing.h"
#include "reply.h"
#include "rooms.h"
#include "state.h"

/* The names in the page; it ends earlier when their metas are long. `*more`: there are others behind them. */
static json_t *s_names(const room_t *room, const page_t *page, bool *more) {
    json_t *users = json_array();
    const occupant_t *user = room ? presence_next(&room->presence, page->after) : NULL;
    for (size_t bytes = 0; user && json_array_size(users) < page->limit && bytes < PRESENCE_META_BYTES;) {
        json_array_append_new(users, presence_named(user));
        bytes += user->meta ? zr_blob_len(user->meta) : 0;
        user = presence_next(&room->presence, zr_span_of(user->nick, user->nick_len));
    }
    *more = user != NULL;
    return users;
}

static void s_answer(relay_t *relay, const request_t *request, const page_t *page) {
    const rights_t needs = RIGHT_READ | RIGHT_PRESENCE;
    if ((session_rights(request->session, page->name) & needs) != needs) { /* any more */
        fail(relay, request, ZR_FORBIDDEN, NULL);
        return;
    }
    room_t *room = room_find(relay, page->name);
    if (room)
        presence_listed(&room->presence);
    bool more;
    json_t *users = s_names(room, page, &more);
    json_t *answer = json_pack("{ss so sI so sI sI sb}", "op", "who", "room", zr_json_string(page->name), "version",
        (json_int_t)(room ? room->presence.version : 0), "users", users, "count",
        (json_int_t)(room ? room->presence.count : 0), "silent", (json_int_t)(room ? room->silent_count : 0), "more",
        more);
    if (room && presence_is_crowded(&room->presence, relay->config.presence_names))
        json_object_set_new(answer, "crowded", json_true());
    reply(relay, request, answer);
}

void cmd_who(relay_t *relay, request_t *request) {
    page_t page = {.name = request->room};
    if (!listing_read(relay, request, SIZE_MAX, &page))
        return;
    if (page.after.len && !zr_nick_valid(page.after))
        fail(relay, request, ZR_BAD_NICK, zr_nick_fault(page.after));
    else
        listing_add(relay, request, &page, s_answer);
}
