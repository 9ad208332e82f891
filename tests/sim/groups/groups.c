/* Simulated workers of one group: they work, are slow, die and come back, while the broker is killed, its disk is full
 * and the clock jumps. One seed gives the same run again. See ../README.md. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control.h"
#include "edge.h"
#include "fatal.h"
#include "groups_sim.h"
#include "logger.h"
#include "names.h"
#include "wire_work.h"

static const char *const s_plants[PLANT_COUNT] = {
#define X(name, text) [PLANT_##name] = text,
    PLANTS(X)
#undef X
};

/* --- The edge --- */

static void s_see_work(sim_t *sim, int worker, zr_span_t frame) {
    uint32_t number;
    uint16_t deliveries;
    zr_span_t inner;
    zr_deliver_reader_t reader;
    zr_entry_t entry;
    if (!zr_work_read(frame, &number, &deliveries, &inner) || !zr_deliver_read(&reader, inner))
        return;
    while (zr_deliver_next(&reader, &entry)) {
        world_trace(&sim->world, "entry %llu to worker %d, time %u", (unsigned long long)entry.seq, worker, deliveries);
        model_work(&sim->model, worker, entry.seq, deliveries, sim->rising, sim->rising + TIME_MS * MS);
    }
}

/* `confirmed`: that much of what the worker said is stored. */
static void s_see_settled(sim_t *sim, worker_t *worker, zr_span_t frame) {
    zr_settled_t settled;
    zr_became_t became;
    zr_range_t range;
    if (!zr_settled_read(&settled, frame))
        return;
    bool left = false;
    if (settled.number == worker->returns)
        model_returned(&sim->model, (int)(worker - sim->workers));
    world_trace(&sim->world, "%llu is settled: %u", (unsigned long long)settled.number, settled.count);
    while (zr_settled_next(&settled, &became, &range)) {
        left = true;
        if (became == ZR_BECAME_SETTLED)
            model_settled(&sim->model, range.first);
    }
    /* The simulated workers settle one entry at a time. */
    if (!left && settled.count == 1)
        for (size_t i = 0; i < worker->said_count; i++)
            if (worker->said[i].number == settled.number)
                model_confirmed(&sim->model, worker->said[i].seq);
}

static edge_sent_t s_send(void *ctx, route_t route, zr_blob_t *frame, bool live) {
    sim_t *sim = ctx;
    (void)live;
    worker_t *worker = route >= 1 && route <= WORKERS ? &sim->workers[route - 1] : NULL;
    zr_span_t bytes = zr_span_of(zr_blob_data(frame), zr_blob_len(frame));
    if (!worker || worker->count == INBOX || !worker->live) {
        zr_blob_unref(frame);
        return worker && worker->live ? EDGE_FULL : EDGE_SENT;
    }
    if (bytes.ptr[0] == ZR_TYPE_WORK)
        s_see_work(sim, (int)(worker - sim->workers), bytes);
    worker_t *other = &sim->workers[rng_below(&sim->world.rng, WORKERS)];
    if (sim->plant == PLANT_TWICE && bytes.ptr[0] == ZR_TYPE_WORK && other != worker && other->live &&
        rng_chance(&sim->world.rng, 1, 20))
        s_see_work(sim, (int)(other - sim->workers), bytes);
    worker->inbox[worker->count++] = frame;
    return EDGE_SENT;
}

static void s_publish(void *ctx, zr_blob_t *frame) {
    (void)ctx;
    zr_blob_unref(frame);
}

static void s_watch(void *ctx, uint64_t session) {
    sim_t *sim = ctx;
    for (int i = 0; i < WORKERS; i++)
        if (sim->workers[i].live && !sim->workers[i].session)
            sim->workers[i].session = session;
}

static void s_run(sim_t *sim) {
    static const edge_calls_t calls = {.send = s_send, .publish = s_publish, .watch = s_watch};
    edge_t edge = {.calls = &calls, .ctx = sim, .relay = sim->relay, .log = &sim->late.log, .outbox = &sim->outbox};
    relay_flush(sim->relay);
    while (edge_carry_out(&edge))
        ;
    while (relay_has_work(sim->relay)) {
        relay_work(sim->relay);
        while (edge_carry_out(&edge))
            ;
    }
}

static void s_entropy(void *ctx, void *out, size_t len) {
    rng_fill(ctx, out, len);
}

static zr_span_t s_back(void *ctx) {
    (void)ctx;
    return zr_span("tcp://127.0.0.1:5571");
}

