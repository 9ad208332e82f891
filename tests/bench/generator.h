/* A generator of load for the peers: one publisher and many readers, a thread each, that cost as little as can be.
 * Every reader checks that each message comes once and in order. generator.c has the options and the result,
 * generator_stream.c the protocols over plain TCP (generator_nats.c, _mqtt.c and _redis.c say what theirs looks like),
 * generator_libzmq.c the bare pump. */
#ifndef GENERATOR_H
#define GENERATOR_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "histogram.h"
#include "pace.h"

#define TOPIC "bench"

typedef struct {
    const char *host, *port; /* of the pump: port and back's port, "5000:5001" */
    uint64_t readers, messages, size, rate, ahead, pack;
    bool acked; /* messages count when they are acked; no readers */
    /* Shared between threads. */
    atomic_uint_fast64_t published, delivered, acks, end;
    pace_t pace;         /* the publisher's, but for `start` */
    histogram_t late;    /* the publisher's: from when messages were due until they were sent */
    histogram_t latency; /* the reader's */
} work_t;

/* How a message begins; the same in all protocols. */
typedef struct {
    char topic[sizeof TOPIC + 2];
    uint64_t number, due;
} head_t;

/* Ends the program with a line on stderr. */
void work_fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* How many messages may be published now: what is due, and not too far ahead of the readers or their acks. */
uint64_t work_allowed(work_t *work, uint64_t published);

/* Sleeps until the next message is due. Without a rate, or with `writes`, it sleeps a moment, and `fd` (-1: none) ends
 * that when it is readable, or, with `writes`, writable. */
void work_wait(work_t *work, uint64_t published, int fd, bool writes);

/* Body of message `number`. */
void work_head(work_t *work, uint64_t number, char *body);

/* A reader got a body: `*next` is the number it waits for. False: that was the last. */
bool work_check(work_t *work, uint64_t *next, const char *body, size_t len);

/* Runs both threads to their end. */
void work_run(work_t *work, void *(*publish)(void *), void *(*read)(void *), void *ctx);

typedef struct {
    /* Writes the first bytes of a connection to `out`; a reader subscribes. Returns their number. */
    size_t (*hello)(char *out, size_t size, bool reader, size_t number);
    /* Bytes of `in` that answer it, once it is complete; 0: more is to come; SIZE_MAX: it is a refusal. */
    size_t (*welcome)(const char *in, size_t len, bool reader);
    /* A whole message, but for the head of its body, which begins at `*body`. Returns its bytes. */
    size_t (*message)(char *out, size_t size, size_t *body);
    /* Bytes of the first thing in `in`; 0: it is not complete. `*body` NULL: it is no message (nor an ack). */
    size_t (*next)(const char *in, size_t len, const char **body, size_t *body_len);
} protocol_t;

extern const protocol_t protocol_nats, protocol_jetstream, protocol_mqtt, protocol_redis;

void stream_run(work_t *work, const protocol_t *protocol);
void libzmq_run(work_t *work);

#endif
