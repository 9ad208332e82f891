/* The users of a room: frames of presence, and the answers to `who`. */
#ifndef IRC_PRESENCE_H
#define IRC_PRESENCE_H

#include "irc_numerics.h"
#include "irc_room.h"

/* Asks the broker for the users of the room, and shows the differences, or calls irc_room_counted the first time. */
void irc_presence_ask(irc_room_t *room);
/* A frame of presence came. */
void irc_presence_frame(irc_room_t *room, zr_span_t json);
void irc_presence_drop_held(irc_room_t *room);

/* The nick is in a room with the client, with this away message. NULL: it is in none. */
irc_member_t *irc_presence_find(const irc_t *irc, zr_span_t nick);

/* The client's own nick changed: its rooms have the new one, and it is told. */
void irc_presence_renamed(irc_t *irc, zr_span_t from, zr_span_t to);

/* Tells a client that watches this nick whether it came or went; irc_watch_check does so for all of them. */
void irc_watch_nick(irc_t *irc, zr_span_t nick);
void irc_watch_check(irc_t *irc);

/* A nick is online if it is in a room with the client, or an IRC client of this gateway. */
bool irc_watch_online(const irc_t *irc, zr_span_t nick);
/* A reply of MONITOR: online ones are told with their mask. */
void irc_watch_tell(irc_t *irc, irc_numeric_t numeric, const char *nick);

/* An away message of a `meta`; NULL: it has none. */
const char *irc_meta_away(const json_t *meta);

#endif
