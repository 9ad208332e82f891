/* The entries of a room that the chat has in memory: for switching to the room, for replies, and for what is older. Pure. */
#ifndef RECENT_H
#define RECENT_H

#include "zrelay.h"

enum { RECENT_MAX = 1000, RECENT_BYTES = 8 << 20 }; /* of a room; beyond either the oldest are forgotten */

typedef struct {
    uint64_t seq, time;
    char *sender, *key, *body; /* key NULL: not keyed */
    size_t len;
    bool deleted;
} recent_entry_t;

/* A zeroed struct is empty. */
typedef struct {
    recent_entry_t *entries; /* the oldest first */
    size_t count, size, bytes;
} recent_t;

void recent_finish(recent_t *recent);

/* Keeps a copy of what ZRELAY_ENTRY says. */
void recent_add(recent_t *recent, const zrelay_event_t *event);

/* Forgets the oldest until at most `max` are left. */
void recent_cut(recent_t *recent, size_t max);

/* The event again; it lives as long as the entry. */
zrelay_event_t recent_event(const recent_entry_t *entry, const char *room);

/* The newest message, without key, of this sender (NULL: of anybody but `other`; which may be NULL). NULL: none. */
const recent_entry_t *recent_newest(const recent_t *recent, const char *sender, const char *other);

#endif
