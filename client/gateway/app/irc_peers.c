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
    const gateway_config_t *config;
    text_door_t *door, *tls_door; /* NULL: it does not listen */
    stream_tls_t **certificates;  /* the last one is in use; connections may have the others */
    size_t certificate_count, certificate_size;
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

static bool s_load(irc_peers_t *peers, zr_error_t *error) {
    stream_tls_t *tls = stream_tls_new(peers->config, error);
    if (!tls)
        return false;
    FATAL_GROW(peers->certificates, peers->certificate_count, peers->certificate_size);
    peers->certificates[peers->certificate_count++] = tls;
    return true;
}

static stream_tls_t *s_certificate(const irc_peers_t *peers) {
    return peers->certificate_count ? peers->certificates[peers->certificate_count - 1] : NULL;
}

bool irc_peers_reload(irc_peers_t *peers, zr_error_t *error) {
    if (!peers->tls_door)
        return true;
    if (!s_load(peers, error))
        return false;
    text_door_use(peers->tls_door, s_certificate(peers));
    return true;
}

static bool s_open(irc_peers_t *peers, poller_t *poller, zr_error_t *error) {
    const gateway_config_t *config = peers->config;
    if (config->irc.host[0] &&
        !(peers->door = text_door_open(config, &config->irc, poller, NULL, s_on_accepted, peers, error)))
        return false;
    if (!config->irc_tls.host[0])
        return true;
    return s_load(peers, error) && (peers->tls_door = text_door_open(config, &config->irc_tls, poller,
                                        s_certificate(peers), s_on_accepted, peers, error));
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
    peers->config = config;
    if (s_open(peers, host->poller, error))
        return peers;
    irc_peers_destroy(peers);
    return NULL;
}

void irc_peers_stop(irc_peers_t *peers) {
    if (!peers)
        return;
    text_door_close(peers->door);
    text_door_close(peers->tls_door);
    peers->door = peers->tls_door = NULL;
}

void irc_peers_destroy(irc_peers_t *peers) {
    if (!peers)
        return;
    irc_peers_stop(peers);
    irc_people_destroy(peers->host.people);
    for (size_t i = 0; i < peers->certificate_count; i++)
        stream_tls_destroy(peers->certificates[i]);
    free(peers->certificates);
    free(peers);
}

static void s_name(const text_door_t *door, const char *what, zr_buffer_t *out) {
    if (!door)
        return;
    zr_buffer_printf(out, ", %s on ", what);
    text_door_name(door, out);
}

void irc_peers_name(const irc_peers_t *peers, zr_buffer_t *out) {
    s_name(peers->door, "irc", out);
    s_name(peers->tls_door, "irc-tls", out);
}

void irc_peers_turn(irc_peers_t *peers, uint64_t now) {
    peer_t *peer, *next;
    if (peers->door)
        text_door_turn(peers->door, now);
    if (peers->tls_door)
        text_door_turn(peers->tls_door, now);
    if (now < peers->tick_at)
        return;
    peers->tick_at = now + TICK_MS;
    DL_FOREACH_SAFE(peers->all, peer, next)
    irc_tick(peer->irc, now);
}

static int s_sooner(int a, int b) {
    return a < 0 ? b : b < 0 || a < b ? a : b;
}

int irc_peers_timeout(const irc_peers_t *peers, uint64_t now) {
    int wait = peers->door ? text_door_timeout(peers->door, now) : -1;
    int tick = peers->tick_at > now ? (int)(peers->tick_at - now) : 0;
    wait = s_sooner(wait, peers->tls_door ? text_door_timeout(peers->tls_door, now) : -1);
    return peers->all ? s_sooner(wait, tick) : wait;
}
