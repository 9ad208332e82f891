/* Many clients on plain TCP lines, and one that floods: for lines.py. Each client reads; one of them publishes at a
 * steady rate, and the time from each of its messages to each reader is measured, without and with the flood.
 *
 * A message is MARK, the time that it was due in hex, and padding. Readers look for marks in the bytes that come.
 *
 * Usage: lines_generator PORT CLIENTS RATE SECONDS ROUNDS
 * Prints a JSON object for each round and part of it ("quiet", "flood"). */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"

enum { BUFFER = 1 << 16, EVENTS = 512, HEX = 16, PADDING = 60, SAMPLES_MAX = 20000000, FLOOD_LINES = 1000 };

static const char s_mark[] = "@M", s_flood[] = "this is a line of a flood, and there are many of them\n";

typedef struct {
    int fd;
    bool greeted;
    size_t have; /* of the beginning of a mark that came */
    char part[sizeof s_mark - 1 + HEX];
} client_t;

static client_t *s_clients;
static size_t s_count, s_greeted;
static int s_epoll, s_port;
static uint32_t *s_samples; /* µs */
static size_t s_sample_count, s_lost_lines;
static uint64_t s_from; /* messages that were due before belong to the part before */

static void s_fail(const char *what) {
    fprintf(stderr, "lines_generator: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* --- Reading --- */

static void s_take_mark(const char *hex) {
    char text[HEX + 1] = {0};
    memcpy(text, hex, HEX);
    uint64_t due = strtoull(text, NULL, 16), now = zr_boot_us();
    if (due >= s_from && s_sample_count < SAMPLES_MAX)
        s_samples[s_sample_count++] = (uint32_t)(now > due ? now - due : 0);
}

static void s_take_byte(client_t *client, char byte) {
    size_t mark = sizeof s_mark - 1;
    if (client->have < mark) {
        client->have = byte == s_mark[client->have] ? client->have + 1 : byte == s_mark[0];
        return;
    }
    client->part[client->have++] = byte;
    if (client->have < mark + HEX)
        return;
    client->have = 0;
    s_take_mark(client->part + mark);
}

static void s_take(client_t *client, const char *bytes, size_t len) {
    if (!client->greeted && memchr(bytes, '\n', len)) {
        client->greeted = true;
        s_greeted++;
    }
    if (memmem(bytes, len, " lost here: ", 12))
        s_lost_lines++;
    for (size_t i = 0; i < len; i++) {
        if (client->have == 0) { /* most bytes are padding */
            const char *at = memchr(bytes + i, s_mark[0], len - i);
            if (!at)
                return;
            i = (size_t)(at - bytes);
        }
        s_take_byte(client, bytes[i]);
    }
}

static void s_read(client_t *client) {
    static char buffer[BUFFER];
    ssize_t len = recv(client->fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (len == 0 || (len < 0 && errno != EAGAIN && errno != EINTR))
        s_fail("a connection ended");
    if (len > 0)
        s_take(client, buffer, (size_t)len);
}

static void s_wait(int ms) {
    struct epoll_event events[EVENTS];
    int count = epoll_wait(s_epoll, events, EVENTS, ms);
    for (int i = 0; i < count; i++)
        s_read(&s_clients[events[i].data.u32]);
}

/* --- Connecting --- */

static int s_connect(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)s_port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        s_fail("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

static void s_open(size_t i) {
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
    s_clients[i].fd = s_connect();
    if (epoll_ctl(s_epoll, EPOLL_CTL_ADD, s_clients[i].fd, &event) != 0)
        s_fail("epoll");
}

static void s_open_all(void) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    for (size_t i = 0; i < s_count; i++) {
        s_open(i);
        s_wait(0);
    }
    while (s_greeted < s_count)
        s_wait(100);
}

/* --- Writing --- */

static void s_publish(uint64_t due) {
    char line[sizeof s_mark + HEX + PADDING + 2];
    int len = snprintf(line, sizeof line, "%s%016llx%0*d\n", s_mark, (unsigned long long)due, PADDING, 0);
    if (send(s_clients[0].fd, line, (size_t)len, MSG_NOSIGNAL) != len)
        s_fail("publish");
}

/* As much as the gateway takes. */
static void s_flood_some(int fd) {
    static char lines[FLOOD_LINES * (sizeof s_flood - 1)];
    static size_t sent;
    if (!lines[0])
        for (size_t i = 0; i < FLOOD_LINES; i++)
            memcpy(lines + i * (sizeof s_flood - 1), s_flood, sizeof s_flood - 1);
    ssize_t len = send(fd, lines + sent, sizeof lines - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (len > 0)
        sent = (sent + (size_t)len) % sizeof lines;
}

/* --- A part of a round --- */

static int s_compare(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static double s_percentile(double part) {
    return s_sample_count ? s_samples[(size_t)((double)(s_sample_count - 1) * part)] / 1000.0 : 0;
}

static void s_measure(const char *name, unsigned rate, unsigned seconds, int flooder) {
    uint64_t begin = zr_boot_us(), messages = (uint64_t)rate * seconds, sent = 0;
    s_from = begin;
    s_sample_count = s_lost_lines = 0;
    while (sent < messages ||
           (s_sample_count < messages * s_count && zr_boot_us() < begin + (seconds + 10) * 1000000ULL)) {
        uint64_t due = begin + sent * 1000000 / rate, now = zr_boot_us();
        if (sent < messages && now >= due) {
            s_publish(due);
            sent++;
            continue;
        }
        if (flooder >= 0)
            s_flood_some(flooder);
        s_wait(1);
    }
    qsort(s_samples, s_sample_count, sizeof *s_samples, s_compare);
    printf("{\"part\":\"%s\",\"deliveries\":%zu,\"expected\":%llu,\"losses_told\":%zu,\"p50_ms\":%.3f,\"p99_ms\":%.3f,"
           "\"max_ms\":%.3f}\n",
        name, s_sample_count, (unsigned long long)(messages * s_count), s_lost_lines, s_percentile(0.5),
        s_percentile(0.99), s_percentile(1));
    fflush(stdout);
}

int main(int argc, char *argv[]) {
    if (argc != 6) {
        fprintf(stderr, "usage: lines_generator PORT CLIENTS RATE SECONDS ROUNDS\n");
        return 1;
    }
    s_port = atoi(argv[1]);
    s_count = (size_t)atol(argv[2]);
    unsigned rate = (unsigned)atoi(argv[3]), seconds = (unsigned)atoi(argv[4]);
    s_clients = calloc(s_count, sizeof *s_clients);
    s_samples = malloc(SAMPLES_MAX * sizeof *s_samples);
    s_epoll = epoll_create1(EPOLL_CLOEXEC);
    if (!s_clients || !s_samples || s_epoll < 0)
        s_fail("start");
    s_open_all();
    printf("{\"part\":\"open\",\"clients\":%zu}\n", s_greeted);
    fflush(stdout);
    getchar(); /* lines.py looks at the gateway's memory meanwhile */
    int flooder = s_connect();
    for (int round = 0; round < atoi(argv[5]); round++) {
        s_measure("quiet", rate, seconds, -1);
        s_measure("flood", rate, seconds, flooder);
    }
    return 0;
}
