/* See irc.h. */
#include "irc.h"

#include <sodium/utils.h>
#include <stdio.h>

#include "control.h"
#include "fatal.h"
#include "http_line.h"
#include "irc_ask.h"
#include "irc_command.h"
#include "irc_deliver.h"
#include "irc_login.h"
#include "irc_multiline.h"
#include "irc_out.h"
#include "irc_presence.h"
#include "irc_room.h"
#include "irc_sent.h"

enum {
    CLIENT_BYTES = ZR_CLIENT_ID_LEN / 2,
    LINE_COST = 1000,     /* thousandths */
    MULTILINE_COST = 100, /* of a line of a batch */
    SECOND_MS = 1000,
    PAUSE_MAX_MS = 60 * SECOND_MS
};

void irc_people_changed(void *client, zr_span_t nick) {
    irc_watch_nick(client, nick);
    irc_flush(client);
}

/* --- Lines of the client --- */

/* Fills up what was spent since. */
static void s_earn(irc_t *irc, uint64_t now) {
    uint64_t most = irc->host->rate * IRC_BURST_S * LINE_COST;
    uint64_t earned = now > irc->credit_at ? (now - irc->credit_at) * irc->host->rate : 0;
    irc->credit = earned > most || irc->credit + earned > most ? most : irc->credit + earned;
    irc->credit_at = now;
}

/* Lines of a batch make one message. Others cost as much as ever while a batch is open. */
static unsigned s_cost(const irc_t *irc, const irc_message_t *message) {
    bool open = irc->multiline && irc->caps & IRC_MULTILINE; /* else a line with the tag is like any other */
    return open && irc_message_tag(message, "batch", NULL) ? MULTILINE_COST : LINE_COST;
}

static void s_too_long(irc_t *irc) {
    irc_numeric(irc, ERR_INPUTTOOLONG, NULL);
    if (!irc->registered) /* it may be a request with a long target */
        irc_close(irc, "Input line was too long");
}

static void s_take_line(irc_t *irc, zr_span_t line) {
    irc_message_t message;
    char command[32];
    if (!irc->registered && http_line_is_request(line)) {
        irc_close(irc, "This is no HTTP server");
        return;
    }
    irc_message_state_t state = irc_message_parse(&message, line);
    unsigned cost = s_cost(irc, &message);
    irc->credit -= irc->credit < cost ? irc->credit : cost;
    switch (state) {
    case IRC_MESSAGE_OK:
        irc_command(irc, &message);
        break;
    case IRC_MESSAGE_TOO_LONG:
        s_too_long(irc);
        break;
    case IRC_MESSAGE_NOT_UTF8:
        snprintf(command, sizeof command, "%.*s", (int)message.command.len, message.command.ptr);
        irc_standard(irc, "FAIL", command, "INVALID_UTF8", "the line is not valid UTF-8; nothing was done", NULL);
        break;
    case IRC_MESSAGE_EMPTY:
    case IRC_MESSAGE_BAD:
        break;
    }
}

bool irc_is_paused(irc_t *irc, uint64_t now) {
    s_earn(irc, now);
    bool registering = irc->greeting && !irc->registered; /* what comes next depends on the answer */
    return irc->closing || registering || irc->credit < LINE_COST || irc->ask_count >= IRC_ASKS_MAX ||
           irc->sent_count >= IRC_SENT_MAX || irc->pause_until > now;
}

static size_t s_line_end(zr_span_t bytes) {
    size_t i = 0;
    while (i < bytes.len && bytes.ptr[i] != '\n' && bytes.ptr[i] != '\r')
        i++;
    return i;
}

/* A part of a line is kept, up to the longest one there may be. */
static void s_keep(irc_t *irc, zr_span_t part) {
    if (irc->skipping)
        return;
    if (irc->input.len + part.len > IRC_INPUT) {
        irc->skipping = true;
        zr_buffer_finish(&irc->input);
        s_too_long(irc);
    } else
        zr_buffer_append(&irc->input, part.ptr, part.len);
}

