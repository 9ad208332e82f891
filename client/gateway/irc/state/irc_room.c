/* See irc_room.h. */
#include "irc_room.h"

#include <stddef.h>
#include <stdio.h>

#include "control.h"
#include "fatal.h"
#include "irc_message.h"
#include "irc_ask.h"
#include "irc_out.h"
#include "irc_presence.h"
#include "irc_render.h"
#include "irc_sent.h"
#include "irc_show.h"
#include "irc_window.h"

#define ROOM_OF(reader, member) ((irc_room_t *)(void *)((char *)(reader)-offsetof(irc_room_t, member)))

static zr_span_t s_name(const irc_room_t *room) {
    return zr_span_of(room->name, room->len);
}

irc_room_t *irc_room_find(const irc_t *irc, zr_span_t name) {
    irc_room_t *room = NULL;
    HASH_FIND(hh, irc->rooms, name.ptr, name.len, room);
    return room;
}

irc_room_t *irc_room_like(const irc_t *irc, zr_span_t channel) {
    for (irc_room_t *room = irc->rooms; room; room = room->hh.next)
        if (irc_same(zr_span(room->channel.text), channel))
            return room;
    return NULL;
}

static void s_say(irc_room_t *room, const char *text) {
    irc_t *irc = room->irc;
    irc_reply_t *before = irc_reply_enter(irc, NULL);
    irc_begin(irc, NULL, 0, "NOTICE");
    irc_middle(irc, room->channel.text);
    irc_trailing(irc, zr_span(text));
    irc_end(irc);
    irc_reply_enter(irc, before);
}

/* --- The end --- */

static void s_free(irc_room_t *room) {
    irc_t *irc = room->irc;
    irc_reply_t *reply = room->reply;
    feeds_leave(&room->entries, irc->now);
    feeds_leave(&room->presence, irc->now);
    HASH_DELETE(hh, irc->rooms, room);
    irc_presence_drop_held(room);
    irc_members_finish(&room->members);
    irc_members_finish(&room->counted);
    free(room->held);
    free(room->topic);
    free(room);
    irc_reply_release(irc, reply);
}

void irc_room_leave(irc_room_t *room) {
    irc_t *irc = room->irc;
    char name[ZR_ROOM_MAX + 1];
    strcpy(name, room->name);
    if (irc->alive && (room->joined || room->asked))
        channel_say(irc->channel, json_pack("{s:s,s:s}", "op", "leave", "room", room->name));
    s_free(room);
    irc_sent_settle(irc, zr_span(name), UINT64_MAX);
    irc_watch_check(irc);
}

void irc_rooms_finish(irc_t *irc) {
    while (irc->rooms) {
        irc_reply_cancel(irc->rooms->reply);
        s_free(irc->rooms);
    }
}

void irc_room_revoked(irc_room_t *room, const json_t *left) {
    irc_t *irc = room->irc;
    const char *reason = irc_answer_text(left, "reason"), *text = irc_answer_text(left, "text");
    bool kicked = strcmp(reason, "kicked") == 0;
    if (room->shown) {
        irc_begin(irc, NULL, 0, "KICK");
        irc_middle(irc, room->channel.text);
        irc_middle(irc, irc->shown.text);
        irc_trailing(irc, zr_span(!kicked ? "the right to read the room was taken" : text[0] ? text : reason));
        irc_end(irc);
    }
    irc_room_leave(room);
}

/* --- Entries --- */

static void s_replay(irc_room_t *room);

static void s_keep_topic(irc_room_t *room, const zr_entry_t *entry) {
    zr_span_t text = irc_topic_shown(entry->body);
    bool none = text.len == 0 || entry->flags & ZR_ENTRY_DELETE;
    free(room->topic);
    room->topic = none ? NULL : fatal_check(strndup(text.ptr, text.len));
    room->topic_us = entry->time;
    room->topic_seq = entry->seq;
    snprintf(room->topic_by, sizeof room->topic_by, "%.*s", (int)entry->sender.len, entry->sender.ptr);
}

