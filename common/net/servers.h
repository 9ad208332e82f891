/* The endpoints at which a client finds the same log: those that the user named, and those that a broker named since
 * (`welcome.peers`). The client uses one at a time. After a loss it goes on with the next. Pure. */
#ifndef SERVERS_H
#define SERVERS_H

#include <stddef.h>

#include "key_file.h"
#include "span.h"

enum {
    ZR_SERVERS_MAX = 16,                                          /* endpoints, named and learned together */
    ZR_SERVER_MAX = 256,                                          /* bytes of an endpoint */
    ZR_SERVERS_TEXT_MAX = ZR_SERVERS_MAX * (ZR_SERVER_MAX + 1),   /* bytes of a list */
    ZR_SERVER_KEYS_MAX = ZR_SERVERS_MAX * (ZR_CURVE_LEN + 1) - 1, /* bytes of a list of keys */
};

typedef struct {
    char endpoint[ZR_SERVER_MAX + 1];
    char key[ZR_CURVE_LEN + 1]; /* the server's public key in Z85; empty: not encrypted, or the same as others */
} zr_server_t;

typedef struct {
    zr_server_t items[ZR_SERVERS_MAX];
    size_t named, count; /* the learned ones stand behind the named ones */
    size_t at;           /* in use */
} zr_servers_t;

/* Reads "A,B,C" into `servers`, which is empty. NULL: done. Else why the list is wrong, a static sentence; `servers` is
 * empty then. Whether each is an endpoint is not checked. */
const char *zr_servers_read(zr_servers_t *servers, zr_span_t list);

/* Gives the endpoints their keys: one key for all, or "KEY,KEY,KEY" in the same order. NULL: done. Else why not, a static
 * sentence. */
const char *zr_servers_read_keys(zr_servers_t *servers, zr_span_t keys);

/* Is it one key, or several with commas between? */
bool zr_server_keys_valid(zr_span_t keys);

/* The one in use. There is always one, once zr_servers_read succeeded. */
const zr_server_t *zr_servers_now(const zr_servers_t *servers);

/* Goes on with the next one, after the last with the first. */
void zr_servers_next(zr_servers_t *servers);

/* Forgets the learned ones, except the one in use: other ones follow. */
void zr_servers_forget(zr_servers_t *servers);

/* Learns an endpoint, for which the key of the one in use holds. One that is known already is not added; nor is one too
 * many or too long. */
void zr_servers_learn(zr_servers_t *servers, zr_span_t endpoint);

#endif
