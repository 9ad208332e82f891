/* The session of an IRC client at the broker: registration, logging in, and coming back after a loss. */
#ifndef IRC_LOGIN_H
#define IRC_LOGIN_H

#include "irc_ask.h"

/* Says `hello`: with this nick (NULL: the present one), and what the client wants to log in with. `answer` gets the
 * `welcome`, and passes it to irc_welcomed; the nick is the ask's text. */
void irc_hello(irc_t *irc, irc_answer_fn *answer, const char *nick);
/* Takes what a `welcome` says. The client is told a nick that differs. */
void irc_welcomed(irc_t *irc, const json_t *welcome);

/* Registers the client if it has said all that is needed, and the broker is there. */
void irc_try_register(irc_t *irc);

/* The session ended: what it waits for does not come. */
void irc_lose(irc_t *irc);
/* The channel is open: a session may begin. */
void irc_come_back(irc_t *irc);

/* `bye` came. */
void irc_sent_away(irc_t *irc, const json_t *bye);

/* Sets what it logs in with. False: the name or the token is too long. An empty user: it does not log in. */
bool irc_set_login(irc_t *irc, zr_span_t user, zr_span_t token);

#endif
