/* What a line does that a person typed. */
#include <stdio.h>
#include <stdlib.h>

#include "chat.h"
#include "chat_parse.h"
#include "chat_read.h"
#include "chat_send.h"
#include "fatal.h"
#include "names.h"
#include "unicode.h"
#include "when.h"

enum { QUOTED = 60 }; /* bytes of a message that a reply names */

static char *s_copy(zr_span_t text) {
    return fatal_check(strndup(text.len ? text.ptr : "", text.len));
}

static void s_tell_failed(chat_t *chat, int failed) {
    if (failed)
        chat_notice(chat, "%s", zrelay_strerror(failed));
}

/* --- Rooms --- */

static void s_part(chat_t *chat, zr_span_t name) {
    size_t index = name.len ? chat_find(chat, name, false) : chat->current;
    if (name.len && index == chat->room_count)
        index = chat_find(chat, name, true);
    if (index >= chat->room_count) {
        chat_notice(chat, "you are not in it");
        return;
    }
    const chat_room_t *room = &chat->rooms[index];
    if (!room->person)
        zrelay_leave(chat->session.relay, room->name);
    if (!room->person)
        chat_notice(chat, "you left %s", room->name);
    chat_forget(chat, index);
}

static void s_rooms(chat_t *chat, zr_span_t prefix) {
    char *copy = s_copy(prefix);
    s_tell_failed(chat, zrelay_rooms(chat->session.relay, copy, &chat->rooms_request));
    free(copy);
}

/* The room in view; NULL: none is, and the user was told. */
static const chat_room_t *s_here(chat_t *chat) {
    const chat_room_t *room = chat_current(chat);
    if (room && !room->person)
        return room;
    if (room)
        chat_notice(chat, "that is for rooms; here you talk with %s alone", room->name);
    else
        chat_notice(chat, "you are in no room; /join one");
    return NULL;
}

static void s_topic(chat_t *chat, zr_span_t text) {
    const chat_room_t *room = s_here(chat);
    if (!room)
        return;
    if (text.len > 0) {
        s_tell_failed(chat, zrelay_set(chat->session.relay, room->name, "topic", text.ptr, text.len, NULL));
        return;
    }
    s_tell_failed(chat, zrelay_state(chat->session.relay, room->name, "topic", &chat->topic_request));
}

/* --- People --- */

static void s_who(chat_t *chat, bool names) {
    const chat_room_t *room = s_here(chat);
    if (room && !chat->connected)
        chat_notice(chat, "without a broker; ask again when the connection is back");
    if (!room || !chat->connected || chat->who_request)
        return;
    zr_buffer_clear(&chat->answer);
    chat->who_names = names;
    s_tell_failed(chat, zrelay_who(chat->session.relay, room->name, &chat->who_request));
}

static void s_whois(chat_t *chat, zr_span_t name) {
    char *nick = s_copy(name);
    zr_buffer_t text = {0};
    size_t rooms = 0;
    for (size_t i = 0; i < chat->room_count; i++)
        if (!chat->rooms[i].person && people_is_here(&chat->rooms[i].people, nick))
            zr_buffer_printf(&text, "%s%s", rooms++ ? ", " : "", chat->rooms[i].name);
    const char *words = chat_status_words(&chat->shown, nick);
    if (rooms > 0)
        chat_notice(
            chat, "%s is in %.*s%s%s", nick, (int)text.len, (char *)text.data, words ? "; " : "", words ? words : "");
    else
        chat_notice(chat, "%s is in none of your rooms", nick);
    zr_buffer_finish(&text);
    free(nick);
}

static void s_nick(chat_t *chat, zr_span_t name) {
    char *nick = s_copy(name);
    const char *fault = zr_nick_fault(name);
    if (chat->session.user)
        chat_notice(chat, "you stay %s: a user's nick is the user's name", chat->session.nick);
    else if (fault)
        chat_notice(chat, "%s", fault);
    else
        s_tell_failed(chat, zrelay_rename(chat->session.relay, nick));
    free(nick);
}

static void s_query(chat_t *chat, zr_span_t name) {
    const char *fault = zr_nick_fault(name);
    if (fault)
        chat_notice(chat, "%s", fault);
    else
        chat_query(chat, name);
}

static void s_ignore(chat_t *chat, zr_span_t name, bool on) {
    char *nick = s_copy(name);
    for (size_t i = 0; name.len == 0 && i < chat->settings.ignored_count; i++)
        chat_notice(chat, "ignored: %s", chat->settings.ignored[i]);
    if (name.len == 0 && chat->settings.ignored_count == 0)
        chat_notice(chat, "nobody is ignored");
    else if (on && chat->session.nick && zr_span_equal(name, zr_span(chat->session.nick)))
        chat_notice(chat, "you cannot ignore yourself");
    else if (name.len > 0 && on)
        chat_notice(chat,
            settings_ignore(&chat->settings, nick) ? "%s is ignored; /save keeps that"
                                                   : "%s is ignored already, or there are too many",
            nick);
    else if (name.len > 0)
        chat_notice(chat, settings_unignore(&chat->settings, nick) ? "%s is shown again" : "%s is not ignored", nick);
    free(nick);
}

