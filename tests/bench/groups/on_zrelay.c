/* zrelay, by its library: workers of a group, or readers of the room. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "load.h"
#include "zrelay.h"

enum { AHEAD = 100000, WAIT_MS = 20 };

static zrelay_t *s_connect(const load_t *load) {
    zrelay_t *relay = zrelay_new(load->address);
    const zrelay_event_t *event;
    if (!relay || zrelay_share_context(relay) != 0)
        load_fail("no session with %s", load->address);
    do
        event = zrelay_next(relay, 10000);
    while (event && event->type != ZRELAY_CONNECTED);
    if (!event)
        load_fail("%s does not answer", load->address);
    return relay;
}

/* Takes the acks that came, and waits for them while `most` or more are missing. */
static void s_acks(zrelay_t *relay, size_t most) {
    const zrelay_event_t *event;
    while ((event = zrelay_next(relay, zrelay_unacked(relay) >= most ? 10000 : 0)))
        if (event->type == ZRELAY_REFUSED || event->type == ZRELAY_DISCONNECTED)
            load_fail("publishing: %s", event->text);
    if (zrelay_unacked(relay) >= most && errno != EINTR)
        load_fail("no ack");
}

static int s_worker(zrelay_t *relay) {
    char options[64];
    snprintf(options, sizeof options, "{\"total\":%d}", LOAD_PENDING);
    return zrelay_work(relay, LOAD_ROOM, LOAD_GROUP, LOAD_BATCH, options, NULL);
}

static void s_fill(load_t *load) {
    zrelay_t *relay = s_connect(load);
    char *body = load_memory(load->size);
    for (uint64_t i = 0; i < load->messages; i++) {
        if (load->rate) {
            uint64_t due = pace_due(&load->pace, i);
            if (pace_clock() < due)
                pace_sleep(&load->pace, due);
        }
        load_body(load, i, body);
        if (zrelay_publish(relay, LOAD_ROOM, body, load->size, NULL) != 0)
            load_fail("a message was not taken");
        if (load->rate || i % 1000 == 0)
            s_acks(relay, AHEAD / 2);
    }
    s_acks(relay, 1);
    free(body);
    zrelay_destroy(relay);
}

static void s_open(worker_t *worker) {
    zrelay_t *relay = s_connect(worker->load);
    worker->connection = relay;
    if (!worker->load->rate)
        return; /* the clock runs when it begins */
    int failed =
        worker->load->plain ? zrelay_join(relay, LOAD_ROOM, ZRELAY_FROM_NOW | ZRELAY_SILENT, 0) : s_worker(relay);
    const zrelay_event_t *event;
    do
        event = failed ? NULL : zrelay_next(relay, 10000);
    while (event && event->type != ZRELAY_JOINED && event->type != ZRELAY_WORKING);
    if (!event)
        load_fail("no way into the room");
}

static void s_work(worker_t *worker) {
    load_t *load = worker->load;
    zrelay_t *relay = worker->connection;
    if (!load->rate && s_worker(relay) != 0)
        load_fail("no group");
    while (!atomic_load_explicit(&load->over, memory_order_relaxed)) {
        const zrelay_event_t *event = zrelay_next(relay, WAIT_MS);
        if (!event)
            continue;
        if (event->type == ZRELAY_WORK || event->type == ZRELAY_ENTRY) {
            load_take(worker, event->body, event->body_len);
            if (load->plain)
                atomic_fetch_add(&load->settled, worker->number == 0);
            else if (zrelay_done(relay, event->worker, event->seq) != 0)
                load_fail("a worker is too far ahead");
        } else if (event->type == ZRELAY_SETTLED) {
            atomic_fetch_add(&load->settled, event->count);
        } else if (event->type == ZRELAY_REFUSED || event->type == ZRELAY_DISCONNECTED) {
            load_fail("working: %s", event->text);
        }
    }
    zrelay_destroy(relay);
}

/* All messages up to `mid` are answered: the library's numbers begin with 1 and are dense. */
static bool s_answered(worker_t *worker, const zrelay_event_t *event) {
    if (event->type == ZRELAY_REFUSED || (event->type == ZRELAY_DISCONNECTED && !worker->load->tell))
        load_fail("publishing: %s", event->text);
    return event->type != ZRELAY_ACKED || load_acked(worker, event->mid - worker->acked);
}

static void s_publish(worker_t *worker) {
    zrelay_t *relay = worker->connection;
    char *body = load_memory(worker->load->size);
    bool more = load_may_send(worker);
    while (more) {
        while (load_may_send(worker)) {
            load_body(worker->load, worker->sent, body);
            if (zrelay_publish(relay, LOAD_ROOM, body, worker->load->size, NULL) != 0)
                load_fail("a message was not taken");
            load_sent(worker);
        }
        const zrelay_event_t *event = zrelay_next(relay, WAIT_MS);
        for (; event && more; event = more ? zrelay_next(relay, 0) : NULL)
            more = s_answered(worker, event);
    }
    free(body);
    zrelay_destroy(relay);
}

const server_t server_zrelay = {"zrelay", s_fill, s_open, s_work, NULL, s_publish};