/* Is it a message of this client? Then it is echoed, under the nick of now. */
static bool s_echo(irc_room_t *room, const irc_view_t *view, const zr_entry_t *entry) {
    irc_t *irc = room->irc;
    zr_buffer_t lines = {0};
    zr_entry_t own = *entry;
    if (!irc_entry_is_message(entry) ||
        (!zr_span_equal(entry->sender, zr_span(irc->nick)) && !zr_span_equal(entry->sender, zr_span(irc->was))))
        return false;
    own.sender = zr_span(irc->nick);
    irc_render_entry(&lines, view, &own);
    bool echoed = irc_sent_echo(irc, s_name(room), entry, zr_span_of(lines.data, lines.len));
    zr_buffer_finish(&lines);
    return echoed;
}

static void s_give_entry(irc_room_t *room, const irc_view_t *view, const zr_entry_t *entry) {
    zr_buffer_t lines = {0};
    if (!s_echo(room, view, entry) && irc_render_entry(&lines, view, entry))
        irc_put_lines(room->irc, zr_span_of(lines.data, lines.len));
    zr_buffer_finish(&lines);
}

/* Each of the frame's entries after the last one. */
static void s_give_each(irc_room_t *room, const irc_view_t *view, const delivery_t *delivery) {
    irc_reply_t *before = irc_reply_enter(room->irc, NULL);
    zr_deliver_reader_t reader;
    zr_entry_t entry;
    zr_deliver_read(&reader, delivery->frame);
    while (zr_deliver_next(&reader, &entry))
        if (entry.seq > room->last)
            s_give_entry(room, view, &entry);
    irc_reply_enter(room->irc, before);
}

static void s_note_topics(irc_room_t *room, const delivery_t *delivery) {
    zr_deliver_reader_t reader;
    zr_entry_t entry;
    zr_deliver_read(&reader, delivery->frame);
    while (zr_deliver_next(&reader, &entry))
        if (entry.seq > room->last && irc_entry_is_topic(&entry))
            s_keep_topic(room, &entry);
}

/* False: the connection takes no more now. */
static bool s_give(irc_room_t *room, delivery_t *delivery, bool live) {
    irc_t *irc = room->irc;
    irc_view_t view = irc_view_of(irc, zr_span(room->channel.text), room->epoch);
    bool taken = true;
    if (delivery->first > room->last && !irc_sent_expects(irc, s_name(room))) {
        zr_blob_t *lines = irc_render_shared(delivery, &view);
        irc_flush(irc);
        taken = !lines || irc->calls->send(irc->ctx, lines, live);
    } else
        s_give_each(room, &view, delivery);
    if (!taken)
        return false;
    s_note_topics(room, delivery);
    room->last = delivery->last;
    irc_sent_settle(irc, s_name(room), room->last);
    return true;
}

void irc_room_take(irc_room_t *room, delivery_t *delivery) {
    if (!room->started || delivery->epoch != room->epoch || delivery->kind != ZR_BACK_ENTRIES)
        return;
    room->heard = delivery->last > room->heard ? delivery->last : room->heard;
    if (!room->open || !room->joined || room->full || room->replaying || delivery->last <= room->last)
        return; /* it has that already, or gets it by a replay */
    if (delivery->prev > room->last)
        s_replay(room);
    else
        room->full = !s_give(room, delivery, true);
}

/* --- Replays --- */

static void s_on_replay_frame(irc_t *irc, irc_ask_t *ask, delivery_t *delivery) {
    irc_room_t *room = irc_room_find(irc, zr_span(ask->room));
    if (room && delivery->epoch == room->epoch && delivery->last > room->last)
        s_give(room, delivery, false);
}

static void s_on_replayed(irc_t *irc, irc_ask_t *ask, const json_t *answer) {
    irc_room_t *room = irc_room_find(irc, zr_span(ask->room));
    if (!room || ask->a != room->epoch)
        return;
    room->replaying = false;
    if (!irc_answer_is(answer, "replayed"))
        return;
    uint64_t seq = irc_answer_number(answer, "seq");
    room->last = seq > room->last ? seq : room->last;
    if (!json_is_true(json_object_get(answer, "complete")))
        s_say(room, "messages were lost here: the broker does not keep them any more");
    if (json_is_true(json_object_get(answer, "more")) || room->heard > room->last)
        s_replay(room);
    else
        irc_sent_settle(irc, zr_span(ask->room), room->last);
}

