/* What the chat does for events. */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>

#include "chat.h"
#include "chat_home.h"
#include "chat_read.h"
#include "chat_send.h"
#include "format.h"

/* The broker lets us in no more, and it was told. */
static void s_gone(chat_t *chat) {
    chat->ended = chat->refused = true;
    chat->code = CLI_REFUSED;
}

static void s_forget_request(chat_t *chat, uint64_t request) {
    if (request == chat->who_request)
        chat->who_request = 0;
    if (request == chat->rooms_request)
        chat->rooms_request = 0;
    if (request == chat->reading.request)
        chat_read_end(chat);
}

/* The room that was asked about on joining; NULL: it was another question. */
static chat_room_t *s_asked(chat_t *chat, uint64_t request) {
    for (size_t i = 0; request && i < chat->room_count; i++)
        if (chat->rooms[i].who_request == request || chat->rooms[i].topic_request == request)
            return &chat->rooms[i];
    return NULL;
}

static void s_refused(chat_t *chat, const zrelay_event_t *event) {
    if (s_asked(chat, event->request))
        return; /* Tab knows fewer nicks, or no topic is told */
    if (!chat_told(chat, event))
        chat_note(chat, event);
    if (conn_refused(&chat->session, event))
        s_gone(chat);
    if (!chat->prompt)
        chat->code = CLI_REFUSED;
    chat_not_sent(chat, event);
    if (event->request)
        s_forget_request(chat, event->request);
    if (event->mid || event->request || !event->room)
        return;
    size_t index = chat_find(chat, zr_span(event->room), false);
    if (index < chat->room_count)
        chat_forget(chat, index);
    if (!chat->prompt && chat->room_count == 0)
        chat->ended = true;
}

/* --- Entries --- */

/* Others' messages from the time without a connection. */
static void s_recovered(chat_t *chat, const zrelay_event_t *event) {
    bool mine = event->sender && chat->session.nick && strcmp(event->sender, chat->session.nick) == 0;
    if (mine || chat->back_ms == 0 || (chat->back_time && event->time > chat->back_time))
        return;
    chat->recovered++;
    chat->back_ms = zr_mono_ms() + CHAT_BACK_MS;
}

/* The topic was asked for, or the room has just been joined and its history does not have the topic. */
static bool s_tells_topic(chat_t *chat, const zrelay_event_t *event) {
    const chat_room_t *room = s_asked(chat, event->request);
    return event->request == chat->topic_request || (room && (room->known == 0 || event->seq < room->oldest));
}

static void s_entry(chat_t *chat, const zrelay_event_t *event) {
    size_t index = chat_find(chat, zr_span(event->room), false);
    if (event->request) {
        if (event->request == chat->reading.request)
            chat_read_entry(chat, event);
        if (s_tells_topic(chat, event))
            chat_notice(chat, "topic of %s: %.*s", event->room, (int)event->body_len, (const char *)event->body);
        return;
    }
    if (index == chat->room_count)
        return;
    if (index == chat->current)
        chat->seen_seq = event->seq;
    s_recovered(chat, event);
    if (chat->json) {
        format_entry(&chat->output.buffer, event, FORMAT_JSON);
        return;
    }
    if (!event->sender || !settings_ignores(&chat->settings, event->sender))
        chat_room_entry(chat, &chat->rooms[index], event);
}

static void s_direct(chat_t *chat, const zrelay_event_t *event) {
    const char *nick = event->name ? event->name : "?";
    if (chat->json)
        format_json(&chat->output.buffer, json_pack("{ss,sI,ss%}", "from", nick, "time", (json_int_t)event->time,
                                              "body", event->body, event->body_len));
    if (chat->json || settings_ignores(&chat->settings, nick))
        return;
    size_t index = chat_find(chat, zr_span(nick), true);
    zrelay_event_t entry = {
        .room = nick, .sender = nick, .body = event->body, .body_len = event->body_len, .time = event->time};
    if (index < chat->room_count) {
        entry.room = chat->rooms[index].name;
        entry.seq = chat->rooms[index].known + 1;
        chat_room_entry(chat, &chat->rooms[index], &entry);
    } else {
        chat_alert(chat, &entry, true);
        chat_whisper(chat, nick, &entry);
        chat_tell_moves(chat);
        chat_date(chat, event->time);
        chat_text_direct(&chat->output.buffer, chat->style, event);
    }
}

/* --- Rooms and people --- */

static void s_joined(chat_t *chat, const zrelay_event_t *event) {
    size_t index = chat_find(chat, zr_span(event->room), false);
    if (index >= chat->room_count || chat->rooms[index].live)
        return;
    chat_room_t *room = &chat->rooms[index];
    room->live = true;
    room->head = event->seq;
    if (chat->prompt) {
        zrelay_who(chat->session.relay, room->name, &room->who_request);
        zrelay_state(chat->session.relay, room->name, "topic", &room->topic_request);
    }
    if (chat->prompt || chat->session.config->verbose)
        chat_notice(chat, "you are in %s, %" PRIu64 " here", event->room, event->count);
}

static bool s_is_told(const chat_t *chat, const chat_room_t *room, const char *nick) {
    if (chat->settings.joins == JOINS_ALL)
        return true;
    return chat->settings.joins == JOINS_SPOKEN && people_has_spoken(&room->people, nick);
}

