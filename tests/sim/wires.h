/* What the network does not know: the broker and the gateway at the other ends. */
#ifndef WIRES_H
#define WIRES_H

#include "network.h"

struct sim;

void wires_init(struct sim *sim); /* sim->network, with the run's parameters */

#endif
