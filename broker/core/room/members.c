/* See members.h. */
#include "members.h"

#include <utlist.h>

#include "fatal.h"
#include "rooms.h"
#include "state.h"

static void s_show(relay_t *relay, member_t *member, zr_span_t was) {
    if (presence_enter(&member->room->presence, user_nick(member->session->user), was))
        news_add(relay, member->room);
}

static void s_hide(relay_t *relay, member_t *member, const char *reason, zr_span_t to) {
    if (presence_exit(&member->room->presence, user_nick(member->session->user), reason, to))
        news_add(relay, member->room);
}

member_t *member_find(const session_t *session, const room_t *room) {
    member_t *member;
    HASH_FIND_PTR(session->members, &room, member);
    return member;
}

member_t *member_add(relay_t *relay, session_t *session, room_t *room, bool present) {
    member_t *member = fatal_calloc(sizeof *member);
    *member = (member_t){.session = session,
        .room = room,
        .rights = session_rights(session, room_name(room)),
        .told = UINT64_MAX,
        .told_version = UINT64_MAX};
    HASH_ADD_PTR(session->members, room, member);
    DL_APPEND(room->members, member);
    room->member_count++;
    room->silent_count++;
    member_set_present(relay, member, present);
    return member;
}

void member_set_present(relay_t *relay, member_t *member, bool wished) {
    member->wished = wished;
    bool present = wished && (member->rights & RIGHT_PRESENCE);
    if (member->present == present)
        return;
    member->present = present;
    member->room->silent_count += present ? -1 : 1;
    if (present)
        s_show(relay, member, zr_span(NULL));
    else
        s_hide(relay, member, "leave", zr_span(NULL));
}

void member_set_rights(relay_t *relay, member_t *member, rights_t rights) {
    if (rights & ~member->rights & RIGHT_PRESENCE)
        member->told_version = UINT64_MAX; /* its last question may have been refused */
    member->rights = rights;
    member_set_present(relay, member, member->wished);
}

void member_remove(relay_t *relay, member_t *member, const char *reason) {
    session_t *session = member->session;
    room_t *room = member->room;
    if (member->present)
        s_hide(relay, member, reason, zr_span(NULL));
    if (session->next_told == member)
        session->next_told = member->hh.next;
    HASH_DEL(session->members, member);
    DL_DELETE(room->members, member);
    room->member_count--;
    room->silent_count -= !member->present;
    room->emptied = relay->now;
    free(member);

    room_forget_unused(relay, room);
}

void session_rename(relay_t *relay, session_t *session, zr_span_t nick) {
    char was[ZR_NICK_MAX];
    size_t was_len = session->user->nick_len;
    memcpy(was, session->user->nick, was_len);
    for (member_t *member = session->members; member; member = member->hh.next)
        if (member->present)
            s_hide(relay, member, "renamed", nick);
    session_set_nick(&relay->sessions, session, nick);
    for (member_t *member = session->members; member; member = member->hh.next)
        if (member->present)
            s_show(relay, member, zr_span_of(was, was_len));
}
