/* WHOIS, USERHOST and ISON: what the client can know of users: of those in a room with it, and of IRC clients here. */
#include <stdio.h>

#include "irc_command.h"
#include "irc_out.h"
#include "irc_presence.h"

enum { CHANNELS_BYTES = 290 }; /* of one line, so that the longest nicks fit beside them */

static bool s_is_here(const irc_t *irc, const char *nick) {
    return strcmp(nick, irc->nick) == 0 || irc_presence_find(irc, zr_span(nick)) ||
           irc_people_here(irc->host->people, zr_span(nick));
}

static const char *s_away(const irc_t *irc, const char *nick) {
    const irc_member_t *member = irc_presence_find(irc, zr_span(nick));
    return strcmp(nick, irc->nick) == 0 ? irc->away : member ? member->away : NULL;
}

static void s_channels(irc_t *irc, const char *nick, const char *shown) {
    zr_buffer_t channels = {0};
    for (irc_room_t *room = irc->rooms; room; room = room->hh.next) {
        if (!irc_member_find(room->members, zr_span(nick)))
            continue;
        if (channels.len + strlen(room->channel.text) > CHANNELS_BYTES) {
            irc_numeric_text(irc, RPL_WHOISCHANNELS, zr_span_of(channels.data, channels.len), shown, NULL);
            zr_buffer_clear(&channels);
        }
        zr_buffer_printf(&channels, "%s%s", channels.len ? " " : "", room->channel.text);
    }
    if (channels.len)
        irc_numeric_text(irc, RPL_WHOISCHANNELS, zr_span_of(channels.data, channels.len), shown, NULL);
    zr_buffer_finish(&channels);
}

static void s_show(irc_t *irc, const char *nick, const char *shown) {
    const char *away = s_away(irc, nick);
    irc_numeric_text(irc, RPL_WHOISUSER, zr_span(nick), shown, "~u", IRC_USER_HOST, "*", NULL);
    s_channels(irc, nick, shown);
    irc_numeric(irc, RPL_WHOISSERVER, shown, IRC_SERVER, NULL);
    if (away)
        irc_numeric_text(irc, RPL_AWAY, zr_span(away), shown, NULL);
    if (irc_people_is_user(irc->host->people, zr_span(nick)))
        irc_numeric(irc, RPL_WHOISACCOUNT, shown, shown, NULL);
}

/* WHOIS server nick: the server does not matter. */
static void s_run_whois(irc_t *irc, const irc_message_t *message) {
    zr_span_t wanted = message->params[message->count > 1 ? 1 : 0];
    char nick[ZR_NICK_MAX + 1];
    irc_name_t shown;
    snprintf(shown.text, sizeof shown.text, "%.*s", wanted.len > IRC_NICK_MAX ? 1 : (int)wanted.len,
        wanted.len > IRC_NICK_MAX ? "*" : wanted.ptr);
    if (irc_nick_from(wanted, nick, NULL) && s_is_here(irc, nick))
        s_show(irc, nick, shown.text);
    else
        irc_numeric(irc, ERR_NOSUCHNICK, shown.text, NULL);
    irc_numeric(irc, RPL_ENDOFWHOIS, shown.text, NULL);
}

const irc_command_t irc_whois = {"WHOIS", s_run_whois, 1, 0};

static void s_run_userhost(irc_t *irc, const irc_message_t *message) {
    zr_buffer_t text = {0};
    for (size_t i = 0; i < message->count && i < 5; i++) {
        char nick[ZR_NICK_MAX + 1];
        irc_name_t shown;
        if (!irc_nick_from(message->params[i], nick, NULL) || !s_is_here(irc, nick))
            continue;
        irc_nick_of(zr_span(nick), &shown);
        zr_buffer_printf(
            &text, "%s%s=%c~u@" IRC_USER_HOST, text.len ? " " : "", shown.text, s_away(irc, nick) ? '-' : '+');
    }
    irc_numeric_text(irc, RPL_USERHOST, zr_span_of(text.data, text.len), NULL);
    zr_buffer_finish(&text);
}

const irc_command_t irc_userhost = {"USERHOST", s_run_userhost, 1, 0};

static void s_run_ison(irc_t *irc, const irc_message_t *message) {
    zr_buffer_t text = {0};
    for (size_t i = 0; i < message->count; i++) {
        zr_span_t rest = message->params[i];
        while (rest.len > 0) {
            zr_span_t wanted = zr_span_cut(&rest, ' ');
            char nick[ZR_NICK_MAX + 1];
            if (wanted.len > 0 && irc_nick_from(wanted, nick, NULL) && s_is_here(irc, nick))
                zr_buffer_printf(&text, "%s%.*s", text.len ? " " : "", (int)wanted.len, wanted.ptr);
        }
    }
    irc_numeric_text(irc, RPL_ISON, zr_span_of(text.data, text.len), NULL);
    zr_buffer_finish(&text);
}

const irc_command_t irc_ison = {"ISON", s_run_ison, 1, 0};
