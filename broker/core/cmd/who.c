/* who: the users present in a room. */
#include "commands.h"
#include "control.h"
#include "reply.h"
#include "rooms.h"
#include "state.h"

typedef struct {
    zr_span_t after; /* the page begins behind this nick; empty: at the first */
    size_t limit;    /* names in the page; 1 to PAGE_MAX */
} who_t;

static void s_read(const request_t *request, who_t *who, const char **wrong) {
    uint64_t limit = PAGE_MAX;
    zr_get_string_opt(request->object, "after", SIZE_MAX, &who->after, wrong);
    zr_get_uint_opt(request->object, "limit", 1, &limit, wrong);
    who->limit = limit < PAGE_MAX ? (size_t)limit : PAGE_MAX;
}

/* The names in the page. `*more`: there are others behind them. */
static json_t *s_page(const room_t *room, const who_t *who, bool *more) {
    json_t *users = json_array();
    const occupant_t *user = room ? presence_next(&room->presence, who->after) : NULL;
    while (user && json_array_size(users) < who->limit) {
        zr_span_t nick = zr_span_of(user->nick, user->nick_len);
        json_array_append_new(users, json_pack("{so}", "nick", zr_json_string(nick)));
        user = presence_next(&room->presence, nick);
    }
    *more = user != NULL;
    return users;
}

void cmd_who(relay_t *relay, request_t *request) {
    zr_span_t name = request->room;
    const char *wrong = NULL;
    who_t who = {0};
    s_read(request, &who, &wrong);
    if (wrong) {
        fail_member(relay, request, wrong);
        return;
    }
    if (who.after.len && !zr_nick_valid(who.after)) {
        fail(relay, request, ZR_BAD_NICK, zr_nick_fault(who.after));
        return;
    }
    room_t *room = room_find(relay, name);
    if (room)
        presence_listed(&room->presence);
    bool more;
    json_t *users = s_page(room, &who, &more);
    json_t *answer = json_pack("{ss so sI so sI sI sb}", "op", "who", "room", zr_json_string(name), "version",
        (json_int_t)(room ? room->presence.version : 0), "users", users, "count",
        (json_int_t)(room ? room->presence.count : 0), "silent", (json_int_t)(room ? room->silent_count : 0), "more",
        more);
    if (room && presence_is_crowded(&room->presence, relay->config.presence_names))
        json_object_set_new(answer, "crowded", json_true());
    reply(relay, request, answer);
}
