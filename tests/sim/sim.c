/* Runs simulations, each from one seed that gives the same run again. */
#include "sim.h"

#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "broker.h"
#include "check.h"
#include "web.h"

typedef struct {
    uint64_t seeds, first;
    unsigned steps;
    plant_t plant;
    bool trace, twice, plants, on;
    const char *list; /* a file of seeds; NULL: none */
} options_t;

static options_t s_options = {.seeds = 100, .first = 1, .steps = 300};
static uint64_t s_seed; /* the one that runs, for a crash */

/* --- One run --- */

/* The first thing that somebody still misses; false: nothing. */
static bool s_missing(sim_t *sim, char *why, size_t size) {
    for (unsigned i = 0; i < SLOTS; i++) {
        const client_t *client = sim->slots[i];
        if (!client)
            continue;
        if (client->closing) {
            snprintf(why, size, "c%u is not closed", client->number);
            return true;
        }
        if (check_missing(client, why, size))
            return true;
    }
    return sim->web && web_missing(sim->web, why, size);
}

/* Time runs on until no program misses entries, at most as long as noticing a loss and backing off may take. Small
 * slices of a long replay may take longer, but then entries keep coming. */
static void s_settle(sim_t *sim) {
    uint64_t patience = (60000 + 12 * sim->params.heartbeat_ms) * MS;
    char why[300] = "";
    sim->progress = sim->world.now;
    while (!sim->world.failed && s_missing(sim, why, sizeof why)) {
        if (sim->world.now >= sim->progress + patience) {
            world_fail(&sim->world, "I3", "the faults are over for long, and %s", why);
            return;
        }
        program_react(sim);
        world_run(&sim->world, sim->world.now + 100 * MS);
    }
}

/* Nothing is missing some time later either. Frames held up in the network may still disturb a program once. */
static void s_stay_settled(sim_t *sim) {
    s_settle(sim);
    world_run(&sim->world, sim->world.now + 2 * sim->params.heartbeat_ms * MS);
    s_settle(sim);
}

/* The broker ends while all are in their rooms, and comes back. */
static void s_restart(sim_t *sim) {
    if (rng_chance(&sim->world.rng, 1, 2))
        broker_kill(sim);
    else
        broker_stop(sim);
    world_run(&sim->world, sim->world.now + rng_skewed(&sim->world.rng, 2000 * MS));
    if (!broker_runs(sim)) /* a restart of before the faults' end may have come */
        broker_start(sim);
    s_stay_settled(sim);
}

/* A stranger comes, speaks and goes: everybody must hear all of it. */
static void s_visit(sim_t *sim) {
    unsigned slot = 0;
    while (slot < SLOTS - 1 && sim->slots[slot])
        slot++;
    if (sim->slots[slot])
        client_kill(sim->slots[slot]);
    client_t *visitor = client_new(sim, slot);
    program_visit(visitor);
    s_settle(sim);
    if (sim->world.failed || sim->slots[slot] != visitor)
        return;
    visitor->closing = true;
    machine_close(visitor->driver.machine, sim->world.now / MS);
    client_wake(visitor);
    s_stay_settled(sim);
}

static void s_run(sim_t *sim) {
    world_t *world = &sim->world;
    for (world->step = 1; world->step <= s_options.steps && !world->failed; world->step++) {
        if (rng_chance(&world->rng, sim->params.fault_chance, 1000))
            fault_step(sim);
        else
            program_step(sim);
        world_run(world, world->now + rng_skewed(&world->rng, sim->params.pause_ms * MS));
        if (rng_chance(&world->rng, 1, 10))
            program_react(sim);
        broker_check_bounds(sim);
    }
    if (world->failed)
        return;
    fault_end(sim);
    s_stay_settled(sim);
    if (!world->failed && rng_chance(&world->rng, 1, 3))
        s_restart(sim);
    if (!world->failed)
        s_visit(sim);
    broker_check_bounds(sim);
}

static bool s_one(uint64_t seed, plant_t plant, bool tell, uint64_t *digest) {
    sim_t sim;
    s_seed = seed;
    sim_init(&sim, seed, plant);
    sim.world.tracing = s_options.trace;
    sim.world.digesting = s_options.twice;
    s_run(&sim);
    *digest = sim.world.digest;
    bool failed = sim.world.failed;
    if (failed && tell)
        printf("seed %llu, step %u, %.3f s: %s is violated: %s\nagain: sim --first %llu --seeds 1 --steps "
               "%u%s%s --trace\n",
            (unsigned long long)seed, sim.world.step, (double)sim.world.now / (1000.0 * MS), sim.world.invariant,
            sim.world.failure, (unsigned long long)seed, s_options.steps, plant ? " --plant " : "",
            plant ? plant_name(plant) : "");
    sim_finish(&sim);
    return !failed;
}

/* --- Many runs --- */

