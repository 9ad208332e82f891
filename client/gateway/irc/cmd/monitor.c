/* MONITOR (https://ircv3.net/specs/extensions/monitor). A nick is online if it is in a room with the client, or an IRC
 * client of this gateway. */
#include <stdio.h>

#include "fatal.h"
#include "irc_command.h"
#include "irc_out.h"
#include "irc_presence.h"

static irc_watched_t *s_find(irc_t *irc, const char *nick) {
    for (size_t i = 0; i < irc->watched_count; i++)
        if (strcmp(irc->watched[i].nick, nick) == 0)
            return &irc->watched[i];
    return NULL;
}

/* A name that is no nick is offline, and is not kept. */
static void s_add(irc_t *irc, zr_span_t wanted) {
    char nick[ZR_NICK_MAX + 1], most[12];
    irc_name_t shown;
    if (wanted.len == 0 || !irc_nick_from(wanted, nick, NULL) || s_find(irc, nick))
        return;
    irc_nick_of(zr_span(nick), &shown);
    if (irc->watched_count == IRC_MONITOR_MAX) {
        snprintf(most, sizeof most, "%d", IRC_MONITOR_MAX);
        irc_numeric(irc, ERR_MONLISTFULL, most, shown.text, NULL);
        return;
    }
    if (!irc->watched)
        irc->watched = fatal_calloc(IRC_MONITOR_MAX * sizeof *irc->watched);
    irc_watched_t *watched = &irc->watched[irc->watched_count++];
    strcpy(watched->nick, nick);
    watched->online = irc_watch_online(irc, zr_span(nick));
    irc_watch_tell(irc, watched->online ? RPL_MONONLINE : RPL_MONOFFLINE, nick);
}

static void s_remove(irc_t *irc, zr_span_t wanted) {
    char nick[ZR_NICK_MAX + 1];
    irc_watched_t *watched = irc_nick_from(wanted, nick, NULL) ? s_find(irc, nick) : NULL;
    if (watched)
        *watched = irc->watched[--irc->watched_count];
}

static void s_list(irc_t *irc) {
    for (size_t i = 0; i < irc->watched_count; i++)
        irc_watch_tell(irc, RPL_MONLIST, irc->watched[i].nick);
    irc_numeric(irc, RPL_ENDOFMONLIST, NULL);
}

static void s_run(irc_t *irc, const irc_message_t *message) {
    zr_span_t what = message->params[0], rest = message->count > 1 ? message->params[1] : zr_span("");
    char c = what.len == 1 ? what.ptr[0] : '?';
    if (c == '+')
        while (rest.len > 0)
            s_add(irc, zr_span_cut(&rest, ','));
    else if (c == '-')
        while (rest.len > 0)
            s_remove(irc, zr_span_cut(&rest, ','));
    else if (c == 'C' || c == 'c')
        irc->watched_count = 0;
    else if (c == 'L' || c == 'l')
        s_list(irc);
    else if (c == 'S' || c == 's')
        for (size_t i = 0; i < irc->watched_count; i++)
            irc_watch_tell(irc, irc->watched[i].online ? RPL_MONONLINE : RPL_MONOFFLINE, irc->watched[i].nick);
    else
        irc_standard(irc, "FAIL", "MONITOR", "INVALID_PARAMS", "write MONITOR with +, -, C, L or S", NULL);
    irc_people_watch(irc->host->people, irc, irc->watched_count > 0);
}

const irc_command_t irc_monitor = {"MONITOR", s_run, 1, 0};
