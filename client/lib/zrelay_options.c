/* The options of a session (zrelay.h), which are set before it starts; its server, and a new connection. */
#include <stdlib.h>
#include <zmq.h>

#include "ahead.h"
#include "clock.h"
#include "key_file.h"
#include "wire.h"
#include "zrelay_state.h"

int zrelay_set_nick(zrelay_t *relay, const char *nick) {
    if (relay_started(relay))
        return relay_started(relay);
    if (!nick || !zr_nick_valid(zr_span(nick)))
        return ZRELAY_EINVAL;
    strcpy(relay->nick, nick);
    return 0;
}

int zrelay_set_agent(zrelay_t *relay, const char *agent) {
    if (relay_started(relay))
        return relay_started(relay);
    if (!agent || strlen(agent) > RELAY_AGENT || !zr_utf8_valid(zr_span(agent)))
        return ZRELAY_EINVAL;
    strcpy(relay->agent, agent);
    return 0;
}

int zrelay_set_queue(zrelay_t *relay, size_t messages, size_t bytes) {
    if (relay_started(relay))
        return relay_started(relay);
    if (messages == 0 || bytes == 0)
        return ZRELAY_EINVAL;
    relay->queue_messages = messages;
    relay->queue_bytes = bytes;
    return 0;
}

int zrelay_set_receive_queue(zrelay_t *relay, size_t bytes) {
    if (relay_started(relay))
        return relay_started(relay);
    if (bytes < AHEAD_QUEUE_MIN || bytes > AHEAD_QUEUE_MAX)
        return ZRELAY_EINVAL;
    link_set_receive_queue(relay->link, bytes);
    return 0;
}

int zrelay_set_reconnect(zrelay_t *relay, bool reconnect) {
    if (relay_started(relay))
        return relay_started(relay);
    relay->reconnect = reconnect;
    return 0;
}

int zrelay_reconnect(zrelay_t *relay) {
    if (!relay)
        return ZRELAY_EINVAL;
    if (!relay->machine || relay_is_parents(relay))
        return ZRELAY_ESTATE;
    relay->dirty = true;
    return machine_reconnect(relay->machine, zr_clock(CLOCK_MONOTONIC_COARSE) / 1000000);
}

static bool s_key_valid(const char *key) {
    return key && zr_curve_decode(zr_span(key), NULL);
}

static bool s_server_keys(const zrelay_t *relay, const char *keys, zr_servers_t *servers) {
    *servers = relay->servers;
    return keys && !zr_servers_read_keys(servers, zr_span(keys));
}

int zrelay_set_curve(zrelay_t *relay, const char *server_key, const char *public_key, const char *secret_key) {
    char derived[ZR_CURVE_LEN + 1];
    zr_servers_t servers;
    if (relay_started(relay))
        return relay_started(relay);
    if (!s_server_keys(relay, server_key, &servers) || !s_key_valid(public_key) || !s_key_valid(secret_key) ||
        relay->token[0] || zmq_curve_public(derived, secret_key) != 0 || strcmp(derived, public_key) != 0)
        return ZRELAY_EINVAL;
    relay->servers = servers;
    link_set_curve(relay->link, servers.items[0].key, public_key, secret_key);
    relay->encrypted = true;
    return 0;
}

int zrelay_set_curve_file(zrelay_t *relay, const char *server_key, const char *path, const char **why) {
    zr_pair_t pair;
    zr_error_t error = {0};
    if (why)
        *why = NULL;
    if (relay_started(relay))
        return relay_started(relay);
    if (!path)
        return ZRELAY_EINVAL;
    bool loaded = zr_pair_load(&pair, path, &error) == ZR_FILE_READ;
    int code = loaded ? zrelay_set_curve(relay, server_key, pair.public_key, pair.secret_key) : ZRELAY_EFILE;
    zr_pair_wipe(&pair);
    free(relay->why);
    relay->why = loaded ? NULL : strdup(error.text);
    if (why)
        *why = relay->why;
    return code;
}

int zrelay_set_login(zrelay_t *relay, const char *user, const char *token) {
    if (relay_started(relay))
        return relay_started(relay);
    bool named = user ? zr_nick_valid(zr_span(user)) : token && zr_is_jwt(zr_span(token));
    if (!named || !relay_is_token(token) || !relay->local || relay->encrypted)
        return ZRELAY_EINVAL;
    strcpy(relay->user, user ? user : "");
    strcpy(relay->token, token);
    return 0;
}

int zrelay_set_client(zrelay_t *relay, const char *client) {
    if (relay->machine)
        return ZRELAY_ESTATE;
    if (!client || !zr_hex_valid(zr_span(client), ZR_CLIENT_ID_LEN, ZR_CLIENT_ID_LEN))
        return ZRELAY_EINVAL;
    strcpy(relay->client, client);
    return 0;
}

int zrelay_set_packing(zrelay_t *relay, size_t messages) {
    if (relay_started(relay))
        return relay_started(relay);
    relay->pack = messages;
    return 0;
}

int zrelay_share_context(zrelay_t *relay) {
    if (relay_started(relay))
        return relay_started(relay);
    link_share_context(relay->link);
    return 0;
}

int zrelay_set_context(zrelay_t *relay, void *context) {
    if (relay_started(relay))
        return relay_started(relay);
    if (!context)
        return ZRELAY_EINVAL;
    link_set_context(relay->link, context);
    return 0;
}

const char *zrelay_server(const zrelay_t *relay) {
    return !relay ? NULL : relay->machine ? machine_server(relay->machine) : zr_servers_now(&relay->servers)->endpoint;
}
