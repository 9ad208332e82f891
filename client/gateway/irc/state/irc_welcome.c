/* See irc_welcome.h. */
#include "irc_welcome.h"

#include <stdio.h>

#include "irc_message.h"
#include "irc_out.h"
#include "irc_room.h"

enum { MOTD_LINES = 50 };

void irc_show_isupport(irc_t *irc) {
    for (size_t i = 0; i < irc_isupport_count();) {
        irc_begin(irc, NULL, 0, "005");
        irc_middle(irc, irc->shown.text);
        for (size_t n = 0; n < IRC_ISUPPORT_TOKENS && i < irc_isupport_count(); n++)
            irc_middle(irc, irc_isupport_token(i++));
        irc_trailing(irc, zr_span(irc_numeric_row(RPL_ISUPPORT)->text));
        irc_end(irc);
    }
}

void irc_show_lusers(irc_t *irc) {
    char now[24], most[24], text[120];
    size_t count = irc_people_count(irc->host->people), rooms = HASH_COUNT(irc->rooms);
    snprintf(now, sizeof now, "%zu", count);
    snprintf(most, sizeof most, "%zu", irc_people_most(irc->host->people));
    snprintf(text, sizeof text, "There are %zu IRC clients on this gateway", count);
    irc_numeric_text(irc, RPL_LUSERCLIENT, zr_span(text), NULL);
    snprintf(text, sizeof text, "%zu", rooms);
    irc_numeric(irc, RPL_LUSERCHANNELS, text, NULL);
    snprintf(text, sizeof text, "I have %zu clients and 1 server", count);
    irc_numeric_text(irc, RPL_LUSERME, zr_span(text), NULL);
    snprintf(text, sizeof text, "Current local users %s, max %s", now, most);
    irc_numeric_text(irc, RPL_LOCALUSERS, zr_span(text), now, most, NULL);
    snprintf(text, sizeof text, "Current global users %s, max %s", now, most);
    irc_numeric_text(irc, RPL_GLOBALUSERS, zr_span(text), now, most, NULL);
}

void irc_show_motd(irc_t *irc) {
    zr_span_t rest = zr_span(irc->motd);
    if (!irc->motd) {
        irc_numeric(irc, ERR_NOMOTD, NULL);
        return;
    }
    irc_numeric(irc, RPL_MOTDSTART, NULL);
    for (int i = 0; i < MOTD_LINES && rest.len > 0; i++)
        irc_numeric_text(irc, RPL_MOTD, zr_span_cut(&rest, '\n'), NULL);
    irc_numeric(irc, RPL_ENDOFMOTD, NULL);
}

static void s_say(irc_t *irc, irc_numeric_t numeric, const char *text) {
    irc_numeric_text(irc, numeric, zr_span(text), NULL);
}

void irc_show_welcome(irc_t *irc) {
    char text[260];
    snprintf(text, sizeof text, "Welcome to zrelay, %s", irc->shown.text);
    s_say(irc, RPL_WELCOME, text);
    s_say(irc, RPL_YOURHOST, "Your host is " IRC_SERVER ", running zrelay-gateway " ZRELAY_VERSION);
    s_say(irc, RPL_CREATED, "This server is a gateway to a zrelay broker");
    irc_begin(irc, NULL, 0, "004");
    irc_middle(irc, irc->shown.text);
    irc_middle(irc, IRC_SERVER);
    irc_middle(irc, "zrelay-" ZRELAY_VERSION);
    irc_middle(irc, "*"); /* no user modes, and no modes of channels */
    irc_middle(irc, "*");
    irc_end(irc);
    irc_show_isupport(irc);
    irc_show_lusers(irc);
    irc_show_motd(irc);
}