static void s_start(sim_t *sim) {
    groups_disk_start(sim);
    sim->relay = relay_new(&sim->config, &sim->late.log, &sim->outbox);
    relay_rise(sim->relay, sim->rising);
}

static void s_say(sim_t *sim, route_t route, const char *text) {
    relay_frame(sim->relay, route, zr_span(text), sim->now);
    s_run(sim);
}

/* `token`: of the session that is to go on; NULL: none. */
static void s_hello(sim_t *sim, route_t route, uint64_t client, const char *token) {
    char text[300], resume[120] = "";
    if (token)
        snprintf(resume, sizeof resume, ",\"resume\":\"%s\"", token);
    snprintf(text, sizeof text, "{\"op\":\"hello\",\"proto\":1,\"client\":\"%032llx\"%s}", (unsigned long long)client,
        resume);
    s_say(sim, route, text);
}

/* --- What happens --- */

static void s_forget_inbox(worker_t *worker) {
    for (size_t i = 0; i < worker->count; i++)
        zr_blob_unref(worker->inbox[i]);
    worker->count = 0;
}

static void s_say_work(sim_t *sim, int number, unsigned credit) {
    char text[400];
    if (credit > sim->model.credit[number])
        sim->model.credit[number] = credit;
    snprintf(text, sizeof text,
        "{\"op\":\"work\",\"room\":\"r\",\"group\":\"g\",\"worker\":1,\"credit\":%u,\"time\":%d,\"deliveries\":%u,"
        "\"backoff\":100,\"dead\":\"d\",\"ordered\":%s,\"keep\":%s}",
        sim->plant == PLANT_BOUNDLESS ? credit + 9 : credit, TIME_MS, sim->model.deliveries,
        sim->model.ordered ? "true" : "false", sim->keep ? "true" : "false");
    s_say(sim, (route_t)(number + 1), text);
}

static void s_work(sim_t *sim, int number) {
    worker_t *worker = &sim->workers[number];
    if (!worker->live) {
        s_forget_inbox(worker);
        *worker = (worker_t){.live = true, .number = worker->number, .client = ++sim->clients};
        s_hello(sim, (route_t)(number + 1), worker->client, NULL);
    }
    worker->credit = (unsigned)rng_between(&sim->world.rng, 1, 8);
    if (!worker->resuming)
        s_say_work(sim, number, worker->credit);
}

/* The connection breaks, and the frames on it are lost. The session goes on, on a new one. */
static void s_break(sim_t *sim, int number) {
    worker_t *worker = &sim->workers[number];
    if (!worker->live || !worker->token[0])
        return;
    world_trace(&sim->world, "worker %d loses its connection", number);
    s_forget_inbox(worker);
    if (rng_chance(&sim->world.rng, 1, 2))
        relay_route_lost(sim->relay, (route_t)(number + 1));
    worker->resuming = true;
    worker->returns = 0;
    s_hello(sim, (route_t)(number + 1), worker->client, worker->token);
    s_say_work(sim, number, 0);
}

static void s_gone(sim_t *sim, int number) {
    worker_t *worker = &sim->workers[number];
    if (!worker->live)
        return;
    uint64_t session = worker->session;
    worker->live = worker->resuming = false;
    worker->hold_count = worker->said_count = 0;
    s_forget_inbox(worker);
    model_worker_gone(&sim->model, number); /* before the others get what it had */
    sim->model.credit[number] = 0;
    if (sim->plant == PLANT_DEAF)
        return;
    for (int beats = 0; beats < 4; beats++)
        relay_silent(sim->relay, session);
    s_run(sim);
}

static void s_publish_some(sim_t *sim) {
    zr_buffer_t frame = {0};
    uint64_t count = rng_between(&sim->world.rng, 1, 6);
    if (sim->mid + count > ENTRIES_MAX)
        return;
    zr_publish_begin(&frame, zr_span(groups_room));
    for (uint64_t i = 0; i < count; i++) {
        char key[2] = {(char)('0' + rng_below(&sim->world.rng, KEYS)), 0};
        zr_publish_add(&frame,
            &(zr_publish_entry_t){
                .mid = ++sim->mid, .key = zr_span(sim->plant == PLANT_NO_KEYS ? NULL : key), .body = zr_span(key)});
    }
    relay_frame(sim->relay, PUBLISHER, zr_span_of(frame.data, frame.len), sim->now);
    zr_buffer_finish(&frame);
    s_run(sim);
}

