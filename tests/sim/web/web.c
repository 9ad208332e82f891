/* See web.h: the gateway's edge. */
#include "web.h"

#include <stdio.h>
#include <stdlib.h>

#include "http_api.h"
#include "listener.h"
#include "poster.h"
#include "fetch.h"
#include "sim.h"

enum { POSTERS = 3, LISTENERS = 3, TOPICS_MAX = 100 };

struct web {
    sim_t *sim;
    socket_t front, back;
    feeds_t *feeds;
    uplink_t *uplink;
    http_api_t *api;
    bool *changes; /* of the front's connection, not handed in yet; true: it stands */
    size_t change_count, change_size;
    bool pumping;   /* a pump is under way in the world's events */
    uint64_t armed; /* the newest timer under way; UINT64_MAX: none */
    size_t processes;
    exchange_t **requests; /* all that ever were */
    size_t request_count, request_size;
    poster_t *posters[POSTERS];
    listener_t *listeners[LISTENERS];
};

static uint64_t s_now(const web_t *web) {
    return web->sim->world.now / MS;
}

/* --- Time --- */

static void s_pump(web_t *web);

static void s_woken(void *ctx, uint64_t arg) {
    (void)arg;
    web_t *web = ctx;
    web->pumping = false;
    s_pump(web);
}

static void s_wake(web_t *web) {
    if (web->pumping)
        return;
    web->pumping = true;
    world_at(&web->sim->world, web->sim->world.now, s_woken, web, 0);
}

static void s_due(void *ctx, uint64_t due) {
    web_t *web = ctx;
    if (web->armed != due)
        return;
    web->armed = UINT64_MAX;
    s_pump(web);
}

/* A timer fires in the next millisecond, never before. */
static void s_set_timer(web_t *web) {
    uint64_t due = uplink_due(web->uplink), api = http_api_due(web->api), now = s_now(web);
    if (api < due)
        due = api;
    if (uplink_is_blocked(web->uplink) || due <= now)
        due = now + 1;
    if (due >= web->armed)
        return;
    web->armed = due;
    world_at(&web->sim->world, due * MS, s_due, web, due);
}

static bool s_hand_in(web_t *web) {
    queue_t *front = &web->front.in, *back = &web->back.in;
    if (!front->count && !back->count)
        return false;
    if (front->count && (!back->count || rng_chance(&web->sim->world.rng, 1, 2)))
        uplink_front(web->uplink, queue_pop(front), s_now(web));
    else
        uplink_back(web->uplink, queue_pop(back), s_now(web));
    return true;
}

/* A turn of the gateway's loop. */
static void s_pump(web_t *web) {
    uint64_t now = s_now(web);
    http_api_tick(web->api, now);
    while (s_hand_in(web))
        ;
    for (size_t i = 0; i < web->change_count; i++) {
        if (web->changes[i])
            uplink_up(web->uplink, now);
        else
            uplink_down(web->uplink, "the connection ended", now);
    }
    web->change_count = 0;
    uplink_tick(web->uplink, now);
    s_set_timer(web);
}

/* --- The link --- */

static bool s_send(web_t *web, const action_t *action) {
    if (!web->sim->quiet && rng_chance(&web->sim->world.rng, 1, 100))
        return false; /* the DEALER is full */
    int len = (int)(action->frame.len > 5 && action->frame.ptr[5] == '{' ? action->frame.len - 5 : 0);
    world_trace(&web->sim->world, "web sends %zu bytes %.*s", action->frame.len, len, action->frame.ptr + 5);
    socket_send(&web->front, plant_web(web->sim, zr_blob_copy(action->frame.ptr, action->frame.len)));
    return true;
}

static bool s_perform(void *ctx, const action_t *action) {
    web_t *web = ctx;
    switch (action->kind) {
    case ACTION_SEND:
        return s_send(web, action);
    case ACTION_CONNECT_FRONT:
        web->change_count = 0;
        socket_connect(&web->front, "sim://front");
        break;
    case ACTION_CONNECT_BACK:
        socket_connect(&web->back, action->endpoint);
        break;
    case ACTION_SUBSCRIBE:
    case ACTION_UNSUBSCRIBE:
        if (web->back.open)
            socket_subscribe(&web->back, action->topic, action->topic_len, action->kind == ACTION_SUBSCRIBE);
        break;
    case ACTION_DISCONNECT:
        web->change_count = 0;
        socket_close(&web->front);
        socket_close(&web->back);
        break;
    }
    return true;
}

static void s_subscribe(void *ctx, bool subscribe, zr_span_t topic) {
    action_t action = {.kind = subscribe ? ACTION_SUBSCRIBE : ACTION_UNSUBSCRIBE, .topic_len = topic.len};
    if (topic.len)
        memcpy(action.topic, topic.ptr, topic.len);
    s_perform(ctx, &action);
}

