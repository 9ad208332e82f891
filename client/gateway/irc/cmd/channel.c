/* TOPIC, MODE and KICK. */
#include <stdio.h>

#include "control.h"
#include "irc_ask.h"
#include "irc_command.h"
#include "irc_out.h"
#include "irc_room.h"
#include "irc_show.h"

/* The room that the parameter names. NULL: the client was told that it is not in there. */
static irc_room_t *s_room(irc_t *irc, zr_span_t channel) {
    char name[ZR_ROOM_MAX + 1];
    irc_name_t spelled = {"*"};
    irc_room_t *room = NULL;
    const char *fault;
    if (!irc_room_of(channel, name, &fault)) {
        irc_numeric_text(irc, ERR_NOSUCHCHANNEL, zr_span(fault), "*", NULL);
        return NULL;
    }
    irc_channel_of(zr_span(name), &spelled);
    room = irc_room_find(irc, zr_span(name));
    if (room && room->shown)
        return room;
    irc_numeric(irc, ERR_NOTONCHANNEL, spelled.text, NULL);
    return NULL;
}

/* --- TOPIC: the keyed entry `topic` --- */

/* The new topic is shown when the entry comes. */
static void s_on_topic(irc_t *irc, irc_ask_t *ask, const json_t *answer) {
    irc_name_t channel;
    irc_channel_of(zr_span(ask->room), &channel);
    if (!answer)
        irc_standard(
            irc, "FAIL", "TOPIC", "BROKER_AWAY", "the broker is away; the topic may not be set", channel.text, NULL);
    else if (irc_answer_failed(answer, ZR_FORBIDDEN))
        irc_numeric_text(irc, ERR_CHANOPRIVSNEEDED, zr_span("You lack the rights 'write' and 'state' in that channel"),
            channel.text, NULL);
    else if (irc_answer_is(answer, "error"))
        irc_standard(irc, "FAIL", "TOPIC", "CANNOT_SET", irc_answer_text(answer, "text"), channel.text, NULL);
}

static zr_span_t s_cut(zr_span_t text, size_t max) {
    if (text.len <= max)
        return text;
    while (max > 0 && ((uint8_t)text.ptr[max] & 0xc0) == 0x80)
        max--;
    return zr_span_of(text.ptr, max);
}

static void s_run_topic(irc_t *irc, const irc_message_t *message) {
    irc_room_t *room = s_room(irc, message->params[0]);
    if (!room)
        return;
    if (message->count < 2) {
        irc_show_topic(room);
        return;
    }
    zr_span_t text = s_cut(message->params[1], IRC_TOPIC_MAX);
    json_t *object = json_pack("{s:s,s:s,s:s}", "op", "publish", "room", room->name, "key", "topic");
    if (text.len)
        json_object_set_new(object, "text", zr_json_string(text));
    else
        json_object_set_new(object, "delete", json_true());
    irc_ask_send(irc, irc_ask_new(irc, s_on_topic, NULL, zr_span(room->name)), object);
}

const irc_command_t irc_topic = {"TOPIC", s_run_topic, 1, IRC_ASKS};

/* --- MODE: rights are the broker's, so there is nothing to set --- */

static void s_room_mode(irc_t *irc, const irc_message_t *message) {
    char mode[8] = "?";
    char name[ZR_ROOM_MAX + 1];
    irc_name_t channel = {"*"};
    const char *fault;
    if (!irc_room_of(message->params[0], name, &fault)) {
        irc_numeric_text(irc, ERR_NOSUCHCHANNEL, zr_span(fault), "*", NULL);
        return;
    }
    irc_channel_of(zr_span(name), &channel);
    if (message->count < 2) {
        irc_numeric_text(irc, RPL_CHANNELMODEIS, zr_span("+"), channel.text, NULL);
        return;
    }
    for (size_t i = 0; i < message->params[1].len; i++)
        if (message->params[1].ptr[i] > ' ' && !strchr("+-:", message->params[1].ptr[i])) {
            snprintf(mode, sizeof mode, "%c", message->params[1].ptr[i]);
            break;
        }
    irc_numeric(irc, ERR_UNKNOWNMODE, zr_utf8_valid(zr_span(mode)) ? mode : "?", NULL);
}

static void s_run_mode(irc_t *irc, const irc_message_t *message) {
    if (irc_is_channel(message->params[0]))
        s_room_mode(irc, message);
    else if (!irc_same(message->params[0], zr_span(irc->shown.text)))
        irc_numeric(irc, ERR_USERSDONTMATCH, NULL);
    else if (message->count < 2)
        irc_numeric_text(irc, RPL_UMODEIS, zr_span("+"), NULL);
    else
        irc_numeric(irc, ERR_UMODEUNKNOWNFLAG, NULL);
}

const irc_command_t irc_mode = {"MODE", s_run_mode, 1, 0};

/* --- KICK --- */

/* Its text is the nick. The room sees the user leave by presence. */
static void s_on_kick(irc_t *irc, irc_ask_t *ask, const json_t *answer) {
    irc_name_t channel, nick;
    irc_channel_of(zr_span(ask->room), &channel);
    irc_nick_of(zr_span(ask->text), &nick);
    if (irc_answer_failed(answer, ZR_FORBIDDEN))
        irc_numeric_text(
            irc, ERR_CHANOPRIVSNEEDED, zr_span("You lack the right 'kick' in that channel"), channel.text, NULL);
    else if (irc_answer_failed(answer, ZR_NO_SUCH_USER))
        irc_numeric(irc, ERR_USERNOTINCHANNEL, nick.text, channel.text, NULL);
    else if (!irc_answer_is(answer, "ok"))
        irc_standard(irc, "FAIL", "KICK", answer ? "CANNOT_KICK" : "BROKER_AWAY",
            answer ? irc_answer_text(answer, "text") : "the broker is away; try again", channel.text, nick.text, NULL);
}

static void s_run_kick(irc_t *irc, const irc_message_t *message) {
    irc_room_t *room = s_room(irc, message->params[0]);
    char nick[ZR_NICK_MAX + 1];
    zr_span_t reason = message->count > 2 ? s_cut(message->params[2], IRC_REASON_MAX) : zr_span("");
    if (!room)
        return;
    if (!irc_nick_from(message->params[1], nick, NULL)) {
        irc_numeric(irc, ERR_NOSUCHNICK, "*", NULL);
        return;
    }
    irc_name_t shown;
    irc_nick_of(zr_span(nick), &shown);
    if (!room->crowded && !irc_member_find(room->members, zr_span(nick))) {
        irc_numeric(irc, ERR_USERNOTINCHANNEL, shown.text, room->channel.text, NULL);
        return;
    }
    json_t *object = json_pack("{s:s,s:s,s:s}", "op", "kick", "room", room->name, "user", nick);
    if (reason.len && zr_is_shown(reason))
        json_object_set_new(object, "reason", zr_json_string(reason));
    irc_ask_t *ask = irc_ask_new(irc, s_on_kick, NULL, zr_span(room->name));
    ask->text = strdup(nick);
    irc_ask_send(irc, ask, object);
}

const irc_command_t irc_kick = {"KICK", s_run_kick, 2, IRC_ASKS};
