/* The chat's lines for events. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "chat.h"
#include "code.h"
#include "format.h"
#include "names.h"

void chat_notice(chat_t *chat, const char *format, ...) {
    zr_buffer_t text = {0};
    va_list args;
    va_start(args, format);
    zr_buffer_vprintf(&text, format, args);
    va_end(args);
    if (chat->prompt)
        chat_text_notice(&chat->output.buffer, chat->style, zr_span_of(text.data, text.len));
    else
        cli_say("%.*s", (int)text.len, (char *)text.data); /* a filter's stdout holds messages only */
    zr_buffer_finish(&text);
}

static void s_note(chat_t *chat, const zrelay_event_t *event) {
    zr_buffer_t text = {0};
    if (conn_describe(&chat->session, event, &text))
        chat_notice(chat, "%.*s", (int)text.len, (const char *)text.data);
    zr_buffer_finish(&text);
}

static uint64_t s_now(void) {
    return (uint64_t)time(NULL) * 1000000;
}

/* A message of that time is to be shown. The date is told when it is another than before; each line of a filter stands
 * for itself, and has the date unless that is today. */
static void s_date(chat_t *chat, uint64_t time) {
    int64_t day = chat_text_day(time);
    chat->style.date = !chat->prompt && day != chat_text_day(s_now());
    if (chat->day == 0)
        chat->day = chat_text_day(s_now());
    if (chat->prompt && day != chat->day)
        chat_text_date(&chat->output.buffer, chat->style, time);
    chat->day = day;
}

/* --- Messages on their way --- */

static void s_drop_pending(chat_t *chat, size_t count) {
    for (size_t i = 0; i < count; i++)
        free(chat->pending[i].text);
    chat->pending_count -= count;
    memmove(chat->pending, chat->pending + count, chat->pending_count * sizeof chat->pending[0]);
}

static void s_acked(chat_t *chat, uint64_t mid) {
    size_t count = 0;
    while (count < chat->pending_count && chat->pending[count].mid <= mid)
        count++;
    s_drop_pending(chat, count);
}

int chat_mark(chat_t *chat) {
    uint64_t now = zr_mono_ms();
    for (size_t i = 0; i < chat->pending_count; i++) {
        chat_pending_t *pending = &chat->pending[i];
        if (pending->told)
            continue;
        uint64_t due = pending->sent_ms + (chat->connected ? CHAT_UNSENT_MS : 0);
        if (now < due)
            return (int)(due - now);
        pending->told = true;
        chat_notice(chat, "not sent yet: %s", pending->text);
    }
    return -1;
}

bool chat_send(chat_t *chat, zr_span_t text) {
    uint64_t mid;
    if (chat->room_count == 0) {
        chat_notice(chat, "no room to send to; /join one");
        return true;
    }
    int failed = zrelay_publish(chat->session.relay, chat->rooms[chat->current].name, text.ptr, text.len, &mid);
    if (failed == ZRELAY_EFULL)
        return false;
    if (failed) {
        chat_notice(chat, "not sent: %s", zrelay_strerror(failed));
        chat->code = CLI_USAGE;
        return true;
    }
    if (chat->prompt && chat->pending_count < CHAT_PENDING_MAX)
        chat->pending[chat->pending_count++] =
            (chat_pending_t){.mid = mid, .sent_ms = zr_mono_ms(), .text = strndup(text.ptr, text.len)};
    return true;
}

static void s_not_told(chat_t *chat, const chat_direct_t *direct, const zrelay_event_t *event) {
    if (event->code && strcmp(event->code, zr_code_name(ZR_NO_SUCH_USER)) == 0) {
        chat_notice(chat, "there is no user \"%s\" here; not told: %s", direct->nick, direct->text);
        return;
    }
    s_note(chat, event);
    chat_notice(chat, "%s was not told: %s", direct->nick, direct->text);
}

/* A message to one person was delivered, or refused. false: it is about none. */
static bool s_directed(chat_t *chat, const zrelay_event_t *event) {
    for (size_t i = 0; event->request && i < CHAT_DIRECT_MAX; i++) {
        chat_direct_t *direct = &chat->directs[i];
        if (direct->request != event->request)
            continue;
        if (event->type == ZRELAY_DONE) {
            s_date(chat, s_now());
            chat_text_told(&chat->output.buffer, chat->style, zr_span(direct->nick), zr_span(direct->text), s_now());
        } else {
            s_not_told(chat, direct, event);
        }
        chat_direct_end(direct);
        return true;
    }
    return false;
}

void chat_direct_end(chat_direct_t *direct) {
    free(direct->nick);
    free(direct->text);
    *direct = (chat_direct_t){0};
}

/* --- Events --- */

/* The broker lets us in no more, and it was told. */
static void s_gone(chat_t *chat) {
    chat->ended = chat->refused = true;
    chat->code = CLI_REFUSED;
}

