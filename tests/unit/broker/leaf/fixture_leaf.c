#include "fixture_leaf.h"

#include <stdarg.h>
#include <stdio.h>

#include "wire.h"

lf_t lf;

enum { LINES = 2 << 20 };
static char s_up[LINES], s_out[LINES];

static void s_add(char *lines, const char *head, zr_span_t frame) {
    size_t at = strlen(lines);
    ck_assert(at + strlen(head) + frame.len + 2 < LINES);
    at += (size_t)sprintf(lines + at, "%s", head);
    for (size_t i = 0; i < frame.len; i++) {
        char c = frame.ptr[i];
        lines[at++] = c == '"' ? '\'' : c < ' ' || c > '~' ? '.' : c;
    }
    lines[at++] = '\n';
    lines[at] = '\0';
}

static void s_connect(void *ctx, const zr_server_t *server) {
    lf.server = server->endpoint;
    s_add(s_up, ctx ? "connect" : "", zr_span(""));
}

static void s_disconnect(void *ctx) {
    s_add(s_up, ctx ? "disconnect" : "", zr_span(""));
}

static void s_connect_back(void *ctx, const char *endpoint) {
    s_add(s_up, ctx ? "back " : "", zr_span(endpoint));
}

static void s_subscribe(void *ctx, bool on, zr_span_t topic) {
    (void)ctx;
    s_add(s_up, on ? "+" : "-", topic);
}

static void s_send(void *ctx, uint32_t channel, zr_span_t frame) {
    char head[16];
    (void)ctx;
    sprintf(head, "%u ", channel);
    s_add(s_up, head, frame);
}

static void s_entropy(void *ctx, void *out, size_t len) {
    (void)ctx;
    memset(out, 0xab, len);
}

static zr_span_t s_back(void *ctx) {
    (void)ctx;
    return zr_span("tcp://leaf:1");
}

static void s_peer(void *ctx, peer_t *peer) {
    (void)ctx;
    *peer = lf.peer;
}

void lf_begin(void) {
    static const leaf_calls_t calls = {s_connect, s_disconnect, s_connect_back, s_subscribe, s_send};
    lf = (lf_t){.now = 1000000, .peer = {.local = true, .connection = 77}};
    relay_config_default(&lf.relay);
    lf.relay.entropy = s_entropy;
    lf.relay.back = s_back;
    lf.relay.peer = s_peer;
    lf.config =
        (leaf_config_t){.server = "tcp://up:1", .agent = "test", .relay = &lf.relay, .calls = &calls, .ctx = &lf};
    s_up[0] = s_out[0] = '\0';
}

void lf_start(void) {
    lf.leaf = leaf_new(&lf.config, &lf.outbox);
    lf.core = leaf_core(lf.leaf);
}

void lf_finish(void) {
    leaf_destroy(lf.leaf);
    outbox_finish(&lf.outbox);
}

void lf_pass(uint64_t ms) {
    lf.now += ms;
    core_rise(&lf.core, lf.now * 1000);
    core_tick(&lf.core);
}

void lf_second(void) {
    for (int i = 0; i < 10; i++)
        lf_pass(100);
    core_second(&lf.core, 0, true);
}

void lf_go_live(void) {
    lf_start();
    lf_pass(1);
    leaf_up(lf.leaf);
    lf_hear("{'op':'welcome','heartbeat':5000,'back':'tcp://up:2'}");
    lf_up();
    lf_out();
}

static char *s_quoted(const char *text) {
    char *copy = strdup(text);
    for (char *at = copy; (at = strchr(at, '\''));)
        *at = '"';
    return copy;
}

void lf_frame(route_t route, zr_span_t frame) {
    core_rise(&lf.core, lf.now * 1000);
    core_frame(&lf.core, route, frame, 0);
}

void lf_say(route_t route, const char *json) {
    char *text = s_quoted(json);
    lf_frame(route, zr_span(text));
    free(text);
}

void lf_hear(const char *json) {
    char *text = s_quoted(json);
    leaf_take_front(lf.leaf, zr_span(text));
    free(text);
}

void lf_hear_on(uint32_t channel, const char *text) {
    char *copy = s_quoted(text);
    zr_blob_t *frame = zr_trunk_frame(channel, zr_span(copy));
    leaf_take_front(lf.leaf, zr_span_of(zr_blob_data(frame), zr_blob_len(frame)));
    zr_blob_unref(frame);
    free(copy);
}

void lf_back(zr_span_t frame) {
    leaf_take_back(lf.leaf, zr_blob_copy(frame.ptr, frame.len));
}

static const char *s_take(char *lines) {
    static char taken[2][LINES];
    static int turn;
    char *out = taken[turn ^= 1];
    strcpy(out, lines);
    lines[0] = '\0';
    return out;
}

const char *lf_up(void) {
    return s_take(s_up);
}

static void s_show(effect_t *effect) {
    char head[96] = "publish ";
    route_t route = effect->route;
    switch (effect->kind) {
    case EFFECT_SEND:
        sprintf(head, route_channel(route) ? "%s%llu/%u " : "%s%llu ", effect->live ? "live " : "",
            (unsigned long long)route_connection(route), route_channel(route));
        /* fall through */
    case EFFECT_PUBLISH:
        s_add(s_out, head, zr_span_of(zr_blob_data(effect->frame), zr_blob_len(effect->frame)));
        zr_blob_unref(effect->frame);
        break;
    case EFFECT_DROP_USER:
        s_add(s_out, "drop-user ", zr_span(effect->user));
        break;
    default:
        sprintf(
            head, "%s %llu", effect->kind == EFFECT_DROP ? "drop" : "charge", (unsigned long long)effect->connection);
        ck_assert(effect->kind == EFFECT_DROP || effect->kind == EFFECT_CHARGE);
        s_add(s_out, head, zr_span(""));
    }
}

const char *lf_out(void) {
    effect_t effect;
    while (outbox_take(&lf.outbox, &effect))
        s_show(&effect);
    return s_take(s_out);
}
