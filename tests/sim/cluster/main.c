/* Simulated clusters: brokers share a model database, lead, follow and take over, while programs publish and read. One seed
 * gives the same run again. See ../README.md. */
#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cluster.h"
#include "member.h"
#include "node.h"

enum { STEPS = 200, PATIENCE_MS = 150000, STEADY_MS = 10000 };

static const struct {
    const char *name, *about;
} s_plants[PLANT_COUNT] = {
#define X(name, text, about) [PLANT_##name] = {text, about},
    PLANTS(X)
#undef X
};

typedef struct {
    uint64_t seeds, first;
    plant_t plant;
    bool trace, twice, plants, on;
} options_t;

static options_t s_options = {.seeds = 100, .first = 1};
static uint64_t s_seed; /* the one that runs, for a crash */

/* --- The network's ends --- */

static node_t *s_node(const cluster_t *sim, unsigned incarnation) {
    for (unsigned i = 0; i < sim->params.nodes; i++)
        if (node_serves(sim->nodes[i]) && node_incarnation(sim->nodes[i]) == incarnation)
            return sim->nodes[i];
    return NULL;
}

static unsigned s_listens(void *ctx, const socket_t *socket) {
    const cluster_t *sim = ctx;
    unsigned incarnation = 0;
    for (unsigned i = 0; i < sim->params.nodes && !incarnation; i++)
        incarnation = node_listens(sim->nodes[i], socket);
    return incarnation;
}

static void s_receive(void *ctx, conn_t *conn, zr_blob_t *frame) {
    node_t *node = s_node(ctx, conn->incarnation);
    if (node)
        node_receive(node, conn, frame);
    else
        zr_blob_unref(frame);
}

static void s_gone(void *ctx, conn_t *conn) {
    node_t *node = s_node(ctx, conn->incarnation);
    if (node)
        node_gone(node, conn);
}

/* --- A run --- */

#define PICK(rng, ...)                                                                                                 \
    ((const uint64_t[]){__VA_ARGS__})[rng_below(rng, sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))]

static void s_draw(cluster_t *sim, database_config_t *database) {
    rng_t *rng = &sim->world.rng;
    sim->params = (params_t){.nodes = (unsigned)rng_between(rng, 2, NODES),
        .members = (unsigned)rng_between(rng, 2, MEMBERS),
        .heartbeat_ms = PICK(rng, 500, 1000, 5000),
        .load_ms = PICK(rng, 1, 100, 8000),
        .fault_chance = (unsigned)PICK(rng, 0, 30, 100, 200),
        .pause_ms = (unsigned)PICK(rng, 50, 400, 2000)};
    sim->network.latency = PICK(rng, 0, 5, 100) * MS;
    sim->network.jitter = PICK(rng, 1, 20, 300) * MS;
    sim->network.route_queue = 1000;
    sim->network.reader_queue = PICK(rng, 10, 4096);
    sim->network.drop_chance = (unsigned)PICK(rng, 0, 5, 50);
    database->standbys = rng_chance(rng, 2, 3) ? 2 : 0;
    database->delay = PICK(rng, 1, 20, 500) * MS;
    database->lag = PICK(rng, 1, 50, 2000) * MS;
}

static void s_init(cluster_t *sim, uint64_t seed, plant_t plant) {
    static const network_calls_t calls = {.listens = s_listens, .receive = s_receive, .gone = s_gone};
    database_config_t database = {.world = &sim->world,
        .stored = truth_stored,
        .reading_anew = truth_reading_anew,
        .cut = truth_cut,
        .ctx = &sim->truth};
    *sim = (cluster_t){.plant = plant};
    world_init(&sim->world, seed);
    rng_seed(&sim->entropy, ~seed);
    sim->network = (network_t){.world = &sim->world, .calls = &calls, .ctx = sim};
    s_draw(sim, &database);
    database.faults.no_fence = plant == PLANT_NO_FENCE || plant == PLANT_FORK;
    database.faults.no_unique = plant == PLANT_FORK;
    database.faults.no_quorum = plant == PLANT_NO_QUORUM;
    truth_init(&sim->truth, sim);
    database.epoch = sim->truth.first_epoch = rng_next(&sim->entropy);
    sim->database = database_new(&database);
    for (unsigned i = 0; i < sim->params.nodes; i++)
        sim->nodes[i] = node_new(sim, i);
    for (unsigned i = 0; i < sim->params.members; i++)
        sim->members[i] = member_new(sim, i);
}

