/* ping: the sign of life, answered with the heads and presence versions that moved, so that the loss of a last message
 * is noticed. It does the same for rooms that the session follows. */
#include "commands.h"
#include "control.h"
#include "flood.h"
#include "reply.h"
#include "state.h"

enum { PONG_ROOMS = 500 };
enum { LOOKED_FOR_ONE = 100 }; /* moves that a pong looks at for a cost of 1 */

static void s_tell(json_t *object, const room_t *room, uint64_t value) {
    json_object_setn_new_nocheck(object, room->name, room->name_len, json_integer((json_int_t)value));
}

void cmd_ping(relay_t *relay, request_t *request) {
    session_t *session = request->session;
    /* Begins where the last one stopped, so that no room waits for ever behind five hundred busy ones. */
    json_t *heads = json_object(), *versions = json_object();
    member_t *member = session->next_told ? session->next_told : session->members;
    size_t left = HASH_COUNT(session->members), named = 0;
    for (; left > 0 && named < PONG_ROOMS; left--) {
        const room_t *room = member->room;
        bool moved = member->told != room->stored;
        bool changed = (member->rights & RIGHT_PRESENCE) && member->told_version != room->presence.version;
        if (moved)
            s_tell(heads, room, member->told = room->stored);
        if (changed)
            s_tell(versions, room, member->told_version = room->presence.version);
        named += moved || changed;
        member = member->hh.next ? member->hh.next : session->members;
    }
    session->next_told = member;
    bool more, list;
    size_t looked = follow_pong(relay, session, heads, versions, &more, &list);
    flood_allow(relay, request, (rate_cost_t){{[RATE_OPS] = looked / LOOKED_FOR_ONE}});
    json_t *pong = json_pack(
        "{ss sI so so}", "op", "pong", "time", (json_int_t)request->now, "heads", heads, "versions", versions);
    if (more)
        json_object_set_new(pong, "more", json_true());
    if (list)
        json_object_set_new(pong, "list", json_true());
    reply(relay, request, pong);
}
