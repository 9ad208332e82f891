/* rooms: those whose name starts so. */
#include "control.h"
#include "page.h"
#include "relay_internal.h"

void cmd_rooms(relay_t *relay, request_t *request) {
    const char *wrong = NULL;
    zr_span_t prefix = {0}, after = {0};
    uint64_t limit = PAGE_MAX;
    zr_get_string_opt(request->object, "prefix", ZR_ROOM_MAX, &prefix, &wrong);
    zr_get_string_opt(request->object, "after", ZR_ROOM_MAX, &after, &wrong);
    zr_get_uint_opt(request->object, "limit", 1, &limit, &wrong);
    if (wrong) {
        fail_member(relay, request, wrong);
        return;
    }
    page_t page;
    page_begin(&page, after, (size_t)limit);
    for (const room_t *room = relay->rooms; room; room = room->hh.next)
        if (zr_span_starts(room_name(room), prefix) && (room->stored || room->member_count))
            page_offer(&page, room_name(room), room);
    page_end(&page);

    json_t *rooms = json_array();
    for (size_t i = 0; i < page.count; i++) {
        const room_t *room = page.items[i].item;
        json_array_append_new(rooms, json_pack("{so sI sI}", "room", zr_json_string(page.items[i].name), "seq",
                                         (json_int_t)room->stored, "count", (json_int_t)room->presence.count));
    }
    reply(relay, request, json_pack("{ss so sb}", "op", "rooms", "rooms", rooms, "more", page.more));
}
