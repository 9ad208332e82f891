/* The programs' calls of the library: any, in any order. */
#include <stdio.h>
#include <string.h>

#include "broker.h"
#include "check.h"
#include "check_work.h"
#include "machine_ask.h"
#include "client.h"
#include "sim.h"
#include "web.h"

static uint64_t s_now(const client_t *client) {
    return client->sim->world.now / MS;
}

static rng_t *s_rng(client_t *client) {
    return &client->sim->world.rng;
}

static unsigned s_some_room(client_t *client) {
    return (unsigned)rng_below(s_rng(client), client->sim->params.rooms);
}

/* The room as the client's epoch has it; NULL: the client knows no such room. */
static const model_room_t *s_known(const client_t *client, unsigned room) {
    return client->epoch < 0 ? NULL : &client->sim->model.epochs[client->epoch].rooms[room];
}

/* --- Publishing --- */

static void s_publish(client_t *client, const message_t *message, uint8_t flags) {
    sim_t *sim = client->sim;
    char key[16], body[512];
    uint64_t mid, tag = model_message(sim, message);
    int len = 0;
    snprintf(key, sizeof key, "k%d", message->key);
    if (message->deletes)
        sim->model.keys[message->key].deletion = tag;
    else
        len = snprintf(
            body, sizeof body, "%llu:%0*d", (unsigned long long)tag, (int)rng_skewed(s_rng(client), 400) + 1, 0);
    int code = machine_publish(client->driver.machine, room_text(message->room), message->key >= 0 ? key : NULL, flags,
        message->expect, body, (size_t)len, &mid);
    if (code != 0) {
        if (message->deletes)
            sim->model.keys[message->key].deletion = 0;
        if (code != ZRELAY_EFULL && code != ZRELAY_EMANY)
            world_fail(&sim->world, "sim", "c%u may not publish: %d", client->number, code);
        return;
    }
    sim->model.messages[tag].mid = mid;
    if (client->sent_count == client->sent_size)
        client->sent = world_grow(client->sent, &client->sent_size, sizeof *client->sent);
    client->sent[client->sent_count++] = (sent_t){mid, tag};
}

static void s_say(client_t *client) {
    message_t message = {.client = client, .room = s_some_room(client), .key = NO_KEY};
    for (uint64_t count = 1 + rng_skewed(s_rng(client), 20); count > 0; count--)
        s_publish(client, &message, 0);
}

/* Mostly a key that was used lately, so that programs meet; a deleted one is never used again. */
static int s_some_key(client_t *client, unsigned room) {
    model_t *model = &client->sim->model;
    if (!rng_chance(s_rng(client), 1, 4))
        for (size_t i = model->key_count, looked = 0; i-- > 0 && looked < 12; looked++)
            if (model->keys[i].room == room && model->keys[i].deletion == 0 && rng_chance(s_rng(client), 1, 2))
                return (int)i;
    return model_key(client->sim, room);
}

static void s_keyed(client_t *client, bool deletes, bool compares) {
    message_t message = {.client = client, .room = s_some_room(client), .deletes = deletes, .compares = compares};
    if (client->sim->params.forget_after_ms && message.room % 2 == 0)
        return; /* a room with a value is never forgotten */
    message.key = s_some_key(client, message.room);
    const model_room_t *room = s_known(client, message.room);
    if (compares && room && (size_t)message.key < room->value_count && rng_chance(s_rng(client), 4, 5))
        message.expect = room->values[message.key];
    s_publish(client, &message, (deletes ? ZR_ENTRY_DELETE : 0) | (compares ? ZR_ENTRY_EXPECT : 0));
}

static void s_set(client_t *client) {
    s_keyed(client, false, false);
}

static void s_compare(client_t *client) {
    for (uint64_t count = 1 + rng_skewed(s_rng(client), 6); count > 0; count--)
        s_keyed(client, rng_chance(s_rng(client), 1, 6), true);
}

static void s_delete(client_t *client) {
    s_keyed(client, true, false);
}

/* --- Rooms --- */

