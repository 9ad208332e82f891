/* Many readers of one WebSocket server, and one publisher: for `websockets`, which compares servers. It speaks what is
 * needed of a plain room or hub, NATS and MQTT over WebSocket.
 *
 * A message's payload is MARK, the time in hex, and padding. Readers look for marks in the bytes that come, and for
 * nothing else, so that all servers cost them the same.
 *
 * Usage: ws_generator plain|nats|mqtt PORT PATH READERS MESSAGES SIZE AHEAD [RATE]
 * Prints JSON. The publisher is at most AHEAD messages ahead of the readers on average.
 * Each wait has a bound. Beyond it the generator names what did not come, and leaves with 1. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"

enum {
    BUFFER = 1 << 18,
    EVENTS = 512,
    SIZE_MAX_BYTES = 4096,
    HEX = 16,
    SAMPLES_MAX = 4000000,
    HANDSHAKE_MAX = 2048,
    OPENING_MAX = 64, /* handshakes under way: mosquitto does one step for each, ten times a second */
    SOCKET_S = 10,    /* one connect or send */
    DEADLINE_S = 120  /* each phase */
};

static const char s_mark[] = "@M";

typedef enum { PLAIN, NATS, MQTT } protocol_t;

typedef struct {
    int fd;
    bool upgraded, live; /* upgraded: the handshake is done; live: it got a message */
    uint64_t count;
    char last; /* of the bytes before */
} conn_t;

static protocol_t s_protocol;
static const char *s_path;
static int s_port, s_epoll;
static size_t s_size;
static conn_t *s_readers;
static size_t s_reader_count, s_upgraded_count, s_live_count;
static uint64_t s_received, s_latencies_count;
static uint32_t *s_latencies; /* µs */
static bool s_measuring;

__attribute__((format(printf, 1, 2))) static void s_fail(const char *format, ...) {
    va_list args;
    va_start(args, format);
    fprintf(stderr, "ws_generator: ");
    vfprintf(stderr, format, args);
    fprintf(stderr, "\n");
    va_end(args);
    exit(1);
}

/* The server's sockets block, with a bound: see s_connect. */

static void s_send_all(int fd, const char *bytes, size_t len) {
    while (len > 0) {
        ssize_t sent = send(fd, bytes, len, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN)
            s_fail("the server read nothing for %d s", SOCKET_S);
        if (sent < 0 && errno != EINTR)
            s_fail("send: %s", strerror(errno));
        if (sent > 0) {
            bytes += sent;
            len -= (size_t)sent;
        }
    }
}

/* A client's frame; its mask is zero. */
static void s_send_frame(int fd, int opcode, const char *payload, size_t len) {
    char frame[SIZE_MAX_BYTES + 200] = {(char)(0x80 | opcode)};
    size_t head = 2;
    if (len < 126)
        frame[1] = (char)(0x80 | len);
    else {
        frame[1] = (char)(0x80 | 126);
        frame[2] = (char)(len >> 8);
        frame[3] = (char)len;
        head = 4;
    }
    memcpy(frame + head + 4, payload, len);
    s_send_all(fd, frame, head + 4 + len);
}

/* --- Connecting --- */

static int s_connect(void) {
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)s_port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval bound = {.tv_sec = SOCKET_S};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &bound, sizeof bound); /* of connect too */
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
        s_fail("connection %zu of %zu: %s", s_upgraded_count, s_reader_count,
            errno == EINPROGRESS ? "the server did not take it" : strerror(errno));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

static void s_ask_upgrade(int fd) {
    char text[512];
    int len = snprintf(text, sizeof text,
        "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n%s\r\n",
        s_path, s_port, s_protocol == MQTT ? "Sec-WebSocket-Protocol: mqtt\r\n" : "");
    s_send_all(fd, text, (size_t)len);
}

/* Takes the whole answer to the handshake, and leaves what follows in the socket. False: more of it is to come. */
static bool s_take_answer(int fd) {
    char answer[HANDSHAKE_MAX];
    ssize_t len = recv(fd, answer, sizeof answer, MSG_PEEK | MSG_DONTWAIT);
    char *end = len > 0 ? memmem(answer, (size_t)len, "\r\n\r\n", 4) : NULL;
    if (len == 0 || (len < 0 && errno != EAGAIN) || (!end && len == sizeof answer))
        s_fail("no answer to handshake %zu of %zu", s_upgraded_count, s_reader_count);
    if (!end)
        return false;
    if (memcmp(answer + 9, "101", 3) != 0)
        s_fail("handshake %zu of %zu was refused: %.*s", s_upgraded_count, s_reader_count, (int)(end - answer), answer);
    recv(fd, answer, (size_t)(end + 4 - answer), 0);
    return true;
}

