/* Rights that change while a session goes on. */
#ifndef REVOKE_H
#define REVOKE_H

#include "relay.h"
#include "session.h"

/* Gives the session other rights, which it keeps using. Memberships without the right to read end, and the client is
 * told. Returns how many ended. */
size_t session_give_rights(relay_t *relay, session_t *session, const access_user_t *access);

#endif
