/* sub --group on a terminal: a line on stderr with what the group has done, and what is left. */
#ifndef GROUP_SHOW_H
#define GROUP_SHOW_H

#include "conn.h"

typedef struct {
    conn_t *session;
    const char *group;
    char **rooms;
    size_t room_count;
    bool shows; /* stderr is a terminal, and stdout is none: the line would stand among the messages */
    uint64_t due_ms;
    uint64_t first, last;   /* requests that are asked, one for each room; 0: none */
    uint64_t done, backlog; /* of the answers so far */
    uint64_t before_ms;     /* when the line was shown last; 0: never */
    uint64_t done_before;   /* what it said */
} group_show_t;

/* `group` and `rooms` must live as long. */
void group_show_begin(group_show_t *show, conn_t *session, const char *group, size_t count, char **rooms);

/* Takes the broker's answers. True: the event is part of one. */
bool group_show_event(group_show_t *show, const zrelay_event_t *event);

/* Shows and asks what is due. Returns the milliseconds until it wants to be called again; -1: never. */
int group_show_go_on(group_show_t *show);

void group_show_end(group_show_t *show);

#endif
