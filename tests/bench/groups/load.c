/* See load.h. */
#include "load.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

enum { QUIET_S = 30 };

typedef struct {
    uint64_t number, due;
} head_t;

static const server_t *s_server;

void load_fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("groups_generator: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    exit(EXIT_FAILURE);
}

void *load_memory(size_t size) {
    void *memory = calloc(1, size);
    if (!memory)
        load_fail("no memory");
    return memory;
}

/* --- Messages --- */

void load_body(load_t *load, uint64_t number, char *body) {
    head_t head = {number, load->rate ? pace_from(&load->pace, pace_due(&load->pace, number)) : 0};
    memset(body, 'x', load->size);
    memcpy(body, &head, sizeof head);
}

void load_take(worker_t *worker, const char *body, size_t len) {
    load_t *load = worker->load;
    head_t head;
    if (len != load->size)
        load_fail("a message of %zu bytes came", len);
    memcpy(&head, body, sizeof head);
    if (head.number >= load->messages)
        load_fail("message %llu came", (unsigned long long)head.number);
    if (load->rate)
        histogram_add(&worker->latency, pace_clock() - head.due);
    if (atomic_fetch_add(&load->seen[head.number], 1) == 0)
        atomic_fetch_add(&load->taken, 1);
}

/* --- Publishers --- */

static uint64_t s_share(const worker_t *worker) {
    const load_t *load = worker->load;
    return load->messages / load->workers + (worker->number < load->messages % load->workers);
}

bool load_may_send(const worker_t *worker) {
    return worker->sent < s_share(worker) && worker->sent - worker->acked < worker->load->window;
}

void load_sent(worker_t *worker) {
    worker->times[worker->sent++ % worker->load->window] = pace_clock();
}

bool load_acked(worker_t *worker, uint64_t count) {
    load_t *load = worker->load;
    uint64_t now = pace_clock();
    if (count > worker->sent - worker->acked)
        load_fail("more acks than messages came");
    for (uint64_t i = 0; i < count; i++)
        histogram_add(&worker->latency, now - worker->times[worker->acked++ % load->window]);
    if (load->tell && worker->number == 0 && count > 0) {
        printf("%llu\n", (unsigned long long)now);
        fflush(stdout);
    }
    atomic_fetch_add(&load->settled, count);
    return worker->acked < s_share(worker);
}

/* --- Threads --- */

static void *s_work(void *arg) {
    s_server->work(arg);
    return NULL;
}

static void *s_publish(void *arg) {
    s_server->publish(arg);
    return NULL;
}

static void *s_fill(void *arg) {
    s_server->fill(arg);
    return NULL;
}

/* Until all is settled. Somebody must notice when nothing moves any more. */
static void s_watch(load_t *load) {
    uint64_t moved = pace_clock(), before = 0;
    while (atomic_load(&load->settled) < load->messages) {
        uint64_t now = atomic_load(&load->taken) + atomic_load(&load->settled);
        moved = now != before ? pace_clock() : moved;
        before = now;
        if (pace_clock() - moved > (uint64_t)QUIET_S * 1000000000 && !load->tell)
            load_fail("nothing has moved for %d s: %llu taken, %llu settled", QUIET_S, (unsigned long long)load->taken,
                (unsigned long long)load->settled);
        poll(NULL, 0, 1);
        if (s_server->look && atomic_load(&load->taken) == load->messages)
            s_server->look(load);
    }
}

