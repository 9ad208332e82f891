/* Who may do what in which room: users, and rules by room pattern. Pure; the users file is read at the edge (users.c).
 *
 * A user's rights in a room are what the fitting allow rules give, without what the fitting deny rules take. */
#ifndef ACCESS_H
#define ACCESS_H

#include <stdbool.h>

#include "span.h"

typedef enum {
    RIGHT_READ = 1,     /* join, replay, state, live entries; to know that the room exists */
    RIGHT_WRITE = 2,    /* publish */
    RIGHT_STATE = 4,    /* with write: publish keyed entries */
    RIGHT_PRESENCE = 8, /* with read: be named there, and see who is */
    RIGHT_CREATE = 16,  /* begin a room: publish the first entry of one that has none */
    RIGHT_ADMIN = 32,   /* for "*" only: the op admin */
    RIGHT_ALL = 31,     /* but admin */
} right_t;
typedef unsigned rights_t; /* of right_t */

typedef struct access access_t;
typedef struct access_user access_user_t;

/* Nobody is in it yet. The caller owns it until it is handed to the relay. */
access_t *access_new(void);

/* Open mode: everybody is one user, who may do everything but administer. */
access_t *access_new_open(void);
void access_destroy(access_t *access); /* NULL is accepted */

/* --- Building; access_finish ends it --- */

/* `name` is a valid nick, copied; "anonymous" stands for peers on plain listeners who did not log in. The access owns
 * the result. NULL: there is one of that name. */
access_user_t *access_add_user(access_t *access, zr_span_t name);

/* The pattern is valid (policy_pattern_valid), copied. */
void access_add_rule(access_user_t *user, bool deny, rights_t rights, zr_span_t pattern);
void access_set_banned(access_user_t *user, bool banned);

/* Some listener is plain: whoever reaches it can read the back without logging in. */
void access_set_plain(access_t *access, bool plain);

/* After the last rule: groups users whose rules are equal, and finds the rules that all have, so that access_common
 * seldom looks at more. */
void access_finish(access_t *access);

/* --- Asking --- */

/* Rights by the names they have in the users file, "all" too; 0: none has that name. And the name of the first of
 * `rights`, of which there is one. */
rights_t access_right(zr_span_t name);
const char *access_right_name(rights_t rights);

bool access_is_open_mode(const access_t *access);

/* The user of that name; an empty one asks for who did not log in (of open mode: everybody). NULL: unknown, not let in,
 * or banned. */
const access_user_t *access_user(const access_t *access, zr_span_t name);

/* A user of the file by that name ("anonymous" is none), banned or not: nobody else may use it as a nick. */
bool access_is_user(const access_t *access, zr_span_t name);

/* The same of a nick that people would take for such a user's name: case and width do not count (zr_fold). */
bool access_resembles_user(const access_t *access, zr_span_t nick);

rights_t access_rights(const access_user_t *user, zr_span_t room);

/* Of a room that the user may not read: writes where, in byte order of names, the next one may be that it may, so that
 * a walk over all rooms costs what it may read and its rules. Returns its length; 0: nowhere. */
enum { ACCESS_NEXT_SIZE = 129 }; /* a room name and one byte more */
size_t access_next_readable(const access_user_t *user, zr_span_t room, char next[ACCESS_NEXT_SIZE]);

/* May use the op admin: a rule with the pattern "*" gives it, and none takes it. */
bool access_is_admin(const access_user_t *user);

/* What everybody who can be connected may do there, nothing if that is nobody: a room whose common rights have
 * RIGHT_READ is open, and its entries may be on the back. */
rights_t access_common(const access_t *access, zr_span_t room);

/* Tells of each user who was let in by `before` and is not by `now`, being banned or not in it. */
void access_each_gone(
    const access_t *before, const access_t *now, void (*tell)(void *ctx, zr_span_t name, bool banned), void *ctx);

#endif
