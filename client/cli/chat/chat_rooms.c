/* The chat's rooms: one is in view, and the others count what comes. */
#include <stdlib.h>

#include "chat_home.h"
#include "fatal.h"
#include "names.h"

size_t chat_find(const chat_t *chat, zr_span_t name, bool person) {
    size_t index = 0;
    while (index < chat->room_count &&
           (chat->rooms[index].person != person || !zr_span_equal(zr_span(chat->rooms[index].name), name)))
        index++;
    return index;
}

chat_room_t *chat_current(chat_t *chat) {
    return chat->room_count ? &chat->rooms[chat->current] : NULL;
}

/* --- Entries --- */

static bool s_is_mine(const chat_t *chat, const zrelay_event_t *event) {
    return event->sender && chat->session.nick && strcmp(event->sender, chat->session.nick) == 0;
}

/* What the reader had not seen begins here: said once, and only if something old stands above. What the reader wrote is
 * not new. */
static void s_rule(chat_t *chat, chat_room_t *room, const zrelay_event_t *event) {
    if (room->ruled || room->read == 0 || event->seq <= room->read || room->person || s_is_mine(chat, event))
        return;
    room->ruled = true;
    chat_rule(chat, "new messages"); /* the blank tells it from a room's name */
}

static void s_show(chat_t *chat, chat_room_t *room, const zrelay_event_t *event) {
    if (chat->prompt && event->seq <= room->head)
        s_rule(chat, room, event);
    room->shown = event->seq;
    chat_show_entry(chat, event);
}

static bool s_mentions(const chat_t *chat, const zrelay_event_t *event) {
    return chat_text_mentions(zr_span_of(event->body, event->body_len), chat->session.nick);
}

static void s_add_unread(const chat_t *chat, chat_room_t *room, const zrelay_event_t *event) {
    room->unread++;
    room->mentions += !room->person && s_mentions(chat, event);
}

/* Counts an entry of a room that is not in view, and tells the user of one that is about them. */
static void s_count(chat_t *chat, chat_room_t *room, const zrelay_event_t *event, bool in_view) {
    bool live = event->seq > room->head, fresh = live || (room->read && event->seq > room->read);
    if (event->key || !fresh || s_is_mine(chat, event))
        return;
    bool mentions = room->person || s_mentions(chat, event);
    if (!in_view) {
        s_add_unread(chat, room, event);
        chat_show_prompt(chat);
    }
    if (live)
        chat_alert(chat, event, mentions);
}

void chat_room_entry(chat_t *chat, chat_room_t *room, const zrelay_event_t *event) {
    bool in_view = room == chat_current(chat) || !chat->prompt;
    bool logs = event->seq > room->head || (room->read && event->seq > room->read);
    if (logs && !room->person)
        chat_log(chat, event);
    if (!chat->prompt) {
        s_show(chat, room, event);
        return;
    }
    recent_add(&room->recent, event);
    if (room->known++ == 0)
        room->oldest = event->seq;
    if (event->sender && !event->key)
        people_spoke(&room->people, event->sender);
    if (in_view)
        s_show(chat, room, event);
    s_count(chat, room, event, in_view);
}

void chat_room_read(chat_t *chat, zr_span_t name, uint64_t seq) {
    size_t index = chat_find(chat, name, false);
    if (index == chat->room_count || seq <= chat->rooms[index].read)
        return;
    chat_room_t *room = &chat->rooms[index];
    room->read = seq;
    room->unread = room->mentions = 0;
    for (size_t i = 0; i < room->recent.count && index != chat->current; i++) {
        zrelay_event_t event = recent_event(&room->recent.entries[i], room->name);
        if (event.seq > seq && !event.key && !s_is_mine(chat, &event))
            s_add_unread(chat, room, &event);
    }
    chat_show_prompt(chat);
}

/* --- Switching --- */

uint64_t chat_newest(const chat_room_t *room) {
    return room->recent.count ? room->recent.entries[room->recent.count - 1].seq : 0;
}

void chat_switch(chat_t *chat, size_t index) {
    chat_room_t *before = chat_current(chat);
    chat_tell_moves(chat);
    if (before && before != &chat->rooms[index])
        chat_home_keep(chat);
    chat->current = index;
    chat_room_t *room = &chat->rooms[index];
    bool several = chat->room_count > 1 || before != room;
    if (chat->prompt && (several || room->seen))
        chat_rule(chat, "%s%s", room->person ? "@" : "", room->name);
    room->ruled = false;
    for (size_t i = 0; i < room->recent.count; i++) {
        const recent_entry_t *entry = &room->recent.entries[i];
        if (entry->seq <= room->shown)
            continue;
        zrelay_event_t event = recent_event(entry, room->name);
        s_rule(chat, room, &event);
        room->shown = entry->seq;
        chat_show_entry(chat, &event);
    }
    room->ruled = room->live;
    room->seen = true;
    room->unread = room->mentions = 0;
    chat_show_prompt(chat);
}

