/* The batch of lines that a client sends. */
#ifndef IRC_MULTILINE_H
#define IRC_MULTILINE_H

#include "irc_message.h"
#include "irc_state.h"

/* Takes a line with the tag of a batch. False: it has none. */
bool irc_multiline_take(irc_t *irc, const irc_message_t *message);

/* Forgets a batch that was not ended. */
void irc_multiline_finish(irc_t *irc);

#endif
