/* Peers on plain TCP lines: a listening socket, and for each connection its stream and its session (talk.h). */
#ifndef LINE_PEERS_H
#define LINE_PEERS_H

#include "errors.h"
#include "stream.h"
#include "ws_peer.h"

typedef struct line_peers line_peers_t;

/* Listens where `config` says. All must outlive it, `streams` until its connections are gone. NULL: `error` says why. */
line_peers_t *line_peers_new(
    const gateway_config_t *config, poller_t *poller, stream_pool_t *streams, const ws_host_t *host, zr_error_t *error);
void line_peers_stop(line_peers_t *peers);    /* listens no more; NULL is accepted */
void line_peers_destroy(line_peers_t *peers); /* NULL is accepted */

/* Appends where it listens, as ADDRESS:PORT. */
void line_peers_name(const line_peers_t *peers, zr_buffer_t *out);

/* To be called in every turn, before that of the streams; line_peers_timeout says when it is next needed, -1: never. */
void line_peers_turn(line_peers_t *peers, uint64_t now);
int line_peers_timeout(const line_peers_t *peers, uint64_t now);

#endif
