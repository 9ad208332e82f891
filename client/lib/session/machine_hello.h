/* The handshake of a session: hello, welcome, and refusals. */
#ifndef MACHINE_HELLO_H
#define MACHINE_HELLO_H

#include "machine_state.h"

void hello_connect(machine_t *m); /* says hello on a fresh DEALER */
void hello_send(machine_t *m);    /* on the connection that stands; in a live session it changes the nick */

/* The session is lost, and the connection is good: says hello at once. */
void hello_again(machine_t *m, const char *code, const char *why);

void hello_refused(machine_t *m, const json_t *error, zr_code_t code); /* the broker's error about our hello */
void machine_on_welcome(machine_t *m, json_t *object);

#endif
