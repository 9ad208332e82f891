/* See follow.h. */
#include "follow.h"

#include <utlist.h>

#include "control.h"
#include "fatal.h"
#include "members.h"
#include "state.h"

enum { PONG_ROOMS = 500 };
enum { LOOK_AT = 5000, LOOK_AT_LEAST = 100 }; /* names compared for a pong, and rooms at least */

/* --- Prefixes --- */

static zr_span_t s_text(const prefix_t *prefix) {
    return zr_span_of(prefix->text, prefix->len);
}

static prefix_t *s_find(const follows_t *follows, zr_span_t text) {
    prefix_t *prefix;
    HASH_FIND(hh, follows->prefixes, text.ptr, text.len, prefix);
    return prefix;
}

static prefix_t *s_prefix(follows_t *follows, zr_span_t text) {
    prefix_t *prefix = s_find(follows, text);
    if (prefix)
        return prefix;
    prefix = fatal_calloc(sizeof *prefix);
    memcpy(prefix->text, text.ptr, text.len);
    prefix->len = text.len;
    HASH_ADD(hh, follows->prefixes, text, text.len, prefix);
    follows->of_length[text.len]++;
    return prefix;
}

static void s_prefix_unused(follows_t *follows, prefix_t *prefix) {
    if (prefix->followers)
        return;
    HASH_DEL(follows->prefixes, prefix);
    follows->of_length[prefix->len]--;
    free(prefix);
}

/* --- Followers --- */

static follower_t *s_follower(const session_t *session, const prefix_t *prefix) {
    follower_t *follower = NULL;
    if (prefix)
        HASH_FIND_PTR(session->following.by_prefix, &prefix, follower);
    return follower;
}

bool follow_has(const relay_t *relay, const session_t *session, zr_span_t text) {
    return s_follower(session, s_find(&relay->follows, text));
}

void follow_begin(relay_t *relay, session_t *session, zr_span_t text, bool presence) {
    follows_t *follows = &relay->follows;
    following_t *following = &session->following;
    prefix_t *prefix = s_prefix(follows, text);
    follower_t *follower = s_follower(session, prefix);
    if (!follower) {
        if (!following->by_prefix)
            following->moves = follows->moves; /* the list of the rooms tells of those before */
        follower = fatal_calloc(sizeof *follower);
        follower->session = session;
        follower->prefix = prefix;
        HASH_ADD_PTR(following->by_prefix, prefix, follower);
        DL_APPEND(prefix->followers, follower);
    }
    follower->presence = presence;
}

static void s_end(relay_t *relay, follower_t *follower) {
    prefix_t *prefix = follower->prefix;
    HASH_DEL(follower->session->following.by_prefix, follower);
    DL_DELETE(prefix->followers, follower);
    s_prefix_unused(&relay->follows, prefix);
    free(follower);
}

void follow_end(relay_t *relay, session_t *session, zr_span_t text) {
    follower_t *follower = s_follower(session, s_find(&relay->follows, text));
    if (follower)
        s_end(relay, follower);
}

void follow_end_all(relay_t *relay, session_t *session) {
    while (session->following.by_prefix)
        s_end(relay, session->following.by_prefix);
}

/* --- Live frames --- */

static void s_tell(
    const relay_t *relay, const follower_t *follower, const room_t *room, rights_t needed, zr_blob_t *frame) {
    session_t *session = follower->session;
    if (!session->route || session->following.frame == relay->follows.frames || member_find(session, room) ||
        ((needed & RIGHT_PRESENCE) && !follower->presence) || (needed & ~session_rights(session, room_name(room))))
        return;
    session->following.frame = relay->follows.frames; /* once, whatever it follows */
    outbox_add(relay->outbox,
        &(effect_t){.kind = EFFECT_SEND, .route = session->route, .frame = zr_blob_ref(frame), .live = true});
}

