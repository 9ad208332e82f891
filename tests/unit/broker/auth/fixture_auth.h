/* Shared by the tests of the authentication: a users file, the thread that reads it, and requests to it. */
#ifndef FIXTURE_AUTH_H
#define FIXTURE_AUTH_H

#include <czmq.h>

#include "auth.h"
#include "fixture_dir.h"

#define ALICE_KEY "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
#define BOB_KEY "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"
#define ALICE "user\n    name = alice\n    allow = \"all : *\"\n"
#define BOB "user\n    name = bob\n"
#define KEY(key) "    key = \"" key "\"\n"
#define USERS                                                                                                          \
    ALICE KEY(ALICE_KEY)                                                                                               \
    BOB KEY(BOB_KEY)

/* Each test begins in a new directory, with USERS and without tokens. */
extern auth_t *auth;
void fx_auth_begin(void);
void fx_auth_end(void);

/* Begins anew: on the file "users" as it is, or with this text in it and without tokens. */
void fx_auth_start(bool tokens);
void fx_auth_start_with(const char *text);

/* On the files "users" and "keys" (of signed logins) as they are. */
void fx_auth_start_signed(void);

/* The end of it, as often as one likes. */
void fx_auth_stop(void);

/* Waits for the next answer, and puts its changes in force. */
auth_answer_t fx_auth_answer(void);

/* Takes an answer and frees it: the tests check only its ticket and its code. */
zr_code_t fx_auth_code(uint64_t ticket);

/* Asks as libzmq does; returns "STATUS USER", valid until the next call. */
const char *fx_auth_zap(const char *domain, const char *mechanism, const char *key_text);
const char *fx_auth_zap_key(const char *key_text);

/* The same in two steps; the answer takes the socket over. */
zsock_t *fx_auth_ask_zap(const char *domain, const char *mechanism, const char *key_text);
const char *fx_auth_zap_answer(zsock_t *asker);

#endif
