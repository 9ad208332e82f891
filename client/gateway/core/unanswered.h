/* Messages of a peer that the broker has not answered: kept, so that they can be sent again in a new session. Pure. */
#ifndef UNANSWERED_H
#define UNANSWERED_H

#include "uplink.h"

enum {
    UNANSWERED_MAX = 256,           /* messages; with so many the peer is not read */
    UNANSWERED_BYTES_MAX = 1 << 20, /* the same of their bytes */
    UNANSWERED_ALL_MAX = 64 << 20   /* bytes of all peers; with so many none is read, as while the broker is away */
};

typedef struct {
    uint64_t mid;
    zr_blob_t *frame; /* PUBLISH with one entry; NULL: it was answered out of order */
} unanswered_item_t;

/* A zeroed struct is empty. Empty it takes no memory. */
typedef struct {
    uint64_t mid; /* the last message id that was given */
    unanswered_item_t *items;
    size_t first, count, size, bytes;
    uint64_t *all; /* where the bytes of all peers count; NULL: nowhere */
} unanswered_t;

void unanswered_finish(unanswered_t *unanswered);

/* Keeps a message for `room` under the next message id; returns its frame, borrowed. */
zr_blob_t *unanswered_add(unanswered_t *unanswered, zr_span_t room, zr_span_t body);

/* The broker answered all up to this message id, or just this one. An unknown id is accepted. */
void unanswered_drop(unanswered_t *unanswered, uint64_t upto);
void unanswered_drop_one(unanswered_t *unanswered, uint64_t mid);

/* Sends all of them, in their order. */
void unanswered_send(const unanswered_t *unanswered, channel_t *channel);

bool unanswered_is_full(const unanswered_t *unanswered);

#endif
