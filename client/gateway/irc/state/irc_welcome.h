/* What a client is told when it has registered, and again when it asks. */
#ifndef IRC_WELCOME_H
#define IRC_WELCOME_H

#include "irc_state.h"

void irc_show_welcome(irc_t *irc); /* all of it */
void irc_show_isupport(irc_t *irc);
void irc_show_lusers(irc_t *irc);
void irc_show_motd(irc_t *irc);

#endif
