/* What the chat shows. */
#include <stdarg.h>
#include <stdlib.h>

#include "chat.h"
#include "fatal.h"
#include "names.h"

static void s_text(chat_t *chat, zr_span_t text, bool rule) {
    chat_tell_moves(chat);
    if (!chat->prompt)
        cli_say("%.*s", (int)text.len, text.ptr); /* a filter's stdout holds messages only */
    else if (rule)
        chat_text_rule(&chat->output.buffer, chat->style, text.ptr);
    else
        chat_text_notice(&chat->output.buffer, chat->style, text);
}

static void s_print(chat_t *chat, bool rule, const char *format, va_list args) {
    zr_buffer_t text = {0};
    zr_buffer_vprintf(&text, format, args);
    size_t len = text.len;
    zr_buffer_u8(&text, '\0');
    s_text(chat, zr_span_of(text.data, len), rule);
    zr_buffer_finish(&text);
}

void chat_notice(chat_t *chat, const char *format, ...) {
    va_list args;
    va_start(args, format);
    s_print(chat, false, format, args);
    va_end(args);
}

void chat_rule(chat_t *chat, const char *format, ...) {
    va_list args;
    va_start(args, format);
    s_print(chat, true, format, args);
    va_end(args);
}

void chat_note(chat_t *chat, const zrelay_event_t *event) {
    zr_buffer_t text = {0};
    if (conn_describe(&chat->session, event, &text))
        chat_notice(chat, "%.*s", (int)text.len, (const char *)text.data);
    zr_buffer_finish(&text);
}

/* At a terminal the date is told when it is another than before. Each line of a filter stands for itself, and has the
 * date unless that is today. */
void chat_date(chat_t *chat, uint64_t time) {
    int64_t day = chat_text_day(time);
    chat->style.date = !chat->prompt && day != chat_text_day(zr_time_us());
    if (chat->day == 0)
        chat->day = chat_text_day(zr_time_us());
    if (chat->prompt && day != chat->day)
        chat_text_date(&chat->output.buffer, chat->style, time);
    chat->day = day;
}

void chat_show_entry(chat_t *chat, const zrelay_event_t *event) {
    chat_tell_moves(chat);
    chat_date(chat, event->time);
    const char *nick = chat->session.nick;
    bool other = event->sender && nick && strcmp(event->sender, nick) != 0;
    zr_span_t body = zr_span_of(event->body, event->body_len);
    bool mentions = chat->prompt && other && !event->key && chat_text_mentions(body, nick);
    chat_text_entry(&chat->output.buffer, chat->style, event, mentions);
}

/* --- Comings and goings --- */

static void s_drop_move(chat_moves_t *moves, size_t i) {
    free(moves->list[i].nick);
    free(moves->list[i].text);
    moves->list[i] = moves->list[--moves->count];
}

/* Somebody left and is back already, or came and is gone: no news. */
static bool s_undoes(chat_moves_t *moves, const zrelay_event_t *event) {
    for (size_t i = 0; i < moves->count; i++) {
        if (strcmp(moves->list[i].nick, event->name) != 0 || moves->list[i].joined == event->joined)
            continue;
        s_drop_move(moves, i);
        return true;
    }
    return false;
}

void chat_move(chat_t *chat, const zrelay_event_t *event) {
    chat_moves_t *moves = &chat->moves;
    if (event->sender) {
        chat_notice(chat, "%s is now %s", event->name, event->sender);
        return;
    }
    if (s_undoes(moves, event))
        return;
    if (moves->count == CHAT_MOVES_MAX)
        chat_tell_moves(chat);
    if (moves->count == 0)
        moves->since_ms = zr_mono_ms();
    zr_buffer_t text = {0};
    zr_buffer_printf(&text, "%s", event->name);
    if (!event->joined && event->text && *event->text && strcmp(event->text, "leave") != 0)
        zr_buffer_printf(&text, " (%s)", event->text);
    zr_buffer_u8(&text, '\0');
    moves->list[moves->count].nick = fatal_check(strdup(event->name));
    moves->list[moves->count].text = fatal_check(strdup((char *)text.data));
    moves->list[moves->count++].joined = event->joined;
    zr_buffer_finish(&text);
}