static int s_from(client_t *client, unsigned room, uint64_t *position) {
    rng_t *rng = s_rng(client);
    const model_room_t *known = s_known(client, room);
    *position = 0;
    switch (rng_below(rng, 4)) {
    case 0:
        return ZRELAY_FROM_NOW;
    case 1:
        *position = rng_below(rng, 12);
        return ZRELAY_FROM_LAST;
    case 2:
        if (known && known->stored > 0)
            *position = known->records[rng_below(rng, known->stored)].seq;
        return ZRELAY_FROM_AFTER;
    default:
        return ZRELAY_FROM_AFTER;
    }
}

static int s_options(client_t *client) {
    return (rng_chance(s_rng(client), 1, 4) ? ZRELAY_SILENT : 0) |
           (rng_chance(s_rng(client), 1, 2) ? ZRELAY_PRESENCE : 0);
}

static void s_join_room(client_t *client, unsigned room, int from, int options, uint64_t position) {
    check_wished(client);
    int code = machine_join(client->driver.machine, room_text(room), from | options, position, s_now(client));
    if (code == ZRELAY_EMANY)
        return;
    if (code != 0) {
        world_fail(&client->sim->world, "sim", "c%u may not join: %d", client->number, code);
        return;
    }
    world_trace(&client->sim->world, "c%u joins %s from %d %llu", client->number, room_text(room), from,
        (unsigned long long)position);
    client->readers[room] = (reader_t){.wanted = true,
        .from = from,
        .position = position,
        .silent = options & ZRELAY_SILENT,
        .watches = options & ZRELAY_PRESENCE};
}

static void s_join_prefix(client_t *client) {
    for (unsigned r = 0; r < ROOMS; r++)
        if (client->readers[r].wanted)
            return;
    int options = rng_chance(s_rng(client), 1, 3) ? ZRELAY_PRESENCE : 0;
    check_wished(client);
    client->prefix_from = (int)rng_below(s_rng(client), 3);
    client->prefix_position = client->prefix_from == ZRELAY_FROM_LAST ? rng_below(s_rng(client), 5) : 0;
    if (machine_join(
            client->driver.machine, PREFIX, client->prefix_from | options, client->prefix_position, s_now(client)) != 0)
        return;
    world_trace(&client->sim->world, "c%u joins " PREFIX " from %d %llu", client->number, client->prefix_from,
        (unsigned long long)client->prefix_position);
    client->prefix = true;
    client->partly = client->prefix_listed = false;
    client->prefix_watches = options;
}

static void s_join(client_t *client) {
    unsigned room = s_some_room(client);
    uint64_t position;
    if (!client->prefix && rng_chance(s_rng(client), 1, 6)) {
        s_join_prefix(client);
    } else if (!client->prefix && !client->readers[room].wanted) {
        int from = s_from(client, room, &position);
        s_join_room(client, room, from, s_options(client), position);
    }
}

static void s_leave(client_t *client) {
    unsigned room = s_some_room(client);
    check_wished(client);
    if (client->prefix) {
        machine_leave(client->driver.machine, PREFIX, s_now(client));
        client->prefix = false;
        for (unsigned r = 0; r < ROOMS; r++)
            client_no_reader(client, r);
    } else if (client->readers[room].wanted) {
        machine_leave(client->driver.machine, room_text(room), s_now(client));
        client_no_reader(client, room);
    }
}

/* --- Questions --- */

