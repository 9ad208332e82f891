/* A simulated world of groups: its state, for the files of this folder. */
#ifndef GROUPS_SIM_H
#define GROUPS_SIM_H

#include "fixture_late.h"
#include "groups_model.h"
#include "relay.h"

#define PLANTS(X)                                                                                                      \
    X(NONE, "none")                                                                                                    \
    X(OLD_STATE, "old-state")     /* a crash brings back the state of a group before the last */                       \
    X(NO_STATE, "no-state")       /* the states of groups do not come back */                                          \
    X(LOST_BURIAL, "lost-burial") /* copies of dead entries are not stored */                                          \
    X(TWICE, "twice")             /* some work goes to another worker too */                                           \
    X(TOO_MUCH, "too-much")       /* "done" of one entry means all before it that the worker holds */                  \
    X(FAST_CLOCK, "fast-clock")   /* the broker takes entries back early */                                            \
    X(NO_KEYS, "no-keys")         /* the broker does not see the keys */                                               \
    X(DEAF, "deaf")               /* a worker's end is told to the model, and not to the broker */                     \
    X(BOUNDLESS, "boundless")     /* a worker gets more than it asked for */                                           \
    X(COUNT_LOST, "count-lost")   /* what a worker never saw is given back as a retry, which counts */                 \
    X(NO_KEEP, "no-keep")         /* the disk is not told what the group needs */                                      \
    X(NO_REASON, "no-reason")     /* the reason of a reject does not reach the broker */

typedef enum {
#define X(name, text) PLANT_##name,
    PLANTS(X)
#undef X
        PLANT_COUNT
} plant_t;

enum { PUBLISHER = 100, INBOX = 64, STATES = 4, TIME_MS = 1000, EPOCH = 7 };

typedef struct {
    bool live;       /* has a session, and works */
    uint64_t client; /* of its id: each session has a new one */
    uint64_t session;
    zr_blob_t *inbox[INBOX];
    size_t count;
    uint64_t holds[1024]; /* what it has, as far as it knows */
    size_t hold_count;
    struct {
        uint64_t number, seq;
    } said[1024]; /* done */
    size_t said_count;
    uint64_t number;
    unsigned credit;  /* that it wants */
    char token[80];   /* to resume its session with */
    bool resuming;    /* until it knows which frames were lost */
    uint64_t returns; /* the SETTLE that gave those back; 0: none that is not answered */
} worker_t;

typedef struct {
    world_t world;
    plant_t plant;
    model_t model;
    relay_t *relay;
    relay_config_t config;
    outbox_t outbox;
    late_log_t late;
    log_t *disk;
    size_t fail;
    uint64_t gap, rising, now, mid, clients;
    bool slow; /* the log answers when told */
    worker_t workers[WORKERS];
    log_group_t states[STATES], before[STATES];
    size_t state_count;
    bool keep; /* the disk keeps little of a room, and more if the group needs it */
} sim_t;

extern const char groups_room[], groups_dead[]; /* names of the rooms */

/* --- groups_disk.c --- */

/* The log is on a disk that remembers, also of groups. */
void groups_disk_begin(sim_t *sim);
void groups_disk_start(sim_t *sim); /* the broker starts: late and its engine */
void groups_disk_finish(sim_t *sim);

#endif
