/* IRC clients: a listening socket, and for each connection its stream and its state (irc.h). */
#ifndef IRC_PEERS_H
#define IRC_PEERS_H

#include "errors.h"
#include "stream.h"
#include "uplink.h"

typedef struct irc_peers irc_peers_t;

/* What is needed of the gateway. */
typedef struct {
    const gateway_config_t *config;
    poller_t *poller;
    stream_pool_t *streams;
    uplink_t *uplink;
    feeds_t *feeds;
} irc_peers_host_t;

/* Listens where the configuration says, plain and with TLS. All must outlive it, the streams until its connections are gone. NULL: `error`
 * says why. */
irc_peers_t *irc_peers_new(const irc_peers_host_t *host, zr_error_t *error);
void irc_peers_stop(irc_peers_t *peers);    /* listens no more; NULL is accepted */
void irc_peers_destroy(irc_peers_t *peers); /* NULL is accepted */

/* Reads the certificate and its key again: new connections get them. False: `error` says why, and the old one stays. */
bool irc_peers_reload(irc_peers_t *peers, zr_error_t *error);

/* Appends where it listens: ", irc on ADDRESS:PORT", and ", irc-tls on …" with TLS. */
void irc_peers_name(const irc_peers_t *peers, zr_buffer_t *out);

/* To be called in every turn, before that of the streams; irc_peers_timeout says when it is next needed, -1: never. */
void irc_peers_turn(irc_peers_t *peers, uint64_t now);
int irc_peers_timeout(const irc_peers_t *peers, uint64_t now);

#endif