static void s_end_line(irc_t *irc, zr_span_t part) {
    zr_buffer_t line = irc->input;
    if (irc->skipping) {
        irc->skipping = false;
        return;
    }
    if (line.len == 0) {
        s_take_line(irc, part);
        return;
    }
    irc->input = (zr_buffer_t){0};
    zr_buffer_append(&line, part.ptr, part.len);
    s_take_line(irc, zr_span_of(line.data, line.len));
    zr_buffer_finish(&line);
}

size_t irc_bytes(irc_t *irc, zr_span_t bytes, uint64_t now) {
    zr_span_t rest = bytes;
    irc->now = irc->heard_at = now;
    irc->pinged = false;
    while (rest.len > 0 && !irc_is_paused(irc, now)) {
        size_t end = s_line_end(rest);
        zr_span_t part = zr_span_of(rest.ptr, end);
        bool whole = end < rest.len, ended = end == 0 && rest.ptr[0] == '\n' && irc->after_cr;
        irc->after_cr = whole && rest.ptr[end] == '\r';
        rest = zr_span_of(rest.ptr + end + whole, rest.len - end - whole);
        if (!whole)
            s_keep(irc, part);
        else if (!ended)
            s_end_line(irc, part);
    }
    irc_flush(irc);
    return irc->closing ? bytes.len : bytes.len - rest.len;
}

/* --- Frames of the broker --- */

static bool s_is(const char *text, const char *word) {
    return strcmp(text, word) == 0;
}

static void s_on_error(irc_t *irc, const json_t *error) {
    uint64_t wait = irc_answer_number(error, "wait");
    if (irc_answer_failed(error, ZR_NO_SESSION)) {
        if (!irc->alive)
            return;
        irc_lose(irc);
        irc_come_back(irc);
    } else if (irc_answer_failed(error, ZR_RATE_LIMITED))
        irc->pause_until = irc->now + (wait < PAUSE_MAX_MS ? wait : PAUSE_MAX_MS);
}

static void s_on_left(irc_t *irc, const json_t *left) {
    irc_room_t *room = irc_room_find(irc, zr_span(irc_answer_text(left, "room")));
    if (room)
        irc_room_revoked(room, left);
}

/* Late answers, for which no request waits, are dropped. */
static void s_on_control(irc_t *irc, zr_span_t frame) {
    json_t *object = NULL;
    if (zr_control_read(frame, &object) != ZR_OK)
        return;
    const char *op = irc_answer_text(object, "op");
    bool lost = irc_answer_failed(object, ZR_NO_SESSION);
    if (s_is(op, "pong"))
        irc_rooms_pong(irc, object);
    else if (s_is(op, "direct"))
        irc_take_direct(irc, object);
    else if (s_is(op, "left"))
        s_on_left(irc, object);
    else if (s_is(op, "bye"))
        irc_sent_away(irc, object);
    else if (lost)
        s_on_error(irc, object);
    else if (!irc_sent_take(irc, object) && !irc_ask_take(irc, object) && s_is(op, "error"))
        s_on_error(irc, object);
    json_decref(object);
}

static void s_on_delivery(irc_t *irc, delivery_t *delivery) {
    irc_room_t *room;
    if (delivery->flags & (ZR_FRAME_REPLAY | ZR_FRAME_STATE))
        irc_ask_frame(irc, delivery);
    else if (!(room = irc_room_find(irc, delivery->room)))
        return;
    else if (delivery->kind == ZR_BACK_ENTRIES)
        irc_room_take(room, delivery);
    else if (room->joined)
        irc_presence_frame(room, delivery->json);
}

static void s_on_frame(void *ctx, zr_span_t inner) {
    irc_t *irc = ctx;
    delivery_t delivery;
    if (irc->closing || inner.len == 0)
        return;
    if (inner.ptr[0] == ZR_TYPE_CONTROL)
        s_on_control(irc, inner);
    else if (delivery_begin(&delivery, inner)) {
        s_on_delivery(irc, &delivery);
        delivery_finish(&delivery);
    }
    irc_flush(irc);
}

