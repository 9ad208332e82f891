/* See driver.h. */
#include "driver.h"

#include <stdio.h>
#include <stdlib.h>

static uint64_t s_now(const driver_t *driver) {
    return driver->network->world->now / MS;
}

/* --- The sockets --- */

static void s_receive(void *owner, conn_kind_t kind, zr_blob_t *frame) {
    driver_t *driver = owner;
    if (!driver->machine) {
        zr_blob_unref(frame);
        return;
    }
    queue_push(kind == CONN_FRONT ? &driver->front.in : &driver->back.in, frame);
    driver_wake(driver);
}

static void s_changed(void *owner, bool up) {
    driver_t *driver = owner;
    if (!driver->machine)
        return;
    world_trace(driver->network->world, "%s hears that its connection %s", driver->name, up ? "stands" : "ended");
    if (driver->change_count == driver->change_size)
        driver->changes = world_grow(driver->changes, &driver->change_size, sizeof *driver->changes);
    driver->changes[driver->change_count++] = up;
    driver_wake(driver);
}

static void s_failed(void *owner, conn_kind_t kind) {
    driver_t *driver = owner;
    if (kind != CONN_FRONT || !driver->machine || driver->frozen)
        return;
    machine_front_unreachable(driver->machine, "nobody listens", s_now(driver));
    driver_wake(driver);
}

static void s_init_socket(driver_t *driver, conn_kind_t kind, struct client *client) {
    socket_t *socket = kind == CONN_FRONT ? &driver->front : &driver->back;
    *socket = (socket_t){.network = driver->network,
        .client = client,
        .kind = kind,
        .receive = s_receive,
        .changed = s_changed,
        .failed = driver->several ? s_failed : NULL,
        .owner = driver};
    snprintf(socket->name, sizeof socket->name, "%s", driver->name);
}

void driver_init(driver_t *driver, network_t *network, const char *name, struct client *client) {
    driver->network = network;
    driver->due = driver->armed = UINT64_MAX;
    snprintf(driver->name, sizeof driver->name, "%s", name);
    s_init_socket(driver, CONN_FRONT, client);
    s_init_socket(driver, CONN_BACK, client);
}

void driver_end(driver_t *driver) {
    machine_destroy(driver->machine);
    driver->machine = NULL;
    socket_close(&driver->front);
    socket_close(&driver->back);
}

void driver_finish(driver_t *driver) {
    machine_destroy(driver->machine);
    socket_finish(&driver->front);
    socket_finish(&driver->back);
    free(driver->changes);
}

/* --- Actions --- */

/* A fresh DEALER has a fresh monitor. */
static void s_forget_changes(driver_t *driver) {
    driver->change_count = 0;
}

static const char *s_text(zr_span_t frame, int *len) {
    *len = frame.ptr[0] == '{' ? (int)frame.len : 0;
    return frame.ptr;
}

static void s_act(driver_t *driver, const action_t *action) {
    world_t *world = driver->network->world;
    int len;
    const char *text;
    switch (action->kind) {
    case ACTION_SEND:
        text = s_text(action->frame, &len);
        world_trace(world, "%s sends %zu bytes %.*s", driver->name, action->frame.len, len, text);
        if (driver->calls->sends)
            driver->calls->sends(driver->ctx, action->frame);
        socket_send(&driver->front, zr_blob_copy(action->frame.ptr, action->frame.len));
        break;
    case ACTION_CONNECT_FRONT:
        text = action->endpoint ? action->endpoint : "sim://front";
        world_trace(
            world, "%s front connects%s%s", driver->name, action->endpoint ? " to " : "", action->endpoint ? text : "");
        s_forget_changes(driver);
        socket_connect(&driver->front, text);
        break;
    case ACTION_CONNECT_BACK:
        world_trace(world, "%s back connects to %s", driver->name, action->endpoint);
        driver->back_lost = false;
        socket_connect(&driver->back, action->endpoint);
        break;
    case ACTION_SUBSCRIBE:
    case ACTION_UNSUBSCRIBE:
        world_trace(world, "%s %ssubscribes %.*s", driver->name, action->kind == ACTION_SUBSCRIBE ? "" : "un",
            (int)action->topic_len, (const char *)action->topic);
        if (driver->back.open)
            socket_subscribe(&driver->back, action->topic, action->topic_len, action->kind == ACTION_SUBSCRIBE);
        else if (!driver->back_lost)
            world_fail(world, "sim", "%s subscribes without a SUB", driver->name);
        break;
    case ACTION_DISCONNECT:
        world_trace(world, "%s disconnects", driver->name);
        s_forget_changes(driver);
        socket_close(&driver->front);
        socket_close(&driver->back);
        break;
    }
}

