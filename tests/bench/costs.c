/* The cost of the largest requests in the broker's core: processor time, frames and bytes sent, bytes built, and the
 * charges. No socket, so the time of libzmq and the kernel is not in it. Usage: costs [REQUEST-NAME] */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "edge.h"
#include "fatal.h"
#include "state.h"

enum {
    ASKER = 1,
    FIRST_MEMBER = 10, /* routes of the members of the room "full" */
    MEMBERS = 8000,
    FIRST_OF_MANY = 10000, /* routes of the sessions of the user "many" */
    OF_MANY = 1000,
    JOINS = 1000,
    KEYS = 10000,
    HISTORY_FRAMES = 100,
    HISTORY_BODY = 60000,
    ENTRIES = 4096,
    TIMES = 20,
};

typedef struct {
    relay_t *relay;
    log_t *log;
    outbox_t outbox;
    edge_t edge;
    uint64_t now, mid;
    uint64_t frames, bytes, built; /* sent since the last s_clear; `built`: shared bytes count once */
    route_t speaker;
    char rooms[JOINS][ZR_ROOM_MAX + 1];
} costs_t;

static void s_entropy(void *ctx, void *out, size_t len) {
    static uint64_t state = 1;
    (void)ctx;
    for (size_t i = 0; i < len; i++) {
        state = state * 6364136223846793005ULL + 1442695040888963407ULL;
        ((uint8_t *)out)[i] = (uint8_t)(state >> 56);
    }
}

static zr_span_t s_back(void *ctx) {
    (void)ctx;
    return zr_span("tcp://127.0.0.1:5571");
}

static void s_peer(void *ctx, peer_t *peer) {
    costs_t *costs = ctx;
    bool many = costs->speaker >= FIRST_OF_MANY;
    *peer = (peer_t){.user = zr_span(many ? "many" : NULL), .local = true};
}

static void s_sent(costs_t *costs, zr_blob_t *frame) {
    costs->frames++;
    costs->bytes += zr_blob_len(frame);
    if (!zr_blob_shared(frame))
        costs->built += zr_blob_len(frame);
    zr_blob_unref(frame);
}

static edge_sent_t s_send(void *ctx, route_t route, zr_blob_t *frame, bool live) {
    (void)route;
    (void)live;
    s_sent(ctx, frame);
    return EDGE_SENT;
}

static void s_publish_frame(void *ctx, zr_blob_t *frame) {
    s_sent(ctx, frame);
}

static void s_effects(costs_t *costs) {
    while (edge_carry_out(&costs->edge))
        ;
}

static void s_carry_out(costs_t *costs) {
    relay_flush(costs->relay);
    s_effects(costs);
    while (relay_has_work(costs->relay)) {
        relay_work(costs->relay);
        s_effects(costs);
    }
}

static void s_frame(costs_t *costs, route_t route, zr_span_t frame) {
    costs->speaker = route;
    relay_frame(costs->relay, route, frame, costs->now);
    s_carry_out(costs);
}