static void s_finish(cluster_t *sim) {
    for (unsigned i = 0; i < sim->params.members; i++)
        member_destroy(sim->members[i]);
    for (unsigned i = 0; i < sim->params.nodes; i++)
        node_kill(sim->nodes[i], false); /* all of them, before one is gone: their connections end at both */
    for (unsigned i = 0; i < sim->params.nodes; i++)
        node_destroy(sim->nodes[i]);
    database_destroy(sim->database);
    network_finish(&sim->network);
    truth_finish(&sim->truth);
    world_finish(&sim->world);
}

static bool s_missing(cluster_t *sim, char *why, size_t size) {
    if (!database_is_up(sim->database)) {
        snprintf(why, size, "the database is away");
        return true;
    }
    for (unsigned i = 0; i < sim->params.members; i++)
        if (member_missing(sim->members[i], why, size))
            return true;
    return false;
}

/* Time runs on until all programs are served, which is at most as long as a lease of a broker that was lost while it read
 * the tables, and the clients' back-off. */
static void s_settle(cluster_t *sim) {
    uint64_t until = sim->world.now + PATIENCE_MS * MS;
    char why[300] = "";
    while (!sim->world.failed && s_missing(sim, why, sizeof why)) {
        if (sim->world.now >= until) {
            world_fail(&sim->world, "I3", "the faults are over for long, and %s", why);
            return;
        }
        world_run(&sim->world, sim->world.now + 100 * MS);
    }
}

static void s_visit(cluster_t *sim) {
    for (unsigned i = 0; i < sim->params.members && !sim->world.failed; i++)
        member_step(sim->members[i]);
    s_settle(sim);
}

static void s_run(cluster_t *sim) {
    world_t *world = &sim->world;
    for (world->step = 1; world->step <= STEPS && !world->failed; world->step++) {
        if (rng_chance(&world->rng, sim->params.fault_chance, 1000))
            fault_step(sim);
        else
            member_step(sim->members[rng_below(&world->rng, sim->params.members)]);
        world_run(world, world->now + rng_skewed(&world->rng, sim->params.pause_ms * MS));
    }
    if (world->failed)
        return;
    fault_end(sim);
    s_settle(sim);
    if (!world->failed)
        world_run(world, world->now + STEADY_MS * MS);
    s_settle(sim);
    s_visit(sim);
}

static bool s_one(uint64_t seed, plant_t plant, bool tell, uint64_t *digest) {
    static cluster_t sim;
    s_seed = seed;
    s_init(&sim, seed, plant);
    sim.world.tracing = s_options.trace;
    sim.world.digesting = s_options.twice;
    s_run(&sim);
    *digest = sim.world.digest;
    bool failed = sim.world.failed;
    if (failed && tell)
        printf(
            "seed %llu, step %u, %.3f s: %s is violated: %s\nagain: sim.cluster --first %llu --seeds 1%s%s --trace\n",
            (unsigned long long)seed, sim.world.step, (double)sim.world.now / (1000.0 * MS), sim.world.invariant,
            sim.world.failure, (unsigned long long)seed, plant ? " --plant " : "", plant ? s_plants[plant].name : "");
    s_finish(&sim);
    return !failed;
}

/* --- Many runs --- */

