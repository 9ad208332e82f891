#include "check_work.h"
#include "client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "machine_identity.h"
#include "sim.h"

unsigned client_number(const client_t *client) {
    return client->number;
}

static void s_entropy(void *ctx, void *out, size_t len) {
    sim_t *sim = ctx;
    rng_fill(&sim->entropy, out, len);
}

static uint64_t s_now(const client_t *client) {
    return client->sim->world.now / MS;
}

/* Nicks are mostly new; now and then one that another program has, or had just before. */
static void s_choose_nick(client_t *client) {
    sim_t *sim = client->sim;
    unsigned number = client->number;
    if (client->nicks++ == 0 && number > 0 && !sim->quiet && rng_chance(&sim->world.rng, 1, 5))
        number = (unsigned)rng_below(&sim->world.rng, number);
    snprintf(client->nick, sizeof client->nick, "n%u", number);
    if (client->nicks > 1)
        snprintf(client->nick, sizeof client->nick, "n%u-%u", number, client->nicks);
    client_named(client, client->nick);
}

bool client_is_named(const client_t *client, const char *nick) {
    for (size_t i = 0; i < client->name_count; i++)
        if (strcmp(client->names[i], nick) == 0)
            return true;
    return false;
}

void client_named(client_t *client, const char *nick) {
    if (client_is_named(client, nick))
        return;
    if (client->name_count == client->name_size)
        client->names = world_grow(client->names, &client->name_size, sizeof *client->names);
    snprintf(client->names[client->name_count++], sizeof *client->names, "%s", nick);
}

/* --- The driver's calls --- */

static void s_on_event(void *ctx, const zrelay_event_t *event) {
    check_event(ctx, event);
}

static bool s_is_over(void *ctx) {
    client_t *client = ctx;
    if (!client->closed)
        return false;
    client_kill(client);
    return true;
}

static void s_on_send(void *ctx, zr_span_t frame) {
    work_trace_settle(ctx, frame);
    if (frame.ptr[0] == '{')
        check_asked(ctx, frame);
}

static void s_on_arrived(void *ctx, zr_span_t frame) {
    check_answered(ctx, frame);
}

static void s_init_driver(client_t *client) {
    static const driver_calls_t calls = {
        .event = s_on_event, .over = s_is_over, .sends = s_on_send, .arrived = s_on_arrived};
    char name[8];
    snprintf(name, sizeof name, "c%u", client->number);
    client->driver.calls = &calls;
    client->driver.ctx = client;
    driver_init(&client->driver, &client->sim->network, name, client);
}

client_t *client_new(sim_t *sim, unsigned slot) {
    client_t *client = world_calloc(sizeof *client);
    if (sim->client_count == sim->client_size)
        sim->clients = world_grow(sim->clients, &sim->client_size, sizeof *sim->clients);
    *client =
        (client_t){.sim = sim, .number = (unsigned)sim->client_count, .slot = slot, .epoch = -1, .next_epoch = -1};
    sim->clients[sim->client_count++] = client;
    sim->slots[slot] = client;
    s_init_driver(client);
    bool guest = false;
    if (sim->params.rights)
        client->user = rights_user(slot);
    else if (sim->params.authenticated)
        client->user = slot % 2 ? "ann" : "bob";
    else
        guest = rng_chance(&sim->world.rng, 1, 6);
    s_choose_nick(client);
    char token[64];
    if (sim->params.jwt)
        snprintf(token, sizeof token, "e.%s.%u", client->user, client->number);
    else
        snprintf(token, sizeof token, "t%u", client->number % 8); /* some are known already */
    machine_config_t config = {.user = sim->params.tokens && !sim->params.jwt ? client->user : NULL,
        .token = sim->params.tokens && client->user ? token : NULL,
        .nick = guest ? NULL : client->nick,
        .queue_messages = 1000,
        .queue_bytes = 1 << 20,
        .pack = sim->params.pack,
        .prefix_rooms = sim->params.prefix_rooms,
        .reconnect = true,
        .entropy = s_entropy,
        .entropy_ctx = sim};
    client->driver.machine = machine_new(&config, s_now(client));
    world_trace(&sim->world, "c%u begins as %s", client->number, guest ? "a guest" : client->nick);
    client_wake(client);
    return client;
}

void client_no_reader(client_t *client, unsigned room) {
    free(client->readers[room].seen);
    client->readers[room] = (reader_t){0};
}

void client_destroy(client_t *client) {
    driver_finish(&client->driver);
    for (unsigned r = 0; r < ROOMS; r++)
        client_no_reader(client, r);
    for (size_t i = 0; i < client->ask_count; i++)
        free(client->asks[i].seqs);
    free(client->asks);
    free(client->names);
    free(client->sent);
    free(client);
}

void client_kill(client_t *client) {
    sim_t *sim = client->sim;
    world_trace(&sim->world, "c%u ends", client->number);
    driver_end(&client->driver);
    sim->slots[client->slot] = NULL;
}

void client_rename(client_t *client) {
    s_choose_nick(client);
    client->naming = false;
    check_wished(client);
    machine_rename(client->driver.machine, client->nick, s_now(client));
    client_wake(client);
}

void client_show(client_t *client) {
    char meta[32] = "{}";
    client->shown++;
    client->meta = client->shown % 4 ? client->shown : 0;
    if (client->meta)
        snprintf(meta, sizeof meta, "{\"n\":%u}", client->meta);
    world_trace(&client->sim->world, "c%u shows %s", client->number, meta);
    machine_set_meta(client->driver.machine, meta, s_now(client));
    client_wake(client);
}

size_t client_sent_from(const client_t *client, uint64_t mid) {
    size_t low = 0, high = client->sent_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (client->sent[middle].mid < mid)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* --- The driver --- */

void client_back_down(client_t *client) {
    world_trace(&client->sim->world, "c%u loses its SUB", client->number);
    driver_back_down(&client->driver);
}

void client_wake(client_t *client) {
    driver_wake(&client->driver);
}

void client_freeze(client_t *client, bool frozen) {
    world_trace(&client->sim->world, "c%u %s", client->number, frozen ? "freezes" : "thaws");
    client->froze = client->sim->world.now;
    driver_freeze(&client->driver, frozen);
}
