/* The leaf's members. Its sources see them; each declares its functions in a header of its own. */
#ifndef LEAF_STATE_H
#define LEAF_STATE_H

#include "clients.h"
#include "leaf.h"
#include "logger.h"
#include "trunk_session.h"
#include "wanted.h"

typedef struct {
    zr_trunk_t trunk;
    uint64_t ticked_at; /* ms */
    uint64_t back_at;   /* when a SUB is to be made; 0: there is one, or none is wanted */
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
