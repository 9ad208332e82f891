/* The invariants, where programs see them: each event is checked when it comes, and all of it once more when the faults
 * have stopped. */
#ifndef CHECK_H
#define CHECK_H

#include "client.h"

void check_event(client_t *client, const zrelay_event_t *event);

/* check_asks.c: the answers to questions. */
ask_t *check_ask(client_t *client, uint64_t request);
void check_answer(client_t *client, ask_t *ask, const zrelay_event_t *event);

/* check_rate.c: a control frame goes out; its program wants something, or has got it. */
void check_asked(client_t *client, zr_span_t frame);
void check_answered(client_t *client, zr_span_t frame); /* before the machine has it */
void check_wished(client_t *client);

/* check_end.c: what is still missing before `client` has all there is; false: nothing. `why` gets a text. */
bool check_missing(const client_t *client, char *why, size_t size);

#endif