static bool s_act_all(driver_t *driver) {
    action_t action;
    bool any = false;
    while (machine_action(driver->machine, &action, s_now(driver))) {
        s_act(driver, &action);
        any = true;
    }
    return any;
}

static bool s_take_all(driver_t *driver) {
    const zrelay_event_t *event;
    bool any = false;
    while (!driver->network->world->failed && (event = machine_event(driver->machine))) {
        driver->calls->event(driver->ctx, event);
        any = true;
    }
    return any;
}

/* --- Frames and changes --- */

static void s_hand_in_front(driver_t *driver, zr_blob_t *frame) {
    if (driver->calls->arrived)
        driver->calls->arrived(driver->ctx, zr_span_of(zr_blob_data(frame), zr_blob_len(frame)));
    machine_front(driver->machine, frame, s_now(driver));
}

static bool s_hand_in_changes(driver_t *driver) {
    bool any = driver->change_count > 0;
    for (size_t i = 0; i < driver->change_count; i++) {
        if (driver->changes[i]) {
            machine_front_up(driver->machine, s_now(driver));
            continue;
        }
        while (driver->front.in.count)
            s_hand_in_front(driver, queue_pop(&driver->front.in));
        machine_front_down(driver->machine, s_now(driver));
    }
    s_forget_changes(driver);
    return any;
}

/* A frame of each socket in turn, as two sockets with one poller give them. */
static bool s_hand_in(driver_t *driver) {
    rng_t *rng = &driver->network->world->rng;
    bool any = false;
    while (driver->front.in.count || driver->back.in.count) {
        bool front = driver->front.in.count && (!driver->back.in.count || rng_chance(rng, 1, 2));
        zr_blob_t *frame = queue_pop(front ? &driver->front.in : &driver->back.in);
        if (front)
            s_hand_in_front(driver, frame);
        else
            machine_back(driver->machine, frame, s_now(driver));
        any = true;
        /* An action may close the sockets: what waits in them then is gone. */
        if (rng_chance(rng, 1, 2))
            s_act_all(driver);
    }
    return any;
}

/* --- Time --- */

static void s_pump(driver_t *driver);

static void s_due(void *ctx, uint64_t due) {
    driver_t *driver = ctx;
    if (driver->armed == due)
        driver->armed = UINT64_MAX;
    if (driver->due == due)
        s_pump(driver);
}

static void s_set_timer(driver_t *driver) {
    uint64_t due = machine_due(driver->machine);
    driver->due = due;
    if (due == UINT64_MAX || due == driver->armed)
        return;
    driver->armed = due;
    /* A timer fires in the next millisecond, never before. */
    uint64_t now = driver->network->world->now;
    world_at(driver->network->world, due * MS > now ? due * MS : now + 1 * MS, s_due, driver, due);
}

static void s_pump(driver_t *driver) {
    world_t *world = driver->network->world;
    if (!driver->machine || driver->frozen)
        return;
    driver->due = UINT64_MAX;
    machine_tick(driver->machine, s_now(driver));
    for (unsigned turns = 0; !world->failed; turns++) {
        bool any = s_hand_in_changes(driver);
        any |= s_hand_in(driver);
        any |= s_act_all(driver);
        any |= s_take_all(driver);
        if (!any)
            break;
        if (turns > 1000)
            world_fail(world, "I6", "%s: the machine never rests", driver->name);
    }
    if (world->failed || !driver->calls->over(driver->ctx))
        s_set_timer(driver);
}

static void s_woken(void *ctx, uint64_t arg) {
    (void)arg;
    driver_t *driver = ctx;
    driver->pumping = false;
    s_pump(driver);
}

void driver_wake(driver_t *driver) {
    if (driver->pumping)
        return;
    driver->pumping = true;
    world_at(driver->network->world, driver->network->world->now, s_woken, driver, 0);
}

void driver_freeze(driver_t *driver, bool frozen) {
    driver->frozen = frozen;
    if (!frozen)
        driver_wake(driver);
}

void driver_back_down(driver_t *driver) {
    driver->back_lost |= driver->back.open;
    socket_close(&driver->back);
    machine_back_down(driver->machine, s_now(driver));
    driver_wake(driver);
}
