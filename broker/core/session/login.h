/* Logins by token, or by JWT. The hello waits until the edge has checked the token, and the edge writes the audit. A token that was
 * checked of late is taken at once (known_tokens.h). */
#ifndef LOGIN_H
#define LOGIN_H

#include "admit.h"

/* Lets the hello in, makes it wait until its token is checked, or refuses it. */
void login_begin(relay_t *relay, request_t *request, hello_t *hello, const speaker_t *speaker);

/* Has the token the form of a JWT, and are JWTs taken? */
bool login_is_signed(const relay_t *relay, zr_span_t token);

/* Makes the hello wait until its JWT is checked, or refuses it. */
void login_begin_signed(relay_t *relay, request_t *request, hello_t *hello, const speaker_t *speaker);

/* Does a hello of that route wait? */
bool login_waits(const relay_t *relay, route_t route);

size_t login_count(const relay_t *relay);               /* that wait */
void login_forget_route(relay_t *relay, route_t route); /* the peer is gone */
void login_forget_all(relay_t *relay);

#endif
