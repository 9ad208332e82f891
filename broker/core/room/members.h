/* Members: sessions in rooms, and their presence there. */
#ifndef MEMBERS_H
#define MEMBERS_H

#include "relay.h"
#include "room.h"
#include "session.h"

member_t *member_find(const session_t *session, const room_t *room);
member_t *member_add(relay_t *relay, session_t *session, room_t *room, bool wished);

enum { META_JOINS_MAX = 16384 }; /* bytes of the metas that a session has in rooms */

/* Do the session's metas in rooms take at most META_JOINS_MAX bytes with this one? `member`: whose meta it replaces, NULL
 * if the session is not in the room yet. */
bool member_meta_fits(const session_t *session, const member_t *member, const zr_blob_t *meta);

/* The meta that the session shows in this room, as zr_meta_write gives it; "{}": none. It fits. Of several sessions of a
 * user the one that gave a meta last is shown; when it goes or takes it away, another one is. The member keeps a
 * reference of its own. */
void member_set_meta(relay_t *relay, member_t *member, zr_blob_t *meta);

/* The same in all rooms without members of their own. */
void session_set_meta(relay_t *relay, session_t *session, zr_blob_t *meta);

/* Named in presence, if it may be. */
void member_set_present(relay_t *relay, member_t *member, bool wished);
void member_remove(relay_t *relay, member_t *member, const char *reason); /* may free the room */

/* The rights in the room are looked up anew: the member is hidden or shown as they say. */
void member_set_rights(relay_t *relay, member_t *member, rights_t rights);

/* Gives the session's user another nick, and tells each room that it is present in. */
void session_rename(relay_t *relay, session_t *session, zr_span_t nick);

#endif