static void s_ask(client_t *client) {
    rng_t *rng = s_rng(client);
    ask_t ask = {.kind = (ask_kind_t)rng_below(rng, ASK_PING + 1),
        .room = s_some_room(client),
        .key = NO_KEY,
        .epoch = -1,
        .known = client->epoch,
        .answered = -1};
    const model_room_t *known = s_known(client, ask.room);
    const char *room = room_text(ask.room);
    const client_t *other;
    char key[16];
    int code = 0;
    if (known && client->epoch == (int)client->sim->model.epoch_count - 1) {
        ask.epoch = client->epoch;
        ask.head = model_head(known);
    }
    switch (ask.kind) {
    case ASK_HISTORY:
        if (rng_chance(rng, 1, 2))
            ask.last = rng_below(rng, 20);
        else if (known && known->stored > 0)
            ask.after = known->records[rng_below(rng, known->stored)].seq;
        ask.limit = ask.last || rng_chance(rng, 1, 2) ? 0 : rng_below(rng, 20);
        code = machine_history(client->driver.machine, room, ask.after, ask.last, ask.limit, &ask.number);
        break;
    case ASK_STATE:
        if (rng_chance(rng, 1, 4) && client->sim->model.key_count > 0)
            ask.key = s_some_key(client, ask.room);
        snprintf(key, sizeof key, "k%d", ask.key);
        code = machine_state(client->driver.machine, room, ask.key >= 0 ? key : NULL, &ask.number);
        break;
    case ASK_WHO:
        code = machine_who(client->driver.machine, room, &ask.number);
        break;
    case ASK_ROOMS:
        code = machine_rooms(client->driver.machine, rng_chance(rng, 1, 2) ? "r" : "", &ask.number);
        break;
    case ASK_DIRECT:
        other = client->sim->clients[rng_below(rng, client->sim->client_count)];
        code = machine_direct(client->driver.machine, other->nick[0] ? other->nick : "n0", other->nick, &ask.number);
        break;
    case ASK_PING:
        code = machine_ping(client->driver.machine, &ask.number);
        break;
    }
    if (code != 0)
        world_fail(&client->sim->world, "sim", "c%u may not ask: %d", client->number, code);
    if (client->ask_count == client->ask_size)
        client->asks = world_grow(client->asks, &client->ask_size, sizeof *client->asks);
    client->asks[client->ask_count++] = ask;
}

/* --- The session --- */

static void s_close(client_t *client) {
    if (!rng_chance(s_rng(client), 1, 3))
        return;
    client->closing = true;
    machine_close(client->driver.machine, s_now(client));
}

static const struct {
    unsigned weight;
    void (*act)(client_t *client);
} s_acts[] = {
    {37, s_say},
    {3, client_show},
    {10, s_set},
    {10, s_compare},
    {4, s_delete},
    {14, s_join},
    {4, s_leave},
    {12, s_ask},
    {4, client_rename},
    {2, s_close},
};

/* Coming, going and taking other nicks, more than anything else. */
static void s_mingle(client_t *client) {
    static void (*const acts[])(client_t * client) = {s_join, s_join, s_leave, client_rename, client_show};
    acts[rng_below(s_rng(client), sizeof acts / sizeof *acts)](client);
}

static void s_act(client_t *client) {
    uint64_t at = rng_below(s_rng(client), 100);
    if (client->sim->params.sociable && rng_chance(s_rng(client), 2, 3))
        s_mingle(client);
    for (size_t i = 0; i < sizeof s_acts / sizeof *s_acts; i++) {
        if (at < s_acts[i].weight) {
            s_acts[i].act(client);
            break;
        }
        at -= s_acts[i].weight;
    }
    if (client->sim->params.work && rng_chance(&client->sim->work, 1, 5))
        work_step(client);
    if (client->sim->params.forget_after_ms && rng_chance(s_rng(client), 1, 5))
        s_leave(client); /* so that rooms are empty now and then */
    client_wake(client);
}

void program_step(sim_t *sim) {
    if (sim->params.rights && rng_chance(&sim->world.rng, 1, 40))
        rights_change(sim);
    if (sim->web && rng_chance(&sim->world.rng, 1, 4)) {
        web_step(sim->web);
        return;
    }
    unsigned slot = (unsigned)rng_below(&sim->world.rng, sim->params.slots);
    client_t *client = sim->slots[slot];
    if (!client)
        client_new(sim, slot);
    else if (!client->driver.frozen && !client->closing)
        s_act(client);
}

void program_react(sim_t *sim) {
    for (unsigned i = 0; i < SLOTS; i++) {
        client_t *client = sim->slots[i];
        if (client && client->sim->quiet && client->driver.machine && !client->closing)
            work_hurry(client);
        if (client && client->naming && !client->driver.frozen && !client->closing)
            client_rename(client);
    }
}

void program_visit(client_t *client) {
    for (unsigned r = 0; r < client->sim->params.rooms; r++) {
        message_t message = {.client = client, .room = r, .key = NO_KEY};
        if (!client->readers[r].wanted && !client->prefix)
            s_join_room(client, r, ZRELAY_FROM_NOW, ZRELAY_PRESENCE, 0);
        s_publish(client, &message, 0);
    }
    client_wake(client);
}