static void s_on_change(void *ctx, channel_change_t change, zr_span_t reason) {
    irc_t *irc = ctx;
    char text[120];
    if (irc->closing)
        return;
    if (change != CHANNEL_OPEN)
        irc_lose(irc);
    if (change == CHANNEL_OPEN)
        irc_come_back(irc);
    else if (change == CHANNEL_LOST && irc->registered && !irc->was_away) {
        irc->was_away = true;
        irc_notice(irc, "the broker is away; what you write to channels is sent once it is back");
    } else if (change == CHANNEL_ENDED) {
        snprintf(text, sizeof text, "Closing link: %.*s", (int)(reason.len < 80 ? reason.len : 80), reason.ptr);
        irc_close(irc, text);
    }
    irc_flush(irc);
}

/* --- Time --- */

void irc_drained(irc_t *irc, uint64_t now) {
    irc->now = now;
    if (irc->closing)
        return;
    irc_rooms_drained(irc);
    irc_flush(irc);
}

void irc_end_with(irc_t *irc, const char *reason) {
    irc_close(irc, reason);
}

static void s_ping(irc_t *irc) {
    irc->pinged = true;
    zr_buffer_append(&irc->out, "PING :" IRC_SERVER "\r\n", sizeof "PING :" IRC_SERVER "\r\n" - 1);
}

void irc_tick(irc_t *irc, uint64_t now) {
    irc->now = now;
    if (irc->closing)
        return;
    if (irc_is_paused(irc, now))
        irc->heard_at = now; /* it may speak, but is not read */
    if (!irc->registered && !irc->was_away && !irc->greeting && now - irc->born_at >= irc->host->timeout_ms)
        irc_close(irc, "Closing link: registration timed out; send NICK and USER");
    else if (now - irc->heard_at >= 2 * irc->host->ping_ms)
        irc_close(irc, "Closing link: ping timeout");
    else if (now - irc->heard_at >= irc->host->ping_ms && !irc->pinged)
        s_ping(irc);
    if (irc->closing)
        return;
    irc_asks_tick(irc);
    irc_sent_tick(irc);
    irc_flush(irc);
}

/* --- */

irc_t *irc_new(const irc_host_t *host, const irc_from_t *from, const irc_calls_t *calls, void *ctx, uint64_t now) {
    static const channel_calls_t channel_calls = {s_on_frame, s_on_change};
    uint8_t random[CLIENT_BYTES];
    irc_t *irc = fatal_calloc(sizeof *irc);
    irc->host = host;
    irc->calls = calls;
    irc->ctx = ctx;
    irc->from = *from;
    irc->now = irc->heard_at = irc->born_at = irc->credit_at = now;
    irc->credit = host->rate * IRC_BURST_S * LINE_COST;
    strcpy(irc->shown.text, "*");
    host->entropy(host->ctx, random, sizeof random);
    zr_hex(irc->client, random, sizeof random);
    irc->channel = uplink_open(host->uplink, from->address, from->secure, &channel_calls, irc);
    return irc;
}

/* An IRC client cannot resume its session, so the session ends at once. */
void irc_destroy(irc_t *irc) {
    if (!irc)
        return;
    irc->closing = true;
    irc_people_watch(irc->host->people, irc, false);
    if (irc->counted)
        irc_people_go(irc->host->people, zr_span(irc->nick), irc->account[0] != '\0');
    if (irc->alive)
        channel_say(irc->channel, json_pack("{s:s}", "op", "bye"));
    irc->alive = false;
    irc_asks_finish(irc);
    irc_sent_finish(irc);
    irc_rooms_finish(irc);
    irc_multiline_finish(irc);
    channel_set_session(irc->channel, false);
    channel_close(irc->channel);
    irc_set_login(irc, zr_span(""), zr_span(""));
    if (irc->sasl.data)
        sodium_memzero(irc->sasl.data, irc->sasl.size);
    zr_buffer_finish(&irc->sasl);
    zr_buffer_finish(&irc->tags);
    zr_buffer_finish(&irc->line);
    zr_buffer_finish(&irc->out);
    zr_buffer_finish(&irc->input);
    free(irc->watched);
    free(irc->motd);
    free(irc->away);
    free(irc);
}
