/* Rooms: finds and makes them, answers questions about them, and sends frames to their members. */
#ifndef ROOMS_H
#define ROOMS_H

#include "code.h"
#include "log.h"
#include "relay.h"
#include "room.h"
#include "session.h"

room_t *room_find(const relay_t *relay, zr_span_t name);

/* The first room whose name comes after `name`, or, if `from`, is `name` itself. NULL: no room does. */
room_t *room_next(const relay_t *relay, zr_span_t name, bool from);

/* The level that an ack of an entry there names, whether or not there is such a room. */
zr_level_t room_level(const relay_t *relay, zr_span_t name);

/* A room that is not there yet, whatever the limit. */
room_t *room_add(relay_t *relay, zr_span_t name);

/* The room that the session joins or publishes to, made if need be: ZR_OK, else ZR_TOO_MANY_ROOMS and NULL.
 *
 * `blind`: the user may make the room and may not read it. A full quota then refuses the room whether or not it exists,
 * unless it counts for this user already. After the first entry the caller makes it count (maker_room_shared). */
zr_code_t room_enter(relay_t *relay, const session_t *session, zr_span_t name, bool blind, room_t **room);

/* Frees the room if it has no members and no entries: it leaves nothing behind. Other rooms stay, because their
 * positions must not be used again. While there is presence to tell, it waits for the tick. */
void room_forget_unused(relay_t *relay, room_t *room);

/* The log has forgotten the room; if not `ok`, it could not, and nothing changes. Frees the room unless it is in use
 * again. Then the room begins here. */
void room_forgotten(relay_t *relay, room_t *room, bool ok);

/* The position before the first entry, whether or not there is such a room. */
uint64_t room_begun(const relay_t *relay, zr_span_t name);

/* The bounds of what can be replayed: from the log, or from the room itself while the log has nothing. */
log_bounds_t room_bounds(const relay_t *relay, const room_t *room);

/* The newest seq that readers may see, whether or not there is such a room. Readers do not see entries that are not
 * stored yet. */
uint64_t room_head(const relay_t *relay, zr_span_t name);

/* The log has nothing of the room, though it had positions: it is relayed only, or a run before had them. */
bool room_is_hollow(const relay_t *relay, zr_span_t name);

/* Sets by the rights in force whether the room and its presence are private. Call it before reading `private` or
 * `private_presence`: a change of rights updates no room. */
void room_refresh_rights(relay_t *relay, room_t *room);

/* Sends `frame` to the back, or, if `private`, to each member and follower with the rights `needed`. Takes over the reference. */
void room_tell(relay_t *relay, const room_t *room, bool private, rights_t needed, zr_blob_t *frame);

/* Frees all rooms, for relay_destroy. */
void rooms_finish(relay_t *relay);

#endif
