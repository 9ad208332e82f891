/* A leaf: a broker that keeps no rooms. It carries its clients' sessions to another broker, the upstream, each over a
 * channel of one trunk (PROTOCOL.md, "Trunks"), and gives its readers what the upstream's back brings. A client is opened
 * a channel when its first frame comes; what it says goes on as it is, and so does what the upstream says to it.
 *
 * Without socket, clock or thread. What goes to clients is added to the outbox; what goes to the upstream, to `calls`.
 *
 * While the upstream is away the clients' connections stay. Each client is told `no-session` once, so that it says hello;
 * a hello is told to wait a while, with `rate-limited`. Once the upstream is back, sessions are resumed by these. */
#ifndef LEAF_H
#define LEAF_H

#include "core.h"
#include "servers.h"

typedef struct leaf leaf_t;

enum {
    LEAF_TOPICS = 1000,           /* topics that the leaf subscribes to one by one, */
    LEAF_TOPIC_BYTES = 24 << 10,  /* and their bytes, 16 more for each. Beyond either it subscribes to everything */
    LEAF_NONCE_BYTES = 256 << 10, /* nonces of readers that wait for `synced`; further ones are dropped */
    LEAF_AWAY_MS = 100,     /* a hello is told to wait so long, and up to twice that, while the upstream is away. It */
    LEAF_AWAY_MAX_MS = 500, /* doubles with each hello of the client up to this: another broker may lead soon */
};

/* What the leaf wants done at the sockets to the upstream. */
typedef struct {
    void (*connect)(void *ctx, const zr_server_t *server); /* a new DEALER */
    void (*disconnect)(void *ctx);                         /* both sockets go, and all that waits in them */
    void (*connect_back)(void *ctx, const char *endpoint); /* a new SUB without subscriptions, instead of another */
    void (*subscribe)(void *ctx, bool on, zr_span_t topic);
    void (*send)(void *ctx, uint32_t channel, zr_span_t frame); /* 0: on the trunk itself */
} leaf_calls_t;

/* Nothing is copied but the struct itself. */
typedef struct {
    const char *server; /* the upstream's endpoint, or several of them, "A,B,C" (servers.h) */
    const char *keys;   /* their public keys, likewise; NULL: none */
    const char *agent;
    const char *user, *token;    /* NULL: none */
    bool plain;                  /* peers may come in without a key */
    bool learns;                 /* further upstreams from the one it has (`welcome.peers`) */
    const relay_config_t *relay; /* max_sessions bounds the clients; the functions are those of the edge */
    access_t *access;            /* taken over; NULL: every peer may do everything */
    const leaf_calls_t *calls;
    void *ctx;
} leaf_config_t;

leaf_t *leaf_new(const leaf_config_t *config, outbox_t *outbox);
void leaf_destroy(leaf_t *leaf); /* NULL is accepted */

/* The leaf as a core. Call core_rise before anything else, as it brings the time. */
core_t leaf_core(leaf_t *leaf);

/* The first reader of a topic came, or its last one went. */
void leaf_topic(leaf_t *leaf, zr_span_t topic, bool wanted);

/* Another broker is the upstream from now on, and the only one. */
void leaf_follow(leaf_t *leaf, const zr_server_t *server);

/* A client's connection (peer_t's) is gone; frames of it may still come for a moment. */
void leaf_left(leaf_t *leaf, uint64_t connection);

/* What the sockets to the upstream tell. */
void leaf_up(leaf_t *leaf);                    /* the DEALER's connection stands */
void leaf_down(leaf_t *leaf, const char *why); /* it ended, or was refused */
void leaf_back_down(leaf_t *leaf);             /* the SUB's connection ended */
void leaf_take_front(leaf_t *leaf, zr_span_t frame);
void leaf_take_back(leaf_t *leaf, zr_blob_t *frame); /* takes over the reference */

#endif
