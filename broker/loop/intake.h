/* Takes in frames, subscriptions and the log's answers, in turns. */
#ifndef INTAKE_H
#define INTAKE_H

#include "server_state.h"

/* Flushes the relay, and carries out effects for a while. Those that are left then, and the work that waits, are done in
 * the next turns of the loop. */
void intake_end_pass(server_t *server);

/* The same, but carries out all effects. */
void intake_finish_pass(server_t *server);

/* No effects of an earlier pass are left: something new may be taken in. */
bool intake_is_free(const server_t *server);

/* Reads the front again, if it was paused and nothing is too full any more. */
void intake_resume(server_t *server);

/* Takes a turn's share of the messages that wait at the front, and carries out their effects. */
void intake_take_batch(server_t *server);

/* zloop's handlers. */
int intake_on_front(zloop_t *loop, zsock_t *socket, void *arg);
int intake_on_back(zloop_t *loop, zsock_t *socket, void *arg);
int intake_on_log(zloop_t *loop, zmq_pollitem_t *item, void *arg);

#endif