static int s_all(void) {
    uint64_t failures = 0, digest, again;
    for (uint64_t seed = s_options.first; seed < s_options.first + s_options.seeds; seed++) {
        bool good = s_one(seed, s_options.plant, true, &digest);
        failures += !good;
        if (!good && !s_options.on)
            return 1;
        if (s_options.twice && (s_one(seed, s_options.plant, false, &again) != good || again != digest)) {
            printf("seed %llu does not give the same run twice\n", (unsigned long long)seed);
            return 1;
        }
    }
    printf("%llu of %llu seeds passed\n", (unsigned long long)(s_options.seeds - failures),
        (unsigned long long)s_options.seeds);
    return failures > 0;
}

/* Is each planted fault found within the seeds? */
static int s_all_plants(void) {
    int result = 0;
    for (unsigned plant = PLANT_NONE + 1; plant < PLANT_COUNT; plant++) {
        uint64_t digest, tried = 0;
        bool passed = true;
        while (passed && tried < s_options.seeds)
            passed = s_one(s_options.first + tried++, (plant_t)plant, false, &digest);
        printf("%-16s %s after %llu seeds (%s)\n", s_plants[plant].name, passed ? "NOT FOUND" : "found",
            (unsigned long long)tried, s_plants[plant].about);
        result |= passed;
    }
    return result;
}

/* --- The command line --- */

/* The core stops the program when a promise of its own is broken: say which seed did it. */
static void s_on_abort(int number) {
    char text[120];
    int len = snprintf(text, sizeof text, "seed %llu: the program was stopped\n", (unsigned long long)s_seed);
    if (write(STDOUT_FILENO, text, (size_t)len) < 0)
        _exit(2);
    signal(number, SIG_DFL);
    raise(number);
}

static int s_usage(void) {
    fputs("usage: sim.cluster [--seeds N] [--first SEED] [--plant WHAT | --plants] [--trace] [--twice] [--on]\n"
          "  --on      goes on after a seed that fails\n"
          "  --plants  plants each fault in turn and fails if one is not found\n"
          "  --twice   runs each seed twice and compares the traces\n"
          "faults that can be planted:\n",
        stderr);
    for (unsigned plant = PLANT_NONE + 1; plant < PLANT_COUNT; plant++)
        fprintf(stderr, "  %-16s %s\n", s_plants[plant].name, s_plants[plant].about);
    return 2;
}

static bool s_number(const char *text, uint64_t *out) {
    char *end;
    errno = 0;
    unsigned long long value = text ? strtoull(text, &end, 10) : 0;
    *out = value;
    return text && !errno && !*end && end != text;
}

static bool s_plant(const char *text) {
    for (unsigned plant = PLANT_NONE + 1; text && plant < PLANT_COUNT; plant++)
        if (strcmp(text, s_plants[plant].name) == 0) {
            s_options.plant = (plant_t)plant;
            return true;
        }
    return false;
}

static bool s_flag(const char *text) {
    const struct {
        const char *name;
        bool *flag;
    } flags[] = {{"--trace", &s_options.trace}, {"--twice", &s_options.twice}, {"--plants", &s_options.plants},
        {"--on", &s_options.on}};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (strcmp(text, flags[i].name) == 0)
            return *flags[i].flag = true;
    return false;
}

static bool s_parse(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        if (s_flag(argv[i]))
            continue;
        const char *next = i + 1 < argc ? argv[i + 1] : NULL;
        bool ok = strcmp(argv[i], "--seeds") == 0   ? s_number(next, &s_options.seeds)
                  : strcmp(argv[i], "--first") == 0 ? s_number(next, &s_options.first)
                  : strcmp(argv[i], "--plant") == 0 ? s_plant(next)
                                                    : false;
        if (!ok)
            return false;
        i++;
    }
    return true;
}

int main(int argc, char **argv) {
    if (!s_parse(argc, argv))
        return s_usage();
    if (!s_options.trace && !freopen("/dev/null", "w", stderr)) /* the brokers' log lines */
        return 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    json_object_seed(1); /* else it is drawn from the clock */
    signal(SIGABRT, s_on_abort);
    return s_options.plants ? s_all_plants() : s_all();
}
