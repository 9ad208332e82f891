/* Protocols over plain TCP: large reads and writes, no allocation a message. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "generator.h"

enum { OUT_MESSAGES = 500, IN_BYTES = 256 * 1024, READY = 128 };

typedef struct {
    int fd;
    char *in;
    size_t len;
    uint64_t next; /* the number it waits for */
} connection_t;

typedef struct {
    work_t *work;
    const protocol_t *protocol;
    connection_t publisher, *readers;
    int epoll;
} stream_t;

/* --- Connecting --- */

static int s_connect(const work_t *work) {
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found;
    if (getaddrinfo(work->host, work->port, &hints, &found) != 0)
        work_fail("no address %s:%s", work->host, work->port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    if (fd < 0 || connect(fd, found->ai_addr, found->ai_addrlen) != 0)
        work_fail("cannot connect to port %s: %s", work->port, strerror(errno));
    freeaddrinfo(found);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

static void s_open(stream_t *stream, connection_t *connection, bool reader, size_t number) {
    char hello[1024];
    size_t len = stream->protocol->hello(hello, sizeof hello, reader, number), used;
    connection->fd = s_connect(stream->work);
    connection->in = malloc(IN_BYTES);
    if (!connection->in || send(connection->fd, hello, len, 0) != (ssize_t)len)
        work_fail("cannot say hello: %s", strerror(errno));
    while ((used = stream->protocol->welcome(connection->in, connection->len, reader)) == 0) {
        ssize_t got = recv(connection->fd, connection->in + connection->len, IN_BYTES - connection->len, 0);
        if (got <= 0)
            work_fail("no welcome: %s", got < 0 ? strerror(errno) : "closed");
        connection->len += (size_t)got;
    }
    if (used == SIZE_MAX)
        work_fail("refused: %.*s", (int)connection->len, connection->in);
    memmove(connection->in, connection->in + used, connection->len - used);
    connection->len -= used;
    fcntl(connection->fd, F_SETFL, O_NONBLOCK);
}

/* --- Reading --- */

/* Takes what has come; hands out bodies one by one. False: nothing was there. */
static bool s_receive(connection_t *connection) {
    ssize_t got = recv(connection->fd, connection->in + connection->len, IN_BYTES - connection->len, 0);
    if (got == 0)
        work_fail("a connection was closed");
    if (got < 0 && errno != EAGAIN && errno != EINTR)
        work_fail("receiving: %s", strerror(errno));
    if (got > 0)
        connection->len += (size_t)got;
    return got > 0;
}

static void s_keep_rest(connection_t *connection, size_t used) {
    memmove(connection->in, connection->in + used, connection->len - used);
    connection->len -= used;
}

/* Bodies that came on a reader. How many; `*more` says whether some are to come. */
static uint64_t s_take(stream_t *stream, connection_t *reader, bool *more) {
    size_t at = 0, used, len = 0;
    uint64_t count = 0;
    const char *body;
    *more = reader->next < stream->work->messages;
    while ((used = stream->protocol->next(reader->in + at, reader->len - at, &body, &len)) > 0) {
        at += used;
        if (!body)
            continue;
        *more = work_check(stream->work, &reader->next, body, len);
        count++;
    }
    s_keep_rest(reader, at);
    return count;
}

static void *s_read(void *arg) {
    stream_t *stream = arg;
    work_t *work = stream->work;
    uint64_t left = work->readers;
    while (left > 0) {
        struct epoll_event ready[READY];
        int count = epoll_wait(stream->epoll, ready, READY, -1);
        uint64_t delivered = 0;
        for (int i = 0; i < count; i++) {
            connection_t *reader = ready[i].data.ptr;
            bool more, had = reader->next < work->messages;
            if (!s_receive(reader))
                continue;
            delivered += s_take(stream, reader, &more);
            left -= had && !more;
        }
        if (left == 0)
            work->end = pace_clock();
        atomic_fetch_add_explicit(&work->delivered, delivered, memory_order_relaxed);
    }
    return NULL;
}

/* --- Publishing --- */

/* Answers on the publisher's connection: acks are counted, all else dropped. */
static void s_answers(stream_t *stream) {
    connection_t *publisher = &stream->publisher;
    size_t at = 0, used, len;
    uint64_t acks = 0;
    const char *body;
    if (!s_receive(publisher))
        return;
    while ((used = stream->protocol->next(publisher->in + at, publisher->len - at, &body, &len)) > 0) {
        at += used;
        acks += body != NULL;
    }
    s_keep_rest(publisher, at);
    if (stream->work->acked && atomic_fetch_add(&stream->work->acks, acks) + acks == stream->work->messages)
        stream->work->end = pace_clock();
}

static void *s_publish(void *arg) {
    stream_t *stream = arg;
    work_t *work = stream->work;
    size_t body, size = work->size + 256, len = 0, sent = 0;
    char *out = malloc(OUT_MESSAGES * size);
    if (!out)
        work_fail("no memory");
    size_t each = stream->protocol->message(out, work->size, &body);
    for (size_t i = 1; i < OUT_MESSAGES; i++)
        memcpy(out + i * each, out, each);
    uint64_t published = 0;
    while (published < work->messages || len > sent || (work->acked && atomic_load(&work->acks) < work->messages)) {
        if (len == sent) {
            uint64_t count = work_allowed(work, published);
            count = count < OUT_MESSAGES ? count : OUT_MESSAGES;
            for (uint64_t i = 0; i < count; i++)
                work_head(work, published++, out + i * each + body);
            len = (size_t)count * each;
            sent = 0;
            atomic_store_explicit(&work->published, published, memory_order_relaxed);
        }
        ssize_t went = len > sent ? send(stream->publisher.fd, out + sent, len - sent, 0) : 0;
        if (went < 0 && errno != EAGAIN && errno != EINTR)
            work_fail("sending: %s", strerror(errno));
        if (went > 0)
            sent += (size_t)went;
        s_answers(stream);
        if (went <= 0)
            work_wait(work, published, stream->publisher.fd, len > sent);
    }
    free(out);
    return NULL;
}

void stream_run(work_t *work, const protocol_t *protocol) {
    stream_t stream = {.work = work, .protocol = protocol, .epoll = epoll_create1(EPOLL_CLOEXEC)};
    s_open(&stream, &stream.publisher, false, 0);
    stream.readers = calloc(work->readers, sizeof *stream.readers);
    if (!stream.readers)
        work_fail("no memory");
    for (size_t i = 0; i < work->readers && !work->acked; i++) {
        s_open(&stream, &stream.readers[i], true, i + 1);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &stream.readers[i]};
        epoll_ctl(stream.epoll, EPOLL_CTL_ADD, stream.readers[i].fd, &event);
    }
    work_run(work, s_publish, work->acked ? NULL : s_read, &stream);
    for (size_t i = 0; i < work->readers && !work->acked; i++) {
        close(stream.readers[i].fd);
        free(stream.readers[i].in);
    }
    close(stream.publisher.fd);
    free(stream.publisher.in);
    free(stream.readers);
    close(stream.epoll);
}
