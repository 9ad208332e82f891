/* Rooms: finding and making them, what is known of them, and telling those who are in them. */
#ifndef ROOMS_H
#define ROOMS_H

#include "code.h"
#include "log.h"
#include "relay.h"
#include "room.h"
#include "session.h"

room_t *room_find(const relay_t *relay, zr_span_t name);

/* The first room whose name comes after `name`, or, if `from`, is `name` itself; NULL if no such entry exists. */
room_t *room_next(const relay_t *relay, zr_span_t name, bool from);

/* What an ack of an entry there means, whether or not there is such a room. */
zr_level_t room_level(const relay_t *relay, zr_span_t name);

/* A room that is not there yet, whatever the limit. */
room_t *room_add(relay_t *relay, zr_span_t name);

/* The room that the session joins or publishes to, made if need be: ZR_OK, else ZR_TOO_MANY_ROOMS and NULL.
 *
 * `blind`: the user may make the room and may not read it. A full quota then refuses the room whether or not it exists,
 * unless it counts for this user already. After the first entry the caller makes it count (maker_room_shared). */
zr_code_t room_enter(relay_t *relay, const session_t *session, zr_span_t name, bool blind, room_t **room);

/* Frees a room that nobody is in and nobody wrote to: it leaves nothing behind. The positions of others must not be
 * used again. While there is presence to tell it waits for the tick. */
void room_forget_unused(relay_t *relay, room_t *room);

/* The log has forgotten the room, or, if not `ok`, it could not: then all is as it was. Frees it unless it is in use
 * again; then it begins here. */
void room_forgotten(relay_t *relay, room_t *room, bool ok);

/* The position before the first entry, whether or not there is such a room. */
uint64_t room_begun(const relay_t *relay, zr_span_t name);

/* What can be replayed: from the log, or what the room itself knows while the log has nothing. */
log_bounds_t room_bounds(const relay_t *relay, const room_t *room);

/* The newest seq that readers may see, whether or not there is such a room. What is not stored yet is nobody's to see.
 */
uint64_t room_head(const relay_t *relay, zr_span_t name);

/* The log has nothing of the room, though it had positions: it is relayed only, or a run before had them. */
bool room_is_hollow(const relay_t *relay, zr_span_t name);

/* Is the room open or private, and its presence, by the rights in force? To be called before that is looked at: a
 * change of rights looks at no room. */
void room_refresh_rights(relay_t *relay, room_t *room);

/* To everybody on the back, or, if `private`, to each member with the rights `needed`; takes over the reference. */
void room_tell(relay_t *relay, const room_t *room, bool private, rights_t needed, zr_blob_t *frame);

/* Frees all rooms, for relay_destroy. */
void rooms_finish(relay_t *relay);

#endif