/* Shows it in all rooms. A text that makes the meta too long changes nothing. */
static void s_show(chat_t *chat, char *away, char *status) {
    char *meta = chat_status_meta(away, status);
    int failed = zrelay_set_meta(chat->session.relay, meta);
    free(meta);
    if (failed) {
        chat_notice(chat, "not shown: the text is too long, or no UTF-8");
        free(away == chat->away ? NULL : away);
        free(status == chat->status ? NULL : status);
        return;
    }
    free(chat->away == away ? NULL : chat->away);
    free(chat->status == status ? NULL : chat->status);
    chat->away = away;
    chat->status = status;
    chat_show_prompt(chat);
    zr_buffer_t words = {0};
    meta = chat_status_meta(away, status);
    chat_status_who(&words, meta);
    free(meta);
    chat_notice(chat, words.len ? "you are shown as%.*s" : "you show no status%.*s", (int)words.len,
        words.len ? (char *)words.data : "");
    zr_buffer_finish(&words);
}

/* --- Messages --- */

/* The first line of the message answered, shortened, as mail does it; then the answer. */
static bool s_reply(chat_t *chat, chat_line_t line) {
    const chat_room_t *room = chat_current(chat);
    char *nick = s_copy(line.name);
    size_t len = strlen(nick);
    if (len > 1 && strchr(":,", nick[len - 1]))
        nick[len - 1] = '\0';
    const recent_entry_t *entry = room ? recent_newest(&room->recent, nick, NULL) : NULL;
    bool done = true;
    if (entry) {
        zr_span_t body = zr_span_of(entry->body, entry->len), first = zr_span_cut(&body, '\n');
        bool action = zr_span_starts(first, zr_span("/me "));
        if (action)
            zr_span_word(&first);
        size_t end = 0;
        for (size_t at = 0; at < first.len && at <= QUOTED; end = at <= QUOTED ? at : end)
            zr_utf8_next(first, &at);
        zr_buffer_t text = {0};
        zr_buffer_printf(&text, action ? "> * %s %.*s%s\n%.*s" : "> %s: %.*s%s\n%.*s", nick, (int)end, first.ptr,
            end < first.len || body.len ? "…" : "", (int)line.text.len, line.text.ptr);
        done = chat_send(chat, zr_span_of(text.data, text.len));
        zr_buffer_finish(&text);
    } else {
        chat_notice(chat, "%s has said nothing here that you could reply to", nick);
    }
    free(nick);
    return done;
}

static void s_edit(chat_t *chat) {
    const chat_room_t *room = chat_current(chat);
    const recent_entry_t *entry =
        room && chat->session.nick ? recent_newest(&room->recent, chat->session.nick, NULL) : NULL;
    if (!entry || !chat->prompt) {
        chat_notice(chat, "you have said nothing here that you could correct");
        return;
    }
    zr_buffer_t text = {0};
    bool corrected = zr_span_starts(zr_span_of(entry->body, entry->len), zr_span("* "));
    zr_buffer_printf(&text, "%s%.*s", corrected ? "" : "* ", (int)entry->len, entry->body);
    prompt_put(chat->prompt, zr_span_of(text.data, text.len));
    zr_buffer_finish(&text);
}

static void s_history(chat_t *chat, zr_span_t name) {
    char *word = s_copy(name);
    uint64_t number = CHAT_PAGE, since;
    if (name.len == 0 || zr_number_parse(word, RECENT_MAX, &number))
        chat_read_older(chat, number);
    else if (when_parse(word, zr_time_us(), &since))
        chat_read_since(chat, since);
    else
        chat_notice(chat, "/history takes a number up to %d, or " WHEN_FORMS, RECENT_MAX);
    free(word);
}

/* --- The chat itself --- */

void chat_apply(chat_t *chat) {
    bool wanted = chat->prompt && chat->settings.colour;
    int colours = chat_text_colours(getenv("NO_COLOR"), getenv("TERM"), getenv("COLORTERM"));
    chat->style.colours = wanted ? colours : 0;
    chat->style.seconds = chat->settings.seconds;
    chat->style.columns = chat->prompt ? prompt_columns() : 0;
    chat_show_prompt(chat);
}

static void s_reconnect(chat_t *chat) {
    if (!chat->connected)
        chat_notice(chat, "trying now");
    s_tell_failed(chat, zrelay_reconnect(chat->session.relay));
}

static void s_tell_lines(chat_t *chat, zr_buffer_t *lines) {
    zr_span_t left = zr_span_of(lines->data, lines->len);
    while (left.len > 0) {
        zr_span_t one = zr_span_cut(&left, '\n');
        chat_notice(chat, "%.*s", (int)one.len, one.ptr);
    }
    zr_buffer_finish(lines);
}

static void s_set(chat_t *chat, chat_line_t line) {
    zr_error_t error = {0};
    zr_buffer_t list = {0};
    if (line.name.len == 0)
        settings_list(&chat->settings, &list);
    else if (!settings_set(&chat->settings, line.name, line.text, &error))
        chat_notice(chat, "%s", error.text);
    s_tell_lines(chat, &list);
    chat_apply(chat);
}

