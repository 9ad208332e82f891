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

/* A frame arrived at one of its sockets. */
static void s_receive(void *owner, conn_kind_t kind, zr_blob_t *frame) {
    client_t *client = owner;
    if (!client->machine) {
        zr_blob_unref(frame);
        return;
    }
    queue_push(kind == CONN_FRONT ? &client->front.in : &client->back.in, frame);
    client_wake(client);
}

static void s_front_changed(void *owner, bool up) {
    client_t *client = owner;
    if (!client->machine)
        return;
    world_trace(&client->sim->world, "c%u hears that its connection %s", client->number, up ? "stands" : "ended");
    if (client->change_count == client->change_size)
        client->changes = world_grow(client->changes, &client->change_size, sizeof *client->changes);
    client->changes[client->change_count++] = up;
    client_wake(client);
}

static void s_init_socket(client_t *client, socket_t *socket, conn_kind_t kind) {
    *socket = (socket_t){.sim = client->sim,
        .client = client,
        .kind = kind,
        .receive = s_receive,
        .changed = s_front_changed,
        .owner = client};
    snprintf(socket->name, sizeof socket->name, "c%u", client->number);
}

client_t *client_new(sim_t *sim, unsigned slot) {
    client_t *client = world_calloc(sizeof *client);
    if (sim->client_count == sim->client_size)
        sim->clients = world_grow(sim->clients, &sim->client_size, sizeof *sim->clients);
    *client = (client_t){.sim = sim,
        .number = (unsigned)sim->client_count,
        .slot = slot,
        .epoch = -1,
        .next_epoch = -1,
        .due = UINT64_MAX,
        .armed = UINT64_MAX};
    sim->clients[sim->client_count++] = client;
    sim->slots[slot] = client;
    s_init_socket(client, &client->front, CONN_FRONT);
    s_init_socket(client, &client->back, CONN_BACK);
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
    client->machine = machine_new(&config, s_now(client));
    world_trace(&sim->world, "c%u begins as %s", client->number, guest ? "a guest" : client->nick);
    client_wake(client);
    return client;
}

void client_no_reader(client_t *client, unsigned room) {
    free(client->readers[room].seen);
    client->readers[room] = (reader_t){0};
}

void client_destroy(client_t *client) {
    machine_destroy(client->machine);
    socket_finish(&client->front);
    socket_finish(&client->back);
    for (unsigned r = 0; r < ROOMS; r++)
        client_no_reader(client, r);
    for (size_t i = 0; i < client->ask_count; i++)
        free(client->asks[i].seqs);
    free(client->asks);
    free(client->changes);
    free(client->names);
    free(client->sent);
    free(client);
}

void client_kill(client_t *client) {
    sim_t *sim = client->sim;
    world_trace(&sim->world, "c%u ends", client->number);
    machine_destroy(client->machine);
    client->machine = NULL;
    socket_close(&client->front);
    socket_close(&client->back);
    sim->slots[client->slot] = NULL;
}

void client_rename(client_t *client) {
    s_choose_nick(client);
    client->naming = false;
    check_wished(client);
    machine_rename(client->machine, client->nick, s_now(client));
    client_wake(client);
}

