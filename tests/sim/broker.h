/* The broker of a simulation: the real relay with a log behind it, in a loop that is as the real one but for its
 * sockets. */
#ifndef BROKER_H
#define BROKER_H

#include <stdbool.h>

#include "blob.h"
#include "network.h"
#include "relay.h"

struct sim;
typedef struct broker broker_t;

broker_t *broker_new(struct sim *sim); /* does not run yet */
void broker_destroy(broker_t *broker); /* NULL is accepted */

void broker_start(struct sim *sim);
void broker_kill(struct sim *sim);                  /* all it knew is gone */
void broker_stop(struct sim *sim);                  /* says bye first */
void broker_set_access(struct sim *sim);            /* what the users may by now */
void broker_stall(struct sim *sim, uint64_t until); /* its loop does nothing until then */

struct log *broker_log(struct sim *sim);
uint64_t broker_clock(const struct sim *sim);
bool broker_runs(const struct sim *sim);
bool broker_is(const struct sim *sim, unsigned incarnation); /* it runs and is that one */
unsigned broker_incarnation(const struct sim *sim);
bool broker_listens(const struct sim *sim, conn_kind_t kind, const char *endpoint);

/* A frame arrived; `route` 0: on the back. Takes over the reference. */
void broker_receive(struct sim *sim, route_t route, zr_blob_t *frame);

/* Around everything that the relay hears of: carries out all that passes before it left; and its own effects, or some
 * of them. */
void broker_begin_pass(struct sim *sim);
void broker_end_pass(struct sim *sim);

/* By the relay's clock, what now leaves it was made at this time, or later. */
uint64_t broker_made(const struct sim *sim);

/* Limits that must hold at all times. */
void broker_check_bounds(struct sim *sim);

#endif
