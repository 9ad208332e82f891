/* An HTTP client that reads a room's events, and resumes by Last-Event-ID, as an EventSource does. It checks that it misses
 * nothing. */
#ifndef LISTENER_H
#define LISTENER_H

#include "web.h"

typedef struct listener listener_t;

listener_t *listener_new(struct sim *sim, web_t *web, unsigned number);
void listener_destroy(listener_t *listener); /* NULL is accepted */

/* Begins to read, breaks off, or reads another room. */
void listener_step(listener_t *listener);

/* Has it not read all that there is? */
bool listener_missing(const listener_t *listener, char *why, size_t size);

#endif
