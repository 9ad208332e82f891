/* JOIN and PART. */
#include <stdio.h>

#include "irc_command.h"
#include "irc_out.h"
#include "irc_room.h"

/* A name of a client that cannot be shown as it came is shown as "*". */
static void s_shown(zr_span_t name, irc_name_t *out) {
    size_t len = name.len < IRC_CHANNEL_MAX ? name.len : 0;
    snprintf(out->text, sizeof out->text, "%.*s", (int)(len ? len : 1), len ? name.ptr : "*");
}

static void s_refuse(irc_t *irc, zr_span_t channel, const char *text) {
    irc_name_t shown;
    s_shown(channel, &shown);
    irc_numeric_text(irc, ERR_NOSUCHCHANNEL, zr_span(text), shown.text, NULL);
}

static void s_join(irc_t *irc, zr_span_t channel) {
    char name[ZR_ROOM_MAX + 1];
    irc_name_t spelled;
    const char *fault;
    if (!irc_room_of(channel, name, &fault)) {
        s_refuse(irc, channel, fault);
        return;
    }
    irc_channel_of(zr_span(name), &spelled);
    if (irc_room_find(irc, zr_span(name)))
        return;
    if (irc_room_like(irc, zr_span(spelled.text)))
        s_refuse(irc, channel, "you are in a channel that differs in the case of letters only; leave it first");
    else if (HASH_COUNT(irc->rooms) >= irc->host->max_rooms)
        irc_numeric(irc, ERR_TOOMANYCHANNELS, spelled.text, NULL);
    else if (!irc_room_new(irc, zr_span(name), &spelled))
        irc_numeric_text(irc, ERR_TOOMANYCHANNELS,
            zr_span("The gateway reads as many rooms as it may (limits/max-topics); try again later"), spelled.text,
            NULL);
}

static void s_part(irc_t *irc, irc_room_t *room, zr_span_t reason) {
    if (room->shown) {
        irc_begin(irc, irc->nick, 0, "PART");
        irc_middle(irc, room->channel.text);
        if (reason.len)
            irc_trailing(irc, reason);
        irc_end(irc);
    }
    irc_room_leave(room);
}

static void s_run_join(irc_t *irc, const irc_message_t *message) {
    zr_span_t rest = message->params[0];
    if (zr_span_equal(rest, zr_span("0"))) {
        while (irc->rooms)
            s_part(irc, irc->rooms, zr_span(""));
        return;
    }
    while (rest.len > 0)
        s_join(irc, zr_span_cut(&rest, ','));
}

const irc_command_t irc_join = {"JOIN", s_run_join, 1, 0};

static void s_run_part(irc_t *irc, const irc_message_t *message) {
    zr_span_t rest = message->params[0], reason = message->count > 1 ? message->params[1] : zr_span("");
    while (rest.len > 0) {
        zr_span_t channel = zr_span_cut(&rest, ',');
        char name[ZR_ROOM_MAX + 1];
        const char *fault;
        irc_name_t shown;
        irc_room_t *room = NULL;
        if (!irc_room_of(channel, name, &fault))
            s_refuse(irc, channel, fault);
        else if (!(room = irc_room_find(irc, zr_span(name)))) {
            s_shown(channel, &shown);
            irc_numeric(irc, ERR_NOTONCHANNEL, shown.text, NULL);
        } else
            s_part(irc, room, reason);
    }
}

const irc_command_t irc_part = {"PART", s_run_part, 1, 0};
