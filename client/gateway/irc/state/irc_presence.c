/* See irc_presence.h. */
#include "irc_presence.h"

#include <stdio.h>

#include "control.h"
#include "fatal.h"
#include "irc_ask.h"
#include "irc_out.h"
#include "irc_show.h"

const char *irc_meta_away(const json_t *meta) {
    const char *away = json_string_value(json_object_get(meta, "away"));
    return away && !away[0] ? "away" : away;
}

static char s_meta_typing(const json_t *meta) {
    const char *typing = json_string_value(json_object_get(meta, "typing"));
    return typing && (strcmp(typing, "active") == 0 || strcmp(typing, "paused") == 0) ? typing[0] : 0;
}

irc_member_t *irc_presence_find(const irc_t *irc, zr_span_t nick) {
    irc_member_t *member = NULL;
    for (irc_room_t *room = irc->rooms; room && !member; room = room->hh.next)
        member = irc_member_find(room->members, nick);
    return member;
}

/* --- What changes is shown --- */

static bool s_is_me(const irc_room_t *room, const char *nick) {
    return strcmp(room->irc->nick, nick) == 0;
}

static void s_show_away(irc_room_t *room, const irc_member_t *member) {
    irc_t *irc = room->irc;
    if (!(irc->caps & IRC_AWAY_NOTIFY) || s_is_me(room, member->nick))
        return;
    irc_begin(irc, member->nick, 0, "AWAY");
    if (member->away)
        irc_trailing(irc, zr_span(member->away));
    irc_end(irc);
}

static void s_show_typing(irc_room_t *room, const irc_member_t *member) {
    irc_t *irc = room->irc;
    const char *state = member->typing == 'a' ? "active" : member->typing == 'p' ? "paused" : "done";
    if (!(irc->caps & IRC_MESSAGE_TAGS) || s_is_me(room, member->nick))
        return;
    irc_begin(irc, member->nick, 0, "TAGMSG");
    irc_tag(irc, "+typing", zr_span(state));
    irc_middle(irc, room->channel.text);
    irc_end(irc);
}

/* The same user's other rooms get the same away message, which is shown once. */
static void s_set_meta(irc_room_t *room, irc_member_t *member, const json_t *meta, bool shown) {
    const char *away = irc_meta_away(meta);
    char typing = s_meta_typing(meta);
    if ((away != NULL) != (member->away != NULL) || (away && strcmp(away, member->away) != 0)) {
        bool known = false;
        for (irc_room_t *other = room->irc->rooms; other; other = other->hh.next) {
            irc_member_t *there =
                other != room ? irc_member_find(other->members, zr_span_of(member->nick, member->len)) : NULL;
            known |= there && (there->away != NULL) == (away != NULL) && (!away || strcmp(away, there->away) == 0);
        }
        irc_member_set_away(member, away);
        if (shown && !known)
            s_show_away(room, member);
    }
    if (typing == member->typing)
        return;
    member->typing = typing;
    if (shown)
        s_show_typing(room, member);
}

static void s_add(irc_room_t *room, const char *nick, const json_t *meta) {
    irc_member_t *member = irc_member_find(room->members, zr_span(nick));
    if (member) {
        if (meta)
            s_set_meta(room, member, meta, true);
        return;
    }
    member = irc_member_add(&room->members, zr_span(nick));
    s_set_meta(room, member, meta, false);
    if (s_is_me(room, nick))
        return;
    irc_show_join(room, nick);
    irc_watch_nick(room->irc, zr_span(nick));
}

static bool s_is_elsewhere(const irc_room_t *room, zr_span_t nick) {
    for (const irc_room_t *other = room->irc->rooms; other; other = other->hh.next)
        if (other != room && irc_member_find(other->members, nick))
            return true;
    return false;
}

/* QUIT would take the user out of all rooms in the client's eyes. So it is told in the last room that both are in. */
static void s_show_left(irc_room_t *room, const char *nick, const char *reason) {
    irc_t *irc = room->irc;
    bool sent = strcmp(reason, "kicked") == 0 || strcmp(reason, "banned") == 0 || strcmp(reason, "revoked") == 0;
    irc_name_t shown;
    if (sent) {
        irc_nick_of(zr_span(nick), &shown);
        irc_begin(irc, NULL, 0, "KICK");
        irc_middle(irc, room->channel.text);
        irc_middle(irc, shown.text);
    } else if (strcmp(reason, "leave") == 0 || s_is_elsewhere(room, zr_span(nick))) {
        irc_begin(irc, nick, 0, "PART");
        irc_middle(irc, room->channel.text);
    } else
        irc_begin(irc, nick, 0, "QUIT");
    if (sent || strcmp(reason, "leave") != 0)
        irc_trailing(irc, zr_span(reason));
    irc_end(irc);
}

