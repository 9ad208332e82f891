/* The table of requests: what each kind asks, and which part its answer belongs to. */
#ifndef MACHINE_KINDS_H
#define MACHINE_KINDS_H

#include "machine_state.h"

extern const request_does_t machine_kinds[REQUEST_KINDS];

#endif
