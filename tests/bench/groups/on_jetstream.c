/* NATS JetStream: a pull consumer with explicit acks. Each worker has two pulls under way, of half a batch each, and sends
 * the acks of all messages that came together. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"

#define STREAM                                                                                                         \
    "{\"name\":\"" LOAD_ROOM "\",\"subjects\":[\"" LOAD_ROOM "\"],\"storage\":\"file\",\"retention\":\"limits\"}"
#define CONSUMER                                                                                                       \
    "{\"stream_name\":\"" LOAD_ROOM "\",\"config\":{\"durable_name\":\"" LOAD_GROUP                                    \
    "\",\"ack_policy\":\"explicit\",\"deliver_policy\":\"all\",\"max_ack_pending\":%d,\"max_waiting\":512}}"

enum { PULL = LOAD_BATCH / 2 };

typedef struct {
    wire_t wire;
    long wanted; /* messages of the pulls under way that did not come yet */
} pull_t;

static wire_t s_control; /* of the main thread */

/* A message, or a status: its body and the subject to answer. false: it is not complete. */
static bool s_next(wire_t *wire, const char **body, size_t *len, const char **reply, size_t *reply_len) {
    size_t before = wire->at, line_len;
    const char *line = wire_line(wire, &line_len);
    *body = NULL;
    if (!line)
        return false;
    if (line[0] == '-')
        load_fail("%.*s", (int)line_len, line);
    if (memcmp(line, "MSG ", 4) != 0 && memcmp(line, "HMSG ", 5) != 0)
        return true;
    const char *end = line + line_len - 2, *size = end, *last;
    while (size[-1] != ' ')
        size--;
    *len = strtoul(size, NULL, 10);
    last = size - 1; /* the word before it: the subject to answer, or the number of the subscription */
    *reply = last;
    while ((*reply)[-1] != ' ')
        (*reply)--;
    *reply_len = (size_t)(last - *reply);
    const char *bytes = wire_bytes(wire, *len + 2);
    if (!bytes) {
        wire->at = before;
        return false;
    }
    *body = bytes;
    return true;
}

static void s_hello(wire_t *wire, const load_t *load, unsigned inbox) {
    wire_open(wire, load->address);
    wire->used = (size_t)sprintf(
        wire->out, "CONNECT {\"verbose\":false,\"headers\":true,\"no_responders\":true}\r\nSUB in%u 1\r\n", inbox);
}

/* Asks the server, and waits for the answer. */
static const char *s_request(const char *subject, const char *body, size_t *len) {
    const char *found, *reply;
    size_t reply_len;
    s_control.used +=
        (size_t)sprintf(s_control.out + s_control.used, "PUB %s in9999 %zu\r\n%s\r\n", subject, strlen(body), body);
    wire_send(&s_control);
    for (;;) {
        while (s_next(&s_control, &found, len, &reply, &reply_len))
            if (found && memmem(found, *len, "\"type\"", 6)) {
                if (memmem(found, *len, "\"error\"", 7))
                    load_fail("%.*s", (int)*len, found);
                return found;
            }
        wire_more(&s_control);
    }
}

/* Message `number`, whose ack comes to `inbox`. */
static void s_put(wire_t *wire, load_t *load, uint64_t number, unsigned inbox) {
    wire->used += (size_t)sprintf(
        wire->out + wire->used, "PUB " LOAD_ROOM " in%u %llu\r\n", inbox, (unsigned long long)load->size);
    load_body(load, number, wire->out + wire->used);
    wire->used += load->size;
    wire->used += (size_t)sprintf(wire->out + wire->used, "\r\n");
}

