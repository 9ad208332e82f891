/* The library's state machine and the broker's core in one process, for counting instructions: a session publishes in a
 * room that it is in, takes its own messages back, and its acks. No socket, clock or thread. Usage: library MESSAGES
 * MESSAGES-A-PASS */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edge.h"
#include "fatal.h"
#include "machine.h"

enum { BODY = 100, ROUTE = 1, ROOM_ENTRIES = 1000, QUEUE = 100000, QUEUE_BYTES = 64 << 20 };

#define ROOM "bench"
#define START_US UINT64_C(1700000000000000)

typedef struct {
    machine_t *machine;
    relay_t *relay;
    log_t *log;
    outbox_t outbox;
    edge_t edge;
    uint64_t now; /* µs */
    uint64_t entries, acked;
    bool joined;
} pair_t;

static uint64_t s_ms(const pair_t *pair) {
    return (pair->now - START_US) / 1000;
}

static void s_entropy(void *ctx, void *out, size_t len) {
    (void)ctx;
    memset(out, 7, len);
}

static zr_span_t s_back(void *ctx) {
    (void)ctx;
    return zr_span("tcp://127.0.0.1:5571");
}

/* --- From the broker to the client --- */

static edge_sent_t s_send(void *ctx, route_t route, zr_blob_t *frame, bool live) {
    (void)route;
    (void)live;
    pair_t *pair = ctx;
    machine_front(pair->machine, frame, s_ms(pair));
    return EDGE_SENT;
}

static void s_publish(void *ctx, zr_blob_t *frame) {
    pair_t *pair = ctx;
    machine_back(pair->machine, frame, s_ms(pair));
}

/* --- From the client to the broker --- */

static void s_perform(pair_t *pair, const action_t *action) {
    uint8_t topic[1 + sizeof action->topic] = {1};
    switch (action->kind) {
    case ACTION_SEND:
        relay_frame(pair->relay, ROUTE, action->frame, pair->now);
        break;
    case ACTION_CONNECT_FRONT:
        machine_front_up(pair->machine, s_ms(pair));
        break;
    case ACTION_SUBSCRIBE:
        memcpy(topic + 1, action->topic, action->topic_len);
        relay_subscription(pair->relay, zr_span_of(topic, 1 + action->topic_len));
        break;
    default:
        break;
    }
}

static void s_take_events(pair_t *pair) {
    const zrelay_event_t *event;
    while ((event = machine_event(pair->machine))) {
        pair->joined |= event->type == ZRELAY_JOINED;
        pair->entries += event->type == ZRELAY_ENTRY;
        if (event->type == ZRELAY_ACKED)
            pair->acked = event->mid;
        FATAL_UNLESS(event->type != ZRELAY_REFUSED && event->type != ZRELAY_GAP);
    }
}

static void s_pass(pair_t *pair) {
    action_t action;
    pair->now += 100;
    machine_tick(pair->machine, s_ms(pair));
    while (machine_action(pair->machine, &action, s_ms(pair)))
        s_perform(pair, &action);
    relay_flush(pair->relay);
    do {
        while (edge_carry_out(&pair->edge))
            ;
        if (relay_has_work(pair->relay))
            relay_work(pair->relay);
    } while (!outbox_is_empty(&pair->outbox) || relay_has_work(pair->relay));
    s_take_events(pair);
}

static void s_begin(pair_t *pair) {
    relay_config_t config;
    relay_config_default(&config);
    config.entropy = s_entropy;
    config.back = s_back;
    config.epoch = 1;
    config.rate_ops = config.rate_entries = config.rate_bytes = 0; /* the clock stands nearly still */
    pair->now = START_US;
    pair->log = log_memory_new(&(log_memory_limits_t){ROOM_ENTRIES, 1 << 20, ROOM_ENTRIES, 1 << 20});
    pair->relay = relay_new(&config, pair->log, &pair->outbox);
    static const edge_calls_t calls = {.send = s_send, .publish = s_publish};
    pair->edge =
        (edge_t){.calls = &calls, .ctx = pair, .relay = pair->relay, .log = pair->log, .outbox = &pair->outbox};
    pair->machine = machine_new(
        &(machine_config_t){
            .queue_messages = QUEUE, .queue_bytes = QUEUE_BYTES, .reconnect = true, .entropy = s_entropy},
        0);
    FATAL_UNLESS(machine_join(pair->machine, ROOM, ZRELAY_FROM_NOW | ZRELAY_SILENT, 0, 0) == 0);
    for (int passes = 0; !pair->joined; passes++) {
        FATAL_UNLESS(passes < 1000);
        s_pass(pair);
    }
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: library MESSAGES MESSAGES-A-PASS\n");
        return EXIT_FAILURE;
    }
    uint64_t messages = strtoull(argv[1], NULL, 10), each = strtoull(argv[2], NULL, 10), published = 0;
    FATAL_UNLESS(messages > 0 && each > 0);
    pair_t pair = {.joined = false};
    char body[BODY];
    memset(body, 'x', sizeof body);
    s_begin(&pair);
    while (published < messages) {
        for (uint64_t i = 0; i < each && published < messages; i++, published++)
            FATAL_UNLESS(machine_publish(pair.machine, ROOM, NULL, 0, 0, body, sizeof body, NULL) == 0);
        s_pass(&pair);
    }
    for (int passes = 0; pair.acked < messages && passes < 1000; passes++)
        s_pass(&pair);
    FATAL_UNLESS(pair.entries == messages && pair.acked == messages && machine_unacked(pair.machine) == 0);
    printf("%llu messages published, delivered and acked\n", (unsigned long long)messages);
    machine_destroy(pair.machine);
    relay_destroy(pair.relay);
    outbox_finish(&pair.outbox);
    log_destroy(pair.log);
    return EXIT_SUCCESS;
}
