/* Logins by JWT. The thread that owns the users file and the keys checks them between its other requests: a signature
 * takes a fraction of a millisecond. */
#ifndef AUTH_JWT_H
#define AUTH_JWT_H

#include "auth_state.h"

/* Checks the token and answers. */
void auth_jwt_serve(auth_t *auth, uint64_t ticket, zr_span_t token);

#endif
