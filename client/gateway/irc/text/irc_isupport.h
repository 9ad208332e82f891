/* What RPL_ISUPPORT tells, in one table (modern.ircdocs.horse, "Feature advertisement"). Pure. */
#ifndef IRC_ISUPPORT_H
#define IRC_ISUPPORT_H

#include <stddef.h>

enum {
    IRC_HISTORY_MAX = 100,          /* messages that one CHATHISTORY gives */
    IRC_HISTORY_BYTES = 256 * 1024, /* of them; one message is given however long it is */
    IRC_MONITOR_MAX = 100,          /* nicks that a client may watch */
    IRC_TARGETS_MAX = 4,            /* of one PRIVMSG, NOTICE or TAGMSG */
    IRC_TOPIC_MAX = 390,            /* bytes */
    IRC_AWAY_MAX = 200,             /* bytes */
    IRC_REASON_MAX = 200,           /* bytes of KICK's text */
    IRC_ISUPPORT_TOKENS = 13,       /* of one line, as RFC 2812 allows */
};

size_t irc_isupport_count(void);
/* NAME or NAME=VALUE. */
const char *irc_isupport_token(size_t i);

#endif
