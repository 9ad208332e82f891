/* Redis Streams: XREADGROUP with COUNT, and one XACK for all messages of a reply, which goes with the next XREADGROUP. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"

/* The number after the first character of the next line, which must be `kind`; waits for it. false: none came in 20 ms. */
static bool s_head(wire_t *wire, char *kind, long *number) {
    size_t len;
    const char *line;
    while (!(line = wire_line(wire, &len)))
        if (!wire_more(wire))
            return false;
    *kind = line[0];
    if (*kind == '-')
        load_fail("%.*s", (int)len, line);
    *number = strtol(line + 1, NULL, 10);
    return true;
}

static long s_must(wire_t *wire, char wanted) {
    char kind;
    long number;
    while (!s_head(wire, &kind, &number))
        ;
    if (kind != wanted)
        load_fail("%c came, not %c", kind, wanted);
    return number;
}

/* A bulk string; valid until the next read. */
static const char *s_text(wire_t *wire, size_t *len) {
    const char *text;
    *len = (size_t)s_must(wire, '$');
    while (!(text = wire_bytes(wire, *len + 2)))
        wire_more(wire);
    return text;
}

static void s_say(wire_t *wire, const char *text) {
    wire->used += (size_t)sprintf(wire->out + wire->used, "%s", text);
}

static void s_fill(load_t *load) {
    wire_t wire = {0};
    char kind;
    long number;
    wire_open(&wire, load->address);
    s_say(&wire, "XGROUP CREATE " LOAD_ROOM " " LOAD_GROUP " 0 MKSTREAM\r\n");
    wire_send(&wire);
    while (!s_head(&wire, &kind, &number))
        ;
    for (uint64_t i = 0; i < load->messages;) {
        uint64_t begin = i;
        for (; i < load->messages && i < begin + 1000; i++) {
            wire.used += (size_t)sprintf(wire.out + wire.used,
                "*5\r\n$4\r\nXADD\r\n$5\r\n" LOAD_ROOM "\r\n$1\r\n*\r\n$1\r\nd\r\n$%llu\r\n",
                (unsigned long long)load->size);
            load_body(load, i, wire.out + wire.used);
            wire.used += load->size;
            s_say(&wire, "\r\n");
        }
        wire_send(&wire);
        for (uint64_t j = begin; j < i; j++) {
            size_t len;
            s_text(&wire, &len);
        }
    }
    free(wire.in);
    free(wire.out);
}

static void s_open(worker_t *worker) {
    wire_t *wire = load_memory(sizeof *wire);
    wire_open(wire, worker->load->address);
    worker->connection = wire;
}

static void s_ask(const worker_t *worker, wire_t *wire) {
    wire->used += (size_t)sprintf(wire->out + wire->used,
        "XREADGROUP GROUP " LOAD_GROUP " w%u COUNT %d BLOCK 100 STREAMS " LOAD_ROOM " >\r\n", worker->number,
        LOAD_BATCH);
}

/* The messages of a reply, whose head was read; their acknowledgement is put into `out`. */
static void s_take(worker_t *worker, wire_t *wire) {
    size_t len;
    s_must(wire, '*');
    s_text(wire, &len);
    long count = s_must(wire, '*');
    wire->used += (size_t)sprintf(
        wire->out + wire->used, "*%ld\r\n$4\r\nXACK\r\n$5\r\n" LOAD_ROOM "\r\n$4\r\n" LOAD_GROUP "\r\n", count + 3);
    for (long i = 0; i < count; i++) {
        s_must(wire, '*');
        const char *id = s_text(wire, &len);
        wire->used += (size_t)sprintf(wire->out + wire->used, "$%zu\r\n%.*s\r\n", len, (int)len, id);
        s_must(wire, '*');
        s_text(wire, &len);
        const char *body = s_text(wire, &len);
        load_take(worker, body, len);
    }
}

static void s_work(worker_t *worker) {
    load_t *load = worker->load;
    wire_t *wire = worker->connection;
    s_ask(worker, wire);
    wire_send(wire);
    while (!atomic_load_explicit(&load->over, memory_order_relaxed)) {
        char kind;
        long number;
        if (!s_head(wire, &kind, &number))
            continue;
        if (kind == ':') {
            atomic_fetch_add(&load->settled, (uint64_t)number);
            continue;
        }
        if (number > 0)
            s_take(worker, wire);
        s_ask(worker, wire);
        wire_send(wire);
    }
}

const server_t server_redis = {"redis", s_fill, s_open, s_work, NULL, NULL};