/* A replay is asked for only when there is room for all of it, so nothing of it is dropped. */
static void s_replay(irc_room_t *room) {
    irc_t *irc = room->irc;
    if (room->replaying || room->full || !room->joined || !room->open)
        return;
    room->full = !irc->calls->ready(irc->ctx);
    if (room->full)
        return;
    room->replaying = true;
    irc_reply_t *before = irc_reply_enter(irc, NULL);
    irc_ask_t *ask = irc_ask_new(irc, s_on_replayed, s_on_replay_frame, s_name(room));
    ask->a = room->epoch;
    irc_ask_send(
        irc, ask, json_pack("{s:s,s:s,s:I}", "op", "replay", "room", room->name, "after", (json_int_t)room->last));
    irc_reply_enter(irc, before);
}

void irc_rooms_drained(irc_t *irc) {
    for (irc_room_t *room = irc->rooms; room; room = room->hh.next) {
        bool full = room->full;
        room->full = false;
        if (full && room->heard > room->last)
            s_replay(room);
    }
}

void irc_rooms_pong(irc_t *irc, const json_t *pong) {
    const json_t *heads = json_object_get(pong, "heads"), *versions = json_object_get(pong, "versions");
    for (irc_room_t *room = irc->rooms; room; room = room->hh.next) {
        uint64_t head = irc_answer_number(heads, room->name), version = irc_answer_number(versions, room->name);
        bool late = room->version_heard > room->version; /* its frame did not come since the pong before */
        room->heard = head > room->heard && room->joined ? head : room->heard;
        room->version_heard = version > room->version_heard ? version : room->version_heard;
        if (room->open && room->heard > room->last)
            s_replay(room);
        if (late && room->joined)
            irc_presence_ask(room);
    }
}

/* --- The first look at a room: topic, members, history --- */

static void s_open(irc_room_t *room) {
    room->open = true;
    if (room->heard > room->last)
        s_replay(room);
    else
        irc_sent_settle(room->irc, s_name(room), room->last);
}

/* The history that a client is shown when it joins. */
typedef struct {
    irc_reference_t reference;
    irc_window_t window;
} glance_t;

static void s_on_history_frame(irc_t *irc, irc_ask_t *ask, delivery_t *delivery) {
    irc_room_t *room = irc_room_find(irc, zr_span(ask->room));
    zr_deliver_reader_t reader;
    zr_entry_t entry;
    if (!room)
        return;
    irc_view_t view = irc_view_of(irc, zr_span(room->channel.text), room->epoch);
    glance_t *glance = ask->data;
    view.batch = glance->reference.text[0] ? glance->reference.text : NULL;
    zr_deliver_read(&reader, delivery->frame);
    while (zr_deliver_next(&reader, &entry)) {
        size_t at = ask->lines.len;
        if (!irc_entry_is_message(&entry))
            continue;
        irc_render_entry(&ask->lines, &view, &entry);
        irc_window_add(&glance->window, &ask->lines, at);
    }
}

static void s_on_history(irc_t *irc, irc_ask_t *ask, const json_t *answer) {
    irc_room_t *room = irc_room_find(irc, zr_span(ask->room));
    if (!room || !answer || room->epoch != ask->a) {
        if (room)
            s_open(room);
        return;
    }
    const glance_t *glance = ask->data;
    if (ask->lines.len) {
        irc_batch_open(irc, &glance->reference, "chathistory", room->channel.text);
        irc_put_lines(irc, zr_span_of(ask->lines.data, ask->lines.len));
        irc_batch_close(irc, &glance->reference);
    }
    s_open(room);
}

/* Clients that can ask for history themselves do so. */
static void s_begin_history(irc_room_t *room) {
    irc_t *irc = room->irc;
    if (irc->host->history == 0 || irc->caps & IRC_CHATHISTORY || room->last == 0) {
        s_open(room);
        return;
    }
    irc_ask_t *ask = irc_ask_new(irc, s_on_history, s_on_history_frame, s_name(room));
    glance_t *glance = ask->data = fatal_calloc(sizeof *glance);
    glance->reference = irc_batch_new(irc);
    glance->window.newest = true;
    ask->a = room->epoch;
    irc_ask_send(irc, ask,
        json_pack("{s:s,s:s,s:I,s:I}", "op", "replay", "room", room->name, "last", (json_int_t)irc->host->history,
            "until", (json_int_t)room->last));
}