void client_show(client_t *client) {
    char meta[32] = "{}";
    client->shown++;
    client->meta = client->shown % 4 ? client->shown : 0;
    if (client->meta)
        snprintf(meta, sizeof meta, "{\"n\":%u}", client->meta);
    world_trace(&client->sim->world, "c%u shows %s", client->number, meta);
    machine_set_meta(client->machine, meta, s_now(client));
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

/* --- The link --- */

/* A fresh DEALER has a fresh monitor. */
static void s_forget_changes(client_t *client) {
    client->change_count = 0;
}

static const char *s_text(zr_span_t frame, int *len) {
    *len = frame.ptr[0] == '{' ? (int)frame.len : 0;
    return frame.ptr;
}

static void s_act(client_t *client, const action_t *action) {
    sim_t *sim = client->sim;
    int len;
    const char *text;
    switch (action->kind) {
    case ACTION_SEND:
        text = s_text(action->frame, &len);
        world_trace(&sim->world, "c%u sends %zu bytes %.*s", client->number, action->frame.len, len, text);
        work_trace_settle(client, action->frame);
        if (len)
            check_asked(client, action->frame);
        socket_send(&client->front, zr_blob_copy(action->frame.ptr, action->frame.len));
        break;
    case ACTION_CONNECT_FRONT:
        world_trace(&sim->world, "c%u front connects", client->number);
        s_forget_changes(client);
        socket_connect(&client->front, "sim://front");
        break;
    case ACTION_CONNECT_BACK:
        world_trace(&sim->world, "c%u back connects to %s", client->number, action->endpoint);
        client->back_lost = false;
        socket_connect(&client->back, action->endpoint);
        break;
    case ACTION_SUBSCRIBE:
    case ACTION_UNSUBSCRIBE:
        world_trace(&sim->world, "c%u %ssubscribes %.*s", client->number, action->kind == ACTION_SUBSCRIBE ? "" : "un",
            (int)action->topic_len, (const char *)action->topic);
        if (client->back.open)
            socket_subscribe(&client->back, action->topic, action->topic_len, action->kind == ACTION_SUBSCRIBE);
        else if (!client->back_lost)
            world_fail(&sim->world, "sim", "c%u subscribes without a SUB", client->number);
        break;
    case ACTION_DISCONNECT:
        world_trace(&sim->world, "c%u disconnects", client->number);
        s_forget_changes(client);
        socket_close(&client->front);
        socket_close(&client->back);
        break;
    }
}

static bool s_act_all(client_t *client) {
    action_t action;
    bool any = false;
    while (machine_action(client->machine, &action, s_now(client))) {
        s_act(client, &action);
        any = true;
    }
    return any;
}

static bool s_take_all(client_t *client) {
    const zrelay_event_t *event;
    bool any = false;
    while (!client->sim->world.failed && (event = machine_event(client->machine))) {
        check_event(client, event);
        any = true;
    }
    return any;
}

static void s_hand_in_front(client_t *client, zr_blob_t *frame) {
    check_answered(client, zr_span_of(zr_blob_data(frame), zr_blob_len(frame)));
    machine_front(client->machine, frame, s_now(client));
}

static bool s_hand_in_changes(client_t *client) {
    bool any = client->change_count > 0;
    for (size_t i = 0; i < client->change_count; i++) {
        if (client->changes[i]) {
            machine_front_up(client->machine, s_now(client));
            continue;
        }
        while (client->front.in.count)
            s_hand_in_front(client, queue_pop(&client->front.in));
        machine_front_down(client->machine, s_now(client));
    }
    s_forget_changes(client);
    return any;
}

/* A frame of each socket in turn, as two sockets with one poller give them. */
static bool s_hand_in(client_t *client) {
    rng_t *rng = &client->sim->world.rng;
    bool any = false;
    while (client->front.in.count || client->back.in.count) {
        bool front = client->front.in.count && (!client->back.in.count || rng_chance(rng, 1, 2));
        zr_blob_t *frame = queue_pop(front ? &client->front.in : &client->back.in);
        if (front)
            s_hand_in_front(client, frame);
        else
            machine_back(client->machine, frame, s_now(client));
        any = true;
        /* An action may close the sockets: what waits in them then is gone. */
        if (rng_chance(rng, 1, 2))
            s_act_all(client);
    }
    return any;
}

static void s_due(void *ctx, uint64_t due) {
    client_t *client = ctx;
    if (client->armed == due)
        client->armed = UINT64_MAX;
    if (client->due == due)
        client_pump(client);
}

static void s_set_timer(client_t *client) {
    uint64_t due = machine_due(client->machine);
    client->due = due;
    if (due == UINT64_MAX || due == client->armed)
        return;
    client->armed = due;
    /* A timer fires in the next millisecond, never before. */
    uint64_t now = client->sim->world.now;
    world_at(&client->sim->world, due * MS > now ? due * MS : now + 1 * MS, s_due, client, due);
}

void client_pump(client_t *client) {
    if (!client->machine || client->frozen)
        return;
    client->due = UINT64_MAX;
    machine_tick(client->machine, s_now(client));
    for (unsigned turns = 0; !client->sim->world.failed; turns++) {
        bool any = s_hand_in_changes(client);
        any |= s_hand_in(client);
        any |= s_act_all(client);
        any |= s_take_all(client);
        if (!any)
            break;
        if (turns > 1000)
            world_fail(&client->sim->world, "I6", "c%u: the machine never rests", client->number);
    }
    if (client->closed && !client->sim->world.failed) {
        client_kill(client);
        return;
    }
    s_set_timer(client);
}

static void s_woken(void *ctx, uint64_t arg) {
    (void)arg;
    client_t *client = ctx;
    client->pumping = false;
    client_pump(client);
}

void client_back_down(client_t *client) {
    world_trace(&client->sim->world, "c%u loses its SUB", client->number);
    client->back_lost |= client->back.open;
    socket_close(&client->back);
    machine_back_down(client->machine, s_now(client));
    client_wake(client);
}

void client_wake(client_t *client) {
    if (client->pumping)
        return;
    client->pumping = true;
    world_at(&client->sim->world, client->sim->world.now, s_woken, client, 0);
}

void client_freeze(client_t *client, bool frozen) {
    world_trace(&client->sim->world, "c%u %s", client->number, frozen ? "freezes" : "thaws");
    client->frozen = frozen;
    client->froze = client->sim->world.now;
    if (!frozen)
        client_wake(client);
}
