/* The thread that checks tokens. */
#ifndef AUTH_LOGIN_H
#define AUTH_LOGIN_H

#include "auth_state.h"

/* The thread's function. `arg` is the auth_t. */
void *auth_login_run(void *arg);

/* Frees a job and wipes its token. */
void auth_login_free(login_job_t *job);

#endif
