/* A run's parameters, drawn from the seed before the run. Small limits are drawn often, so that events that are rare
 * with the defaults are common here. */
#include <stdlib.h>

#include "broker.h"
#include "client.h"
#include "disklog.h"
#include "gateway.h"
#include "hash.h"
#include "sim.h"
#include "web.h"
#include "wires.h"

#define PICK(rng, ...)                                                                                                 \
    ((const uint64_t[]){__VA_ARGS__})[rng_below(rng, sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))]

static void s_draw(params_t *params, rng_t *rng) {
    *params = (params_t){
        .slots = (unsigned)rng_between(rng, 2, SLOTS),
        .rooms = (unsigned)rng_between(rng, 1, ROOMS),
        .heartbeat_ms = PICK(rng, 500, 1000, 2000, 5000),
        .batch_bytes = PICK(rng, 1, 200, 2000, 65536),
        .max_entries = PICK(rng, 2, 16, 4096),
        .max_replays = PICK(rng, 1, 2, 4),
        .max_keys = PICK(rng, 3, 1000, 1000),
        .max_joins = PICK(rng, 2, 1000, 1000, 1000),
        .replay_entries = PICK(rng, 1, 5, 100, 10000),
        .replay_frames = PICK(rng, 1, 3, 256),
        .replay_bytes = PICK(rng, 300, 1 << 20),
        .room_entries = PICK(rng, 5, 50, 100000, 100000),
        .log_entries = PICK(rng, 20, 200, 1000000, 1000000),
        .pack = PICK(rng, 0, 0, 1, 3),
        .prefix_rooms = PICK(rng, 0, 0, 0, 0, 1, 2),
        .rate_ops = PICK(rng, 200, 2000, 2000, 2000),
        .presence_names = PICK(rng, 2, 3, 500, 500),
        .route_queue = PICK(rng, 5, 50, 1000),
        .reader_queue = PICK(rng, 3, 50, 4096),
        .latency = PICK(rng, 0, 5, 100) * MS,
        .jitter = PICK(rng, 1, 20, 300) * MS,
        .log_delay = PICK(rng, 0, 1, 50) * MS,
        .durable = rng_chance(rng, 1, 2),
        .sparse = rng_chance(rng, 1, 3),
        .authenticated = rng_chance(rng, 1, 5),
        .rights = rng_chance(rng, 1, 4),
        .sociable = rng_chance(rng, 1, 4),
        .fault_chance = (unsigned)PICK(rng, 0, 20, 100, 300),
        .drop_chance = (unsigned)PICK(rng, 0, 5, 50, 300),
        .pause_ms = (unsigned)PICK(rng, 5, 50, 400),
    };
    if (params->durable && params->log_delay == 0)
        params->log_delay = 1 * MS;
    for (unsigned r = 0; r < ROOMS; r++) {
        params->levels[r] = (zr_level_t)PICK(rng, ZR_LEVEL_NONE, ZR_LEVEL_MEMORY, ZR_LEVEL_DISK, ZR_LEVEL_DISK,
            ZR_LEVEL_DISK, ZR_LEVEL_DISK, ZR_LEVEL_DISK);
        if (params->rights && params->levels[r] == ZR_LEVEL_NONE)
            params->levels[r] = ZR_LEVEL_MEMORY; /* what is relayed to nobody would never be seen */
    }
    params->forget_after_ms = PICK(rng, 0, 0, 1, 100, 1000);
    params->max_age = PICK(rng, 0, 1, 200, 1000) * MS;
}

/* From a generator of its own, so that the worlds without tokens stay what they are. */
static void s_draw_tokens(params_t *params, uint64_t seed) {
    rng_t rng;
    rng_seed(&rng, seed ^ 0x746f6b656e);
    params->tokens = (params->rights || params->authenticated) && rng_chance(&rng, 1, 2);
    params->hash = PICK(&rng, 0, 50, 300, 1500) * MS;
}

/* Likewise. */
static void s_draw_jwt(params_t *params, uint64_t seed) {
    rng_t rng;
    rng_seed(&rng, seed ^ 0x6a7774);
    params->jwt = params->rights && params->tokens && rng_chance(&rng, 1, 2);
}

/* Likewise. A channel has no user but by a token. */
static void s_draw_trunk(params_t *params, uint64_t seed) {
    rng_t rng;
    rng_seed(&rng, seed ^ 0x7472756e6b);
    bool fits = params->tokens || !(params->rights || params->authenticated);
    params->trunk = fits && rng_chance(&rng, 1, 2);
    params->max_trunk_channels = PICK(&rng, SLOTS, 1000, 1000, 1000);
}

/* Likewise. HTTP clients do not log in here. */
static void s_draw_web(params_t *params, uint64_t seed) {
    rng_t rng;
    rng_seed(&rng, seed ^ 0x776562);
    params->web = !params->rights && !params->authenticated && rng_chance(&rng, 1, 3);
    params->web_queue = PICK(&rng, 200, 2000, 1 << 20, 1 << 20);
}

/* Likewise, so that worlds without workers stay what they are. Workers count in max_joins. */
static void s_draw_work(sim_t *sim, uint64_t seed) {
    rng_seed(&sim->work, seed ^ 0x776f726b);
    sim->params.work = sim->params.max_joins > 2 && rng_chance(&sim->work, 1, 3);
}

void sim_init(sim_t *sim, uint64_t seed, plant_t plant) {
    *sim = (sim_t){.plant = plant};
    world_init(&sim->world, seed);
    rng_seed(&sim->entropy, ~seed);
    s_draw(&sim->params, &sim->world.rng);
    s_draw_tokens(&sim->params, seed);
    s_draw_jwt(&sim->params, seed);
    s_draw_trunk(&sim->params, seed);
    s_draw_web(&sim->params, seed);
    s_draw_work(sim, seed);
    wires_init(sim);
    model_init(&sim->model);
    if (sim->params.rights)
        rights_change(sim);
    sim->disk = disk_new(sim);
    sim->broker = broker_new(sim);
    broker_start(sim);
    if (sim->params.trunk)
        sim->gateway = gateway_new(sim);
    if (sim->params.web)
        sim->web = web_new(sim);
}

void sim_finish(sim_t *sim) {
    for (size_t i = 0; i < sim->client_count; i++)
        client_destroy(sim->clients[i]);
    free(sim->clients);
    gateway_destroy(sim->gateway);
    web_destroy(sim->web);
    broker_destroy(sim->broker);
    disk_destroy(sim->disk);
    network_finish(&sim->network);
    model_finish(&sim->model);
    world_finish(&sim->world);
}