static void s_moved(const chat_moves_t *moves, bool joined, zr_buffer_t *out) {
    size_t count = 0;
    for (size_t i = 0; i < moves->count; i++)
        if (moves->list[i].joined == joined)
            zr_buffer_printf(out, "%s%s", count++ ? ", " : out->len ? "; " : "", moves->list[i].text);
    if (count > 0)
        zr_buffer_printf(out, joined ? " joined" : " left");
}

void chat_tell_moves(chat_t *chat) {
    zr_buffer_t text = {0};
    s_moved(&chat->moves, true, &text);
    s_moved(&chat->moves, false, &text);
    while (chat->moves.count > 0)
        s_drop_move(&chat->moves, chat->moves.count - 1);
    if (text.len > 0)
        chat_text_notice(&chat->output.buffer, chat->style, zr_span_of(text.data, text.len));
    zr_buffer_finish(&text);
}

/* --- The prompt --- */

static bool s_is_for_user(const chat_room_t *room) {
    return room->person || room->mentions > 0;
}

static void s_count(zr_buffer_t *out, const chat_room_t *room) {
    zr_buffer_printf(out, "%s%s %zu", room->person ? "@" : "", room->name, room->unread);
    if (room->mentions > 0)
        zr_buffer_printf(out, " (%zu for you)", room->mentions);
}

/* " [ops 1 (1 for you), garden 3, +2]": those with something for the user first, and as many as leave half of the row to
 * the line. */
static bool s_unread(const chat_t *chat, zr_buffer_t *out) {
    size_t told = 0, hidden = 0, most = prompt_columns() / 2;
    bool mentions = false;
    for (size_t i = 0; i < 2 * chat->room_count; i++) {
        const chat_room_t *room = &chat->rooms[i % chat->room_count];
        bool first = i < chat->room_count;
        if (room->unread == 0 || room == &chat->rooms[chat->current] || s_is_for_user(room) != first)
            continue;
        zr_buffer_t count = {0};
        s_count(&count, room);
        bool fits = hidden == 0 && (told == 0 || out->len + count.len < most);
        if (fits)
            zr_buffer_printf(out, "%s%.*s", told++ ? ", " : " [", (int)count.len, (char *)count.data);
        hidden += !fits;
        mentions |= room->mentions > 0;
        zr_buffer_finish(&count);
    }
    if (hidden > 0)
        zr_buffer_printf(out, ", +%zu", hidden);
    if (told > 0)
        zr_buffer_u8(out, ']');
    return mentions;
}

void chat_show_prompt(chat_t *chat) {
    if (!chat->prompt)
        return;
    const chat_room_t *room = chat_current(chat);
    zr_buffer_t text = {0}, label = {0};
    if (room)
        zr_buffer_printf(&text, "%s%s", room->person ? "@" : "", room->name);
    if (chat->away)
        zr_buffer_printf(&text, " (away)");
    bool mentions = s_unread(chat, &text);
    zr_escape(&label, zr_span_of(text.data, text.len));
    if (chat->settings.title) {
        zr_buffer_u8(&label, '\0');
        prompt_title(chat->prompt, (char *)label.data);
        label.len--;
    }
    zr_buffer_append(&label, "> ", 3);
    const char *colour = mentions ? "\033[1;35m" : "\033[1m";
    prompt_set(chat->prompt, (char *)label.data, chat->style.colours ? colour : NULL);
    zr_buffer_finish(&text);
    zr_buffer_finish(&label);
}

void chat_alert(chat_t *chat, const zrelay_event_t *event, bool mentions) {
    bool rings = chat->settings.bell == BELL_ALL || (chat->settings.bell == BELL_MENTIONS && mentions);
    if (chat->prompt && rings)
        prompt_bell(chat->prompt);
    if (mentions && chat->jobs.command && !jobs_full(&chat->jobs))
        jobs_start(&chat->jobs, event);
}
