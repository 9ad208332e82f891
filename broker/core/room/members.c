/* See members.h. */
#include "members.h"

#include <utlist.h>

#include "fatal.h"
#include "rooms.h"
#include "state.h"

/* --- Metas --- */

static zr_blob_t *s_meta(const member_t *member) {
    return member->meta ? member->meta : member->session->meta;
}

static bool s_is_empty(const zr_blob_t *meta) {
    return zr_blob_len(meta) == 2; /* {} */
}

/* Shows what the session of the member gave, if it gave anything. */
static void s_show_meta(relay_t *relay, const member_t *member) {
    zr_blob_t *meta = s_meta(member);
    if (member->present && meta && !s_is_empty(meta) &&
        presence_set_meta(&member->room->presence, user_nick(member->session->user), meta))
        news_add(relay, member->room);
}

/* The session whose meta is `shown` goes, or takes it away: another one of its user may have one. */
static void s_pass_meta_on(relay_t *relay, const member_t *member, const zr_blob_t *shown) {
    presence_t *presence = &member->room->presence;
    zr_span_t nick = user_nick(member->session->user);
    zr_blob_t *next = NULL;
    if (!shown || presence_meta(presence, nick) != shown)
        return;
    for (const session_t *other = member->session->user->sessions; other; other = other->next) {
        const member_t *its = other != member->session ? member_find(other, member->room) : NULL;
        if (its && its->present && s_meta(its) && !s_is_empty(s_meta(its)))
            next = s_meta(its);
    }
    if (presence_set_meta(presence, nick, next))
        news_add(relay, member->room);
}

/* The member has another meta than `before` now. */
static void s_changed(relay_t *relay, const member_t *member, const zr_blob_t *before) {
    if (member->present && s_is_empty(s_meta(member)))
        s_pass_meta_on(relay, member, before);
    else
        s_show_meta(relay, member);
}

static size_t s_meta_bytes(const member_t *member) {
    return member && member->meta ? zr_blob_len(member->meta) : 0;
}

bool member_meta_fits(const session_t *session, const member_t *member, const zr_blob_t *meta) {
    return session->meta_bytes - s_meta_bytes(member) + zr_blob_len(meta) <= META_JOINS_MAX;
}

void member_set_meta(relay_t *relay, member_t *member, zr_blob_t *meta) {
    member->session->meta_bytes += zr_blob_len(meta) - s_meta_bytes(member);
    zr_blob_t *old = member->meta, *shown = s_meta(member);
    member->meta = zr_blob_ref(meta);
    s_changed(relay, member, shown);
    zr_blob_unref(old);
}

void session_set_meta(relay_t *relay, session_t *session, zr_blob_t *meta) {
    zr_blob_t *old = session->meta;
    session->meta = zr_blob_ref(meta);
    for (member_t *member = session->members; member; member = member->hh.next)
        if (!member->meta)
            s_changed(relay, member, old);
    zr_blob_unref(old);
}

/* --- Presence --- */

static void s_show(relay_t *relay, member_t *member, zr_span_t was) {
    if (presence_enter(&member->room->presence, user_nick(member->session->user), was))
        news_add(relay, member->room);
    s_show_meta(relay, member);
}

static void s_hide(relay_t *relay, member_t *member, const char *reason, zr_span_t to) {
    const zr_blob_t *meta = s_meta(member);
    if (presence_exit(&member->room->presence, user_nick(member->session->user), reason, to))
        news_add(relay, member->room);
    s_pass_meta_on(relay, member, meta);
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
    session->meta_bytes -= s_meta_bytes(member);
    zr_blob_unref(member->meta);
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