/* `nick` may be the member's own. */
static void s_remove(irc_room_t *room, const char *nick, const char *reason) {
    irc_member_t *member = irc_member_find(room->members, zr_span(nick));
    char gone[ZR_NICK_MAX + 1];
    if (!member || s_is_me(room, nick))
        return;
    snprintf(gone, sizeof gone, "%s", nick);
    irc_member_remove(&room->members, member);
    s_show_left(room, gone, reason);
    irc_watch_nick(room->irc, zr_span(gone));
}

static void s_rename(irc_t *irc, zr_span_t from, zr_span_t to) {
    for (irc_room_t *room = irc->rooms; room; room = room->hh.next) {
        irc_member_t *member = irc_member_find(room->members, from);
        if (!member)
            continue;
        if (!irc_member_find(room->members, to)) {
            irc_member_t *renamed = irc_member_add(&room->members, to);
            irc_member_set_away(renamed, member->away);
            renamed->typing = member->typing;
        }
        irc_member_remove(&room->members, member);
    }
}

static void s_show_nick(irc_t *irc, const char *from, zr_span_t to) {
    irc_name_t shown;
    irc_nick_of(to, &shown);
    irc_begin(irc, from, 0, "NICK");
    irc_middle(irc, shown.text);
    irc_end(irc);
}

void irc_presence_renamed(irc_t *irc, zr_span_t from, zr_span_t to) {
    char before[ZR_NICK_MAX + 1];
    snprintf(before, sizeof before, "%.*s", (int)from.len, from.ptr);
    s_rename(irc, from, to);
    s_show_nick(irc, before, to);
    irc_watch_nick(irc, zr_span(before));
    irc_watch_nick(irc, to);
}

/* --- Frames --- */