/* An MQTT packet with a client id of its own. */
static void s_mqtt_connect(int fd, unsigned id) {
    char packet[64] = {0x10, 0, 0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 0, 0};
    int len = snprintf(packet + 14, sizeof packet - 14, "r%08u", id);
    packet[13] = (char)len;
    packet[1] = (char)(12 + len);
    s_send_frame(fd, 2, packet, 14 + (size_t)len);
}

static void s_begin(int fd, unsigned id, bool reads) {
    static const char subscribe[] = "\x82\x06\0\1\0\1r\0", nats[] = "CONNECT {\"verbose\":false}\r\nSUB r 1\r\n";
    if (s_protocol == MQTT)
        s_mqtt_connect(fd, id);
    if (s_protocol == MQTT && reads)
        s_send_frame(fd, 2, subscribe, sizeof subscribe - 1);
    if (s_protocol == NATS)
        s_send_frame(fd, 2, nats, reads ? sizeof nats - 1 : strlen("CONNECT {\"verbose\":false}\r\n"));
}

/* --- Reading --- */

static void s_note(conn_t *conn, const char *hex, const char *end) {
    conn->count++;
    if (!conn->live) {
        conn->live = true;
        s_live_count++;
    }
    if (!s_measuring)
        return;
    s_received++;
    if (end - hex < HEX || s_latencies_count == SAMPLES_MAX)
        return;
    char text[HEX + 1];
    memcpy(text, hex, HEX);
    text[HEX] = '\0';
    s_latencies[s_latencies_count++] = (uint32_t)((zr_clock(CLOCK_MONOTONIC) - strtoull(text, NULL, 16)) / 1000);
}

