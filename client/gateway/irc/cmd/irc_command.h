/* The commands of IRC: each is an entry of the table in irc_commands.c. */
#ifndef IRC_COMMAND_H
#define IRC_COMMAND_H

#include "irc_message.h"
#include "irc_state.h"

typedef enum {
    IRC_EARLY = 1 << 0, /* before the client has registered, too */
    IRC_ASKS = 1 << 1   /* needs the broker: refused while that is away */
} irc_command_flag_t;

typedef struct {
    const char *name;
    void (*run)(irc_t *irc, const irc_message_t *message);
    size_t min; /* parameters */
    unsigned flags;
} irc_command_t;

size_t irc_commands_count(void);
const irc_command_t *irc_commands_at(size_t i);

/* Carries out a line of the client: its label, its command, and the replies when something is wrong. */
void irc_command(irc_t *irc, const irc_message_t *message);

extern const irc_command_t irc_cap, irc_authenticate, irc_pass, irc_nick, irc_user, irc_ping, irc_pong, irc_quit,
    irc_join, irc_part, irc_privmsg, irc_notice_command, irc_tagmsg, irc_batch, irc_topic, irc_names, irc_who,
    irc_whois, irc_list, irc_mode, irc_kick, irc_motd, irc_lusers, irc_version, irc_isupport, irc_time, irc_userhost,
    irc_ison, irc_monitor, irc_away, irc_chathistory;

#endif
