/* What people show of themselves: the members `away` and `status` of their metas (PROTOCOL.md, "Metas"). Pure. */
#ifndef CHAT_STATUS_H
#define CHAT_STATUS_H

#include "buffer.h"

enum {
    CHAT_STATUS_MAX = 100,  /* bytes of a status, or of why somebody is away, that are shown; the rest is left out */
    CHAT_STATUS_NICKS = 256 /* nicks whose words are remembered */
};

/* The words that were shown of each nick, so that a change is told once. Zeroed it remembers nothing. */
typedef struct {
    struct {
        char *nick, *words;
        bool away;
    } known[CHAT_STATUS_NICKS];
    size_t next; /* the place that a further nick takes */
} chat_status_t;

void chat_status_finish(chat_status_t *status);

/* Appends " (away: at lunch)" or " (reading)", or nothing if the meta, in JSON, shows neither. NULL is accepted. */
void chat_status_who(zr_buffer_t *out, const char *meta);

/* The words that the nick shows, as they were told last; NULL: none are known. */
const char *chat_status_words(const chat_status_t *status, const char *nick);

/* The nick shows this meta now. Appends the line that tells of it; false: there is nothing new to tell. */
bool chat_status_changed(chat_status_t *status, const char *nick, const char *meta, zr_buffer_t *out);

/* The meta with these members, in JSON, for the caller to free; NULL: without that member. */
char *chat_status_meta(const char *away, const char *text);

#endif
