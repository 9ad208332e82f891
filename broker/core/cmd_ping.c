/* ping: the sign of life, answered with the heads that moved, so that a lost last message is noticed. */
#include "control.h"
#include "relay_internal.h"

enum { PONG_ROOMS = 500 };

void cmd_ping(relay_t *relay, request_t *request)
{
    session_t *session = request->session;
    session->heard = false; /* the ticket starts anew */
    outbox_add(relay->outbox, &(effect_t){.kind = EFFECT_ALIVE, .session = session->id});

    /* Begins where the last one stopped, so that no room waits for ever behind five hundred busy ones. */
    json_t *heads = json_object();
    member_t *member = session->next_told ? session->next_told : session->members;
    size_t left = HASH_COUNT(session->members), named = 0;
    for (; left > 0 && named < PONG_ROOMS; left--) {
        const room_t *room = member->room;
        if (member->told != room->stored) {
            member->told = room->stored;
            json_object_setn_new_nocheck(heads, room->name, room->name_len, json_integer((json_int_t)room->stored));
            named++;
        }
        member = member->hh.next ? member->hh.next : session->members;
    }
    session->next_told = member;
    reply(relay, request, json_pack("{ss sI so}", "op", "pong", "time", (json_int_t)request->now, "heads", heads));
}
