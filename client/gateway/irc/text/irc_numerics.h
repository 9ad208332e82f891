/* The numeric replies of IRC, in one table (modern.ircdocs.horse, "Numerics"; IRCv3 for SASL and MONITOR). */
#ifndef IRC_NUMERICS_H
#define IRC_NUMERICS_H

/* X(name, number, text): `text` is the last parameter; NULL: the reply has another one each time. */
#define IRC_NUMERICS(X)                                                                                                \
    X(RPL_WELCOME, 1, NULL)                                                                                            \
    X(RPL_YOURHOST, 2, NULL)                                                                                           \
    X(RPL_CREATED, 3, NULL)                                                                                            \
    X(RPL_MYINFO, 4, NULL)                                                                                             \
    X(RPL_ISUPPORT, 5, "are supported by this server")                                                                 \
    X(RPL_UMODEIS, 221, NULL)                                                                                          \
    X(RPL_LUSERCLIENT, 251, NULL)                                                                                      \
    X(RPL_LUSERCHANNELS, 254, "channels that you are in")                                                              \
    X(RPL_LUSERME, 255, NULL)                                                                                          \
    X(RPL_LOCALUSERS, 265, NULL)                                                                                       \
    X(RPL_GLOBALUSERS, 266, NULL)                                                                                      \
    X(RPL_AWAY, 301, NULL)                                                                                             \
    X(RPL_USERHOST, 302, NULL)                                                                                         \
    X(RPL_ISON, 303, NULL)                                                                                             \
    X(RPL_UNAWAY, 305, "You are no longer marked as being away")                                                       \
    X(RPL_NOWAWAY, 306, "You have been marked as being away")                                                          \
    X(RPL_WHOISUSER, 311, NULL)                                                                                        \
    X(RPL_WHOISSERVER, 312, "zrelay gateway")                                                                          \
    X(RPL_ENDOFWHO, 315, "End of WHO list")                                                                            \
    X(RPL_ENDOFWHOIS, 318, "End of WHOIS list")                                                                        \
    X(RPL_WHOISCHANNELS, 319, NULL)                                                                                    \
    X(RPL_LISTSTART, 321, "Users  Name")                                                                               \
    X(RPL_LIST, 322, NULL)                                                                                             \
    X(RPL_LISTEND, 323, "End of LIST")                                                                                 \
    X(RPL_CHANNELMODEIS, 324, NULL)                                                                                    \
    X(RPL_WHOISACCOUNT, 330, "is logged in as")                                                                        \
    X(RPL_NOTOPIC, 331, "No topic is set")                                                                             \
    X(RPL_TOPIC, 332, NULL)                                                                                            \
    X(RPL_TOPICWHOTIME, 333, NULL)                                                                                     \
    X(RPL_VERSION, 351, NULL)                                                                                          \
    X(RPL_WHOREPLY, 352, NULL)                                                                                         \
    X(RPL_NAMREPLY, 353, NULL)                                                                                         \
    X(RPL_WHOSPCRPL, 354, NULL)                                                                                        \
    X(RPL_ENDOFNAMES, 366, "End of NAMES list")                                                                        \
    X(RPL_MOTD, 372, NULL)                                                                                             \
    X(RPL_MOTDSTART, 375, "- Message of the day -")                                                                    \
    X(RPL_ENDOFMOTD, 376, "End of MOTD")                                                                               \
    X(RPL_TIME, 391, NULL)                                                                                             \
    X(ERR_NOSUCHNICK, 401, "No such nick/channel")                                                                     \
    X(ERR_NOSUCHCHANNEL, 403, NULL)                                                                                    \
    X(ERR_CANNOTSENDTOCHAN, 404, NULL)                                                                                 \
    X(ERR_TOOMANYCHANNELS, 405, "You are in as many channels as you may; leave one of them")                           \
    X(ERR_TOOMANYTARGETS, 407, "Too many targets; name fewer of them")                                                 \
    X(ERR_INVALIDCAPCMD, 410, "Invalid CAP command")                                                                   \
    X(ERR_NORECIPIENT, 411, "No recipient given")                                                                      \
    X(ERR_NOTEXTTOSEND, 412, "No text to send")                                                                        \
    X(ERR_INPUTTOOLONG, 417, "Input line was too long")                                                                \
    X(ERR_UNKNOWNCOMMAND, 421, "Unknown command")                                                                      \
    X(ERR_NOMOTD, 422, "The broker has no greeting")                                                                   \
    X(ERR_NONICKNAMEGIVEN, 431, "No nickname given")                                                                   \
    X(ERR_ERRONEUSNICKNAME, 432, NULL)                                                                                 \
    X(ERR_NICKNAMEINUSE, 433, "Nickname is already in use")                                                            \
    X(ERR_USERNOTINCHANNEL, 441, "They are not in that channel")                                                       \
    X(ERR_NOTONCHANNEL, 442, "You are not in that channel")                                                            \
    X(ERR_NOTREGISTERED, 451, "You have not registered")                                                               \
    X(ERR_NEEDMOREPARAMS, 461, "Not enough parameters")                                                                \
    X(ERR_ALREADYREGISTERED, 462, "You may not register again")                                                        \
    X(ERR_PASSWDMISMATCH, 464, "The user or the token is wrong")                                                       \
    X(ERR_UNKNOWNMODE, 472, "is no mode here: rights are the broker's")                                                \
    X(ERR_INVITEONLYCHAN, 473, "You may not read that channel")                                                        \
    X(ERR_CHANOPRIVSNEEDED, 482, NULL)                                                                                 \
    X(ERR_UMODEUNKNOWNFLAG, 501, "There are no user modes here")                                                       \
    X(ERR_USERSDONTMATCH, 502, "You may not see or change the modes of others")                                        \
    X(RPL_MONONLINE, 730, NULL)                                                                                        \
    X(RPL_MONOFFLINE, 731, NULL)                                                                                       \
    X(RPL_MONLIST, 732, NULL)                                                                                          \
    X(RPL_ENDOFMONLIST, 733, "End of MONITOR list")                                                                    \
    X(ERR_MONLISTFULL, 734, "The MONITOR list is full; take some nicks off it")                                        \
    X(RPL_LOGGEDIN, 900, NULL)                                                                                         \
    X(RPL_SASLSUCCESS, 903, "SASL authentication successful")                                                          \
    X(ERR_SASLFAIL, 904, NULL)                                                                                         \
    X(ERR_SASLTOOLONG, 905, "SASL message too long")                                                                   \
    X(ERR_SASLABORTED, 906, "SASL authentication aborted")                                                             \
    X(ERR_SASLALREADY, 907, "You are logged in already")                                                               \
    X(RPL_SASLMECHS, 908, "are available SASL mechanisms")

typedef enum {
#define X(name, number, text) name,
    IRC_NUMERICS(X)
#undef X
        IRC_NUMERIC_COUNT
} irc_numeric_t;

typedef struct {
    const char *name;
    unsigned number;
    const char *text; /* NULL: none of its own */
} irc_numeric_row_t;

const irc_numeric_row_t *irc_numeric_row(irc_numeric_t numeric);

#endif
