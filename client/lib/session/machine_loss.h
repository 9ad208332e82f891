/* The end of a session, and the wait before the next attempt. */
#ifndef MACHINE_LOSS_H
#define MACHINE_LOSS_H

#include "machine_state.h"

#define LOSS_UNREACHABLE "unreachable" /* the code of an event: no broker has answered yet */

/* The session is gone or of no use; `code` may be NULL. False: the machine has ended with it, as no other is wanted. */
bool loss_begin(machine_t *m, const char *code, const char *why);

/* Gives the connection up, and lets the next attempt wait: longer with each, up to BACKOFF_MAX_MS. It goes to the next
 * server; with several the wait grows only when all of them were tried. */
void loss_wait(machine_t *m);

/* No broker answers at the server in use. True: another server has not been tried since one answered. */
bool loss_goes_on(machine_t *m);

/* An attempt without a session, of which the program need not hear, is over. */
void loss_move_on(machine_t *m);

void loss_back_off(machine_t *m, const char *code, const char *why); /* loss_begin, then loss_wait */
void loss_back_off_long(
    machine_t *m, const char *code, const char *why);      /* with a longer wait from the first time on */
void loss_no_session(machine_t *m, const char *why);       /* an attempt failed before its welcome */
void loss_tell_unreachable(machine_t *m, const char *why); /* once, not at each attempt */
void loss_final(machine_t *m);                             /* the machine ends */

#endif
