/* who: the users present in a room. */
#include "control.h"
#include "page.h"
#include "relay_internal.h"

void cmd_who(relay_t *relay, request_t *request) {
    zr_span_t name = request->room, after = {0};
    const char *wrong = NULL;
    uint64_t limit = PAGE_MAX;
    zr_get_string_opt(request->object, "after", SIZE_MAX, &after, &wrong);
    zr_get_uint_opt(request->object, "limit", 1, &limit, &wrong);
    if (wrong) {
        fail_member(relay, request, wrong);
        return;
    }
    if (after.len && !zr_nick_valid(after)) {
        fail(relay, request, ZR_BAD_NICK, zr_nick_fault(after));
        return;
    }
    page_t page;
    page_begin(&page, after, (size_t)limit);
    room_t *room = room_find(relay, name);
    if (room)
        presence_listed(&room->presence);
    for (const occupant_t *user = room ? room->presence.occupants : NULL; user; user = user->hh.next)
        if (user->sessions > 0)
            page_offer(&page, zr_span_of(user->nick, user->nick_len), user);
    page_end(&page);

    json_t *users = json_array();
    for (size_t i = 0; i < page.count; i++)
        json_array_append_new(users, json_pack("{so}", "nick", zr_json_string(page.items[i].name)));
    json_t *answer = json_pack("{ss so sI so sI sI sb}", "op", "who", "room", zr_json_string(name), "version",
        (json_int_t)(room ? room->presence.version : 0), "users", users, "count",
        (json_int_t)(room ? room->presence.count : 0), "silent", (json_int_t)(room ? room->silent_count : 0), "more",
        page.more);
    if (room && presence_is_crowded(&room->presence, relay->config.presence_names))
        json_object_set_new(answer, "crowded", json_true());
    reply(relay, request, answer);
}