void follow_tell(relay_t *relay, const room_t *room, rights_t needed, zr_blob_t *frame) {
    follows_t *follows = &relay->follows;
    if (!follows->prefixes)
        return;
    follows->frames++;
    for (size_t len = 0; len <= room->name_len; len++) {
        prefix_t *prefix = follows->of_length[len] ? s_find(follows, zr_span_of(room->name, len)) : NULL;
        for (follower_t *follower = prefix ? prefix->followers : NULL; follower; follower = follower->next)
            s_tell(relay, follower, room, needed, frame);
    }
}

/* --- Moves --- */

static void s_take_out(follows_t *follows, room_t *room) {
    if (room->moved)
        DL_DELETE2(follows->moved, room, prev_moved, next_moved);
    room->moved = 0;
}

void follow_room_gone(relay_t *relay, room_t *room) {
    follows_t *follows = &relay->follows;
    if (room->moved > follows->gone)
        follows->gone = room->moved;
    s_take_out(follows, room);
}

void follow_moved(relay_t *relay, room_t *room) {
    if (!relay->follows.prefixes)
        return;
    s_take_out(&relay->follows, room);
    room->moved = ++relay->follows.moves;
    DL_APPEND2(relay->follows.moved, room, prev_moved, next_moved);
}

/* The first of the rooms that moved after `told`; NULL: none did. `*count`: how many they are. If they are more than
 * `most`, it is one more than that, and the room is not the first. */
static room_t *s_since(const follows_t *follows, uint64_t told, size_t most, size_t *count) {
    room_t *first = NULL;
    *count = 0;
    for (room_t *room = follows->moved ? follows->moved->prev_moved : NULL; room && room->moved > told;
         room = room == follows->moved ? NULL : room->prev_moved) {
        first = room;
        if (++*count > most)
            break;
    }
    return first;
}

/* Does the session follow the room? `*presence`: with its presence. */
static bool s_follows(const session_t *session, const room_t *room, bool *presence) {
    bool follows = false;
    *presence = false;
    for (follower_t *follower = session->following.by_prefix; follower; follower = follower->hh.next) {
        if (!zr_span_starts(room_name(room), s_text(follower->prefix)))
            continue;
        follows = true;
        *presence |= follower->presence;
    }
    return follows;
}

static void s_set(json_t *object, const room_t *room, uint64_t value) {
    json_object_setn_new_nocheck(object, room->name, room->name_len, json_integer((json_int_t)value));
}

/* Names the room, if the session follows and may read it. */
static bool s_name(session_t *session, const room_t *room, json_t *heads, json_t *versions) {
    bool presence;
    if (!s_follows(session, room, &presence))
        return false;
    rights_t rights = session_rights(session, room_name(room));
    if (!(rights & RIGHT_READ))
        return false;
    s_set(heads, room, room->stored);
    if (presence && (rights & RIGHT_PRESENCE))
        s_set(versions, room, room->presence.version);
    return true;
}

size_t follow_pong(relay_t *relay, session_t *session, json_t *heads, json_t *versions, bool *more, bool *list) {
    const follows_t *follows = &relay->follows;
    following_t *following = &session->following;
    size_t prefixes = HASH_COUNT(following->by_prefix), looked = 0, named = 0;
    *more = *list = false;
    if (prefixes == 0)
        return 0;
    size_t most = LOOK_AT / prefixes > LOOK_AT_LEAST ? LOOK_AT / prefixes : LOOK_AT_LEAST;
    room_t *room = s_since(follows, following->moves, most, &looked);
    *list = following->list || looked > most || follows->gone > following->moves;
    following->list = false;
    if (*list) {
        following->moves = follows->moves; /* the list tells all that moved until now */
        return looked;
    }
    for (; room && named < PONG_ROOMS; room = room->next_moved) {
        named += s_name(session, room, heads, versions);
        following->moves = room->moved;
    }
    *more = room;
    return looked * prefixes;
}