static void s_hold(worker_t *worker, uint64_t seq) {
    for (size_t i = 0; i < worker->hold_count; i++)
        if (worker->holds[i] == seq)
            return;
    if (worker->hold_count < 1024)
        worker->holds[worker->hold_count++] = seq;
}

static int s_compare(const void *a, const void *b) {
    uint64_t one = *(const uint64_t *)a, other = *(const uint64_t *)b;
    return (one > other) - (one < other);
}

/* All that the broker takes for handed out, and the worker does not have, goes back. */
static void s_return(sim_t *sim, int number) {
    worker_t *worker = &sim->workers[number];
    zr_buffer_t frame = {0};
    uint64_t from = 1;
    qsort(worker->holds, worker->hold_count, sizeof *worker->holds, s_compare);
    worker->returns = ++worker->number;
    zr_settle_begin(&frame, 1, worker->number, sim->plant == PLANT_COUNT_LOST ? ZR_SETTLE_RETRY : ZR_SETTLE_RETURN, 0);
    for (size_t i = 0; i <= worker->hold_count; i++) {
        uint64_t end = i < worker->hold_count ? worker->holds[i] - 1 : ZR_INT_MAX;
        if (end >= from)
            zr_settle_add(&frame, (zr_range_t){from, end});
        from = end + 2;
    }
    model_return(&sim->model, number, worker->holds, worker->hold_count, sim->rising);
    relay_frame(sim->relay, (route_t)(number + 1), zr_span_of(frame.data, frame.len), sim->now);
    zr_buffer_finish(&frame);
    s_run(sim);
}

static void s_see_control(sim_t *sim, int number, zr_span_t frame) {
    worker_t *worker = &sim->workers[number];
    json_t *object = NULL;
    zr_control_read(frame, &object);
    const char *op = json_string_value(json_object_get(object, "op"));
    if (strcmp(op, "welcome") == 0) {
        snprintf(worker->token, sizeof worker->token, "%s", json_string_value(json_object_get(object, "resume")));
        if (worker->resuming && !json_is_true(json_object_get(object, "resumed")))
            world_fail(&sim->world, "sim", "worker %d lost its session", number);
    } else if (strcmp(op, "working") == 0 && worker->resuming) {
        worker->resuming = false;
        if (json_integer_value(json_object_get(object, "held")) > 0)
            s_return(sim, number);
        s_say_work(sim, number, worker->credit);
    } else if (strcmp(op, "lost") == 0) {
        world_fail(&sim->world, "I10", "the group lost %lld entries",
            (long long)json_integer_value(json_object_get(object, "count")));
    }
    json_decref(object);
}

/* The worker takes a frame from its connection. */
static void s_take(sim_t *sim, int number) {
    worker_t *worker = &sim->workers[number];
    if (!worker->live || worker->count == 0)
        return;
    zr_blob_t *frame = worker->inbox[0];
    memmove(worker->inbox, worker->inbox + 1, --worker->count * sizeof *worker->inbox);
    zr_span_t bytes = zr_span_of(zr_blob_data(frame), zr_blob_len(frame)), inner;
    uint32_t id;
    uint16_t deliveries;
    zr_deliver_reader_t reader;
    zr_entry_t entry;
    if (bytes.ptr[0] == ZR_TYPE_SETTLED)
        s_see_settled(sim, worker, bytes);
    else if (bytes.ptr[0] == ZR_TYPE_CONTROL)
        s_see_control(sim, number, bytes);
    if (zr_work_read(bytes, &id, &deliveries, &inner) && zr_deliver_read(&reader, inner))
        while (zr_deliver_next(&reader, &entry))
            s_hold(worker, entry.seq);
    zr_blob_unref(frame);
}

static zr_verb_t s_verb(sim_t *sim, bool calm) {
    uint64_t dice = calm ? 0 : rng_below(&sim->world.rng, 10);
    return dice < 6 ? ZR_SETTLE_DONE : dice < 8 ? ZR_SETTLE_RETRY : dice < 9 ? ZR_SETTLE_EXTEND : ZR_SETTLE_REJECT;
}

static void s_tell_model(sim_t *sim, int number, zr_verb_t verb, uint64_t seq, uint64_t ms) {
    if (verb == ZR_SETTLE_DONE)
        model_done(&sim->model, number, seq);
    else if (verb == ZR_SETTLE_EXTEND)
        model_extend(&sim->model, number, seq, sim->rising, sim->rising + ms * MS);
    else
        model_back(&sim->model, number, seq, verb == ZR_SETTLE_REJECT);
}

