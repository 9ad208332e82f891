/* The bare pump: a DEALER publishes, SUBs read; --pack messages share a frame. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "generator.h"

enum { BURST = 1000, PROBE_MS = 10, PROBES = 1000 };

typedef struct {
    work_t *work;
    void *context, *publisher, **readers;
    uint64_t *next;
} pump_t;

static void *s_connect(pump_t *pump, int type, const char *port) {
    char endpoint[128];
    int zero = 0;
    void *socket = zmq_socket(pump->context, type);
    zmq_setsockopt(socket, ZMQ_SNDHWM, &zero, sizeof zero);
    zmq_setsockopt(socket, ZMQ_RCVHWM, &zero, sizeof zero);
    zmq_setsockopt(socket, ZMQ_LINGER, &zero, sizeof zero);
    if (type == ZMQ_SUB)
        zmq_setsockopt(socket, ZMQ_SUBSCRIBE, TOPIC, sizeof TOPIC);
    snprintf(endpoint, sizeof endpoint, "tcp://%s:%s", pump->work->host, port);
    if (zmq_connect(socket, endpoint) != 0)
        work_fail("cannot connect to %s: %s", endpoint, zmq_strerror(zmq_errno()));
    return socket;
}

/* A PUB says nothing of subscriptions: short frames are sent until each reader got one. */
static void s_until_live(pump_t *pump) {
    for (size_t i = 0; i < pump->work->readers; i++) {
        zmq_pollitem_t item = {pump->readers[i], 0, ZMQ_POLLIN, 0};
        for (int probes = 0; zmq_poll(&item, 1, PROBE_MS) == 0; probes++) {
            if (probes == PROBES)
                work_fail("a reader hears nothing");
            zmq_send(pump->publisher, TOPIC, sizeof TOPIC, 0);
        }
    }
}

/* One frame of a reader. 0: there was none; else the messages in it, a probe's none being told by `*probe`. */
static uint64_t s_take(pump_t *pump, size_t index, zmq_msg_t *message, bool *probe) {
    if (zmq_msg_recv(message, pump->readers[index], ZMQ_DONTWAIT) < 0)
        return 0;
    size_t len = zmq_msg_size(message), size = pump->work->size;
    *probe = len == sizeof TOPIC;
    if (*probe)
        return 1;
    const char *data = zmq_msg_data(message);
    for (size_t at = 0; at < len; at += size)
        work_check(pump->work, &pump->next[index], data + at, len - at < size ? len - at : size);
    return len / size;
}

static void *s_read(void *arg) {
    pump_t *pump = arg;
    work_t *work = pump->work;
    zmq_pollitem_t *items = calloc(work->readers, sizeof *items);
    zmq_msg_t message;
    if (!items)
        work_fail("no memory");
    zmq_msg_init(&message);
    for (size_t i = 0; i < work->readers; i++)
        items[i] = (zmq_pollitem_t){pump->readers[i], 0, ZMQ_POLLIN, 0};
    uint64_t all = work->messages * work->readers, delivered = 0;
    while (delivered < all) {
        bool some = false;
        for (size_t i = 0; i < work->readers; i++) {
            uint64_t count;
            bool probe;
            for (int burst = 0; burst < BURST && (count = s_take(pump, i, &message, &probe)) > 0; burst++) {
                some = true;
                delivered += probe ? 0 : count;
            }
        }
        if (delivered == all)
            work->end = pace_clock();
        atomic_store_explicit(&work->delivered, delivered, memory_order_relaxed);
        if (!some)
            zmq_poll(items, (int)work->readers, 1000);
    }
    zmq_msg_close(&message);
    free(items);
    return NULL;
}

static void *s_publish(void *arg) {
    pump_t *pump = arg;
    work_t *work = pump->work;
    uint64_t published = 0;
    while (published < work->messages) {
        uint64_t allowed = work_allowed(work, published);
        if (allowed == 0) {
            work_wait(work, published, -1, false);
            continue;
        }
        allowed = allowed < BURST ? allowed : BURST;
        while (allowed > 0) {
            uint64_t count = allowed < work->pack ? allowed : work->pack;
            zmq_msg_t message;
            zmq_msg_init_size(&message, count * work->size);
            char *data = zmq_msg_data(&message);
            memset(data, 'x', count * work->size);
            for (uint64_t i = 0; i < count; i++)
                work_head(work, published++, data + i * work->size);
            if (zmq_msg_send(&message, pump->publisher, 0) < 0)
                work_fail("sending: %s", zmq_strerror(zmq_errno()));
            allowed -= count;
        }
        atomic_store_explicit(&work->published, published, memory_order_relaxed);
    }
    return NULL;
}

void libzmq_run(work_t *work) {
    pump_t pump = {.work = work, .context = zmq_ctx_new()};
    char front[16] = "";
    const char *back = strchr(work->port, ':');
    if (!back || (size_t)(back - work->port) >= sizeof front)
        work_fail("the pump has two ports, FRONT:BACK");
    memcpy(front, work->port, (size_t)(back - work->port));
    pump.publisher = s_connect(&pump, ZMQ_DEALER, front);
    pump.readers = calloc(work->readers, sizeof *pump.readers);
    pump.next = calloc(work->readers, sizeof *pump.next);
    if (!pump.readers || !pump.next)
        work_fail("no memory");
    for (size_t i = 0; i < work->readers; i++)
        pump.readers[i] = s_connect(&pump, ZMQ_SUB, back + 1);
    s_until_live(&pump);
    work_run(work, s_publish, s_read, &pump);
    for (size_t i = 0; i < work->readers; i++)
        zmq_close(pump.readers[i]);
    zmq_close(pump.publisher);
    zmq_ctx_term(pump.context);
    free(pump.readers);
    free(pump.next);
}
