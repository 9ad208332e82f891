/* The users of this gateway's IRC clients: which nicks are there, and which of them logged in. Pure.
 *
 * The broker does not tell whether a nick is the name of a user. Of its own clients the gateway knows it, and while one
 * of them is logged in, nobody else may have that nick. */
#ifndef IRC_PEOPLE_H
#define IRC_PEOPLE_H

#include "span.h"

typedef struct irc_people irc_people_t;

/* Called for each client that watches nicks after this one came or went. */
typedef void irc_people_fn(void *client, zr_span_t nick);

irc_people_t *irc_people_new(irc_people_fn *changed);
void irc_people_destroy(irc_people_t *people); /* all must have left; NULL is accepted */

/* A client has this nick from now on; several may have one. `user`: it is its account. */
void irc_people_come(irc_people_t *people, zr_span_t nick, bool user);
void irc_people_go(irc_people_t *people, zr_span_t nick, bool user);

bool irc_people_here(const irc_people_t *people, zr_span_t nick);
bool irc_people_is_user(const irc_people_t *people, zr_span_t nick);
size_t irc_people_count(const irc_people_t *people); /* clients */
size_t irc_people_most(const irc_people_t *people);  /* that there were at once */

/* Begins or ends to tell the client of changes. */
void irc_people_watch(irc_people_t *people, void *client, bool on);

#endif