static void s_presence(chat_t *chat, const zrelay_event_t *event) {
    size_t index = chat_find(chat, zr_span(event->room), false);
    bool mine = event->name && chat->session.nick && strcmp(event->name, chat->session.nick) == 0;
    if (!chat->prompt || mine || !event->name || index == chat->room_count)
        return;
    people_t *people = &chat->rooms[index].people;
    if (event->sender && event->joined) /* a rename: the one that left tells it */
        return;
    bool told = s_is_told(chat, &chat->rooms[index], event->name);
    if (event->sender)
        people_renamed(people, event->name, event->sender);
    else if (event->joined)
        people_came(people, event->name);
    else
        people_left(people, event->name);
    if (told && index == chat->current && !settings_ignores(&chat->settings, event->name))
        chat_move(chat, event);
}

static void s_meta(chat_t *chat, const zrelay_event_t *event) {
    zr_buffer_t text = {0};
    bool told = chat->prompt && !settings_ignores(&chat->settings, event->name);
    if (chat_status_changed(&chat->shown, event->name, event->text, &text) && told)
        chat_notice(chat, "%.*s", (int)text.len, (const char *)text.data);
    zr_buffer_finish(&text);
}

static void s_user(chat_t *chat, const zrelay_event_t *event) {
    chat_room_t *room = s_asked(chat, event->request);
    if (room) {
        people_came(&room->people, event->name);
        return;
    }
    zr_buffer_printf(&chat->answer, "%s%s", chat->answer.len ? ", " : "", event->name);
    if (!chat->who_names)
        chat_status_who(&chat->answer, event->text);
}

static void s_done(chat_t *chat, const zrelay_event_t *event) {
    chat_room_t *room = s_asked(chat, event->request);
    if (room)
        *(room->who_request == event->request ? &room->who_request : &room->topic_request) = 0;
    chat_told(chat, event);
    if (event->request && event->request == chat->rooms_request && event->count == 0)
        chat_notice(chat, "there are no such rooms");
    if (event->request == chat->rooms_request)
        chat->rooms_request = 0;
    if (event->request && event->request == chat->clock_request)
        chat->back_time = event->time;
    if (event->request && event->request == chat->topic_request && event->count == 0)
        chat_notice(chat, "there is no topic; /topic TEXT sets it");
    if (event->request && event->request == chat->reading.request)
        chat_read_done(chat, event);
    if (!event->request || event->request != chat->who_request)
        return;
    chat->who_request = 0;
    chat_notice(chat, "here: %.*s", (int)chat->answer.len, chat->answer.len ? (const char *)chat->answer.data : "");
    zr_buffer_clear(&chat->answer);
}

/* --- The connection --- */

static void s_connected(chat_t *chat, const zrelay_event_t *event) {
    if (!chat->connected && chat->prompt) {
        chat->recovered = 0;
        chat->back_time = 0;
        chat->back_ms = zr_mono_ms() + CHAT_BACK_MS;
        zrelay_ping(chat->session.relay, &chat->clock_request);
    }
    if (!chat->connected)
        chat_note(chat, event);
    chat->connected = true;
}

static void s_disconnected(chat_t *chat, const zrelay_event_t *event) {
    bool refused = conn_refused(&chat->session, event);
    if (chat->connected && chat->prompt && !event->code)
        chat_notice(chat, "lost the broker; trying again, and /reconnect tries at once");
    else if (chat->connected || refused || !chat->prompt)
        chat_note(chat, event);
    chat->connected = false;
    chat->back_ms = 0;
    if (refused)
        s_gone(chat);
}

static void s_epoch(chat_t *chat, const zrelay_event_t *event) {
    chat->acked_seq = chat->seen_seq = 0;
    for (size_t i = 0; i < chat->room_count; i++) {
        chat_room_t *room = &chat->rooms[i];
        if (!room->person)
            room->head = room->read = room->shown = room->oldest = room->known = 0;
    }
    chat_note(chat, event);
}

void chat_event(chat_t *chat, const zrelay_event_t *event) {
    if (chat_home_event(chat, event))
        return;
    switch (event->type) {
    case ZRELAY_ENTRY:
        s_entry(chat, event);
        break;
    case ZRELAY_DIRECT:
        s_direct(chat, event);
        break;
    case ZRELAY_PRESENCE_CHANGED:
        s_presence(chat, event);
        break;
    case ZRELAY_META:
        s_meta(chat, event);
        break;
    case ZRELAY_JOINED:
        s_joined(chat, event);
        break;
    case ZRELAY_CONNECTED:
        s_connected(chat, event);
        break;
    case ZRELAY_DISCONNECTED:
        s_disconnected(chat, event);
        break;
    case ZRELAY_ACKED:
        chat_acked(chat, event);
        break;
    case ZRELAY_REFUSED:
        s_refused(chat, event);
        break;
    case ZRELAY_EPOCH:
        s_epoch(chat, event);
        break;
    case ZRELAY_NICK:
        chat_notice(chat, "you are now %s", event->name);
        break;
    case ZRELAY_USER:
        s_user(chat, event);
        break;
    case ZRELAY_ROOM:
        chat_notice(chat, "%s: %" PRIu64 " present%s", event->room, event->count,
            chat_find(chat, zr_span(event->room), false) < chat->room_count ? ", you too" : "");
        break;
    case ZRELAY_DONE:
        s_done(chat, event);
        break;
    case ZRELAY_CLOSED:
        chat->ended = true;
        break;
    default:
        chat_note(chat, event);
    }
}
