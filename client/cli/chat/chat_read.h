/* Older messages, asked of the broker: what is before those in memory, since a moment, or that holds a text. One question
 * at a time. */
#ifndef CHAT_READ_H
#define CHAT_READ_H

#include "chat.h"

/* The last `count` before those that are known, those since the moment `since_us`, or those that hold `pattern`. */
void chat_read_older(chat_t *chat, size_t count);
void chat_read_since(chat_t *chat, uint64_t since_us);
void chat_read_search(chat_t *chat, zr_span_t pattern);
void chat_read_entry(chat_t *chat, const zrelay_event_t *event);
void chat_read_done(chat_t *chat, const zrelay_event_t *event);
void chat_read_end(chat_t *chat);

#endif