static void s_settle(sim_t *sim, int number, bool calm) {
    worker_t *worker = &sim->workers[number];
    if (!worker->live || worker->hold_count == 0 || worker->said_count == 1024)
        return;
    size_t place = rng_below(&sim->world.rng, worker->hold_count);
    uint64_t seq = worker->holds[place];
    zr_verb_t verb = s_verb(sim, calm);
    uint32_t ms = verb == ZR_SETTLE_EXTEND ? 2000 : 0;
    char why[32];
    zr_buffer_t frame = {0};
    zr_settle_begin(&frame, 1, ++worker->number, verb, ms);
    zr_settle_add(&frame, (zr_range_t){sim->plant == PLANT_TOO_MUCH && verb == ZR_SETTLE_DONE ? 1 : seq, seq});
    snprintf(why, sizeof why, "%llu", (unsigned long long)seq);
    if (verb == ZR_SETTLE_REJECT && sim->plant != PLANT_NO_REASON)
        zr_settle_because(&frame, zr_span(why));
    if (verb != ZR_SETTLE_EXTEND)
        worker->holds[place] = worker->holds[--worker->hold_count];
    if (verb == ZR_SETTLE_DONE) {
        worker->said[worker->said_count].number = worker->number;
        worker->said[worker->said_count++].seq = seq;
    }
    world_trace(&sim->world, "worker %d says %d of %llu", number, verb, (unsigned long long)seq);
    s_tell_model(sim, number, verb, seq, ms);
    relay_frame(sim->relay, (route_t)(number + 1), zr_span_of(frame.data, frame.len), sim->now);
    zr_buffer_finish(&frame);
    s_run(sim);
}

static void s_pass_time(sim_t *sim, uint64_t ms) {
    sim->rising += ms * MS;
    sim->now += ms * MS;
    relay_rise(sim->relay, sim->rising + (sim->plant == PLANT_FAST_CLOCK ? 400 * MS : 0));
    relay_tick(sim->relay);
    s_run(sim);
}

static void s_crash(sim_t *sim) {
    world_trace(&sim->world, "the broker is killed");
    for (int i = 0; i < WORKERS; i++) {
        worker_t *worker = &sim->workers[i];
        s_forget_inbox(worker);
        worker->live = worker->resuming = false;
        worker->hold_count = worker->said_count = 0;
        sim->model.credit[i] = 0;
    }
    model_crash(&sim->model);
    relay_destroy(sim->relay);
    outbox_finish(&sim->outbox);
    s_start(sim);
    s_hello(sim, PUBLISHER, ++sim->clients, NULL);
}

static void s_log(sim_t *sim, uint64_t steps) {
    while (steps-- > 0 && late_log_step(&sim->late))
        s_run(sim);
}

static void s_step(sim_t *sim) {
    rng_t *rng = &sim->world.rng;
    int number = (int)rng_below(rng, WORKERS);
    switch (rng_below(rng, 16)) {
    case 0:
    case 1:
        s_publish_some(sim);
        break;
    case 2:
        s_work(sim, number);
        break;
    case 3:
        if (rng_chance(rng, 1, 4))
            s_gone(sim, number);
        else if (rng_chance(rng, 1, 2))
            s_break(sim, number);
        break;
    case 4:
        s_pass_time(sim, rng_skewed(rng, 1500));
        break;
    case 5:
        if (rng_chance(rng, 1, 12))
            s_crash(sim);
        break;
    case 6:
        if (rng_chance(rng, 1, 8))
            sim->fail = 1;
        break;
    case 7:
        sim->now += rng_chance(rng, 1, 2) ? 3600000 * MS : 0;
        if (rng_chance(rng, 1, 3))
            sim->now -= 1800000 * MS;
        break;
    case 8:
        if (rng_chance(rng, 1, 8)) {
            s_say(sim, PUBLISHER, "{\"op\":\"group\",\"room\":\"r\",\"group\":\"g\",\"do\":\"pause\"}");
            s_say(sim, PUBLISHER, "{\"op\":\"group\",\"room\":\"r\",\"group\":\"g\",\"do\":\"resume\"}");
        }
        break;
    case 9:
    case 10:
        s_settle(sim, number, false);
        break;
    case 11:
    case 12:
        s_take(sim, number);
        break;
    default:
        s_log(sim, rng_between(rng, 1, 8));
    }
}

