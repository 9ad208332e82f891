/* An HTTP client that publishes, as HTTP.md says: with an Idempotency-Key it sends a request again until it is answered. */
#ifndef POSTER_H
#define POSTER_H

#include "web.h"

typedef struct poster poster_t;

poster_t *poster_new(struct sim *sim, web_t *web, unsigned number);
void poster_destroy(poster_t *poster); /* NULL is accepted */

/* Publishes something, or loses patience with the request that is under way. */
void poster_step(poster_t *poster);

/* Is a message not answered yet? */
bool poster_missing(const poster_t *poster, char *why, size_t size);

/* The target of a room's address, with `rest` behind it. */
enum { TARGET_MAX = 100 };
void poster_target(char out[TARGET_MAX], unsigned room, const char *rest);

#endif
