/* See irc_deliver.h. */
#include "irc_deliver.h"

#include <stdio.h>

#include "control.h"
#include "fatal.h"
#include "irc_ask.h"
#include "irc_out.h"
#include "irc_presence.h"
#include "irc_render.h"
#include "irc_sent.h"

/* --- Rooms --- */

void irc_set_typing(irc_room_t *room, zr_span_t state) {
    irc_t *irc = room->irc;
    bool types = zr_span_equal(state, zr_span("active")) || zr_span_equal(state, zr_span("paused"));
    char next[sizeof room->typing];
    snprintf(next, sizeof next, "%.*s", types ? (int)state.len : 0, state.len ? state.ptr : "");
    if (strcmp(next, room->typing) == 0 || !room->joined)
        return;
    strcpy(room->typing, next);
    json_t *meta = json_object();
    if (next[0])
        json_object_set_new(meta, "typing", json_string(next));
    if (next[0] && irc->away)
        json_object_set_new(meta, "away", json_string(irc->away));
    channel_say(irc->channel, json_pack("{s:s,s:s,s:o}", "op", "join", "room", room->name, "meta", meta));
}

static void s_to_room(irc_t *irc, zr_span_t target, irc_verb_t verb, zr_span_t text) {
    char name[ZR_ROOM_MAX + 1];
    irc_name_t spelled;
    const char *fault;
    zr_buffer_t body = {0};
    if (!irc_room_of(target, name, &fault)) {
        snprintf(spelled.text, sizeof spelled.text, "%.*s", target.len > IRC_CHANNEL_MAX ? 1 : (int)target.len,
            target.len > IRC_CHANNEL_MAX ? "*" : target.ptr);
        if (verb == IRC_PRIVMSG)
            irc_numeric_text(irc, ERR_NOSUCHCHANNEL, zr_span(fault), spelled.text, NULL);
        return;
    }
    irc_channel_of(zr_span(name), &spelled);
    irc_body_write(&body, verb, text);
    irc_send(irc, zr_span(name), zr_span(spelled.text), verb, zr_span_of(body.data, body.len));
    zr_buffer_finish(&body);
    irc_room_t *room = irc_room_find(irc, zr_span(name));
    if (room && room->typing[0])
        irc_set_typing(room, zr_span(""));
}

/* --- Users --- */

static void s_no_such_nick(irc_t *irc, const char *nick) {
    irc_name_t shown;
    irc_nick_of(zr_span(nick), &shown);
    irc_numeric(irc, ERR_NOSUCHNICK, shown.text, NULL);
}

static void s_echo(irc_t *irc, const irc_ask_t *ask) {
    const irc_member_t *member = irc_presence_find(irc, zr_span(ask->room));
    zr_buffer_t lines = {0};
    irc_name_t shown;
    irc_nick_of(zr_span(ask->room), &shown);
    irc_view_t view = irc_view_of(irc, zr_span(shown.text), 0);
    if (irc->caps & IRC_ECHO)
        irc_render_message(
            &lines, &view, zr_span(irc->nick), zr_span(ask->text), irc->host->wall_us(irc->host->ctx), 0);
    irc_put_lines(irc, zr_span_of(lines.data, lines.len));
    zr_buffer_finish(&lines);
    if (ask->n == IRC_PRIVMSG && member && member->away)
        irc_numeric_text(irc, RPL_AWAY, zr_span(member->away), shown.text, NULL);
}

/* The ask's room is the nick. */
static void s_on_direct(irc_t *irc, irc_ask_t *ask, const json_t *answer) {
    if (irc_answer_is(answer, "ok"))
        s_echo(irc, ask);
    else if (ask->n == IRC_PRIVMSG && irc_answer_failed(answer, ZR_NO_SUCH_USER))
        s_no_such_nick(irc, ask->room);
    else if (ask->n == IRC_PRIVMSG)
        irc_standard(irc, "FAIL", "PRIVMSG", answer ? "CANNOT_SEND" : "BROKER_AWAY",
            answer ? irc_answer_text(answer, "text") : "the broker is away; the message was not sent", NULL);
}

static void s_to_user(irc_t *irc, zr_span_t target, irc_verb_t verb, zr_span_t text) {
    char nick[ZR_NICK_MAX + 1];
    zr_buffer_t body = {0};
    if (!irc_nick_from(target, nick, NULL)) {
        if (verb == IRC_PRIVMSG)
            irc_numeric(irc, ERR_NOSUCHNICK, "*", NULL);
        return;
    }
    irc_body_write(&body, verb, text);
    irc_ask_t *ask = irc_ask_new(irc, s_on_direct, NULL, zr_span(nick));
    ask->n = verb;
    ask->text = fatal_check(strndup((const char *)body.data, body.len));
    zr_buffer_finish(&body);
    irc_ask_send(irc, ask, json_pack("{s:s,s:s,s:s}", "op", "direct", "to", nick, "text", ask->text));
}

void irc_deliver(irc_t *irc, zr_span_t target, irc_verb_t verb, zr_span_t text) {
    if (irc_is_channel(target))
        s_to_room(irc, target, verb, text);
    else
        s_to_user(irc, target, verb, text);
}

void irc_take_direct(irc_t *irc, const json_t *direct) {
    const char *from = irc_answer_text(direct, "from");
    irc_view_t view = irc_view_of(irc, zr_span(irc->shown.text), 0);
    zr_buffer_t lines = {0};
    if (!zr_nick_valid(zr_span(from)) || !irc->registered)
        return;
    irc_render_message(
        &lines, &view, zr_span(from), zr_span(irc_answer_text(direct, "text")), irc_answer_number(direct, "time"), 0);
    irc_put_lines(irc, zr_span_of(lines.data, lines.len));
    zr_buffer_finish(&lines);
}