static void s_save(chat_t *chat) {
    zr_error_t error = {0};
    char *path = config_path("zrelay/chat.conf");
    if (path)
        config_make_folder(path);
    if (path && settings_save(&chat->settings, path, &error))
        chat_notice(chat, "saved in %s", path);
    else
        chat_notice(chat, "not saved: %s", path ? error.text : "there is no home to save it in");
    free(path);
}

static void s_help(chat_t *chat, zr_span_t name) {
    zr_buffer_t lines = {0};
    if (!chat_help(name, &lines))
        zr_buffer_printf(&lines, "there is no command \"%.*s\"; /help lists them\n", (int)name.len, name.ptr);
    s_tell_lines(chat, &lines);
}

static void s_unknown(chat_t *chat, zr_span_t name) {
    zr_buffer_t meant = {0};
    chat_suggest(name, &meant);
    if (meant.len > 0)
        chat_notice(chat, "there is no /%.*s; did you mean %.*s?", (int)name.len, name.ptr, (int)meant.len, meant.data);
    else
        chat_notice(chat, "there is no /%.*s; /help lists the commands", (int)name.len, name.len ? name.ptr : "");
    zr_buffer_finish(&meant);
}

/* The broker answers it, so without a broker it waits. */
static bool s_asks(const chat_t *chat, chat_line_t line) {
    switch (line.kind) {
    case CHAT_JOIN:
        return chat_find(chat, line.name, false) == chat->room_count;
    case CHAT_MSG:
    case CHAT_NICK:
    case CHAT_ROOMS:
    case CHAT_TOPIC:
    case CHAT_HISTORY:
    case CHAT_SEARCH:
        return true;
    default:
        return false;
    }
}

/* --- Commands --- */

/* What concerns rooms and messages. false: the line's text could not be sent. */
static bool s_talk(chat_t *chat, chat_line_t line) {
    switch (line.kind) {
    case CHAT_TEXT:
    case CHAT_ME:
        return chat_send(chat, line.text);
    case CHAT_REPLY:
        return s_reply(chat, line);
    case CHAT_EDIT:
        s_edit(chat);
        break;
    case CHAT_JOIN:
        chat_enter(chat, line.name);
        break;
    case CHAT_PART:
        s_part(chat, line.name);
        break;
    case CHAT_MSG:
        chat_tell(chat, line.name, line.text);
        break;
    case CHAT_QUERY:
        s_query(chat, line.name);
        break;
    case CHAT_ROOMS:
        s_rooms(chat, line.name);
        break;
    case CHAT_TOPIC:
        s_topic(chat, line.text);
        break;
    case CHAT_HISTORY:
        s_history(chat, line.name);
        break;
    case CHAT_SEARCH:
        chat_read_search(chat, line.text);
        break;
    default:
        break;
    }
    return true;
}

/* What concerns people and the chat itself. */
static void s_obey(chat_t *chat, chat_line_t line) {
    switch (line.kind) {
    case CHAT_WHO:
    case CHAT_NAMES:
        s_who(chat, line.kind == CHAT_NAMES);
        break;
    case CHAT_WHOIS:
        s_whois(chat, line.name);
        break;
    case CHAT_NICK:
        s_nick(chat, line.name);
        break;
    case CHAT_AWAY:
        s_show(chat, s_copy(line.text), chat->status);
        break;
    case CHAT_BACK:
        s_show(chat, NULL, chat->status);
        break;
    case CHAT_STATUS:
        s_show(chat, chat->away, line.text.len ? s_copy(line.text) : NULL);
        break;
    case CHAT_IGNORE:
    case CHAT_UNIGNORE:
        s_ignore(chat, line.name, line.kind == CHAT_IGNORE);
        break;
    case CHAT_CLEAR:
        prompt_clear(chat->prompt);
        break;
    case CHAT_RECONNECT:
        s_reconnect(chat);
        break;
    case CHAT_SET:
        s_set(chat, line);
        break;
    case CHAT_SAVE:
        s_save(chat);
        break;
    case CHAT_HELP:
        s_help(chat, line.name);
        break;
    case CHAT_QUIT:
        chat->ended = true;
        break;
    case CHAT_UNKNOWN:
        s_unknown(chat, line.name);
        break;
    case CHAT_MISUSED:
        chat_notice(chat, "usage: %.*s", (int)line.text.len, line.text.ptr);
        break;
    default:
        break;
    }
}

/* Keyboards give other forms than the one that names have (typed.h). */
bool chat_typed(chat_t *chat, zr_span_t text) {
    zr_buffer_t typed = {0};
    zr_nfc(&typed, text);
    chat_line_t line = chat_parse(zr_span_of(typed.data, typed.len));
    if (!chat->connected && s_asks(chat, line))
        chat_notice(chat, "without a broker; it waits until the connection is back");
    bool done = s_talk(chat, line);
    if (done)
        s_obey(chat, line);
    zr_buffer_finish(&typed);
    return done;
}
