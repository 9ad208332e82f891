/* What a broker of a cluster does, by its settings and a view of the others. Pure; there is nothing here without
 * PostgreSQL. */
#ifndef CLUSTER_PART_H
#define CLUSTER_PART_H

#ifdef ZRELAY_POSTGRES
#include "pg_members.h"
#include "settings.h"

/* Does the broker that leads have the same front as this one? */
bool cluster_is_own_front(const settings_t *settings, const pg_view_t *view);

/* May this broker follow that leader, whose row comes from the database? It must not make this broker speak in the clear
 * where the operator did not want that. false: `error` says why not, and what the operator can do. */
bool cluster_may_follow(const settings_t *settings, const pg_member_t *leader, zr_error_t *error);

typedef enum {
    CLUSTER_STAY,      /* nothing has changed */
    CLUSTER_LEAD,      /* the lease is claimed: the program starts anew, and leads */
    CLUSTER_FOLLOW,    /* another leader: the leaf follows it from now on */
    CLUSTER_START_ANEW /* as before, but the program has to start anew: sockets are encrypted or not from the start on */
} cluster_step_t;

/* For a broker that follows the one at `following`. */
cluster_step_t cluster_step(const settings_t *settings, const zr_server_t *following, const pg_view_t *view);

/* Sets the list for `welcome.peers`: the settings' peers, then those of the view that were there lately and have this
 * broker's key, which clients use for all. Those that do not fit are left out. */
void cluster_peers(const settings_t *settings, const pg_view_t *view, char out[ZR_SERVERS_TEXT_MAX + 1]);

/* The answer to `stats` of "cluster", for a view that is `age` ms old: an object, the caller's. */
json_t *cluster_report(const pg_view_t *view, uint64_t age);

#endif
#endif
