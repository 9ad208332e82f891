/* Logins by token: checking one takes the edge tens of milliseconds, so the hello waits. The edge writes the audit. */
#ifndef LOGIN_H
#define LOGIN_H

#include "admit.h"

/* Makes the hello wait until its token is checked, or refuses it. */
void login_begin(relay_t *relay, request_t *request, const hello_t *hello, const speaker_t *speaker);

/* Does a hello of that route wait? */
bool login_waits(const relay_t *relay, route_t route);

void login_forget_route(relay_t *relay, route_t route); /* the peer is gone */
void login_forget_all(relay_t *relay);

#endif
