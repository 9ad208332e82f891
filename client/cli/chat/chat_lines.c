/* What a line does that a person typed. */
#include <stdio.h>
#include <stdlib.h>

#include "chat.h"
#include "chat_parse.h"
#include "fatal.h"
#include "names.h"
#include "unicode.h"

bool chat_enter(chat_t *chat, zr_span_t name) {
    size_t index = chat_find(chat, name);
    if (index == chat->room_count) {
        const char *fault = zr_room_fault(name);
        if (fault) {
            chat_notice(chat, "%s", fault);
            return false;
        }
        if (index == CHAT_ROOMS_MAX) {
            chat_notice(chat, "too many rooms; /part one");
            return false;
        }
        char *copy = strndup(name.ptr, name.len);
        int failed =
            copy ? zrelay_join(chat->session.relay, copy, ZRELAY_FROM_LAST | ZRELAY_PRESENCE, CHAT_HISTORY) : 0;
        if (!copy || failed) {
            chat_notice(chat, "%.*s: %s", (int)name.len, name.ptr, copy ? zrelay_strerror(failed) : "no memory");
            free(copy);
            return false;
        }
        chat->rooms[chat->room_count++] = (chat_room_t){.name = copy};
    }
    chat->current = index;
    chat->style.rooms = chat->room_count > 1;
    chat_show_prompt(chat);
    return true;
}

static void s_part(chat_t *chat, zr_span_t name) {
    size_t index = name.len ? chat_find(chat, name) : chat->current;
    if (index >= chat->room_count) {
        chat_notice(chat, "you are not in it");
        return;
    }
    zrelay_leave(chat->session.relay, chat->rooms[index].name);
    chat_notice(chat, "you left %s", chat->rooms[index].name);
    chat_forget(chat, index);
}

/* --- Commands --- */

static void s_told(chat_t *chat, int failed) {
    if (failed)
        chat_notice(chat, "%s", zrelay_strerror(failed));
}

/* Shown when it is delivered. */
static void s_message(chat_t *chat, chat_line_t line) {
    size_t i = 0;
    while (i < CHAT_DIRECT_MAX && chat->directs[i].request)
        i++;
    if (i == CHAT_DIRECT_MAX) {
        s_told(chat, ZRELAY_EMANY);
        return;
    }
    chat_direct_t *direct = &chat->directs[i];
    direct->nick = strndup(line.name.ptr, line.name.len);
    direct->text = strndup(line.text.ptr, line.text.len);
    int failed = direct->nick && direct->text
                     ? zrelay_direct(chat->session.relay, direct->nick, direct->text, &direct->request)
                     : ZRELAY_EINVAL;
    s_told(chat, failed);
    if (failed)
        chat_direct_end(direct);
}

static void s_nick(chat_t *chat, zr_span_t name) {
    char *nick = strndup(name.ptr, name.len);
    const char *fault = zr_nick_fault(name);
    if (chat->session.user)
        chat_notice(chat, "you stay %s: a user's nick is the user's name", chat->session.nick);
    else if (!nick || fault)
        chat_notice(chat, "%s", fault ? fault : "no memory");
    else
        s_told(chat, zrelay_rename(chat->session.relay, nick));
    free(nick);
}

static void s_rooms(chat_t *chat, zr_span_t prefix) {
    char *copy = strndup(prefix.len ? prefix.ptr : "", prefix.len);
    if (copy)
        s_told(chat, zrelay_rooms(chat->session.relay, copy, &chat->rooms_request));
    free(copy);
}

static void s_who(chat_t *chat) {
    if (chat->room_count == 0)
        chat_notice(chat, "you are in no room; /join one");
    if (chat->room_count == 0 || chat->who_request)
        return;
    zr_buffer_clear(&chat->answer);
    s_told(chat, zrelay_who(chat->session.relay, chat->rooms[chat->current].name, &chat->who_request));
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
    zr_buffer_t words = {0};
    meta = chat_status_meta(away, status);
    chat_status_who(&words, meta);
    free(meta);
    chat_notice(chat, words.len ? "you are shown as%.*s" : "you show no status%.*s", (int)words.len,
        words.len ? (char *)words.data : "");
    zr_buffer_finish(&words);
}

static void s_help(chat_t *chat) {
    for (size_t i = 0; chat_help(i); i++)
        chat_notice(chat, "%s", chat_help(i));
}

/* false: the line's text could not be sent. */
static bool s_obey(chat_t *chat, chat_line_t line) {
    switch (line.kind) {
    case CHAT_NOTHING:
        break;
    case CHAT_TEXT:
        return chat_send(chat, line.text);
    case CHAT_JOIN:
        chat_enter(chat, line.name);
        break;
    case CHAT_PART:
        s_part(chat, line.name);
        break;
    case CHAT_MSG:
        s_message(chat, line);
        break;
    case CHAT_WHO:
        s_who(chat);
        break;
    case CHAT_NICK:
        s_nick(chat, line.name);
        break;
    case CHAT_AWAY:
        s_show(chat, fatal_check(strndup(line.text.ptr, line.text.len)), chat->status);
        break;
    case CHAT_BACK:
        s_show(chat, NULL, chat->status);
        break;
    case CHAT_STATUS:
        s_show(chat, chat->away, line.text.len ? fatal_check(strndup(line.text.ptr, line.text.len)) : NULL);
        break;
    case CHAT_ROOMS:
        s_rooms(chat, line.name);
        break;
    case CHAT_HELP:
        s_help(chat);
        break;
    case CHAT_QUIT:
        chat->ended = true;
        break;
    case CHAT_BAD:
        chat_notice(chat, "/%.*s: %.*s", (int)line.name.len, line.name.ptr, (int)line.text.len, line.text.ptr);
        break;
    }
    return true;
}

/* Keyboards give other forms than the one that names have (typed.h). */
bool chat_typed(chat_t *chat, zr_span_t text) {
    zr_buffer_t typed = {0};
    zr_nfc(&typed, text);
    bool done = s_obey(chat, chat_parse(zr_span_of(typed.data, typed.len)));
    zr_buffer_finish(&typed);
    return done;
}
