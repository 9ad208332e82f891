/* See irc_isupport.h. */
#include "irc_isupport.h"

static const char *const s_tokens[] = {
    "AWAYLEN=200",
    "CASEMAPPING=ascii",
    "CHANMODES=,,,",
    "CHANNELLEN=200",
    "CHANTYPES=#",
    "CHATHISTORY=100",
    "CLIENTTAGDENY=*,-typing",
    "KICKLEN=200",
    "LINELEN=512",
    "MONITOR=100",
    "MSGREFTYPES=msgid,timestamp",
    "NETWORK=zrelay",
    "NICKLEN=32",
    "PREFIX=",
    "TARGMAX=JOIN:,PART:,PRIVMSG:4,NOTICE:4,TAGMSG:4,KICK:1,NAMES:1,WHOIS:1,LIST:",
    "TOPICLEN=390",
    "UTF8ONLY",
    "WHOX",
};

size_t irc_isupport_count(void) {
    return sizeof s_tokens / sizeof s_tokens[0];
}

const char *irc_isupport_token(size_t i) {
    return s_tokens[i];
}
