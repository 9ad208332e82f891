/* Where in a room's log a moment lies: asks the broker for few entries. */
#ifndef MOMENT_H
#define MOMENT_H

#include "conn.h"

typedef struct {
    uint64_t seq, time; /* 0: there was no such entry */
} moment_entry_t;

/* One entry: the first after `after`, or with `last` 1 the newest. 0, or the exit code after telling why not. */
int moment_look(conn_t *session, const char *room, uint64_t after, uint64_t last, moment_entry_t *found);

/* Moves `*after` up to shortly before the first entry that is not before `since` (microseconds). */
int moment_near(conn_t *session, const char *room, uint64_t since, uint64_t *after);

/* The same, up to just before it. */
int moment_at(conn_t *session, const char *room, uint64_t since, uint64_t *after);

#endif
