/* The sockets of a leaf to its upstream, in the loop: a DEALER, its monitor and a SUB. leaf.h decides. */
#ifndef UPSTREAM_LINK_H
#define UPSTREAM_LINK_H

#include "errors.h"
#include "settings.h"

struct server;
typedef struct upstream_link upstream_link_t;

/* Reads the key and the token that the settings name, and makes the server's leaf. false: `error` says why. */
bool upstream_link_open(struct server *server, zr_error_t *error);

/* Once loop and peers are there. */
void upstream_link_start(upstream_link_t *link);

/* Sends what waits, for half a second at most. The loop is gone; the leaf stays. NULL is accepted. */
void upstream_link_destroy(upstream_link_t *link);

/* Checks the files for the connection, as upstream_link_open does. */
bool upstream_link_check(const settings_t *settings, zr_error_t *error);

#endif
