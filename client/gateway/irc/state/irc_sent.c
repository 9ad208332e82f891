/* See irc_sent.h. */
#include "irc_sent.h"

#include <stdio.h>
#include <utlist.h>

#include "control.h"
#include "fatal.h"
#include "irc_ask.h"
#include "irc_out.h"
#include "irc_render.h"
#include "irc_room.h"

struct irc_sent {
    uint64_t mid, seq, due; /* due: when it goes again; 0: it is not limited */
    bool flying, acked;
    irc_verb_t verb;
    char room[ZR_ROOM_MAX + 1];
    irc_name_t channel;
    zr_buffer_t body;
    irc_reply_t *reply;
    irc_sent_t *prev, *next;
};

static zr_span_t s_body(const irc_sent_t *sent) {
    return zr_span_of(sent->body.len ? (const void *)sent->body.data : "", sent->body.len);
}

static void s_free(irc_t *irc, irc_sent_t *sent) {
    irc_reply_t *reply = sent->reply;
    DL_DELETE(irc->sent, sent);
    irc->sent_count--;
    zr_buffer_finish(&sent->body);
    free(sent);
    irc_reply_release(irc, reply);
}

static irc_sent_t *s_first(const irc_t *irc) {
    irc_sent_t *sent = irc->sent;
    while (sent && sent->acked)
        sent = sent->next;
    return sent;
}

/* The next one goes once the one before it is answered. */
static void s_go(irc_t *irc) {
    irc_sent_t *sent = s_first(irc);
    char id[32];
    if (!sent || sent->flying || !irc->alive || sent->due > irc->now || irc->pause_until > irc->now)
        return;
    sent->due = 0;
    sent->flying = true;
    snprintf(id, sizeof id, "m%llu", (unsigned long long)sent->mid);
    channel_say(irc->channel, json_pack("{s:s,s:s,s:s,s:o,s:I}", "op", "publish", "id", id, "room", sent->room, "text",
                                  zr_json_string(s_body(sent)), "mid", (json_int_t)sent->mid));
}

void irc_send(irc_t *irc, zr_span_t room, zr_span_t channel, irc_verb_t verb, zr_span_t body) {
    irc_sent_t *sent = fatal_calloc(sizeof *sent);
    sent->mid = ++irc->mid;
    sent->verb = verb;
    snprintf(sent->room, sizeof sent->room, "%.*s", (int)room.len, room.ptr);
    snprintf(sent->channel.text, sizeof sent->channel.text, "%.*s", (int)channel.len, channel.ptr);
    zr_buffer_append(&sent->body, body.ptr, body.len);
    sent->reply = irc_reply_hold(irc->reply);
    DL_APPEND(irc->sent, sent);
    irc->sent_count++;
    s_go(irc);
}

/* --- Echoes --- */

static void s_show(irc_t *irc, irc_sent_t *sent, zr_span_t lines) {
    irc_reply_t *before = irc_reply_enter(irc, sent->reply);
    if (irc->caps & IRC_ECHO)
        irc_put_lines(irc, lines);
    irc_reply_enter(irc, before);
}

/* Of a message that does not come back by the room. */
static void s_show_now(irc_t *irc, irc_sent_t *sent) {
    irc_view_t view = irc_view_of(irc, zr_span(sent->channel.text), irc->epoch);
    zr_buffer_t lines = {0};
    irc_render_message(&lines, &view, zr_span(irc->nick), s_body(sent), irc->host->wall_us(irc->host->ctx), sent->seq);
    s_show(irc, sent, zr_span_of(lines.data, lines.len));
    zr_buffer_finish(&lines);
}

bool irc_sent_expects(const irc_t *irc, zr_span_t room) {
    irc_sent_t *sent;
    DL_FOREACH(irc->sent, sent)
    if (zr_span_equal(zr_span(sent->room), room))
        return true;
    return false;
}

/* Entries of a client come in the order in which it sent them, so the oldest message with the same text is meant. If
 * another program of the same user sent the same text, readers cannot tell the two apart either. */
bool irc_sent_echo(irc_t *irc, zr_span_t room, const zr_entry_t *entry, zr_span_t lines) {
    irc_sent_t *sent;
    DL_FOREACH(irc->sent, sent)
    if (zr_span_equal(zr_span(sent->room), room) && zr_span_equal(s_body(sent), entry->body)) {
        bool sure = sent->seq == 0 || sent->seq == entry->seq;
        if (!sure || (!sent->flying && !sent->acked))
            continue;
        s_show(irc, sent, lines);
        s_free(irc, sent);
        s_go(irc);
        return true;
    }
    return false;
}

void irc_sent_settle(irc_t *irc, zr_span_t room, uint64_t seq) {
    irc_sent_t *sent, *next;
    DL_FOREACH_SAFE(irc->sent, sent, next)
    if (sent->acked && sent->seq <= seq && zr_span_equal(zr_span(sent->room), room)) {
        s_show_now(irc, sent);
        s_free(irc, sent);
    }
}

/* --- Answers --- */

static void s_acked(irc_t *irc, irc_sent_t *sent, uint64_t seq) {
    irc_room_t *room = irc_room_find(irc, zr_span(sent->room));
    sent->flying = false;
    sent->acked = true;
    sent->seq = seq;
    if (room && (!room->open || room->last < seq || seq == 0))
        return; /* it comes */
    s_show_now(irc, sent);
    s_free(irc, sent);
}

static void s_refused(irc_t *irc, irc_sent_t *sent, const json_t *error) {
    irc_reply_t *before = irc_reply_enter(irc, sent->reply);
    bool forbidden = irc_answer_failed(error, ZR_FORBIDDEN);
    if (sent->verb == IRC_PRIVMSG)
        irc_numeric_text(irc, ERR_CANNOTSENDTOCHAN,
            zr_span(forbidden ? "You may not write to that channel" : irc_answer_text(error, "text")),
            sent->channel.text, NULL);
    irc_reply_enter(irc, before);
    s_free(irc, sent);
}

bool irc_sent_take(irc_t *irc, const json_t *answer) {
    const char *re = irc_answer_text(answer, "re");
    irc_sent_t *sent = s_first(irc);
    if (re[0] != 'm')
        return false;
    if (!sent || !sent->flying || strtoull(re + 1, NULL, 10) != sent->mid)
        return true;
    if (irc_answer_failed(answer, ZR_RATE_LIMITED)) {
        sent->flying = false;
        sent->due = irc->now + irc_answer_number(answer, "wait") + 1;
    } else if (irc_answer_is(answer, "error"))
        s_refused(irc, sent, answer);
    else
        s_acked(irc, sent, irc_answer_number(answer, "seq"));
    s_go(irc);
    return true;
}

void irc_sent_again(irc_t *irc) {
    irc_sent_t *sent;
    DL_FOREACH(irc->sent, sent)
    sent->flying = false;
    s_go(irc);
}

void irc_sent_tick(irc_t *irc) {
    s_go(irc);
}

void irc_sent_finish(irc_t *irc) {
    while (irc->sent) {
        irc_reply_cancel(irc->sent->reply);
        s_free(irc, irc->sent);
    }
}
