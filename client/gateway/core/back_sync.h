/* Learns when subscriptions are live: by a nonce that the broker answers after them (PROTOCOL.md, section 5). Without
 * socket, clock or thread. */
#ifndef BACK_SYNC_H
#define BACK_SYNC_H

#include "uplink.h"

enum { BACK_SYNC_NONCE = 17, BACK_SYNC_MS = 2000, BACK_SYNC_TRIES = 2 };

/* Zeroed it waits for nothing. */
typedef struct {
    uint8_t nonce[BACK_SYNC_NONCE]; /* a topic */
    uint64_t number;                /* of what is waited for; 0: nothing */
    uint64_t due;                   /* when another nonce is tried, in ms */
    unsigned tries;
} back_sync_t;

/* Subscribes to a new nonce; one that waits is given up. `number` is above 0. */
void back_sync_ask(back_sync_t *sync, const uplink_config_t *config, uint64_t number, uint64_t now);

/* A nonce was answered. The number that waited for it, or 0. */
uint64_t back_sync_heard(back_sync_t *sync, const uplink_config_t *config, zr_span_t nonce);

/* Tries again if it is due. False: it was tried often enough, and the SUB is to be made anew. */
bool back_sync_tick(back_sync_t *sync, const uplink_config_t *config, uint64_t now);

#endif
