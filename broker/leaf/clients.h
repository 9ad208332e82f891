/* The clients of a leaf, and the channel of each at the upstream. A gateway or another leaf behind this one brings
 * clients of its own, by its channels; each has a channel at the upstream too. Pure. */
#ifndef CLIENTS_H
#define CLIENTS_H

#include "address.h"
#include "names.h"
#include "outbox.h"
#include "uthash.h"

typedef struct leaf_client {
    route_t route;   /* its connection; or the gateway's, and the channel there */
    uint32_t number; /* of its channel at the upstream */
    bool open;       /* the channel was opened, and is not over */
    bool accepted;   /* and the upstream said so */
    bool closing;   /* the leaf said `close`, and the upstream's is still to come; the client is in no table by route */
    bool ending;    /* of a gateway's client: the upstream closed the channel, and the gateway's `close` is to come */
    bool parting;   /* of a gateway's client: the gateway said `close`, which went on to the upstream */
    bool opens;     /* it is a gateway, or tried to be one */
    unsigned early; /* frames that it sent before the upstream accepted the channel */
    uint64_t faults;     /* frames that the leaf itself had to refuse; fewer each second */
    bool told;           /* that it has no session, as the upstream is away */
    uint64_t wait;       /* ms that its next hello is told to wait for the upstream, at least; 0: none was told yet */
    bool left;           /* its connection is gone, and a last frame of it may still come */
    uint64_t heard;      /* when a frame came last, ms */
    uint64_t connection; /* peer_t's */
    char *back;          /* where it reads; NULL: its gateway knows */
    char address[ZR_ADDRESS_TEXT_SIZE];
    bool secure;                     /* tokens are taken there */
    char user[ZR_NICK_MAX + 1];      /* whose key it has; empty: none */
    struct leaf_client *gateway;     /* that brought it; NULL: it has a connection of its own */
    struct leaf_client *carried;     /* of a gateway: its clients, */
    struct leaf_client *prev, *next; /* in that list */
    UT_hash_handle by_route, by_number, by_connection;
} leaf_client_t;

/* A user whose readers get what comes by the back. */
typedef struct {
    char name[ZR_NICK_MAX + 1];
    size_t clients; /* of it that are accepted; 0: the user is forgotten some time after `seen` */
    uint64_t seen;  /* ms */
    UT_hash_handle hh;
} leaf_user_t;

typedef struct {
    leaf_client_t *by_route, *by_number, *by_connection;
    leaf_user_t *users;
    uint32_t last; /* number */
} clients_t;

void clients_finish(clients_t *clients);
leaf_client_t *clients_at(const clients_t *clients, route_t route);
leaf_client_t *clients_of(const clients_t *clients, uint64_t number);

/* A new client, with a number that is in no use. `gateway` brought it by a channel; NULL: it has a connection. */
leaf_client_t *clients_add(clients_t *clients, route_t route, leaf_client_t *gateway);

/* The client that has this connection now. */
leaf_client_t *clients_with(const clients_t *clients, uint64_t connection);
void clients_set_connection(clients_t *clients, leaf_client_t *client, uint64_t connection); /* once; 0: not known */

/* Its route is free for another; it stays known by its number. A gateway has no clients any more. */
void clients_unroute(clients_t *clients, leaf_client_t *client);

/* With its own clients, and theirs. */
void clients_remove(clients_t *clients, leaf_client_t *client);
void clients_remove_carried(clients_t *clients, leaf_client_t *client); /* its clients alone */

/* The upstream accepted it: its user may read, until clients_forget_user. Once all clients of a user are removed, unrouted
 * or in doubt, the user has none that is accepted. */
void clients_accept(clients_t *clients, leaf_client_t *client);
void clients_doubt(clients_t *clients, leaf_client_t *client); /* the upstream is to accept it anew */
bool clients_has_user(const clients_t *clients, zr_span_t user);
void clients_forget_user(clients_t *clients, zr_span_t user); /* one that is not there is accepted */

#endif
