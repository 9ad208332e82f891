/* How far a user has read, kept at the broker in the user's home (PROTOCOL.md, "Homes"), so that all the user's chats
 * agree. */
#ifndef CHAT_HOME_H
#define CHAT_HOME_H

#include "chat.h"

/* Asks for the marks, and waits a moment for them. A guest has no home, so nothing happens then. It is the same for a
 * user whom the broker gives no right to the home. */
void chat_home_begin(chat_t *chat);
void chat_home_end(chat_t *chat);

/* true: the event was about the home. */
bool chat_home_event(chat_t *chat, const zrelay_event_t *event);

/* Notes in the marks how far each room was read, and writes to the home what is new. */
void chat_home_keep(chat_t *chat);

/* The same, some time after messages came into view. Milliseconds until it is due; -1: nothing is. */
int chat_home_due(chat_t *chat, uint64_t now);

#endif
