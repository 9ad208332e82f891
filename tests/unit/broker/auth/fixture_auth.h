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

/* On the file "users" of the test's directory. */
auth_t *fx_auth_start(bool tokens);

/* In a new directory, with this as the users, without tokens. */
auth_t *fx_auth_start_with(const char *text);

/* Waits for the next answer, and puts its changes in force. */
auth_answer_t fx_auth_answer(auth_t *auth);

/* Takes an answer and frees it: the tests check only its ticket and its code. */
zr_code_t fx_auth_code(auth_t *auth, uint64_t ticket);

/* Asks as libzmq does; returns "STATUS USER", valid until the next call. */
const char *fx_auth_zap(const char *domain, const char *mechanism, const char *key_text);
const char *fx_auth_zap_key(const char *key_text);

/* The same in two steps; the answer takes the socket over. */
zsock_t *fx_auth_ask_zap(const char *domain, const char *mechanism, const char *key_text);
const char *fx_auth_zap_answer(zsock_t *asker);

#endif
