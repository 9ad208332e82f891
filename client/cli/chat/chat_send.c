#include "chat_send.h"

#include <stdlib.h>

#include "chat_home.h"
#include "code.h"
#include "fatal.h"

static void s_drop(chat_t *chat, size_t count) {
    for (size_t i = 0; i < count; i++)
        free(chat->pending[i].text);
    chat->pending_count -= count;
    memmove(chat->pending, chat->pending + count, chat->pending_count * sizeof chat->pending[0]);
}

void chat_acked(chat_t *chat, const zrelay_event_t *event) {
    size_t count = 0;
    chat->acked_seq = event->seq;
    while (count < chat->pending_count && chat->pending[count].mid <= event->mid)
        count++;
    s_drop(chat, count);
}

void chat_not_sent(chat_t *chat, const zrelay_event_t *event) {
    for (size_t i = 0; event->mid && i < chat->pending_count; i++) {
        chat_pending_t *pending = &chat->pending[i];
        if (pending->mid < event->mid || pending->mid > (event->upto ? event->upto : event->mid))
            continue;
        pending->told = true; /* it is not to be called unsent once more before the next ack takes it away */
        chat_notice(chat, "not sent: %s", pending->text);
    }
}

bool chat_send(chat_t *chat, zr_span_t text) {
    uint64_t mid;
    const chat_room_t *room = chat_current(chat);
    if (!room) {
        chat_notice(chat, "no room to send to; /join one");
        return true;
    }
    if (room->person) {
        chat_tell(chat, zr_span(room->name), text);
        return true;
    }
    int failed = zrelay_publish(chat->session.relay, room->name, text.ptr, text.len, &mid);
    if (failed == ZRELAY_EFULL)
        return false;
    if (failed) {
        chat_notice(chat, "not sent: %s", zrelay_strerror(failed));
        chat->code = CLI_USAGE;
        return true;
    }
    if (chat->prompt && chat->pending_count < CHAT_PENDING_MAX)
        chat->pending[chat->pending_count++] =
            (chat_pending_t){.mid = mid, .sent_ms = zr_mono_ms(), .text = fatal_check(strndup(text.ptr, text.len))};
    return true;
}

/* --- To one person --- */

static void s_direct_end(chat_direct_t *direct) {
    free(direct->nick);
    free(direct->text);
    *direct = (chat_direct_t){0};
}

/* Shown when it is delivered. */
void chat_tell(chat_t *chat, zr_span_t nick, zr_span_t text) {
    chat_direct_t *direct = chat->directs;
    while (direct < chat->directs + CHAT_DIRECT_MAX && direct->request)
        direct++;
    int failed = ZRELAY_EMANY;
    if (direct < chat->directs + CHAT_DIRECT_MAX) {
        direct->nick = fatal_check(strndup(nick.ptr, nick.len));
        direct->text = fatal_check(strndup(text.ptr, text.len));
        failed = zrelay_direct(chat->session.relay, direct->nick, direct->text, &direct->request);
        if (failed)
            s_direct_end(direct);
    }
    if (failed)
        chat_notice(chat, "not told: %s", zrelay_strerror(failed));
}

static void s_delivered(chat_t *chat, const chat_direct_t *direct) {
    size_t index = chat_find(chat, zr_span(direct->nick), true);
    uint64_t now = zr_time_us();
    if (index < chat->room_count) {
        chat_room_t *room = &chat->rooms[index];
        chat_room_entry(chat, room,
            &(zrelay_event_t){.room = room->name,
                .sender = chat->session.nick,
                .body = direct->text,
                .body_len = strlen(direct->text),
                .time = now,
                .seq = room->known + 1});
        return;
    }
    chat_whisper(chat, direct->nick,
        &(zrelay_event_t){
            .sender = chat->session.nick, .body = direct->text, .body_len = strlen(direct->text), .time = now});
    chat_tell_moves(chat);
    chat_date(chat, now);
    chat_text_told(&chat->output.buffer, chat->style, zr_span(direct->nick), zr_span(direct->text), now);
}

static void s_refused(chat_t *chat, const chat_direct_t *direct, const zrelay_event_t *event) {
    if (event->code && strcmp(event->code, zr_code_name(ZR_NO_SUCH_USER)) == 0) {
        chat_notice(chat, "there is no user \"%s\" here; not told: %s", direct->nick, direct->text);
        return;
    }
    chat_note(chat, event);
    chat_notice(chat, "%s was not told: %s", direct->nick, direct->text);
}

bool chat_told(chat_t *chat, const zrelay_event_t *event) {
    for (size_t i = 0; event->request && i < CHAT_DIRECT_MAX; i++) {
        chat_direct_t *direct = &chat->directs[i];
        if (direct->request != event->request)
            continue;
        if (event->type == ZRELAY_DONE)
            s_delivered(chat, direct);
        else
            s_refused(chat, direct, event);
        s_direct_end(direct);
        return true;
    }
    return false;
}

/* --- What is due --- */

static int s_sooner(int a, int b) {
    return a < 0 ? b : b < 0 || a < b ? a : b;
}

static int s_unsent(chat_t *chat, uint64_t now) {
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

static int s_moves(chat_t *chat, uint64_t now) {
    uint64_t due = chat->moves.since_ms + CHAT_MOVES_MS;
    if (chat->moves.count == 0)
        return -1;
    if (now < due)
        return (int)(due - now);
    chat_tell_moves(chat);
    return -1;
}

static int s_back(chat_t *chat, uint64_t now) {
    if (chat->back_ms == 0)
        return -1;
    if (now < chat->back_ms)
        return (int)(chat->back_ms - now);
    chat->back_ms = 0;
    if (chat->recovered > 0)
        chat_notice(chat, "back; %zu message%s recovered", chat->recovered, chat->recovered == 1 ? "" : "s");
    else
        chat_notice(chat, "back; nothing was missed");
    return -1;
}

/* Midnight is told though nobody says anything. The library's pings wake the chat soon enough. */
static void s_day(chat_t *chat) {
    int64_t today = chat_text_day(zr_time_us());
    if (chat->today && today != chat->today)
        chat_date(chat, zr_time_us());
    chat->today = today;
}

int chat_due(chat_t *chat) {
    uint64_t now = zr_mono_ms();
    if (!chat->prompt)
        return -1;
    s_day(chat);
    int soon = s_sooner(s_moves(chat, now), s_back(chat, now));
    return s_sooner(s_unsent(chat, now), s_sooner(soon, chat_home_due(chat, now)));
}

void chat_send_end(chat_t *chat) {
    s_drop(chat, chat->pending_count);
    for (size_t i = 0; i < CHAT_DIRECT_MAX; i++)
        s_direct_end(&chat->directs[i]);
}
