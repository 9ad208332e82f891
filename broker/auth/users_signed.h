/* Signed logins (JWT) and the users file: its roles with `jwt = 1` are for them, and its users are not. */
#ifndef USERS_SIGNED_H
#define USERS_SIGNED_H

#include "jwt_keys.h"
#include "users.h"

/* Adds to the access what it must know of signed logins: these roles, the keys, and the bans of names that are not in the
 * file. Finishes it anew. */
void users_add_signed(const users_t *users, const bans_t *bans, const jwt_keys_t *keys, access_t *access);

/* NULL: this login is let in. Else the reason, for the operator. The key that signed it is in force. */
const char *users_refuse_signed(const users_t *users, const bans_t *bans, const grant_t *grant);

#endif
