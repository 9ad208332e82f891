/* See line_peers.h. */
#include "line_peers.h"

#include <utlist.h>

#include "clock.h"
#include "fatal.h"
#include "talk.h"
#include "text_door.h"

/* A connection. It is in the list of those that leave from the end of its input on. */
typedef struct peer {
    line_peers_t *owner;
    stream_t *stream;
    talk_t *talk;
    bool leaves;
    struct peer *prev, *next;
} peer_t;

struct line_peers {
    talk_config_t config;
    stream_pool_t *streams;
    text_door_t *door;
    peer_t *leaving; /* the first one began to leave first, and all may take equally long */
};

/* --- A peer's calls --- */

static bool s_send(void *ctx, zr_blob_t *bytes, bool live) {
    peer_t *peer = ctx;
    return stream_send(peer->stream, bytes, live);
}

static void s_close(void *ctx) {
    peer_t *peer = ctx;
    stream_close(peer->stream);
}

static const talk_calls_t s_calls = {s_send, s_close};

/* --- A connection's events --- */

static void s_look_whether_it_leaves(peer_t *peer) {
    if (peer->leaves || talk_due(peer->talk) == UINT64_MAX)
        return;
    peer->leaves = true;
    DL_APPEND(peer->owner->leaving, peer);
}

static size_t s_on_bytes(void *ctx, zr_span_t bytes) {
    peer_t *peer = ctx;
    size_t taken = talk_bytes(peer->talk, bytes, zr_mono_ms());
    s_look_whether_it_leaves(peer);
    return taken;
}

static void s_on_end(void *ctx) {
    peer_t *peer = ctx;
    talk_end(peer->talk, zr_mono_ms());
    s_look_whether_it_leaves(peer);
}

static bool s_on_paused(void *ctx) {
    peer_t *peer = ctx;
    return talk_is_paused(peer->talk, zr_mono_ms());
}

static void s_on_drained(void *ctx) {
    peer_t *peer = ctx;
    talk_drained(peer->talk, zr_mono_ms());
}

static void s_on_stopping(void *ctx) {
    peer_t *peer = ctx;
    talk_stopping(peer->talk);
}

static void s_on_gone(void *ctx) {
    peer_t *peer = ctx;
    if (peer->leaves)
        DL_DELETE(peer->owner->leaving, peer);
    talk_destroy(peer->talk);
    free(peer);
}

static const stream_events_t s_events = {s_on_bytes, s_on_end, s_on_paused, s_on_drained, s_on_stopping, s_on_gone};

static void s_on_accepted(void *ctx, const stream_from_t *from) {
    line_peers_t *peers = ctx;
    ws_from_t where = {.secure = from->secure};
    peer_t *peer = fatal_calloc(sizeof *peer);
    peer->owner = peers;
    peer->stream = stream_new(peers->streams, from, "* too many connections; try again later\n", &s_events, peer);
    if (!peer->stream) {
        free(peer);
        return;
    }
    address_format(&from->address, where.address);
    peer->talk = talk_new(&peers->config, &where, from->port, &s_calls, peer, zr_mono_ms());
    if (peer->talk)
        return;
    stream_put(peer->stream, zr_span("* the gateway reads too many rooms now (limits/max-topics); try again later\n"));
    stream_close(peer->stream);
}

/* --- */

line_peers_t *line_peers_new(const gateway_config_t *config, poller_t *poller, stream_pool_t *streams,
    const ws_host_t *host, zr_error_t *error) {
    line_peers_t *peers = fatal_calloc(sizeof *peers);
    peers->streams = streams;
    peers->config = (talk_config_t){.host = host,
        .room = config->lines_room,
        .nick = config->lines_format == LINES_FORMAT_NICK,
        .history = (unsigned)config->lines_history,
        .max_line = config->max_line,
        .max_deliveries = config->max_deliveries};
    peers->door = text_door_open(config, &config->lines, poller, NULL, s_on_accepted, peers, error);
    if (peers->door)
        return peers;
    free(peers);
    return NULL;
}

void line_peers_stop(line_peers_t *peers) {
    if (!peers)
        return;
    text_door_close(peers->door);
    peers->door = NULL;
}

void line_peers_destroy(line_peers_t *peers) {
    line_peers_stop(peers);
    free(peers);
}

void line_peers_name(const line_peers_t *peers, zr_buffer_t *out) {
    text_door_name(peers->door, out);
}

void line_peers_turn(line_peers_t *peers, uint64_t now) {
    peer_t *peer, *next;
    text_door_turn(peers->door, now);
    DL_FOREACH_SAFE(peers->leaving, peer, next)
    talk_tick(peer->talk, now);
}

int line_peers_timeout(const line_peers_t *peers, uint64_t now) {
    int wait = text_door_timeout(peers->door, now);
    uint64_t due = peers->leaving ? talk_due(peers->leaving->talk) : UINT64_MAX;
    int until = due == UINT64_MAX ? -1 : due > now ? (int)(due - now) : 0;
    return wait < 0 ? until : until < 0 || wait < until ? wait : until;
}
