/* A generator of load for groups: many workers, a thread each, that share the messages of one room, stream or list. With
 * --window the workers publish instead: they share the messages, and each counts when it is acknowledged.
 * load.c has the options and the result; on_zrelay.c, on_jetstream.c and on_redis.c speak to the servers. Each worker
 * takes as many messages at once as its protocol permits, and acknowledges them together. */
#ifndef LOAD_H
#define LOAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "histogram.h"
#include "pace.h"

#define LOAD_ROOM "bench"
#define LOAD_GROUP "work"

enum { LOAD_BATCH = 1000, LOAD_PENDING = 50000 }; /* messages that a worker has at once; those of all workers */

typedef struct {
    const char *address; /* an endpoint of zrelay, a port on 127.0.0.1 of the others */
    uint64_t workers, messages, size;
    uint64_t rate; /* 0: all messages are there before the workers begin */
    bool plain;    /* zrelay: the workers are readers of the room, each of which gets every message */
    uint64_t
        window; /* the workers publish, each with so many messages unacknowledged at most; 0: they do not publish */
    bool tell; /* one line on stdout for each ack of the first publisher, with pace_clock's time; losses are no fault */
    /* Shared between threads. */
    atomic_uint_fast64_t taken, settled; /* messages that workers took, and that the server counts as done */
    atomic_bool over;
    atomic_uchar *seen; /* by number: how often it was taken */
    pace_t pace;        /* the publisher's */
    uint64_t start;
} load_t;

typedef struct {
    load_t *load;
    unsigned number;      /* 0, 1 and so on */
    void *connection;     /* the protocol's */
    histogram_t latency;  /* from the moment when a message was due until it was taken, or from publish to ack */
    uint64_t sent, acked; /* of a publisher, with the times of those between, by number modulo the window */
    uint64_t *times;
} worker_t;

typedef struct {
    const char *name;
    void (*fill)(load_t *load); /* publishes all messages; returns once they are stored. With a rate: as they are due */
    void (*open)(worker_t *worker);    /* connects; the server knows the group afterwards */
    void (*work)(worker_t *worker);    /* takes and acknowledges until `over` */
    void (*look)(load_t *load);        /* NULL, or asks the server now and then how many are settled */
    void (*publish)(worker_t *worker); /* NULL, or publishes its share, and waits for the acks */
} server_t;

extern const server_t server_zrelay, server_jetstream, server_redis;

/* Ends the program with a line on stderr. */
void load_fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

void *load_memory(size_t size);

/* Body of message `number`, of load->size bytes. */
void load_body(load_t *load, uint64_t number, char *body);

/* A worker got a body. */
void load_take(worker_t *worker, const char *body, size_t len);

/* A publisher may send another message: `load_sent` notes that it did. */
bool load_may_send(const worker_t *worker);
void load_sent(worker_t *worker);

/* The next `count` messages of a publisher are acknowledged. False: its share is done. */
bool load_acked(worker_t *worker, uint64_t count);

/* --- TCP, blocking, with large reads and writes --- */

typedef struct {
    int fd;
    char *in;
    size_t at, len; /* in[at] to in[len - 1] are not taken yet */
    char *out;
    size_t used; /* bytes of out that are not sent */
} wire_t;

enum { WIRE_BYTES = 4 << 20 };

void wire_open(wire_t *wire, const char *port);
void wire_send(wire_t *wire); /* all of `out` */

/* Reads more. false: nothing came for 20 ms. What was taken may move. */
bool wire_more(wire_t *wire);

/* The next line with its end "\r\n", or the next `size` bytes; NULL: they are not there yet. */
const char *wire_line(wire_t *wire, size_t *len);
const char *wire_bytes(wire_t *wire, size_t size);

#endif
