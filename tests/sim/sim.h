/* One simulation: the world, a broker, a network and some clients, and the parameters drawn for this seed. */
#ifndef SIM_H
#define SIM_H

#include "model.h"
#include "network.h"
#include "plant.h"
#include "rights.h"
#include "world.h"

enum { SLOTS = 6 };

/* Parameters that differ from seed to seed, besides chance itself. */
typedef struct {
    unsigned slots; /* clients at a time */
    unsigned rooms;
    uint64_t heartbeat_ms;
    size_t batch_bytes, max_entries, max_replays, max_keys, max_joins;
    size_t replay_entries, replay_frames, replay_bytes;
    uint64_t room_entries, log_entries; /* what the log keeps */
    bool sociable;                      /* programs join, leave and rename all the time */
    size_t pack;                        /* messages in a PUBLISH frame; 0: as many as fit */
    size_t prefix_rooms;                /* positions of rooms of prefixes that a client keeps; 0: all */
    size_t presence_names;
    uint64_t rate_ops;
    size_t route_queue, reader_queue; /* frames */
    uint64_t latency, jitter;         /* at most, of a connection */
    uint64_t log_delay;               /* at most; 0: the log answers at once */
    uint64_t forget_after_ms;         /* 0: no room is forgotten */
    uint64_t max_age;                 /* of entries that rooms keep, µs; 0: for ever */
    bool durable;                     /* the log outlives the broker */
    zr_level_t levels[ROOMS];         /* at most what the log can */
    bool sparse;                      /* positions are shared by all rooms and leave holes */
    bool authenticated;               /* users have several sessions */
    bool tokens;                      /* users log in by token, */
    uint64_t hash;                    /* and checking one takes so long (µs) */
    bool jwt;                         /* or the tokens are JWTs, whose roles give the rights, and which expire */
    bool trunk;                       /* some clients come by a gateway */
    size_t max_trunk_channels;
    bool work;             /* programs work for groups */
    bool web;              /* HTTP clients come by a gateway of their own */
    size_t web_queue;      /* bytes that may wait for one of their streams */
    bool rights;           /* and so they have, and rights that change; then there are no relayed rooms */
    unsigned fault_chance; /* in a thousand steps */
    unsigned drop_chance;  /* in a thousand frames on the back */
    unsigned pause_ms;     /* at most, between steps */
} params_t;

typedef struct sim {
    world_t world;
    plant_t plant;
    uint64_t plant_prev[ROOMS];
    params_t params;
    users_t users;
    network_t network;
    model_t model;
    struct broker *broker;
    struct gateway *gateway;     /* NULL: it is missing */
    struct web *web;             /* likewise */
    struct disk *disk;           /* of a durable log */
    struct client *slots[SLOTS]; /* NULL: nobody runs there */
    struct client **clients;     /* all that ever were */
    size_t client_count, client_size;
    rng_t work;        /* what workers do */
    rng_t entropy;     /* what the programs take for unpredictable */
    bool quiet;        /* no faults any more */
    uint64_t progress; /* when a program got an entry last, or was done with one */
} sim_t;

/* params.c: everything drawn from the seed and set up. */
void sim_init(sim_t *sim, uint64_t seed, plant_t plant);
void sim_finish(sim_t *sim);

/* program.c: what a program or the world does in one step. */
void program_step(sim_t *sim);
void program_react(sim_t *sim);            /* what programs must do, whatever else they do */
void program_visit(struct client *client); /* joins every room for all to see, and says something */

/* fault.c: a misfortune; and the end of all of them. */
void fault_step(sim_t *sim);
void fault_end(sim_t *sim);

#endif
