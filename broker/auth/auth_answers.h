/* The answers on their way from the threads to the loop. auth.h declares the loop's side. */
#ifndef AUTH_ANSWERS_H
#define AUTH_ANSWERS_H

#include "auth_state.h"

/* Puts the answer in the queue, which owns what is in it from then on. Hold the mutex for an answer that depends on the
 * users. Then it keeps its place before or behind a change of the users. */
void auth_reply(auth_t *auth, const auth_answer_t *answer);

#endif
