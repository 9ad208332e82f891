/* See irc_peers.h. */
#include "irc_peers.h"

#include <utlist.h>

#include "broker_link.h"
#include "clock.h"
#include "fatal.h"
#include "irc.h"
#include "text_door.h"

enum { TICK_MS = 500 };

typedef struct peer {
    irc_peers_t *owner;
    stream_t *stream;
    irc_t *irc;
    struct peer *prev, *next;
} peer_t;

struct irc_peers {
    irc_host_t host;
    stream_pool_t *streams;
    text_door_t *door;
    peer_t *all;
    uint64_t tick_at;
};

/* --- A client's calls --- */

static bool s_send(void *ctx, zr_blob_t *lines, bool live) {
    peer_t *peer = ctx;
    return stream_send(peer->stream, lines, live);
}

static bool s_ready(void *ctx) {
    peer_t *peer = ctx;
    return stream_ready(peer->stream);
}

static void s_close(void *ctx) {
    peer_t *peer = ctx;
    stream_close(peer->stream);
}

static const irc_calls_t s_calls = {s_send, s_ready, s_close};

/* --- A connection's events --- */

static size_t s_on_bytes(void *ctx, zr_span_t bytes) {
    peer_t *peer = ctx;
    return irc_bytes(peer->irc, bytes, zr_mono_ms());
}

/* IRC has no half-open connections: a client that ended its side has left. */
static void s_on_end(void *ctx) {
    peer_t *peer = ctx;
    irc_end_with(peer->irc, "Closing link: connection closed");
}

static bool s_on_paused(void *ctx) {
    peer_t *peer = ctx;
    return irc_is_paused(peer->irc, zr_mono_ms());
}

static void s_on_drained(void *ctx) {
    peer_t *peer = ctx;
    irc_drained(peer->irc, zr_mono_ms());
}

static void s_on_stopping(void *ctx) {
    peer_t *peer = ctx;
    irc_end_with(peer->irc, "Closing link: the gateway stops");
}

static void s_on_gone(void *ctx) {
    peer_t *peer = ctx;
    DL_DELETE(peer->owner->all, peer);
    irc_destroy(peer->irc);
    free(peer);
}

static const stream_events_t s_events = {s_on_bytes, s_on_end, s_on_paused, s_on_drained, s_on_stopping, s_on_gone};

static void s_on_accepted(void *ctx, const stream_from_t *from) {
    irc_peers_t *peers = ctx;
    irc_from_t where = {.secure = from->secure};
    peer_t *peer = fatal_calloc(sizeof *peer);
    peer->owner = peers;
    peer->stream =
        stream_new(peers->streams, from, "ERROR :Closing link: too many connections; try later\r\n", &s_events, peer);
    if (!peer->stream) {
        free(peer);
        return;
    }
    address_format(&from->address, where.address);
    peer->irc = irc_new(&peers->host, &where, &s_calls, peer, zr_mono_ms());
    DL_APPEND(peers->all, peer);
}

/* --- */

static uint64_t s_wall(void *ctx) {
    (void)ctx;
    return zr_time_us();
}

irc_peers_t *irc_peers_new(const irc_peers_host_t *host, zr_error_t *error) {
    const gateway_config_t *config = host->config;
    irc_peers_t *peers = fatal_calloc(sizeof *peers);
    peers->streams = host->streams;
    peers->host = (irc_host_t){.uplink = host->uplink,
        .feeds = host->feeds,
        .people = irc_people_new(irc_people_changed),
        .max_rooms = config->max_rooms,
        .history = config->irc_history,
        .rate = config->irc_rate,
        .ping_ms = 3 * config->ping_ms,
        .timeout_ms = 3 * config->request_timeout_ms,
        .entropy = broker_link_entropy,
        .wall_us = s_wall};
    peers->door = text_door_open(config, &config->irc, host->poller, NULL, s_on_accepted, peers, error);
    if (peers->door)
        return peers;
    irc_peers_destroy(peers);
    return NULL;
}

void irc_peers_stop(irc_peers_t *peers) {
    if (!peers)
        return;
    text_door_close(peers->door);
    peers->door = NULL;
}

void irc_peers_destroy(irc_peers_t *peers) {
    if (!peers)
        return;
    irc_peers_stop(peers);
    irc_people_destroy(peers->host.people);
    free(peers);
}

void irc_peers_name(const irc_peers_t *peers, zr_buffer_t *out) {
    text_door_name(peers->door, out);
}

void irc_peers_turn(irc_peers_t *peers, uint64_t now) {
    peer_t *peer, *next;
    text_door_turn(peers->door, now);
    if (now < peers->tick_at)
        return;
    peers->tick_at = now + TICK_MS;
    DL_FOREACH_SAFE(peers->all, peer, next)
    irc_tick(peer->irc, now);
}

int irc_peers_timeout(const irc_peers_t *peers, uint64_t now) {
    int wait = text_door_timeout(peers->door, now), tick = peers->tick_at > now ? (int)(peers->tick_at - now) : 0;
    if (!peers->all)
        return wait;
    return wait < 0 || tick < wait ? tick : wait;
}
