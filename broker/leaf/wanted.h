/* What a leaf subscribes to at the upstream's back: the topics that its own readers have. Beyond LEAF_TOPICS, or
 * WANTED_RATE, it subscribes to everything instead, until half as many are left and none came for a while.
 *
 * Readers learn when their subscriptions are live by a nonce (PROTOCOL.md, section 5). The leaf gathers nonces: a nonce
 * of its own, behind all subscriptions, stands for all that came before. Pure; the leaf's calls carry it out. */
#ifndef WANTED_H
#define WANTED_H

#include "buffer.h"
#include "leaf.h"
#include "uthash.h"

enum {
    WANTED_RATE = 500,     /* changes of subscriptions in a second; the upstream disconnects a reader that is faster */
    WANTED_BURST = 1000,   /* at once */
    WANTED_SYNC_MS = 2000, /* until another nonce is tried, */
    WANTED_SYNC_TRIES = 2, /* and so many times; then the SUB is made anew */
    WANTED_NONCE_LEN = 16,
};

typedef struct wanted_topic {
    bool sent; /* subscribed to, by its own name */
    UT_hash_handle hh;
    size_t len;
    char name[];
} wanted_topic_t;

/* Zeroed it wants nothing. */
typedef struct {
    wanted_topic_t *topics;
    uint64_t bytes;
    bool up;                          /* there is a SUB */
    bool all;                         /* everything is subscribed to */
    int64_t left;                     /* changes that may be sent now */
    uint64_t filled_at;               /* ms */
    zr_buffer_t nonces;               /* that wait: a byte with the length, then the nonce */
    size_t covered;                   /* bytes of them for which the leaf's own nonce stands */
    char nonce[1 + WANTED_NONCE_LEN]; /* the leaf's own, as a topic; it waits while `due` is not 0 */
    uint64_t due;
    unsigned tries;
} wanted_t;

void wanted_finish(wanted_t *wanted);

void wanted_topic(leaf_t *leaf, zr_span_t topic, bool on);

/* A reader's subscription to a nonce, the topic without its first byte. */
void wanted_nonce(leaf_t *leaf, zr_span_t nonce);

void wanted_begin(leaf_t *leaf); /* a SUB is there, without subscriptions */
void wanted_end(leaf_t *leaf);   /* it is gone; readers that wait try again */

/* The upstream's answer to a nonce, and the JSON in it. */
void wanted_synced(leaf_t *leaf, zr_span_t nonce, zr_span_t json);

/* Does what is due. false: the SUB is dead. */
bool wanted_tick(leaf_t *leaf);

#endif
