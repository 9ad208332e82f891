/* What a client is shown of a room: its members, its topic. */
#ifndef IRC_SHOW_H
#define IRC_SHOW_H

#include "irc_room.h"

void irc_show_join(irc_room_t *room, const char *nick);
void irc_show_topic(irc_room_t *room);

/* NAMES: begin, each nick, end. Each line has as many whole names as fit. */
typedef struct {
    irc_t *irc;
    const char *channel;
    zr_buffer_t names;
} irc_names_t;
void irc_names_add(irc_names_t *names, zr_span_t nick);
/* Shows the names so far, and keeps no memory: the next ones may never come. */
void irc_names_flush(irc_names_t *names);
void irc_names_end(irc_names_t *names);

/* The JOIN of the client itself, topic and names. */
void irc_show_room(irc_room_t *room);

#endif
