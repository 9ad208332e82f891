/* The leaf's members. Its sources see them; each declares its functions in a header of its own. */
#ifndef LEAF_STATE_H
#define LEAF_STATE_H

#include "clients.h"
#include "leaf.h"
#include "logger.h"
#include "wanted.h"

enum { LEAF_ENDPOINT = 512 };

typedef enum {
    UPSTREAM_CLOSED,   /* no DEALER; `retry_at` says when there is one */
    UPSTREAM_WAITING,  /* a DEALER connects */
    UPSTREAM_GREETING, /* it stands, and `hello` was sent */
    UPSTREAM_LIVE
} upstream_state_t;

typedef struct {
    zr_servers_t servers;
    bool moves; /* the next attempt goes to the next server */
    upstream_state_t state;
    uint64_t retry_at, back_off, live_at, beat_at, heard_at, heartbeat; /* ms */
    uint64_t ticked_at;                                                 /* likewise */
    uint64_t back_at; /* when a SUB is to be made; 0: there is one, or none is wanted */
    char back[LEAF_ENDPOINT];
    uint64_t sent, read, marked; /* bytes: sent, read by the upstream, sent when it was last asked for that */
    char client[ZR_CLIENT_ID_LEN + 1];
    zr_log_limit_t lines;
} upstream_t;

struct leaf {
    leaf_config_t config;
    outbox_t *outbox;
    uint64_t now;       /* ms, by a clock that only rises */
    uint64_t second_at; /* when s_second ran last */
    uint64_t idle_from; /* no client counts as silent for longer */
    upstream_t upstream;
    clients_t clients;
    wanted_t wanted;
    relay_stats_t stats;
};

#endif