static void s_ask(costs_t *costs, route_t route, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void s_ask(costs_t *costs, route_t route, const char *format, ...) {
    static char text[1 << 17];
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    FATAL_UNLESS(len < (int)sizeof text);
    s_frame(costs, route, zr_span_of(text, (size_t)len));
}

static void s_hello(costs_t *costs, route_t route) {
    s_ask(costs, route, "{\"op\":\"hello\",\"proto\":1,\"client\":\"%032" PRIx64 "\"}", route);
}

/* A PUBLISH frame of `count` entries with bodies of `body` bytes; `key`: each has one, of a number; `expect`: and
 * compare-and-set. */
static void s_publish(costs_t *costs, const char *room, size_t count, size_t body, bool key, uint64_t expect) {
    static char text[HISTORY_BODY];
    zr_buffer_t frame = {0};
    zr_publish_begin(&frame, zr_span(room));
    for (size_t i = 0; i < count; i++) {
        char name[32];
        snprintf(name, sizeof name, "%zu", i);
        zr_publish_entry_t entry = {.mid = ++costs->mid,
            .flags = key && expect != UINT64_MAX ? ZR_ENTRY_EXPECT : 0,
            .key = zr_span(key ? name : NULL),
            .expect = expect,
            .body = zr_span_of(text, body)};
        zr_publish_add(&frame, &entry);
    }
    s_frame(costs, ASKER, zr_span_of(frame.data, frame.len));
    zr_buffer_finish(&frame);
}

static void s_begin(costs_t *costs) {
    static relay_config_t config;
    *costs = (costs_t){.now = 1700000000000000};
    relay_config_default(&config);
    config.entropy = s_entropy;
    config.back = s_back;
    config.peer = s_peer;
    config.peer_ctx = costs;
    config.max_entries = KEYS;
    config.rate_ops = config.rate_control = BUCKET_RATE_MAX; /* so that the charge can be read */
    config.rate_entries = config.rate_bytes = 0;
    costs->log = log_memory_new(&(log_memory_limits_t){2000000, 128 << 20, 10000000, 256 << 20});
    costs->relay = relay_new(&config, costs->log, &costs->outbox);
    static const edge_calls_t calls = {.send = s_send, .publish = s_publish_frame};
    costs->edge =
        (edge_t){.calls = &calls, .ctx = costs, .relay = costs->relay, .log = costs->log, .outbox = &costs->outbox};
    s_hello(costs, ASKER);
    for (size_t i = 0; i < JOINS; i++) { /* the longest names, which are longer still in JSON */
        memset(costs->rooms[i], '"', ZR_ROOM_MAX);
        snprintf(costs->rooms[i] + ZR_ROOM_MAX - 4, 5, "%04zu", i);
        char quoted[2 * ZR_ROOM_MAX + 1];
        size_t len = 0;
        for (const char *at = costs->rooms[i]; *at; at++) {
            if (*at == '"')
                quoted[len++] = '\\';
            quoted[len++] = *at;
        }
        quoted[len] = '\0';
        s_ask(costs, ASKER, "{\"op\":\"join\",\"room\":\"%s\"}", quoted);
    }
    for (route_t i = 0; i < MEMBERS; i++) {
        s_hello(costs, FIRST_MEMBER + i);
        s_ask(costs, FIRST_MEMBER + i, "{\"op\":\"join\",\"room\":\"full\"}");
    }
    for (route_t i = 0; i < OF_MANY; i++)
        s_hello(costs, FIRST_OF_MANY + i);
    s_publish(costs, "state", KEYS, 75, true, UINT64_MAX);
    for (size_t i = 0; i < HISTORY_FRAMES; i++)
        s_publish(costs, "history", 1, HISTORY_BODY, false, 0);
    relay_tick(costs->relay);
    s_carry_out(costs);
}

/* --- The requests --- */

static const char *s_text(size_t len) {
    static char text[1 << 16];
    memset(text, 'x', len);
    text[len] = '\0';
    return text;
}

static void s_control(costs_t *costs, const char *frame) {
    s_ask(costs, ASKER, "%s", frame);
}

static void s_ping(costs_t *costs) {
    s_control(costs, "{\"op\":\"ping\"}");
}
static void s_direct_one(costs_t *costs) {
    session_t *own = session_by_route(&costs->relay->sessions, ASKER);
    s_ask(
        costs, ASKER, "{\"op\":\"direct\",\"to\":\"%.*s\",\"text\":\"x\"}", (int)own->user->nick_len, own->user->nick);
}
static void s_direct_many(costs_t *costs) {
    s_control(costs, "{\"op\":\"direct\",\"to\":\"many\",\"text\":\"x\"}");
}
static void s_direct_large(costs_t *costs) {
    s_ask(costs, ASKER, "{\"op\":\"direct\",\"to\":\"many\",\"text\":\"%s\"}", s_text(65000));
}
static void s_who(costs_t *costs) {
    s_control(costs, "{\"op\":\"who\",\"room\":\"full\"}");
}
static void s_who_one(costs_t *costs) {
    s_control(costs, "{\"op\":\"who\",\"room\":\"full\",\"limit\":1}");
}
static void s_rooms(costs_t *costs) {
    s_control(costs, "{\"op\":\"rooms\"}");
}
static void s_rooms_one(costs_t *costs) {
    s_control(costs, "{\"op\":\"rooms\",\"limit\":1}");
}
static void s_state(costs_t *costs) {
    s_control(costs, "{\"op\":\"state\",\"room\":\"state\"}");
}
static void s_state_end(costs_t *costs) {
    s_ask(costs, ASKER, "{\"op\":\"state\",\"room\":\"state\",\"after\":%d}", KEYS - 1);
}
static void s_replay(costs_t *costs) {
    s_control(costs, "{\"op\":\"replay\",\"room\":\"history\",\"after\":0}");
}
static void s_replay_one(costs_t *costs) {
    s_control(costs, "{\"op\":\"replay\",\"room\":\"history\",\"last\":1}");
}
static void s_renew(costs_t *costs) {
    s_ask(costs, ASKER, "{\"op\":\"hello\",\"proto\":1,\"client\":\"%032x\"}", ASKER);
}
static void s_rename(costs_t *costs) {
    static unsigned number;
    s_ask(costs, ASKER, "{\"op\":\"hello\",\"proto\":1,\"client\":\"%032x\",\"nick\":\"n%u\"}", ASKER, number++);
    relay_tick(costs->relay);
    s_carry_out(costs);
}
static void s_join_leave(costs_t *costs) {
    s_control(costs, "{\"op\":\"join\",\"room\":\"state\"}");
    s_control(costs, "{\"op\":\"leave\",\"room\":\"state\"}");
    relay_tick(costs->relay);
    s_carry_out(costs);
}
static void s_unknown(costs_t *costs) {
    s_control(costs, "{\"op\":\"x\"}");
}
static void s_numbers(costs_t *costs) {
    static char text[65536];
    static int len;
    if (!len)
        len = snprintf(text, sizeof text, "{\"op\":\"ping\",\"x\":[1");
    while (len < 65500)
        len += snprintf(text + len, sizeof text - (size_t)len, ",1");
    snprintf(text + len, sizeof text - (size_t)len, "]}");
    s_frame(costs, ASKER, zr_span_of(text, (size_t)len + 2));
}
static void s_publish_text(costs_t *costs) {
    s_ask(costs, ASKER, "{\"op\":\"publish\",\"room\":\"text\",\"text\":\"%s\"}", s_text(65000));
}
static void s_plain(costs_t *costs) {
    s_publish(costs, "plain", ENTRIES, 0, false, 0);
}
static void s_conflicts(costs_t *costs) {
    s_publish(costs, "state", ENTRIES, 0, true, 0);
}
static void s_resent(costs_t *costs) {
    static uint64_t mid;
    if (!mid)
        mid = costs->mid;
    costs->mid = mid;
    s_publish(costs, "state", ENTRIES, 0, true, 0);
}
/* Each is an entry at seq 0 in a room of its own. */
static void s_sets(costs_t *costs) {
    static unsigned number;
    char room[32];
    snprintf(room, sizeof room, "sets%u", number++);
    s_publish(costs, room, ENTRIES, 0, true, 0);
}

static const struct {
    const char *name;
    void (*run)(costs_t *costs);
} s_requests[] = {
    {"ping, in 1,000 rooms", s_ping},
    {"direct, 1 session", s_direct_one},
    {"direct, 1,000 sessions", s_direct_many},
    {"direct, 1,000 sessions, 63 KB", s_direct_large},
    {"who, 500 of 8,000", s_who},
    {"who, 1 of 8,000", s_who_one},
    {"rooms, 500 of 1,003", s_rooms},
    {"rooms, 1 of 1,003", s_rooms_one},
    {"state, 1 MB", s_state},
    {"state, the last of 10,000 keys", s_state_end},
    {"replay, 1 MB", s_replay},
    {"replay, 1 entry of 60 KB", s_replay_one},
    {"hello again", s_renew},
    {"hello, new nick in 1,000 rooms, and the tick", s_rename},
    {"join and leave, and the tick", s_join_leave},
    {"unknown op", s_unknown},
    {"64 KB of numbers", s_numbers},
    {"publish, 63 KB", s_publish_text},
    {"PUBLISH, 4,096 entries", s_plain},
    {"PUBLISH, 4,096 conflicts", s_conflicts},
    {"PUBLISH, 4,096 conflicts resent", s_resent},
    {"PUBLISH, 4,096 compare-and-set", s_sets},
};

static double s_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static double s_owed(costs_t *costs, rate_kind_t kind) {
    return (double)session_by_route(&costs->relay->sessions, ASKER)->rates.of[kind].owed / 1e6;
}

int main(int argc, char **argv) {
    costs_t *costs = fatal_calloc(sizeof *costs);
    s_begin(costs);
    printf("| request | µs | frames sent | bytes sent | bytes built | `rate-ops` | `rate-control` |\n");
    printf("|---|---:|---:|---:|---:|---:|---:|\n");
    for (size_t i = 0; i < sizeof s_requests / sizeof *s_requests; i++) {
        if (argc > 1 && strcmp(argv[1], s_requests[i].name) != 0)
            continue;
        s_requests[i].run(costs); /* warm */
        costs->frames = costs->bytes = costs->built = 0;
        double ops = s_owed(costs, RATE_OPS), control = s_owed(costs, RATE_CONTROL), best = 1e12;
        for (int time = 0; time < TIMES; time++) {
            double began = s_us();
            s_requests[i].run(costs);
            double took = s_us() - began;
            best = took < best ? took : best;
        }
        ops = (s_owed(costs, RATE_OPS) - ops) / TIMES;
        control = (s_owed(costs, RATE_CONTROL) - control) / TIMES;
        printf("| %s | %.1f | %llu | %llu | %llu | %.0f | %.0f |\n", s_requests[i].name, best,
            (unsigned long long)(costs->frames / TIMES), (unsigned long long)(costs->bytes / TIMES),
            (unsigned long long)(costs->built / TIMES), ops, control);
    }
    relay_destroy(costs->relay);
    outbox_finish(&costs->outbox);
    log_destroy(costs->log);
    free(costs);
    return EXIT_SUCCESS;
}
