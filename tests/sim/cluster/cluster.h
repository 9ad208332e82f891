/* One simulation of a cluster: brokers that share a model database, and programs with lists of servers. */
#ifndef CLUSTER_H
#define CLUSTER_H

#include "database.h"
#include "network.h"
#include "truth.h"
#include "world.h"

#define PLANTS(X)                                                                                                      \
    X(NONE, "none", "")                                                                                                \
    X(NO_FENCE, "no-fence", "the database does not check the term")                                                    \
    X(FORK, "fork", "the database checks neither the term nor that a room goes on from its end")                       \
    X(NO_QUORUM, "no-quorum", "a commit does not wait for a standby")                                                  \
    X(UNKNOWN_STORED, "unknown-stored", "a commit whose outcome is unknown counts as stored")                          \
    X(UNKNOWN_FAILED, "unknown-failed", "a commit whose outcome is unknown counts as failed")                          \
    X(BLIND_RESEND, "blind-resend", "a commit whose outcome is unknown is sent again without asking")                  \
    X(EARLY_HEADS, "early-heads", "a new leader has read the tables before its term is there")                         \
    X(LOST_MARKS, "lost-marks", "a new leader does not know what clients published")                                   \
    X(LOST_PROOF, "lost-proof", "a leader goes on when the database lost what it had confirmed")                       \
    X(NO_EPOCH, "no-epoch", "no epoch begins when the tables are a copy")                                              \
    X(DEAF_LEAF, "deaf-leaf", "a follower does not pass subscriptions on")                                             \
    X(CROSSED, "crossed", "a follower gives some frames to another client")

typedef enum {
#define X(name, text, about) PLANT_##name,
    PLANTS(X)
#undef X
        PLANT_COUNT
} plant_t;

enum { NODES = 3, MEMBERS = 4 };

typedef struct {
    unsigned nodes, members;
    uint64_t heartbeat_ms;
    uint64_t load_ms;      /* at most, to read the tables at the start */
    unsigned fault_chance; /* in a thousand steps */
    unsigned pause_ms;     /* at most, between steps */
} params_t;

typedef struct cluster {
    world_t world;
    plant_t plant;
    params_t params;
    network_t network;
    database_t *database;
    truth_t truth;
    struct node *nodes[NODES]; /* `params.nodes` of them */
    struct member *members[MEMBERS];
    unsigned incarnations; /* processes that began */
    rng_t entropy;         /* what the programs take for unpredictable */
    bool quiet;            /* no faults any more */
} cluster_t;

/* faults.c: a misfortune; and the end of all of them. */
void fault_step(cluster_t *sim);
void fault_end(cluster_t *sim);

#endif
