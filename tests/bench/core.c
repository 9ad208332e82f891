/* The broker's core alone, for counting instructions. PUBLISH frames go in; the effects (deliveries, acks, the log's
 * work) are carried out without a socket. Usage: core MESSAGES ENTRIES-A-FRAME FRAMES-A-PASS [PLANTED]. PLANTED
 * rounds of a loop, two instructions each, are added for each message, so that the guard can show that it finds
 * them. */
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edge.h"
#include "fatal.h"

enum { BODY = 100, PUBLISHER = 1, ROOM_ENTRIES = 1000 };

typedef struct {
    relay_t *relay;
    log_t *log;
    outbox_t outbox;
    edge_t edge;
    uint64_t now, welcomed, delivered, acked; /* frames */
} core_t;

static void s_entropy(void *ctx, void *out, size_t len) {
    (void)ctx;
    memset(out, 7, len);
}

static zr_span_t s_back(void *ctx) {
    (void)ctx;
    return zr_span("tcp://127.0.0.1:5571");
}

static void s_frame(core_t *core, zr_span_t frame) {
    relay_frame(core->relay, PUBLISHER, frame, core->now);
}

static edge_sent_t s_send(void *ctx, route_t route, zr_blob_t *frame, bool live) {
    (void)route;
    (void)live;
    ((core_t *)ctx)->welcomed++;
    zr_blob_unref(frame);
    return EDGE_SENT;
}

static edge_sent_t s_ack(void *ctx, route_t route, const zr_ack_t *ack) {
    (void)route;
    (void)ack;
    ((core_t *)ctx)->acked++;
    return EDGE_SENT;
}

static void s_publish(void *ctx, zr_blob_t *frame) {
    ((core_t *)ctx)->delivered++;
    zr_blob_unref(frame);
}

static void s_plant(uint64_t rounds) {
    while (rounds-- > 0)
        __asm__ volatile("");
}

/* End of a pass, as broker/loop/intake.c does it. */
static void s_pass(core_t *core) {
    core->now += 100;
    relay_flush(core->relay);
    while (edge_carry_out(&core->edge))
        ;
}

/* A fresh message id for each entry of `frame`, whose entries are all alike. */
static void s_number(zr_buffer_t *frame, size_t head, size_t each, uint64_t *mid) {
    for (size_t at = head; at < frame->len; at += each) {
        uint64_t wire = htobe64(++*mid);
        memcpy(frame->data + at, &wire, sizeof wire);
    }
}

int main(int argc, char **argv) {
    if (argc != 4 && argc != 5) {
        fprintf(stderr, "usage: core MESSAGES ENTRIES-A-FRAME FRAMES-A-PASS [PLANTED]\n");
        return EXIT_FAILURE;
    }
    uint64_t messages = strtoull(argv[1], NULL, 10), entries = strtoull(argv[2], NULL, 10);
    uint64_t frames = strtoull(argv[3], NULL, 10), planted = argc > 4 ? strtoull(argv[4], NULL, 10) : 0;
    FATAL_UNLESS(messages > 0 && entries > 0 && frames > 0);

    core_t core = {.now = 1700000000000000};
    relay_config_t config;
    relay_config_default(&config);
    config.entropy = s_entropy;
    config.back = s_back;
    config.epoch = 1;
    config.rate_ops = config.rate_entries = config.rate_bytes = 0; /* the clock stands nearly still */
    /* So few that it is full soon: forgetting is a part of the work. */
    core.log = log_memory_new(&(log_memory_limits_t){ROOM_ENTRIES, 1 << 20, ROOM_ENTRIES, 1 << 20});
    core.relay = relay_new(&config, core.log, &core.outbox);
    static const edge_calls_t calls = {.send = s_send, .ack = s_ack, .publish = s_publish};
    core.edge = (edge_t){.calls = &calls, .ctx = &core, .relay = core.relay, .log = core.log, .outbox = &core.outbox};
    s_frame(&core,
        zr_span(
            "{\"op\":\"hello\",\"proto\":1,\"client\":\"0123456789abcdef0123456789abcdef\",\"nick\":\"publisher\"}"));
    s_pass(&core);

    char body[BODY];
    memset(body, 'x', sizeof body);
    zr_buffer_t frame = {0};
    zr_span_t room = zr_span("bench");
    zr_publish_begin(&frame, room);
    for (uint64_t i = 0; i < entries; i++)
        zr_publish_add(&frame, &(zr_publish_entry_t){.mid = i + 1, .body = zr_span_of(body, sizeof body)});
    uint64_t mid = 0;
    while (mid < messages) {
        for (uint64_t i = 0; i < frames && mid < messages; i++) {
            s_number(&frame, ZR_PUBLISH_HEAD(room.len), ZR_PUBLISH_ENTRY_FIXED + sizeof body, &mid);
            s_frame(&core, zr_span_of(frame.data, frame.len));
        }
        s_pass(&core);
        s_plant(planted * frames * entries);
    }
    relay_stats_t stats = relay_stats(core.relay);
    FATAL_UNLESS(
        stats.entries == mid && stats.errors == 0 && core.delivered > 0 && core.acked > 0 && core.welcomed == 1);
    printf("%llu messages, %llu frames delivered, %llu acks\n", (unsigned long long)mid,
        (unsigned long long)core.delivered, (unsigned long long)core.acked);
    relay_destroy(core.relay);
    outbox_finish(&core.outbox);
    log_destroy(core.log);
    zr_buffer_finish(&frame);
    return EXIT_SUCCESS;
}