static const char *s_text(const json_t *object, const char *name) {
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

static bool s_nick_valid(const json_t *user) {
    return zr_nick_valid(zr_span(s_text(user, "nick")));
}

static void s_apply_left(irc_room_t *room, const json_t *user) {
    const char *nick = s_text(user, "nick"), *to = s_text(user, "to");
    bool known = irc_member_find(room->members, zr_span(nick)) != NULL;
    if (!s_nick_valid(user) || !known || s_is_me(room, nick))
        return;
    if (zr_nick_valid(zr_span(to)) && !irc_member_find(room->members, zr_span(to)))
        irc_presence_renamed(room->irc, zr_span(nick), zr_span(to));
    else
        s_remove(room, nick, s_text(user, "reason"));
}

static void s_apply(irc_room_t *room, const json_t *frame) {
    const json_t *user;
    size_t i;
    bool crowded = json_is_true(json_object_get(frame, "crowded")), ended = room->crowded && !crowded;
    room->version = irc_answer_number(frame, "version");
    room->crowded = crowded;
    json_array_foreach(json_object_get(frame, "left"), i, user) s_apply_left(room, user);
    json_array_foreach(json_object_get(frame, "joined"), i, user) if (s_nick_valid(user))
        s_add(room, s_text(user, "nick"), json_object_get(user, "meta"));
    json_array_foreach(json_object_get(frame, "changed"), i, user) {
        irc_member_t *member = irc_member_find(room->members, zr_span(s_text(user, "nick")));
        if (member)
            s_set_meta(room, member, json_object_get(user, "meta"), true);
    }
    if (ended)
        irc_presence_ask(room);
}

static json_t *s_read(zr_span_t frame) {
    json_t *object = NULL;
    return zr_control_read(frame, &object) == ZR_OK ? object : NULL;
}

void irc_presence_drop_held(irc_room_t *room) {
    while (room->held_count > 0)
        zr_blob_unref(room->held[--room->held_count]);
}

/* While `who` is under way, frames wait: they go on top of its answer. */
static void s_hold(irc_room_t *room, zr_span_t json) {
    if (room->held_count == IRC_HELD) {
        irc_presence_drop_held(room);
        room->again = true;
        return;
    }
    FATAL_GROW(room->held, room->held_count, room->held_size);
    room->held[room->held_count++] = zr_blob_copy(json.ptr, json.len);
}

static void s_take(irc_room_t *room, const json_t *frame) {
    uint64_t version = irc_answer_number(frame, "version");
    if (version <= room->version)
        return;
    room->version_heard = version > room->version_heard ? version : room->version_heard;
    if (version == room->version + 1 || json_is_true(json_object_get(frame, "crowded")))
        s_apply(room, frame);
    else
        irc_presence_ask(room);
}

void irc_presence_frame(irc_room_t *room, zr_span_t json) {
    if (room->counting || !room->shown) {
        s_hold(room, json);
        return;
    }
    json_t *frame = s_read(json);
    if (frame)
        s_take(room, frame);
    json_decref(frame);
}

/* --- who --- */

static void s_take_held(irc_room_t *room) {
    zr_blob_t **held = room->held;
    size_t count = room->held_count;
    room->held = NULL;
    room->held_count = room->held_size = 0;
    for (size_t i = 0; i < count; i++) {
        irc_presence_frame(room, zr_span_of(zr_blob_data(held[i]), zr_blob_len(held[i])));
        zr_blob_unref(held[i]);
    }
    free(held);
}

static void s_count_page(irc_room_t *room, const json_t *answer) {
    const json_t *user;
    size_t i;
    json_array_foreach(json_object_get(answer, "users"), i, user) {
        zr_span_t nick = zr_span(s_text(user, "nick"));
        if (!zr_nick_valid(nick) || irc_member_find(room->counted, nick))
            continue;
        irc_member_t *member = irc_member_add(&room->counted, nick);
        irc_member_set_away(member, irc_meta_away(json_object_get(user, "meta")));
        member->typing = s_meta_typing(json_object_get(user, "meta"));
    }
}

/* What differs from before is shown as if each had come or gone. */
static void s_show_differences(irc_room_t *room) {
    irc_member_t *member, *next;
    HASH_ITER(hh, room->members, member, next) {
        if (!irc_member_find(room->counted, zr_span_of(member->nick, member->len)))
            s_remove(room, member->nick, "leave");
    }
    HASH_ITER(hh, room->counted, member, next) {
        json_t *meta = json_object();
        if (member->away)
            json_object_set_new(meta, "away", json_string(member->away));
        if (member->typing)
            json_object_set_new(meta, "typing", json_string(member->typing == 'a' ? "active" : "paused"));
        s_add(room, member->nick, meta);
        json_decref(meta);
    }
    irc_members_finish(&room->counted);
}

static void s_counted(irc_room_t *room, uint64_t version) {
    room->counting = false;
    room->version = version;
    if (room->shown)
        s_show_differences(room);
    else {
        irc_members_finish(&room->members);
        room->members = room->counted;
        room->counted = NULL;
        irc_room_counted(room);
    }
    s_take_held(room);
    if (!room->again)
        return;
    room->again = false;
    irc_presence_ask(room);
}

static json_t *s_question(const irc_room_t *room, const char *after) {
    json_t *object = json_pack("{s:s,s:s}", "op", "who", "room", room->name);
    if (after)
        json_object_set_new(object, "after", json_string(after));
    return object;
}

/* Without the right `presence`, the client sees itself alone. */
static void s_on_who(irc_t *irc, irc_ask_t *ask, const json_t *answer) {
    irc_room_t *room = irc_room_find(irc, zr_span(ask->room));
    if (!room || !room->counting || !answer)
        return;
    const json_t *users = json_object_get(answer, "users");
    const json_t *last = json_array_get(users, json_array_size(users) - 1);
    if (ask->n++ == 0)
        ask->a = irc_answer_number(answer, "version");
    s_count_page(room, answer);
    if (json_is_true(json_object_get(answer, "more")) && s_nick_valid(last))
        irc_ask_again(irc, ask, s_question(room, s_text(last, "nick")));
    else if (irc_answer_is(answer, "who"))
        s_counted(room, ask->a);
    else
        s_counted(room, room->version);
}

void irc_presence_ask(irc_room_t *room) {
    irc_t *irc = room->irc;
    if (room->counting) {
        room->again = true;
        return;
    }
    if (room->crowded) {
        irc_presence_drop_held(room);
        if (!room->shown)
            irc_room_counted(room);
        return;
    }
    room->counting = true;
    irc_members_finish(&room->counted);
    irc_reply_t *before = irc_reply_enter(irc, NULL);
    irc_ask_t *ask = irc_ask_new(irc, s_on_who, NULL, zr_span_of(room->name, room->len));
    irc_ask_send(irc, ask, s_question(room, NULL));
    irc_reply_enter(irc, before);
}

/* --- Watched nicks --- */

bool irc_watch_online(const irc_t *irc, zr_span_t nick) {
    return irc_people_here(irc->host->people, nick) || irc_presence_find(irc, nick);
}

void irc_watch_tell(irc_t *irc, irc_numeric_t numeric, const char *nick) {
    zr_buffer_t text = {0};
    irc_name_t shown;
    irc_nick_of(zr_span(nick), &shown);
    if (numeric == RPL_MONONLINE)
        irc_put_mask(&text, zr_span(nick));
    else
        zr_buffer_append(&text, shown.text, strlen(shown.text));
    irc_numeric_text(irc, numeric, zr_span_of(text.data, text.len), NULL);
    zr_buffer_finish(&text);
}

static void s_look_at(irc_t *irc, irc_watched_t *watched) {
    bool online = irc_watch_online(irc, zr_span(watched->nick));
    if (online == watched->online)
        return;
    irc_reply_t *before = irc_reply_enter(irc, NULL);
    watched->online = online;
    irc_watch_tell(irc, online ? RPL_MONONLINE : RPL_MONOFFLINE, watched->nick);
    irc_reply_enter(irc, before);
}

void irc_watch_nick(irc_t *irc, zr_span_t nick) {
    for (size_t i = 0; i < irc->watched_count; i++)
        if (zr_span_equal(zr_span(irc->watched[i].nick), nick))
            s_look_at(irc, &irc->watched[i]);
}

void irc_watch_check(irc_t *irc) {
    for (size_t i = 0; i < irc->watched_count; i++)
        s_look_at(irc, &irc->watched[i]);
}