/* The users are known: the client is in. */
void irc_room_counted(irc_room_t *room) {
    irc_t *irc = room->irc;
    irc_reply_t *reply = room->reply, *before = irc_reply_enter(irc, reply);
    if (!irc_member_find(room->members, zr_span(irc->nick)))
        irc_member_add(&room->members, zr_span(irc->nick));
    room->shown = true;
    room->reply = NULL;
    irc_show_room(room);
    irc_reply_enter(irc, NULL);
    irc_reply_release(irc, reply);
    s_begin_history(room);
    irc_reply_enter(irc, before == reply ? NULL : before);
    irc_watch_check(irc);
}

static void s_on_topic_frame(irc_t *irc, irc_ask_t *ask, delivery_t *delivery) {
    irc_room_t *room = irc_room_find(irc, zr_span(ask->room));
    zr_deliver_reader_t reader;
    zr_entry_t entry;
    zr_deliver_read(&reader, delivery->frame);
    while (room && zr_deliver_next(&reader, &entry))
        if (irc_entry_is_topic(&entry))
            s_keep_topic(room, &entry);
}

static void s_on_topic(irc_t *irc, irc_ask_t *ask, const json_t *answer) {
    irc_room_t *room = irc_room_find(irc, zr_span(ask->room));
    if (room && answer && room->joined)
        irc_presence_ask(room);
}

static void s_ask_topic(irc_room_t *room) {
    irc_t *irc = room->irc;
    irc_reply_t *before = irc_reply_enter(irc, NULL);
    irc_ask_t *ask = irc_ask_new(irc, s_on_topic, s_on_topic_frame, s_name(room));
    irc_ask_send(irc, ask, json_pack("{s:s,s:s,s:s}", "op", "state", "room", room->name, "key", "topic"));
    irc_reply_enter(irc, before);
}

/* --- Joining --- */

static void s_refused(irc_room_t *room, const json_t *error) {
    irc_t *irc = room->irc;
    irc_reply_t *before = irc_reply_enter(irc, room->reply);
    if (room->shown) {
        irc_room_revoked(room, error);
    } else {
        if (irc_answer_failed(error, ZR_FORBIDDEN))
            irc_numeric(irc, ERR_INVITEONLYCHAN, room->channel.text, NULL);
        else if (irc_answer_failed(error, ZR_TOO_MANY_JOINS))
            irc_numeric(irc, ERR_TOOMANYCHANNELS, room->channel.text, NULL);
        else
            irc_numeric_text(irc, ERR_NOSUCHCHANNEL, zr_span(irc_answer_text(error, "text")), room->channel.text, NULL);
        irc_reply_enter(irc, NULL);
        irc_room_leave(room);
    }
    irc_reply_enter(irc, before);
}

/* Positions of another epoch are void: all that the room has is new. */
static void s_begin_epoch(irc_room_t *room, uint64_t seq) {
    bool first = !room->started;
    room->started = true;
    if (first)
        room->last = room->heard = seq;
    else if (room->epoch != room->irc->epoch)
        room->last = room->heard = 0;
    if (!first && room->epoch != room->irc->epoch)
        s_say(room, "the broker began a new log; earlier messages may be lost");
    room->epoch = room->irc->epoch;
}

static void s_on_joined(irc_t *irc, irc_ask_t *ask, const json_t *answer) {
    irc_room_t *room = irc_room_find(irc, zr_span(ask->room));
    if (!room || !room->asked)
        return;
    room->asked = false;
    if (!answer)
        return; /* it is joined again in the next session */
    if (!irc_answer_is(answer, "joined")) {
        s_refused(room, answer);
        return;
    }
    uint64_t seq = irc_answer_number(answer, "seq");
    room->joined = true;
    s_begin_epoch(room, seq);
    room->heard = seq > room->heard ? seq : room->heard;
    room->crowded = json_is_true(json_object_get(answer, "crowded"));
    room->version = room->version_heard = irc_answer_number(answer, "version");
    room->full = room->replaying = false;
    if (!room->shown)
        s_ask_topic(room);
    else
        irc_presence_ask(room);
    if (room->shown && !room->open)
        s_open(room);
    else if (room->heard > room->last)
        s_replay(room);
    else
        irc_sent_settle(irc, zr_span(ask->room), room->last);
}

