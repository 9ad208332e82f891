#include "generator.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { PAUSE_NS = 1000000, QUIET_S = 20 };

void work_fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("generator: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    exit(EXIT_FAILURE);
}

/* --- When --- */

uint64_t work_allowed(work_t *work, uint64_t published) {
    uint64_t most = work->messages;
    uint64_t done = work->acked ? atomic_load_explicit(&work->acks, memory_order_relaxed)
                                : atomic_load_explicit(&work->delivered, memory_order_relaxed) / work->readers;
    if (done + work->ahead < most)
        most = done + work->ahead;
    if (work->rate) {
        uint64_t due = pace_count(&work->pace, pace_clock());
        most = due < most ? due : most;
    }
    return most > published ? most - published : 0;
}

/* While messages are to come, answers do not end the sleep: they are taken after the next message. */
void work_wait(work_t *work, uint64_t published, int fd, bool writes) {
    if (work->rate && published < work->messages && !writes) {
        pace_sleep(&work->pace, pace_due(&work->pace, published));
        if (work_allowed(work, published))
            return;
    }
    struct timespec wait = {0, PAUSE_NS};
    struct pollfd file = {.fd = fd, .events = (short)(POLLIN | (writes ? POLLOUT : 0))};
    ppoll(&file, 1, &wait, NULL);
}

/* --- What --- */

void work_head(work_t *work, uint64_t number, char *body) {
    head_t head = {.topic = TOPIC, .number = number};
    if (work->rate) {
        uint64_t due = pace_due(&work->pace, number), now = pace_clock();
        head.due = pace_from(&work->pace, due);
        histogram_add(&work->late, now > due ? now - due : 0);
    }
    memcpy(body, &head, sizeof head);
}

bool work_check(work_t *work, uint64_t *next, const char *body, size_t len) {
    head_t head;
    if (len != work->size)
        work_fail("a message of %zu bytes came", len);
    memcpy(&head, body, sizeof head);
    if (head.number != *next)
        work_fail("message %llu came, not %llu", (unsigned long long)head.number, (unsigned long long)*next);
    if (work->rate)
        histogram_add(&work->latency, pace_clock() - head.due);
    return ++*next < work->messages;
}

/* --- Running --- */

void work_run(work_t *work, void *(*publish)(void *), void *(*read)(void *), void *ctx) {
    pthread_t publishing, reading;
    prctl(PR_SET_TIMERSLACK, 1); /* threads inherit it */
    work->pace = (pace_t){.start = pace_clock(), .rate = work->rate};
    if ((read && pthread_create(&reading, NULL, read, ctx) != 0) ||
        pthread_create(&publishing, NULL, publish, ctx) != 0)
        work_fail("no threads");
    /* Somebody must notice when nothing moves any more. */
    uint64_t moved = 0, before = 0;
    while (!work->end) {
        uint64_t now = atomic_load(&work->published) + atomic_load(&work->delivered) + atomic_load(&work->acks);
        moved = now != before || moved == 0 ? pace_clock() : moved;
        before = now;
        if (pace_clock() - moved > (uint64_t)QUIET_S * 1000000000)
            work_fail("nothing has moved for %d s: %llu published, %llu delivered, %llu acked", QUIET_S,
                (unsigned long long)work->published, (unsigned long long)work->delivered,
                (unsigned long long)work->acks);
        poll(NULL, 0, 20);
        if (atomic_load(&work->delivered) == work->messages * work->readers && !work->acked)
            break;
        if (work->acked && atomic_load(&work->acks) == work->messages)
            break;
    }
    pthread_join(publishing, NULL);
    if (read)
        pthread_join(reading, NULL);
}

static uint64_t s_number(const char *text) {
    char *end;
    errno = 0;
    uint64_t number = strtoull(text, &end, 10);
    if (errno || *end || end == text)
        work_fail("'%s' is no number", text);
    return number;
}

static void s_result(const work_t *work) {
    double seconds = (double)(work->end - work->pace.start) / 1e9;
    uint64_t count = work->acked ? work->messages : work->messages * work->readers;
    printf("{\"seconds\":%.6f,\"per_s\":%.1f", seconds, (double)count / seconds);
    if (work->latency.total)
        printf(",\"p50\":%.1f,\"p99\":%.1f,\"max\":%.1f", (double)histogram_at(&work->latency, 0.5) / 1000,
            (double)histogram_at(&work->latency, 0.99) / 1000, (double)work->latency.most / 1000);
    if (work->late.total)
        printf(",\"late_p50\":%.1f,\"late_p99\":%.1f", (double)histogram_at(&work->late, 0.5) / 1000,
            (double)histogram_at(&work->late, 0.99) / 1000);
    printf("}\n");
}

int main(int argc, char **argv) {
    static const struct {
        const char *name;
        const protocol_t *protocol; /* NULL: the pump */
    } all[] = {{"nats", &protocol_nats}, {"jetstream", &protocol_jetstream}, {"mqtt", &protocol_mqtt},
        {"redis", &protocol_redis}, {"pump", NULL}};
    static work_t work = {
        .host = "127.0.0.1", .readers = 1, .messages = 100000, .size = 100, .ahead = 100000, .pack = 1};
    const struct {
        const char *name;
        uint64_t *out;
    } options[] = {{"--readers", &work.readers}, {"--messages", &work.messages}, {"--size", &work.size},
        {"--rate", &work.rate}, {"--ahead", &work.ahead}, {"--pack", &work.pack}};
    if (argc < 3)
        work_fail("usage: generator nats|jetstream|mqtt|redis|pump PORT [--readers N] [--messages N] [--size BYTES] "
                  "[--rate N] [--ahead N] [--pack N]");
    work.port = argv[2];
    for (int at = 3; at < argc; at += 2) {
        size_t i = 0;
        while (i < sizeof options / sizeof options[0] && strcmp(options[i].name, argv[at]) != 0)
            i++;
        if (i == sizeof options / sizeof options[0] || at + 1 == argc)
            work_fail("what is '%s'?", argv[at]);
        *options[i].out = s_number(argv[at + 1]);
    }
    if (work.size < sizeof(head_t) || work.readers == 0 || work.messages == 0 || work.ahead == 0 || work.pack == 0)
        work_fail("a message has at least %zu bytes, and of everything there is one", sizeof(head_t));
    work.acked = strcmp(argv[1], "jetstream") == 0;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (strcmp(all[i].name, argv[1]) == 0) {
            if (all[i].protocol)
                stream_run(&work, all[i].protocol);
            else
                libzmq_run(&work);
            s_result(&work);
            return EXIT_SUCCESS;
        }
    work_fail("what is '%s'?", argv[1]);
}