size_t chat_next_unread(const chat_t *chat) {
    size_t found = chat->room_count;
    for (size_t i = 1; i < chat->room_count; i++) {
        size_t index = (chat->current + i) % chat->room_count;
        const chat_room_t *room = &chat->rooms[index];
        if (room->unread > 0 && (room->person || room->mentions > 0))
            return index;
        if (room->unread > 0 && found == chat->room_count)
            found = index;
    }
    return found;
}

/* --- Entering and leaving --- */

static chat_room_t *s_add(chat_t *chat, char *name, bool person) {
    chat_room_t *room = &chat->rooms[chat->room_count++];
    *room = (chat_room_t){.name = name, .person = person, .live = person};
    chat->style.rooms = !chat->prompt && chat->room_count > 1;
    return room;
}

static bool s_is_full(chat_t *chat) {
    if (chat->room_count < CHAT_ROOMS_MAX)
        return false;
    chat_notice(chat, "too many rooms; /part one");
    return true;
}

bool chat_enter(chat_t *chat, zr_span_t name) {
    size_t index = chat_find(chat, name, false);
    if (index < chat->room_count) {
        chat_switch(chat, index);
        return true;
    }
    const char *fault = zr_room_fault(name);
    if (fault) {
        chat_notice(chat, "%s", fault);
        return false;
    }
    if (s_is_full(chat))
        return false;
    char *copy = fatal_check(strndup(name.ptr, name.len));
    int failed = zrelay_join(chat->session.relay, copy, ZRELAY_FROM_LAST | ZRELAY_PRESENCE, CHAT_PAGE);
    if (failed) {
        chat_notice(chat, "%s: %s", copy, zrelay_strerror(failed));
        free(copy);
        return false;
    }
    if (copy[0] == '#')
        chat_notice(chat, "rooms need no #: this one is %s; what IRC calls %s is the room %s", copy, copy, copy + 1);
    chat_room_t *room = s_add(chat, copy, false);
    room->read = marks_find(&chat->marks, chat->session.epoch, copy);
    chat_switch(chat, chat->room_count - 1);
    return true;
}

void chat_whisper(chat_t *chat, const char *nick, const zrelay_event_t *event) {
    zrelay_event_t whisper = *event;
    whisper.key = nick;
    recent_add(&chat->whispers, &whisper);
    recent_cut(&chat->whispers, CHAT_WHISPERS_MAX);
}

/* What was said with the person before there was a room for it. */
static void s_whispered(chat_t *chat, chat_room_t *room) {
    for (size_t i = 0; i < chat->whispers.count; i++) {
        zrelay_event_t event = recent_event(&chat->whispers.entries[i], room->name);
        if (strcmp(event.key, room->name) != 0)
            continue;
        event.key = NULL;
        event.seq = ++room->known;
        recent_add(&room->recent, &event);
    }
}

bool chat_query(chat_t *chat, zr_span_t nick) {
    size_t index = chat_find(chat, nick, true);
    if (index == chat->room_count) {
        if (s_is_full(chat))
            return false;
        s_whispered(chat, s_add(chat, fatal_check(strndup(nick.ptr, nick.len)), true));
    }
    chat_switch(chat, index);
    return true;
}

static void s_free(chat_room_t *room) {
    free(room->name);
    recent_finish(&room->recent);
    people_finish(&room->people);
}

void chat_rooms_finish(chat_t *chat) {
    while (chat->room_count > 0)
        s_free(&chat->rooms[--chat->room_count]);
    recent_finish(&chat->whispers);
}

void chat_forget(chat_t *chat, size_t index) {
    chat_home_keep(chat);
    chat_room_t *room = &chat->rooms[index];
    bool was_current = index == chat->current;
    s_free(room);
    chat->room_count--;
    memmove(room, room + 1, (chat->room_count - index) * sizeof chat->rooms[0]);
    if (chat->current > index || (chat->current == chat->room_count && chat->current > 0))
        chat->current--;
    chat->style.rooms = !chat->prompt && chat->room_count > 1;
    if (was_current && chat->room_count > 0)
        chat_switch(chat, chat->current);
    chat_show_prompt(chat);
}
