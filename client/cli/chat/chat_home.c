#include "chat_home.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "fatal.h"

enum { ANSWER_MS = 1000 }; /* how long the first rooms wait for the marks */

void chat_home_end(chat_t *chat) {
    free(chat->home.room);
    chat->home.room = NULL;
    chat->home.request = 0;
    marks_finish(&chat->home.kept);
}

void chat_home_begin(chat_t *chat) {
    chat_home_t *home = &chat->home;
    if (!chat->session.user || strchr(chat->session.nick, '/') ||
        asprintf(&home->room, CHAT_HOME, chat->session.nick) < 0)
        return;
    if (zrelay_join(chat->session.relay, home->room, ZRELAY_FROM_NOW | ZRELAY_SILENT, 0) != 0 ||
        zrelay_state(chat->session.relay, home->room, NULL, &home->request) != 0)
        chat_home_end(chat);
    const zrelay_event_t *event;
    uint64_t now = zr_mono_ms(), end = now + ANSWER_MS;
    for (; home->request && now < end && (event = conn_next(&chat->session, (int)(end - now))); now = zr_mono_ms())
        chat_event(chat, event);
}

/* The broker may refuse both requests, and later a mark: none of it is told. */
static void s_give_up(chat_t *chat) {
    if (!chat->home.refused)
        zrelay_leave(chat->session.relay, chat->home.room);
    chat->home.refused = true;
}

/* --- Marks that come --- */

/* "EPOCH SEQ", under the room's name as key. */
static void s_mark(chat_t *chat, const zrelay_event_t *event) {
    chat_home_t *home = &chat->home;
    zr_buffer_t line = {0};
    marks_t one = {0};
    zr_buffer_printf(&line, "%.*s %s", (int)event->body_len, (const char *)event->body, event->key);
    marks_parse(&one, zr_span_of(line.data, line.len));
    uint64_t seq = marks_find(&one, chat->session.epoch, event->key);
    zr_buffer_finish(&line);
    marks_finish(&one);
    marks_note(&home->kept, chat->session.epoch, event->key, seq);
    marks_note(&chat->marks, chat->session.epoch, event->key, seq);
    chat_room_read(chat, zr_span(event->key), seq);
}

bool chat_home_event(chat_t *chat, const zrelay_event_t *event) {
    chat_home_t *home = &chat->home;
    bool answer = home->request && event->request == home->request;
    if (!home->room || (!answer && (!event->room || strcmp(event->room, home->room) != 0)))
        return false;
    if (event->type == ZRELAY_ENTRY && event->key && !event->deleted)
        s_mark(chat, event);
    else if (event->type == ZRELAY_REFUSED)
        s_give_up(chat);
    if (answer && (event->type == ZRELAY_DONE || event->type == ZRELAY_REFUSED))
        home->request = 0;
    return true;
}

/* --- Marks that go --- */

static void s_write(chat_t *chat, const chat_room_t *room) {
    chat_home_t *home = &chat->home;
    char mark[64];
    if (room->read <= marks_find(&home->kept, chat->session.epoch, room->name))
        return;
    int len = snprintf(mark, sizeof mark, "%s %" PRIu64, chat->session.epoch, room->read);
    if (zrelay_set(chat->session.relay, home->room, room->name, mark, (size_t)len, NULL) == 0)
        marks_note(&home->kept, chat->session.epoch, room->name, room->read);
}

void chat_home_keep(chat_t *chat) {
    chat->home.due_ms = 0;
    for (size_t i = 0; i < chat->room_count; i++) {
        chat_room_t *room = &chat->rooms[i];
        if (i == chat->current && chat_newest(room) > room->read)
            room->read = chat_newest(room);
        if (room->person)
            continue;
        marks_note(&chat->marks, chat->session.epoch, room->name, room->read);
        if (chat->home.room && !chat->home.refused && chat->connected)
            s_write(chat, room);
    }
}

int chat_home_due(chat_t *chat, uint64_t now) {
    chat_home_t *home = &chat->home;
    const chat_room_t *room = chat_current(chat);
    if (!home->room || home->refused || !chat->connected || !room || room->person ||
        chat_newest(room) <= marks_find(&home->kept, chat->session.epoch, room->name))
        return -1;
    if (home->due_ms == 0)
        home->due_ms = now + CHAT_HOME_MS;
    if (now < home->due_ms)
        return (int)(home->due_ms - now);
    chat_home_keep(chat);
    return -1;
}
