/* The leaf's own session at its upstream (trunk_session.h), and the SUB beside it. Pure; the leaf's calls carry it out. */
#ifndef UPSTREAM_H
#define UPSTREAM_H

#include <jansson.h>

#include "leaf_state.h"

void upstream_begin(leaf_t *leaf);

static inline bool upstream_is_live(const leaf_t *leaf) {
    return leaf->upstream.trunk.state == ZR_TRUNK_LIVE;
}

/* More than ZR_TRUNK_WINDOW bytes were sent that the upstream has not read. Clients are not read meanwhile. */
bool upstream_is_full(const leaf_t *leaf);

void upstream_say(leaf_t *leaf, json_t *object); /* on the trunk itself; takes over the reference */
void upstream_send(leaf_t *leaf, uint32_t channel, zr_span_t inner);

void upstream_up(leaf_t *leaf);
void upstream_lose(leaf_t *leaf, const char *why);
void upstream_follow(leaf_t *leaf, const zr_server_t *server); /* another upstream takes its place */
void upstream_lose_back(leaf_t *leaf);                         /* the SUB's connection ended */
void upstream_heard(leaf_t *leaf);                             /* a frame came */
void upstream_tick(leaf_t *leaf);

/* The frames of the upstream that are about the session itself. */
void upstream_on_welcome(leaf_t *leaf, const json_t *welcome);
void upstream_on_pong(leaf_t *leaf, const json_t *pong);
void upstream_on_error(leaf_t *leaf, const json_t *error);
void upstream_on_bye(leaf_t *leaf, const json_t *bye);

#endif