static void s_refused(chat_t *chat, const zrelay_event_t *event) {
    if (!s_directed(chat, event))
        s_note(chat, event);
    if (conn_refused(&chat->session, event))
        s_gone(chat);
    if (!chat->prompt)
        chat->code = CLI_REFUSED;
    for (size_t i = 0; event->mid && i < chat->pending_count; i++) {
        chat_pending_t *pending = &chat->pending[i];
        if (pending->mid < event->mid || pending->mid > (event->upto ? event->upto : event->mid))
            continue;
        pending->told = true; /* it is not to be called unsent once more before the next ack takes it away */
        chat_notice(chat, "not sent: %s", pending->text);
    }
    if (event->request && event->request == chat->who_request)
        chat->who_request = 0;
    if (event->request && event->request == chat->rooms_request)
        chat->rooms_request = 0;
    if (event->mid || event->request || !event->room)
        return;
    size_t index = chat_find(chat, zr_span(event->room));
    if (index < chat->room_count)
        chat_forget(chat, index);
    if (!chat->prompt && chat->room_count == 0)
        chat->ended = true;
}

static void s_joined(chat_t *chat, const zrelay_event_t *event) {
    size_t index = chat_find(chat, zr_span(event->room));
    if (index >= chat->room_count || chat->rooms[index].live)
        return;
    chat->rooms[index].live = true;
    if (chat->prompt || chat->session.config->verbose)
        chat_notice(chat, "you are in %s, %" PRIu64 " here", event->room, event->count);
}

static void s_presence(chat_t *chat, const zrelay_event_t *event) {
    bool mine = event->name && chat->session.nick && strcmp(event->name, chat->session.nick) == 0;
    if (chat->prompt && !mine)
        chat_text_presence(&chat->output.buffer, chat->style, event);
}

static void s_meta(chat_t *chat, const zrelay_event_t *event) {
    zr_buffer_t text = {0};
    if (chat_status_changed(&chat->shown, event->name, event->text, &text) && chat->prompt)
        chat_notice(chat, "%.*s", (int)text.len, (const char *)text.data);
    zr_buffer_finish(&text);
}

static void s_connected(chat_t *chat, const zrelay_event_t *event) {
    if (!chat->connected)
        s_note(chat, event);
    chat->connected = true;
}

static void s_listed(chat_t *chat, const zrelay_event_t *event) {
    if (event->type == ZRELAY_ROOM)
        chat_notice(chat, "%s: %" PRIu64 " present", event->room, event->count);
    else {
        zr_buffer_printf(&chat->answer, "%s%s", chat->answer.len ? ", " : "", event->name);
        chat_status_who(&chat->answer, event->text);
    }
}

static void s_done(chat_t *chat, const zrelay_event_t *event) {
    s_directed(chat, event);
    if (event->request == chat->rooms_request)
        chat->rooms_request = 0;
    if (event->request != chat->who_request)
        return;
    chat->who_request = 0;
    chat_notice(chat, "here: %.*s", (int)chat->answer.len, chat->answer.len ? (const char *)chat->answer.data : "");
    zr_buffer_clear(&chat->answer);
}

void chat_event(chat_t *chat, const zrelay_event_t *event) {
    switch (event->type) {
    case ZRELAY_ENTRY:
        if (chat_find(chat, zr_span(event->room)) == chat->current)
            chat->seen_seq = event->seq;
        s_date(chat, event->time);
        chat_text_entry(&chat->output.buffer, chat->style, event);
        break;
    case ZRELAY_DIRECT:
        s_date(chat, event->time);
        chat_text_direct(&chat->output.buffer, chat->style, event);
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
        s_note(chat, event);
        chat->connected = false;
        if (conn_refused(&chat->session, event))
            s_gone(chat);
        break;
    case ZRELAY_ACKED:
        chat->acked_seq = event->seq;
        s_acked(chat, event->mid);
        break;
    case ZRELAY_REFUSED:
        s_refused(chat, event);
        break;
    case ZRELAY_EPOCH:
        chat->acked_seq = chat->seen_seq = 0;
        s_note(chat, event);
        break;
    case ZRELAY_NICK:
        chat_notice(chat, "you are now %s", event->name);
        break;
    case ZRELAY_USER:
    case ZRELAY_ROOM:
        s_listed(chat, event);
        break;
    case ZRELAY_DONE:
        s_done(chat, event);
        break;
    case ZRELAY_CLOSED:
        chat->ended = true;
        break;
    default:
        s_note(chat, event);
    }
}

void chat_finish(chat_t *chat) {
    s_drop_pending(chat, chat->pending_count);
    while (chat->room_count > 0)
        chat_forget(chat, 0);
    for (size_t i = 0; i < CHAT_DIRECT_MAX; i++)
        chat_direct_end(&chat->directs[i]);
    chat_status_finish(&chat->shown);
    free(chat->away);
    free(chat->status);
    zr_buffer_finish(&chat->answer);
}
