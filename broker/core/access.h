/* The rights of users in rooms, by rules with room patterns. Pure: the edge reads the users file (users.c).
 *
 * A user's rights in a room are those of the matching allow rules, less those of the matching deny rules. In a home,
 * whose name begins with ACCESS_HOME, only its owner has them. */
#ifndef ACCESS_H
#define ACCESS_H

#include <stdbool.h>

#include "grant.h"
#include "right.h"
#include "span.h"

#define ACCESS_HOME '~' /* "~ann" and all names that begin with "~ann/" are ann's */

typedef struct access access_t;
typedef struct access_user access_user_t;

/* Open mode: all peers are the same user. That user has RIGHT_ALL. */
access_t *access_new_open(void);
void access_destroy(access_t *access); /* NULL is accepted */

bool access_is_open_mode(const access_t *access);

/* May peers read the back without logging in? In open mode, or if access_set_plain said so. */
bool access_is_plain(const access_t *access);

/* The user of that name. An empty name asks for the anonymous user (in open mode: the one user). NULL: unknown, not let
 * in, or banned. */
const access_user_t *access_user(const access_t *access, zr_span_t name);

/* A user of the file by that name (not "anonymous"), banned or not: nobody else may use it as a nick. */
bool access_is_user(const access_t *access, zr_span_t name);

/* The same of a nick that people would take for such a user's name: case and width do not count (zr_fold). */
bool access_resembles_user(const access_t *access, zr_span_t nick);

rights_t access_rights(const access_user_t *user, zr_span_t room);

/* For a room that the user may not read: writes the first name after it, in byte order, where a readable room may be.
 * A walk over all rooms thus costs only the readable rooms and the user's rules. Returns the length; 0: nowhere. */
enum { ACCESS_NEXT_SIZE = 129 }; /* a room name and one byte more */
size_t access_next_readable(const access_user_t *user, zr_span_t room, char next[ACCESS_NEXT_SIZE]);

/* Is this signed login let in? Its key must be in force, and its roles must be there. Its name must be neither reserved
 * nor that of a user of the file. Bans, case and width do not matter. */
bool access_takes(const access_t *access, const grant_t *grant);

/* The rights of its roles together, of a login that is let in; the caller's, for access_user_free. It does not change
 * with the access. */
access_user_t *access_of_grant(const access_t *access, const grant_t *grant);
void access_user_free(access_user_t *user); /* NULL is accepted */

/* May use the op admin; may be a gateway; may be a leaf, which is a gateway too; may use the op
 * stats, as every admin may. A rule with the pattern "*" gives it, and
 * none takes it. */
bool access_is_admin(const access_user_t *user);
bool access_is_gateway(const access_user_t *user);
bool access_is_leaf(const access_user_t *user);
bool access_sees_stats(const access_user_t *user);

/* The rights there that all users have in common, of those that can be connected; none if no user can be. A signed
 * login may have any one of the roles for it, so each of these counts as a user. A room whose common rights have
 * RIGHT_READ is open, and its entries may be on the back. Gateways do not count: they read for others, which must have
 * the right. */
rights_t access_common(const access_t *access, zr_span_t room);

/* Have both the same rights everywhere, by the same rules? */
bool access_is_same(const access_user_t *one, const access_user_t *other);

/* Calls `tell` for each user that `before` lets in and `now` does not. `banned`: `now` bans the user; else `now` does
 * not have the user. */
void access_each_gone(
    const access_t *before, const access_t *now, void (*tell)(void *ctx, zr_span_t name, bool banned), void *ctx);

#endif
