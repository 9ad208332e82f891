/* PRIVMSG, NOTICE and TAGMSG. */
#include "irc_deliver.h"

#include <stdio.h>

#include "irc_command.h"
#include "irc_out.h"

/* Calls `each` with each target. False: there are too many. */
typedef void target_fn(irc_t *irc, const irc_message_t *message, zr_span_t target);

static bool s_targets(irc_t *irc, const irc_message_t *message, target_fn *each) {
    zr_span_t rest = message->params[0];
    size_t count = 1;
    for (size_t i = 0; i < rest.len; i++)
        count += rest.ptr[i] == ',';
    if (count > IRC_TARGETS_MAX)
        return false;
    while (rest.len > 0)
        each(irc, message, zr_span_cut(&rest, ','));
    return true;
}

static void s_privmsg(irc_t *irc, const irc_message_t *message, zr_span_t target) {
    irc_deliver(irc, target, IRC_PRIVMSG, message->params[1]);
}

static void s_run_privmsg(irc_t *irc, const irc_message_t *message) {
    if (message->count == 0 || message->params[0].len == 0)
        irc_numeric(irc, ERR_NORECIPIENT, NULL);
    else if (message->count < 2 || message->params[1].len == 0)
        irc_numeric(irc, ERR_NOTEXTTOSEND, NULL);
    else if (!s_targets(irc, message, s_privmsg))
        irc_numeric(irc, ERR_TOOMANYTARGETS, NULL);
}

const irc_command_t irc_privmsg = {"PRIVMSG", s_run_privmsg, 0, 0};

static void s_notice(irc_t *irc, const irc_message_t *message, zr_span_t target) {
    irc_deliver(irc, target, IRC_NOTICE, message->params[1]);
}

/* A NOTICE is never answered with an error. */
static void s_run_notice(irc_t *irc, const irc_message_t *message) {
    if (message->count >= 2 && message->params[1].len > 0)
        s_targets(irc, message, s_notice);
}

const irc_command_t irc_notice_command = {"NOTICE", s_run_notice, 0, 0};

/* Of the tags of clients there is +typing (CLIENTTAGDENY): it goes by presence, and is not stored. */
static void s_tagmsg(irc_t *irc, const irc_message_t *message, zr_span_t target) {
    char name[ZR_ROOM_MAX + 1];
    zr_buffer_t state = {0};
    irc_room_t *room = irc_room_of(target, name, NULL) ? irc_room_find(irc, zr_span(name)) : NULL;
    if (irc_message_tag(message, "+typing", &state) && room && room->joined) {
        irc_set_typing(room, zr_span_of(state.data, state.len));
        if (irc->caps & IRC_ECHO) {
            irc_begin(irc, irc->nick, 0, "TAGMSG");
            irc_tag(irc, "+typing", zr_span_of(state.data, state.len));
            irc_middle(irc, room->channel.text);
            irc_end(irc);
        }
    }
    zr_buffer_finish(&state);
}

static void s_run_tagmsg(irc_t *irc, const irc_message_t *message) {
    if (!(irc->caps & IRC_MESSAGE_TAGS))
        irc_numeric(irc, ERR_UNKNOWNCOMMAND, "TAGMSG", NULL);
    else if (!s_targets(irc, message, s_tagmsg))
        irc_numeric(irc, ERR_TOOMANYTARGETS, NULL);
}

const irc_command_t irc_tagmsg = {"TAGMSG", s_run_tagmsg, 1, IRC_ASKS};
