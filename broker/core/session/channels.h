/* Channels: the peers that a gateway carries over its trunk. Each has a route of its own, and mostly a session. */
#ifndef CHANNELS_H
#define CHANNELS_H

#include "address.h"
#include "origins.h"
#include "outbox.h"
#include "rate.h"

struct session;

typedef struct channel {
    route_t route;
    struct session *trunk; /* the gateway's session */
    uint64_t asker;        /* the session that opened it: the trunk's, or that of a gateway behind the leaf */
    origin_t *origin;      /* NULL: its address is not counted */
    char address[ZR_ADDRESS_TEXT_SIZE]; /* of the peer, as it counts; empty: this machine */
    char user[ZR_NICK_MAX + 1];         /* that logged in to the leaf; empty: nobody did */
    bool secure;                        /* tokens are taken there */
    bool heard;                         /* said hello */
    bool closing;                       /* the broker said `close`, and the gateway's `close` is still to come */
    uint64_t opened;                    /* µs */
    rates_t rates;                      /* its debt, without a session */
    struct channel *prev, *next;        /* of the same trunk */
    struct channel *prev_quiet, *next_quiet;
    UT_hash_handle hh;
} channel_t;

typedef struct {
    channel_t *by_route;
    channel_t *quiet;  /* those that said no hello yet, longest first */
    origins_t origins; /* its limits are the caller's to set */
} channels_t;

/* All sessions that are trunks are removed before. */
void channels_finish(channels_t *channels);

/* The channel of that route, open or closing. NULL: nobody opened it, or the route is that of a connection. */
channel_t *channel_find(const channels_t *channels, route_t route);
size_t channels_count(const channels_t *channels);

/* Makes an open channel of `trunk`, which must have no such channel. `number` is not 0. The rest is the caller's to
 * fill. */
channel_t *channel_add(channels_t *channels, struct session *trunk, uint32_t number, uint64_t now);

/* Frees it. No session may have its route. */
void channel_remove(channels_t *channels, channel_t *channel);

/* A hello came there, or the broker does not expect one any more. */
void channel_hear(channels_t *channels, channel_t *channel);

#endif