static void s_read(conn_t *conn) {
    static char bytes[BUFFER];
    ssize_t len = recv(conn->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (len == 0 || (len < 0 && errno != EAGAIN))
        s_fail("a reader was disconnected");
    const char *at = bytes, *end = bytes + (len > 0 ? len : 0);
    if (at < end && conn->last == s_mark[0] && *at == s_mark[1])
        s_note(conn, at + 1, end);
    while ((at = memchr(at, s_mark[0], (size_t)(end - at)))) {
        if (at + 1 < end && at[1] == s_mark[1])
            s_note(conn, at + 2, end);
        at++;
    }
    conn->last = len > 0 ? end[-1] : conn->last;
}

static void s_read_answer(conn_t *conn) {
    if (!s_take_answer(conn->fd))
        return;
    conn->upgraded = true;
    s_upgraded_count++;
    s_begin(conn->fd, (unsigned)(conn - s_readers), true);
}

static void s_wait(int ms) {
    struct epoll_event events[EVENTS];
    int count = epoll_wait(s_epoll, events, EVENTS, ms);
    for (int i = 0; i < count; i++) {
        conn_t *conn = events[i].data.ptr;
        if (conn->upgraded)
            s_read(conn);
        else
            s_read_answer(conn);
    }
}

static void s_connect_readers(void) {
    uint64_t end = zr_mono_ms() + DEADLINE_S * 1000;
    for (size_t asked = 0; s_upgraded_count < s_reader_count;) {
        for (; asked < s_reader_count && asked < s_upgraded_count + OPENING_MAX; asked++) {
            conn_t *conn = &s_readers[asked];
            struct epoll_event event = {.events = EPOLLIN, .data.ptr = conn};
            conn->fd = s_connect();
            s_ask_upgrade(conn->fd);
            epoll_ctl(s_epoll, EPOLL_CTL_ADD, conn->fd, &event);
        }
        s_wait(100);
        if (zr_mono_ms() > end)
            s_fail("%zu of %zu readers connected within %d s", s_upgraded_count, s_reader_count, DEADLINE_S);
    }
}

static int s_connect_publisher(void) {
    uint64_t end = zr_mono_ms() + SOCKET_S * 1000;
    int fd = s_connect();
    s_ask_upgrade(fd);
    while (!s_take_answer(fd)) {
        s_wait(10);
        if (zr_mono_ms() > end)
            s_fail("no answer to the publisher's handshake within %d s", SOCKET_S);
    }
    s_begin(fd, 99999999, false);
    return fd;
}

/* --- Publishing --- */

static void s_publish(int fd) {
    char payload[SIZE_MAX_BYTES + 64], text[64];
    size_t head = 0;
    if (s_protocol == NATS)
        head = (size_t)snprintf(payload, sizeof payload, "PUB r %zu\r\n", s_size);
    if (s_protocol == MQTT) {
        size_t rest = 3 + s_size;
        payload[head++] = 0x30;
        for (; rest > 127; rest >>= 7)
            payload[head++] = (char)(0x80 | (rest & 127));
        payload[head++] = (char)rest;
        memcpy(payload + head, "\0\1r", 3);
        head += 3;
    }
    int len = snprintf(text, sizeof text, "%s%016llx", s_mark, (unsigned long long)zr_clock(CLOCK_MONOTONIC));
    memcpy(payload + head, text, (size_t)len);
    memset(payload + head + len, 'x', s_size - (size_t)len);
    if (s_protocol == NATS)
        memcpy(payload + head + s_size, "\r\n", 2);
    s_send_frame(fd, s_protocol == PLAIN ? 1 : 2, payload, head + s_size + (s_protocol == NATS ? 2 : 0));
}

/* What comes to the publisher is of no use, and must not fill its socket. */
static void s_drain(int fd) {
    static char bytes[BUFFER];
    while (recv(fd, bytes, sizeof bytes, MSG_DONTWAIT) > 0)
        ;
}

/* Until each reader got a message: what was published before it was live is not for it. */
static void s_wait_live(int publisher) {
    uint64_t end = zr_mono_ms() + DEADLINE_S * 1000, next = 0;
    while (s_live_count < s_reader_count) {
        if (zr_mono_ms() > end)
            s_fail("%zu of %zu readers got a message within %d s", s_live_count, s_reader_count, DEADLINE_S);
        if (zr_mono_ms() >= next) {
            s_publish(publisher);
            next = zr_mono_ms() + 200;
        }
        s_wait(10);
        s_drain(publisher);
    }
    for (uint64_t quiet = zr_mono_ms() + 500; zr_mono_ms() < quiet;)
        s_wait(10);
}

static int s_compare(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static uint32_t s_percentile(unsigned percent) {
    return s_latencies_count ? s_latencies[(s_latencies_count - 1) * percent / 100] : 0;
}

static void s_run(int publisher, uint64_t messages, uint64_t ahead, uint64_t rate) {
    uint64_t begun = zr_clock(CLOCK_MONOTONIC), sent = 0, all = messages * s_reader_count;
    uint64_t deadline = zr_mono_ms() + DEADLINE_S * 1000;
    s_measuring = true;
    while (s_received < all) {
        uint64_t due = rate ? (zr_clock(CLOCK_MONOTONIC) - begun) * rate / 1000000000 : messages;
        for (int i = 0;
             i < 64 && sent < messages && sent < due && sent * s_reader_count < s_received + ahead * s_reader_count;
             i++, sent++)
            s_publish(publisher);
        s_wait(rate && sent < messages ? 0 : 1);
        s_drain(publisher);
        if (zr_mono_ms() > deadline)
            s_fail("%llu of %llu messages came within %d s", (unsigned long long)s_received, (unsigned long long)all,
                DEADLINE_S);
    }
    double seconds = (double)(zr_clock(CLOCK_MONOTONIC) - begun) / 1e9;
    qsort(s_latencies, s_latencies_count, sizeof *s_latencies, s_compare);
    printf("{\"readers\":%zu,\"messages\":%llu,\"delivered_per_s\":%.0f,\"p50_us\":%u,\"p99_us\":%u}\n", s_reader_count,
        (unsigned long long)messages, (double)all / seconds, s_percentile(50), s_percentile(99));
}

static void s_raise_descriptors(void) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char *argv[]) {
    static const char *const names[] = {"plain", "nats", "mqtt"};
    if (argc < 8) {
        fprintf(stderr, "usage: ws_generator plain|nats|mqtt PORT PATH READERS MESSAGES SIZE AHEAD [RATE]\n");
        return 1;
    }
    while (s_protocol < MQTT && strcmp(names[s_protocol], argv[1]) != 0)
        s_protocol++;
    s_port = atoi(argv[2]);
    s_path = argv[3];
    s_reader_count = strtoull(argv[4], NULL, 10);
    s_size = strtoull(argv[6], NULL, 10);
    if (s_size < sizeof s_mark - 1 + HEX || s_size > SIZE_MAX_BYTES)
        s_fail("SIZE must be 18 to 4096");
    s_raise_descriptors();
    s_epoll = epoll_create1(EPOLL_CLOEXEC);
    s_readers = calloc(s_reader_count, sizeof *s_readers);
    s_latencies = malloc(SAMPLES_MAX * sizeof *s_latencies);
    s_connect_readers();
    int publisher = s_connect_publisher();
    s_wait_live(publisher);
    puts("live");
    fflush(stdout);
    getchar(); /* the caller looks at the server's memory, and says when to go on */
    s_run(publisher, strtoull(argv[5], NULL, 10), strtoull(argv[7], NULL, 10),
        argc > 8 ? strtoull(argv[8], NULL, 10) : 0);
    return 0;
}
