/* Gives a hello its session: a new one, the one that it resumes, or the connection's own with another nick. */
#ifndef ADMIT_H
#define ADMIT_H

#include "request.h"

/* A hello, read and found valid; views into the request. `user` and `token` as given. */
typedef struct {
    zr_span_t client, nick, resume, agent, user, token;
    zr_blob_t *meta; /* borrowed; NULL: none */
    bool leaf;       /* it has the member `plain`, which only leaves have */
    bool plain;      /* peers of the leaf may read its back without logging in */
} hello_t;

/* The peer that says it, once it is known. */
typedef struct {
    zr_span_t name; /* the user; empty: none */
    bool by_token;
    const grant_t *grant; /* a signed login; NULL: none */
    uint64_t connection;
    zr_span_t back; /* where it finds the back */
    zr_span_t address;
    bool local;
    bool leaf; /* it says that it is one */
} speaker_t;

/* Lets `speaker` in or refuses; answers in either case. */
void hello_admit(relay_t *relay, request_t *request, hello_t *hello, const speaker_t *speaker);

/* The connection's user is not let in. Answers, and ends the connection. */
void hello_turn_away(relay_t *relay, request_t *request, uint64_t connection);

/* Does the session belong to that user? Empty: is it anonymous? */
bool hello_is_of(const session_t *session, zr_span_t user);

/* The session that is here or that is resumed, if this user logged in for it before: then the token need not be checked.
 * NULL: it must. */
const session_t *hello_logged_in(const relay_t *relay, const request_t *request, const hello_t *hello);

#endif
