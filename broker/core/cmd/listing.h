/* Listings: pages of `rooms` and `who` that wait. They are dear to make, and cheap to ask for. So each is a piece of
 * work of its own, and the sessions that wait take turns: one that asks for many delays its own only. */
#ifndef LISTING_H
#define LISTING_H

#include "relay.h"
#include "request.h"

typedef struct {
    zr_span_t name;                /* of the room, or the prefix of rooms */
    zr_span_t after;               /* the page begins behind this name; empty: at the first */
    size_t limit;                  /* names in the page; 1 to PAGE_MAX */
    bool versions;                 /* of presence, too */
    uint64_t id;                   /* with `after`, of the last one in the page before (stats_key_t) */
    const struct stats_kind *kind; /* of the things that `stats` lists */
} page_t;

/* Answers `request`, whose session is connected, with the page. */
typedef void(listing_fn)(relay_t *relay, const request_t *request, const page_t *page);

/* Reads the members `after`, of `most` bytes at most, and `limit`. On failure it has answered and returns false. */
bool listing_read(relay_t *relay, const request_t *request, size_t most, page_t *page);

/* Lets `answer` make the page, which is copied, when the session has its turn. With max-lists waiting it has answered
 * rate-limited. */
void listing_add(relay_t *relay, const request_t *request, const page_t *page, listing_fn *answer);

bool listing_is_due(const relay_t *relay);

/* The next piece of work: a page of the session that waits longest. */
void listing_answer(relay_t *relay);

/* Frees all that wait for the session. */
void listing_forget(relay_t *relay, session_t *session);

#endif