static void s_run(load_t *load) {
    pthread_t *threads = load_memory((load->workers + 1) * sizeof *threads);
    worker_t *workers = load_memory(load->workers * sizeof *workers);
    prctl(PR_SET_TIMERSLACK, 1); /* threads inherit it */
    if (!load->window)
        load->seen = load_memory(load->messages);
    if (!load->rate && !load->window)
        s_server->fill(load);
    for (unsigned i = 0; i < load->workers; i++) {
        workers[i].load = load;
        workers[i].number = i;
        if (load->window)
            workers[i].times = load_memory(load->window * sizeof *workers[i].times);
        s_server->open(&workers[i]);
    }
    load->start = pace_clock();
    load->pace = (pace_t){.start = load->start, .rate = load->rate};
    for (unsigned i = 0; i < load->workers; i++)
        if (pthread_create(&threads[i], NULL, load->window ? s_publish : s_work, &workers[i]) != 0)
            load_fail("no thread");
    if (load->rate && pthread_create(&threads[load->workers], NULL, s_fill, load) != 0)
        load_fail("no thread");
    s_watch(load);
    double seconds = (double)(pace_clock() - load->start) / 1e9;
    atomic_store(&load->over, true);
    uint64_t twice = 0;
    static histogram_t all;
    for (unsigned i = 0; i < load->workers; i++) {
        pthread_join(threads[i], NULL);
        for (size_t bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++)
            all.counts[bucket] += workers[i].latency.counts[bucket];
        all.total += workers[i].latency.total;
        all.most = workers[i].latency.most > all.most ? workers[i].latency.most : all.most;
        free(workers[i].times);
    }
    if (load->rate)
        pthread_join(threads[load->workers], NULL);
    for (uint64_t i = 0; load->seen && i < load->messages; i++)
        twice += load->seen[i] > (load->plain ? load->workers : 1);
    printf("{\"seconds\":%.6f,\"per_s\":%.1f,\"twice\":%llu", seconds, (double)load->messages / seconds,
        (unsigned long long)twice);
    if (all.total)
        printf(",\"p50\":%.1f,\"p99\":%.1f", (double)histogram_at(&all, 0.5) / 1000,
            (double)histogram_at(&all, 0.99) / 1000);
    printf("}\n");
    free(load->seen);
    free(workers);
    free(threads);
}

static uint64_t s_number(const char *text) {
    char *end;
    errno = 0;
    uint64_t number = strtoull(text, &end, 10);
    if (errno || *end || end == text)
        load_fail("'%s' is no number", text);
    return number;
}

int main(int argc, char **argv) {
    static const server_t *const servers[] = {&server_zrelay, &server_jetstream, &server_redis};
    load_t load = {.workers = 1, .messages = 100000, .size = 100};
    uint64_t plain = 0, tell = 0;
    const struct {
        const char *name;
        uint64_t *out;
    } options[] = {{"--workers", &load.workers}, {"--messages", &load.messages}, {"--size", &load.size},
        {"--rate", &load.rate}, {"--plain", &plain}, {"--window", &load.window}, {"--tell", &tell}};
    if (argc < 3)
        load_fail("usage: groups_generator zrelay|jetstream|redis ADDRESS [--workers N] [--messages N] [--size BYTES] "
                  "[--rate N] [--plain 1] [--window N] [--tell 1]");
    load.address = argv[2];
    for (int at = 3; at < argc; at += 2) {
        size_t i = 0;
        while (i < sizeof options / sizeof options[0] && strcmp(options[i].name, argv[at]) != 0)
            i++;
        if (i == sizeof options / sizeof options[0] || at + 1 == argc)
            load_fail("what is '%s'?", argv[at]);
        *options[i].out = s_number(argv[at + 1]);
    }
    load.plain = plain != 0;
    load.tell = tell != 0;
    if (load.size < sizeof(head_t) || load.workers == 0 || load.messages == 0)
        load_fail("a message has at least %zu bytes, and of everything there is one", sizeof(head_t));
    for (size_t i = 0; i < sizeof servers / sizeof servers[0]; i++)
        if (strcmp(servers[i]->name, argv[1]) == 0)
            s_server = servers[i];
    if (!s_server || ((load.rate || load.plain) && s_server != &server_zrelay))
        load_fail("what is '%s'? only zrelay has a rate", argv[1]);
    if (load.window && (!s_server->publish || load.rate || load.plain))
        load_fail("%s has no publishers with a window, nor have readers or a rate", argv[1]);
    s_run(&load);
    return EXIT_SUCCESS;
}