/* The faults are over: all is worked off. */
static void s_calm(sim_t *sim) {
    sim->fail = 0;
    s_log(sim, UINT64_MAX);
    sim->slow = false;
    s_say(sim, PUBLISHER, "{\"op\":\"group\",\"room\":\"r\",\"group\":\"g\",\"do\":\"resume\"}");
    for (int round = 0; round < 4000 && !sim->world.failed; round++) {
        for (int i = 0; i < WORKERS; i++) {
            if (!sim->workers[i].live)
                s_work(sim, i);
            for (int frames = 0; frames < 8; frames++)
                s_take(sim, i);
            for (int entries = 0; entries < 8; entries++)
                s_settle(sim, i, true);
        }
        if (round % 10 == 0)
            s_pass_time(sim, 700);
    }
    model_end(&sim->model);
}

/* --- A run --- */

static void s_world(sim_t *sim, uint64_t seed, plant_t plant, bool trace) {
    memset(sim, 0, sizeof *sim);
    world_init(&sim->world, seed);
    sim->world.tracing = trace;
    sim->plant = plant;
    sim->gap = 1;
    sim->rising = 1;
    sim->now = 1700000000000000;
    sim->slow = rng_chance(&sim->world.rng, 3, 4);
    sim->model = (model_t){.world = &sim->world,
        .ordered = rng_chance(&sim->world.rng, 1, 2),
        .deliveries = (unsigned)rng_between(&sim->world.rng, 2, 4)};
    relay_config_default(&sim->config);
    sim->config.entropy = s_entropy;
    sim->config.entropy_ctx = &sim->world.rng;
    sim->config.back = s_back;
    sim->config.epoch = EPOCH;
    sim->config.rate_ops = sim->config.rate_control = sim->config.rate_entries = sim->config.rate_bytes = 0;
    if (rng_chance(&sim->world.rng, 1, 3))
        sim->config.max_group_entries = rng_between(&sim->world.rng, 1, 30);
    if (rng_chance(&sim->world.rng, 1, 4))
        sim->config.max_group_bytes = rng_between(&sim->world.rng, 1, 300);
    groups_disk_begin(sim);
    s_start(sim);
    s_hello(sim, PUBLISHER, ++sim->clients, NULL);
    for (sim->world.step = 0; sim->world.step < 400 && !sim->world.failed; sim->world.step++)
        s_step(sim);
    if (!sim->world.failed)
        s_calm(sim);
    for (int i = 0; i < WORKERS; i++)
        s_forget_inbox(&sim->workers[i]);
    relay_destroy(sim->relay);
    outbox_finish(&sim->outbox);
    groups_disk_finish(sim);
}

/* true: the seed's world holds all promises. */
static bool s_seed(uint64_t seed, plant_t plant, bool trace, bool tell) {
    static sim_t sim;
    s_world(&sim, seed, plant, trace);
    bool failed = sim.world.failed;
    if (failed && tell)
        printf("seed %llu, step %u: %s: %s\n", (unsigned long long)seed, sim.world.step, sim.world.invariant,
            sim.world.failure);
    world_finish(&sim.world);
    return !failed;
}

static bool s_find(plant_t plant, uint64_t first, uint64_t seeds) {
    for (uint64_t seed = first; seed < first + seeds; seed++)
        if (!s_seed(seed, plant, false, false)) {
            printf("%s: found with seed %llu\n", s_plants[plant], (unsigned long long)seed);
            return true;
        }
    printf("%s: not found in %llu seeds\n", s_plants[plant], (unsigned long long)seeds);
    return false;
}

int main(int argc, char **argv) {
    uint64_t seeds = 100, first = 1;
    bool plants = false, trace = false, good = true;
    plant_t plant = PLANT_NONE;
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--seeds") == 0)
            seeds = strtoull(value, NULL, 10);
        else if (strcmp(argv[i], "--first") == 0)
            first = strtoull(value, NULL, 10);
        else if (strcmp(argv[i], "--plant") == 0)
            for (unsigned p = 0; p < PLANT_COUNT; p++)
                plant = strcmp(s_plants[p], value) == 0 ? (plant_t)p : plant;
        plants |= strcmp(argv[i], "--plants") == 0;
        trace |= strcmp(argv[i], "--trace") == 0;
    }
    zr_log_set_level(ZR_LOG_ERROR);
    for (unsigned p = 1; plants && p < PLANT_COUNT; p++)
        good &= s_find((plant_t)p, first, seeds);
    for (uint64_t seed = first; !plants && good && seed < first + seeds; seed++)
        good = s_seed(seed, plant, trace, true);
    return !good;
}