static void s_receive(void *owner, conn_kind_t kind, zr_blob_t *frame) {
    web_t *web = owner;
    queue_push(kind == CONN_FRONT ? &web->front.in : &web->back.in, frame);
    s_wake(web);
}

static void s_changed(void *owner, bool up) {
    web_t *web = owner;
    world_trace(&web->sim->world, "web hears that its connection %s", up ? "stands" : "ended");
    if (web->change_count == web->change_size)
        web->changes = world_grow(web->changes, &web->change_size, sizeof *web->changes);
    web->changes[web->change_count++] = up;
    s_wake(web);
}

/* --- The process --- */

static void s_entropy(void *ctx, void *out, size_t len) {
    web_t *web = ctx;
    rng_fill(&web->sim->entropy, out, len);
}

static void s_begin(web_t *web) {
    uplink_config_t uplink = {
        .server = "ipc:///sim/front", .agent = "sim", .perform = s_perform, .entropy = s_entropy, .ctx = web};
    web->processes++;
    web->feeds = feeds_new(TOPICS_MAX, 1 << 16, s_subscribe, web);
    web->uplink = uplink_new(&uplink, web->feeds, s_now(web));
    http_api_config_t api = {.uplink = web->uplink,
        .feeds = web->feeds,
        .reader_queue = web->sim->params.web_queue,
        .entropy = s_entropy,
        .ctx = web};
    web->api = http_api_new(&api, s_now(web));
    s_wake(web);
}

/* Its clients see their connections break, or are not told any more. */
static void s_end(web_t *web, bool tell) {
    for (size_t i = 0; i < web->request_count; i++) {
        if (tell)
            fetch_break(web->requests[i]);
        else
            fetch_drop(web->requests[i]);
    }
    http_api_destroy(web->api);
    feeds_destroy(web->feeds);
    uplink_destroy(web->uplink);
    web->change_count = 0;
    socket_close(&web->front);
    socket_close(&web->back);
}

void web_kill(web_t *web) {
    world_trace(&web->sim->world, "web ends");
    s_end(web, true);
    s_begin(web);
}

void web_take(web_t *web, exchange_t *e) {
    if (web->request_count == web->request_size)
        web->requests = world_grow(web->requests, &web->request_size, sizeof *web->requests);
    web->requests[web->request_count++] = e;
    http_api_take(web->api, e);
    s_wake(web);
}

static socket_t s_socket(web_t *web, conn_kind_t kind) {
    return (socket_t){.network = &web->sim->network,
        .kind = kind,
        .heeded = true,
        .receive = s_receive,
        .changed = s_changed,
        .owner = web,
        .name = "web"};
}

web_t *web_new(sim_t *sim) {
    web_t *web = world_calloc(sizeof *web);
    web->sim = sim;
    web->armed = UINT64_MAX;
    web->front = s_socket(web, CONN_FRONT);
    web->back = s_socket(web, CONN_BACK);
    s_begin(web);
    for (unsigned i = 0; i < POSTERS; i++)
        web->posters[i] = poster_new(sim, web, i);
    for (unsigned i = 0; i < LISTENERS; i++)
        web->listeners[i] = listener_new(sim, web, i);
    return web;
}

void web_destroy(web_t *web) {
    if (!web)
        return;
    s_end(web, false);
    for (unsigned i = 0; i < POSTERS; i++)
        poster_destroy(web->posters[i]);
    for (unsigned i = 0; i < LISTENERS; i++)
        listener_destroy(web->listeners[i]);
    for (size_t i = 0; i < web->request_count; i++)
        fetch_free(web->requests[i]);
    free(web->requests);
    free(web->changes);
    socket_finish(&web->front);
    socket_finish(&web->back);
    free(web);
}

/* --- For the rest of the simulation --- */

void web_step(web_t *web) {
    rng_t *rng = &web->sim->world.rng;
    if (rng_chance(rng, 2, 3))
        poster_step(web->posters[rng_below(rng, POSTERS)]);
    else
        listener_step(web->listeners[rng_below(rng, LISTENERS)]);
}

bool web_missing(const web_t *web, char *why, size_t size) {
    for (unsigned i = 0; i < POSTERS; i++)
        if (poster_missing(web->posters[i], why, size))
            return true;
    for (unsigned i = 0; i < LISTENERS; i++)
        if (listener_missing(web->listeners[i], why, size))
            return true;
    return false;
}

conn_t *web_conn(web_t *web, conn_kind_t kind) {
    return kind == CONN_FRONT ? web->front.conn : web->back.conn;
}

size_t web_processes(const web_t *web) {
    return web ? web->processes : 0;
}

/* A request has one at most. It keeps its client id when it begins anew. */
size_t web_sessions(const web_t *web) {
    return web ? web->processes + web->request_count : 0;
}