static int s_all(void) {
    struct timespec begin, end;
    uint64_t failures = 0;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (uint64_t i = 0; i < s_options.seeds; i++) {
        uint64_t digest, again, seed = s_options.first + i;
        if (!s_one(seed, s_options.plant, true, &digest)) {
            if (!s_options.on)
                return 1;
            failures++;
            continue;
        }
        if (s_options.twice && (!s_one(seed, s_options.plant, true, &again) || again != digest)) {
            printf("seed %llu does not give the same run twice\n", (unsigned long long)seed);
            return 1;
        }
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    double seconds = (double)(end.tv_sec - begin.tv_sec) + 1e-9 * (double)(end.tv_nsec - begin.tv_nsec);
    printf("%llu of %llu seeds passed in %.1f s (%.0f seeds/s)\n", (unsigned long long)(s_options.seeds - failures),
        (unsigned long long)s_options.seeds, seconds, (double)s_options.seeds / seconds);
    return failures > 0;
}

/* Each line begins with a seed, and may go on with the reason why it is there. */
static int s_listed(void) {
    char line[200];
    uint64_t digest, count = 0, failures = 0;
    FILE *file = fopen(s_options.list, "r");
    if (!file) {
        printf("%s: %s\n", s_options.list, strerror(errno));
        return 2;
    }
    while (fgets(line, sizeof line, file)) {
        char *end;
        uint64_t seed = strtoull(line, &end, 10);
        if (end == line)
            continue;
        count++;
        failures += !s_one(seed, PLANT_NONE, true, &digest);
    }
    fclose(file);
    printf("%llu of %llu listed seeds passed\n", (unsigned long long)(count - failures), (unsigned long long)count);
    return failures > 0 || count == 0;
}

/* Is each planted fault found within the seeds? */
static int s_all_plants(void) {
    int result = 0;
    for (unsigned plant = PLANT_NONE + 1; plant < PLANT_COUNT; plant++) {
        uint64_t digest, tried = 0;
        bool passed = true;
        while (passed && tried < s_options.seeds)
            passed = s_one(s_options.first + tried++, (plant_t)plant, false, &digest);
        printf("%-22s %s after %llu seeds (%s)\n", plant_name((plant_t)plant), passed ? "NOT FOUND" : "found",
            (unsigned long long)tried, plant_about((plant_t)plant));
        result |= passed;
    }
    return result;
}

/* --- The command line --- */

/* The core stops the program when a promise of its own is broken: say which seed did it. */
static void s_on_abort(int number) {
    char text[120];
    int len = snprintf(text, sizeof text,
        "seed %llu: the program was stopped\nagain: sim --first %llu --seeds 1 --steps %u\n",
        (unsigned long long)s_seed, (unsigned long long)s_seed, s_options.steps);
    if (write(STDOUT_FILENO, text, (size_t)len) < 0)
        _exit(2);
    signal(number, SIG_DFL);
    raise(number);
}

static int s_usage(void) {
    fputs("usage: sim [--seeds N] [--first SEED] [--steps N] [--plant WHAT | --plants] [--trace] [--twice] [--on]\n"
          "       sim --list FILE  the seeds of a file, one a line\n"
          "  --on      goes on after a seed that fails\n"
          "  --plants  plants each fault in turn and fails if one is not found\n"
          "  --twice   runs each seed twice and compares the traces\n"
          "faults that can be planted:\n",
        stderr);
    for (unsigned plant = PLANT_NONE + 1; plant < PLANT_COUNT; plant++)
        fprintf(stderr, "  %-22s %s\n", plant_name((plant_t)plant), plant_about((plant_t)plant));
    return 2;
}

static bool s_number(const char *text, uint64_t *out) {
    char *end;
    errno = 0;
    unsigned long long value = text ? strtoull(text, &end, 10) : 0;
    if (!text || errno || *end || end == text)
        return false;
    *out = value;
    return true;
}

static bool s_parse(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        const char *next = i + 1 < argc ? argv[i + 1] : NULL;
        uint64_t number = 0;
        bool ok = true, taken = true;
        if (strcmp(argv[i], "--seeds") == 0)
            ok = s_number(next, &s_options.seeds);
        else if (strcmp(argv[i], "--first") == 0)
            ok = s_number(next, &s_options.first);
        else if (strcmp(argv[i], "--steps") == 0)
            ok = s_number(next, &number) && (s_options.steps = (unsigned)number) > 0;
        else if (strcmp(argv[i], "--list") == 0)
            ok = (s_options.list = next) != NULL;
        else if (strcmp(argv[i], "--plant") == 0)
            ok = next && plant_from_name(next, &s_options.plant);
        else
            taken = false;
        if (taken)
            i++;
        else if (strcmp(argv[i], "--trace") == 0)
            s_options.trace = true;
        else if (strcmp(argv[i], "--twice") == 0)
            s_options.twice = true;
        else if (strcmp(argv[i], "--plants") == 0)
            s_options.plants = true;
        else if (strcmp(argv[i], "--on") == 0)
            s_options.on = true;
        else
            ok = false;
        if (!ok)
            return false;
    }
    return true;
}

int main(int argc, char **argv) {
    if (!s_parse(argc, argv))
        return s_usage();
    if (!s_options.trace && !freopen("/dev/null", "w", stderr)) /* the relay's log lines */
        return 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    json_object_seed(1); /* else it is drawn from the clock */
    signal(SIGABRT, s_on_abort);
    return s_options.list ? s_listed() : s_options.plants ? s_all_plants() : s_all();
}
