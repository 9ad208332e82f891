/* Messages on their way to the broker, and what is due at a time. */
#ifndef CHAT_SEND_H
#define CHAT_SEND_H

#include "chat.h"

/* false: the queue is full, try again. */
bool chat_send(chat_t *chat, zr_span_t text);
void chat_tell(chat_t *chat, zr_span_t nick, zr_span_t text);
void chat_acked(chat_t *chat, const zrelay_event_t *event);
void chat_not_sent(chat_t *chat, const zrelay_event_t *event);

/* A message to one person was delivered, or refused. false: the event is about none. */
bool chat_told(chat_t *chat, const zrelay_event_t *event);

/* Tells what is due: unsent messages, comings and goings, the end of a repair. Returns milliseconds until there is
 * something more, -1: nothing. */
int chat_due(chat_t *chat);

void chat_send_end(chat_t *chat);

#endif