static void s_fill(load_t *load) {
    char consumer[512];
    size_t len, reply_len;
    const char *body, *reply;
    s_hello(&s_control, load, 9999);
    s_request("$JS.API.STREAM.CREATE." LOAD_ROOM, STREAM, &len);
    snprintf(consumer, sizeof consumer, CONSUMER, LOAD_PENDING);
    s_request("$JS.API.CONSUMER.DURABLE.CREATE." LOAD_ROOM "." LOAD_GROUP, consumer, &len);
    for (uint64_t i = 0; i < load->messages;) {
        uint64_t begin = i, acks = 0;
        for (; i < load->messages && i < begin + 4000; i++)
            s_put(&s_control, load, i, 9999);
        wire_send(&s_control);
        while (acks < i - begin) {
            while (s_next(&s_control, &body, &len, &reply, &reply_len))
                acks += body && memmem(body, len, "\"seq\"", 5);
            if (acks < i - begin)
                wire_more(&s_control);
        }
    }
}

/* What is neither pending nor waits for its ack is done. */
static void s_look(load_t *load) {
    size_t len;
    const char *info = s_request("$JS.API.CONSUMER.INFO." LOAD_ROOM "." LOAD_GROUP, "", &len);
    const char *left = memmem(info, len, "\"num_ack_pending\":", 18),
               *pending = memmem(info, len, "\"num_pending\":", 14);
    if (left && pending && strtoul(left + 18, NULL, 10) == 0 && strtoul(pending + 14, NULL, 10) == 0)
        atomic_store(&load->settled, load->messages);
}

static void s_open(worker_t *worker) {
    pull_t *pull = load_memory(sizeof *pull);
    s_hello(&pull->wire, worker->load, worker->number);
    worker->connection = pull;
}

static void s_pull(const worker_t *worker, pull_t *pull) {
    char body[64];
    int len = snprintf(body, sizeof body, "{\"batch\":%d,\"expires\":20000000000}", PULL);
    while (pull->wanted <= PULL) {
        pull->wire.used += (size_t)sprintf(pull->wire.out + pull->wire.used,
            "PUB $JS.API.CONSUMER.MSG.NEXT." LOAD_ROOM "." LOAD_GROUP " in%u %d\r\n%s\r\n", worker->number, len, body);
        pull->wanted += PULL;
    }
}

static void s_work(worker_t *worker) {
    pull_t *pull = worker->connection;
    wire_t *wire = &pull->wire;
    const char *body, *reply;
    size_t len, reply_len;
    while (!atomic_load_explicit(&worker->load->over, memory_order_relaxed)) {
        s_pull(worker, pull);
        wire_send(wire);
        wire_more(wire);
        while (s_next(wire, &body, &len, &reply, &reply_len)) {
            if (!body)
                continue;
            if (reply_len < 8 || memcmp(reply, "$JS.ACK.", 8) != 0) { /* a status: a pull came to its end */
                pull->wanted = pull->wanted > PULL ? pull->wanted - PULL : 0;
                continue;
            }
            load_take(worker, body, len);
            pull->wanted--;
            wire->used += (size_t)sprintf(wire->out + wire->used, "PUB %.*s 4\r\n+ACK\r\n", (int)reply_len, reply);
        }
    }
}

/* The acks of a connection come in the order of its messages. The stream is there: the caller made it. */
static void s_publish(worker_t *worker) {
    pull_t *pull = worker->connection;
    wire_t *wire = &pull->wire;
    const char *body, *reply;
    size_t len, reply_len;
    for (bool more = load_may_send(worker); more;) {
        for (; load_may_send(worker) && wire->used < WIRE_BYTES / 2; load_sent(worker))
            s_put(wire, worker->load, worker->sent, worker->number);
        wire_send(wire);
        wire_more(wire);
        while (more && s_next(wire, &body, &len, &reply, &reply_len)) {
            if (body && (memmem(body, len, "\"error\"", 7) || !memmem(body, len, "\"seq\"", 5)))
                load_fail("no ack: %.*s", (int)len, body);
            more = !body || load_acked(worker, 1);
        }
    }
}

const server_t server_jetstream = {"jetstream", s_fill, s_open, s_work, s_look, s_publish};
