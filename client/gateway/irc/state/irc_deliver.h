/* What a client says, on its way: into a room, or to another user. */
#ifndef IRC_DELIVER_H
#define IRC_DELIVER_H

#include "irc_body.h"
#include "irc_room.h"

/* Sends a text to a channel or a nick. A NOTICE gets no errors. */
void irc_deliver(irc_t *irc, zr_span_t target, irc_verb_t verb, zr_span_t text);

/* Shows in the room that the client types: active, paused, or done. Other states are done. */
void irc_set_typing(irc_room_t *room, zr_span_t state);

/* A direct message came. */
void irc_take_direct(irc_t *irc, const json_t *direct);

#endif
