/* See clients.h. */
#include "clients.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "fatal.h"

leaf_client_t *clients_at(const clients_t *clients, route_t route) {
    leaf_client_t *client;
    HASH_FIND(by_route, clients->by_route, &route, sizeof route, client);
    return client;
}

leaf_client_t *clients_of(const clients_t *clients, uint64_t number) {
    uint32_t key = (uint32_t)number;
    leaf_client_t *client;
    HASH_FIND(by_number, clients->by_number, &key, sizeof key, client);
    return number == key ? client : NULL;
}

leaf_client_t *clients_add(clients_t *clients, route_t route, leaf_client_t *gateway) {
    leaf_client_t *client = fatal_calloc(sizeof *client);
    while (++clients->last == 0 || clients_of(clients, clients->last))
        ;
    client->number = clients->last;
    client->route = route;
    client->gateway = gateway;
    HASH_ADD(by_number, clients->by_number, number, sizeof client->number, client);
    HASH_ADD(by_route, clients->by_route, route, sizeof client->route, client);
    if (gateway)
        DL_APPEND(gateway->carried, client);
    return client;
}

leaf_client_t *clients_with(const clients_t *clients, uint64_t connection) {
    leaf_client_t *client;
    HASH_FIND(by_connection, clients->by_connection, &connection, sizeof connection, client);
    return client;
}

void clients_set_connection(clients_t *clients, leaf_client_t *client, uint64_t connection) {
    client->connection = connection;
    if (connection && !clients_with(clients, connection))
        HASH_ADD(by_connection, clients->by_connection, connection, sizeof connection, client);
}

static leaf_user_t *s_user(const clients_t *clients, zr_span_t name) {
    leaf_user_t *user;
    HASH_FIND(hh, clients->users, name.ptr, name.len, user);
    return user;
}

bool clients_has_user(const clients_t *clients, zr_span_t name) {
    return s_user(clients, name) != NULL;
}

void clients_accept(clients_t *clients, leaf_client_t *client) {
    if (client->accepted)
        return;
    client->accepted = true;
    if (!client->user[0] || client->gateway)
        return;
    leaf_user_t *user = s_user(clients, zr_span(client->user));
    if (!user) {
        user = fatal_calloc(sizeof *user);
        strcpy(user->name, client->user);
        HASH_ADD_STR(clients->users, name, user);
    }
    user->clients++;
}

void clients_doubt(clients_t *clients, leaf_client_t *client) {
    leaf_user_t *user = client->user[0] && !client->gateway ? s_user(clients, zr_span(client->user)) : NULL;
    if (client->accepted && user)
        user->clients--;
    client->accepted = false;
    client->early = 0;
}

static void s_free_user(clients_t *clients, leaf_user_t *user) {
    HASH_DEL(clients->users, user);
    free(user);
}

void clients_forget_user(clients_t *clients, zr_span_t name) {
    leaf_user_t *user = s_user(clients, name);
    leaf_client_t *client, *next;
    if (!user)
        return;
    if (user->clients > 0)
        HASH_ITER(by_number, clients->by_number, client, next)
    client->accepted &= client->gateway || strcmp(client->user, user->name) != 0;
    s_free_user(clients, user);
}

void clients_unroute(clients_t *clients, leaf_client_t *client) {
    if (client->closing)
        return;
    FATAL_UNLESS(!client->carried);
    clients_doubt(clients, client);
    client->closing = true;
    HASH_DELETE(by_route, clients->by_route, client);
    if (clients_with(clients, client->connection) == client)
        HASH_DELETE(by_connection, clients->by_connection, client);
    if (client->gateway)
        DL_DELETE(client->gateway->carried, client);
    client->gateway = NULL;
}

void clients_remove_carried(clients_t *clients, leaf_client_t *client) {
    while (client->carried)
        clients_remove(clients, client->carried);
}

void clients_remove(clients_t *clients, leaf_client_t *client) {
    clients_remove_carried(clients, client);
    clients_unroute(clients, client);
    HASH_DELETE(by_number, clients->by_number, client);
    free(client->back);
    free(client);
}

void clients_finish(clients_t *clients) {
    while (clients->by_number)
        clients_remove(clients, clients->by_number);
    while (clients->users)
        s_free_user(clients, clients->users);
}