static void s_join(irc_room_t *room) {
    irc_t *irc = room->irc;
    if (!irc->alive || !irc->registered || !room->entries_live || !room->presence_live || room->joined || room->asked)
        return;
    room->asked = true;
    irc_reply_t *before = irc_reply_enter(irc, NULL);
    irc_ask_t *ask = irc_ask_new(irc, s_on_joined, NULL, s_name(room));
    irc_ask_send(irc, ask, json_pack("{s:s,s:s}", "op", "join", "room", room->name));
    irc_reply_enter(irc, before);
}

void irc_rooms_join(irc_t *irc) {
    for (irc_room_t *room = irc->rooms; room; room = room->hh.next)
        s_join(room);
}

void irc_rooms_lose(irc_t *irc) {
    for (irc_room_t *room = irc->rooms; room; room = room->hh.next) {
        room->joined = room->asked = room->replaying = room->counting = false;
        irc_presence_drop_held(room);
        irc_members_finish(&room->counted);
    }
}

/* --- The feeds --- */

static void s_on_entries(feed_reader_t *reader, delivery_t *delivery) {
    irc_room_t *room = ROOM_OF(reader, entries);
    irc_t *irc = room->irc;
    if (irc->closing)
        return;
    irc_room_take(room, delivery);
    irc_flush(irc);
}

static void s_on_presence(feed_reader_t *reader, delivery_t *delivery) {
    irc_room_t *room = ROOM_OF(reader, presence);
    irc_t *irc = room->irc;
    if (delivery->kind == ZR_BACK_PRESENCE && room->joined && !irc->closing)
        irc_presence_frame(room, delivery->json);
    irc_flush(irc);
}

/* The SUB may be a new one, which missed something. */
static void s_on_entries_live(feed_reader_t *reader) {
    irc_room_t *room = ROOM_OF(reader, entries);
    room->entries_live = true;
    if (room->joined)
        s_replay(room);
    s_join(room);
}

static void s_on_presence_live(feed_reader_t *reader) {
    irc_room_t *room = ROOM_OF(reader, presence);
    room->presence_live = true;
    if (room->joined && room->shown)
        irc_presence_ask(room);
    s_join(room);
}

static bool s_subscribe(irc_room_t *room) {
    uint8_t topic[FEED_TOPIC_MAX];
    feeds_t *feeds = room->irc->host->feeds;
    uint64_t now = room->irc->now;
    size_t len = feed_topic(s_name(room), false, topic);
    feed_joined_t entries = feeds_join(feeds, &room->entries, zr_span_of(topic, len), now);
    if (entries == FEED_FULL)
        return false;
    len = feed_topic(s_name(room), true, topic);
    feed_joined_t presence = feeds_join(feeds, &room->presence, zr_span_of(topic, len), now);
    room->entries_live = entries == FEED_LIVE;
    room->presence_live = presence == FEED_LIVE;
    return presence != FEED_FULL;
}

irc_room_t *irc_room_new(irc_t *irc, zr_span_t name, const irc_name_t *channel) {
    irc_room_t *room = fatal_calloc(sizeof *room + name.len + 1);
    room->irc = irc;
    room->channel = *channel;
    room->len = name.len;
    memcpy(room->name, name.ptr, name.len);
    room->entries = (feed_reader_t){.frame = s_on_entries, .live = s_on_entries_live};
    room->presence = (feed_reader_t){.frame = s_on_presence, .live = s_on_presence_live};
    HASH_ADD_KEYPTR(hh, irc->rooms, room->name, room->len, room);
    if (!s_subscribe(room)) {
        s_free(room);
        return NULL;
    }
    room->reply = irc_reply_hold(irc->reply);
    s_join(room);
    return room;
}
