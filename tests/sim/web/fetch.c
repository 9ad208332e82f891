/* See fetch.h. A planted fault may change what the gateway is asked, or what it answers. */
#include "fetch.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "fatal.h"
#include "sim.h"

enum { TARGET_SIZE = 200, VALUE_SIZE = 100 };

typedef struct {
    const char *name;
    char value[VALUE_SIZE];
} header_t;

struct exchange {
    sim_t *sim;
    const char *method;
    char target[TARGET_SIZE];
    header_t headers[FETCH_HEADERS];
    size_t header_count;
    zr_buffer_t body, joined;
    address_t address;
    const fetch_calls_t *calls; /* NULL: the client is gone */
    void *ctx;
    unsigned status;
    bool streaming, ended, aborted;
    bool pending;    /* an event is under way that hands bytes to the client */
    zr_buffer_t out; /* bytes that the client does not have yet, from `taken` on */
    size_t taken;
    void (*gone)(void *ctx);
    void *gone_ctx;
    void (*drained)(void *ctx);
    void *drained_ctx;
};

/* --- The client's end --- */

exchange_t *fetch_new(
    sim_t *sim, const char *method, const char *target, zr_span_t body, const fetch_calls_t *calls, void *ctx) {
    char address[20];
    exchange_t *e = world_calloc(sizeof *e);
    *e = (exchange_t){.sim = sim, .method = method, .calls = calls, .ctx = ctx};
    snprintf(e->target, sizeof e->target, "%s", target);
    snprintf(address, sizeof address, "198.51.100.%u", (unsigned)rng_below(&sim->world.rng, FETCH_ADDRESSES) + 1);
    FATAL_UNLESS(address_parse(zr_span(address), &e->address));
    if (body.len)
        zr_buffer_append(&e->body, body.ptr, body.len);
    return e;
}

void fetch_header(exchange_t *e, const char *name, const char *value) {
    FATAL_UNLESS(e->header_count < FETCH_HEADERS);
    header_t *header = &e->headers[e->header_count++];
    header->name = name;
    snprintf(header->value, sizeof header->value, "%s", value);
}

/* The gateway hears that the exchange is over, whatever the reason. */
static void s_tell_gone(exchange_t *e) {
    void (*gone)(void *ctx) = e->gone;
    e->gone = NULL;
    e->drained = NULL;
    if (gone)
        gone(e->gone_ctx);
}

void fetch_drop(exchange_t *e) {
    e->calls = NULL;
    s_tell_gone(e);
}

void fetch_break(exchange_t *e) {
    const fetch_calls_t *calls = e->calls;
    e->calls = NULL;
    s_tell_gone(e);
    if (calls)
        calls->end(e->ctx, e->streaming ? e->status : 0, false);
}

void fetch_free(exchange_t *e) {
    zr_buffer_finish(&e->body);
    zr_buffer_finish(&e->joined);
    zr_buffer_finish(&e->out);
    free(e);
}

static void s_hand_over(void *ctx, uint64_t arg);

static void s_wake(exchange_t *e) {
    if (e->pending || !e->calls)
        return;
    e->pending = true;
    world_at(
        &e->sim->world, e->sim->world.now + rng_skewed(&e->sim->world.rng, e->sim->params.jitter), s_hand_over, e, 0);
}

static void s_finish(exchange_t *e) {
    const fetch_calls_t *calls = e->calls;
    e->calls = NULL;
    s_tell_gone(e);
    calls->end(e->ctx, e->status, !e->aborted);
}

/* A piece of what waits, and the end once all is there. */
static void s_hand_over(void *ctx, uint64_t arg) {
    (void)arg;
    exchange_t *e = ctx;
    rng_t *rng = &e->sim->world.rng;
    e->pending = false;
    if (!e->calls)
        return;
    size_t waits = e->aborted ? 0 : e->out.len - e->taken;
    size_t len = waits && rng_chance(rng, 1, 3) ? (size_t)rng_between(rng, 1, waits) : waits;
    zr_span_t bytes = zr_span_of(e->out.data + e->taken, len);
    if (len)
        e->calls->bytes(e->ctx, bytes);
    if (!e->calls)
        return;
    e->taken += len;
    if (e->taken == e->out.len)
        e->out.len = e->taken = 0;
    if (e->drained && len && !e->ended)
        e->drained(e->drained_ctx);
    if (e->out.len > 0 && !e->aborted)
        s_wake(e);
    else if (e->ended || e->aborted)
        s_finish(e);
}

/* --- The gateway's end: exchange.h --- */

const char *exchange_method(const exchange_t *e) {
    return e->method;
}

zr_span_t exchange_target(const exchange_t *e) {
    return zr_span(e->target);
}

const char *exchange_header(const exchange_t *e, const char *name) {
    if (e->sim->plant == PLANT_LOST_EVENT_ID && strcasecmp(name, "Last-Event-ID") == 0)
        return NULL;
    for (size_t i = 0; i < e->header_count; i++)
        if (strcasecmp(e->headers[i].name, name) == 0)
            return e->headers[i].value;
    return NULL;
}

zr_span_t exchange_headers(exchange_t *e, const char *name) {
    const char *value = exchange_header(e, name);
    return zr_span(value ? value : "");
}

zr_span_t exchange_body(const exchange_t *e) {
    return zr_span_of(e->body.data, e->body.len);
}

const address_t *exchange_address(const exchange_t *e) {
    return &e->address;
}

bool exchange_is_secure(const exchange_t *e) {
    (void)e;
    return true;
}

static void s_begin(exchange_t *e, unsigned status) {
    FATAL_UNLESS(e->status == 0);
    e->status = status;
    s_wake(e);
}

void exchange_answer(exchange_t *e, unsigned status, const web_header_t *headers, size_t count, zr_span_t body) {
    (void)headers;
    (void)count;
    if (e->sim->plant == PLANT_FALSE_CREATED && status == 503 && e->body.len)
        status = 201;
    s_begin(e, status);
    if (body.len)
        zr_buffer_append(&e->out, body.ptr, body.len);
    e->ended = true;
}

void exchange_stream(exchange_t *e, unsigned status, const web_header_t *headers, size_t count) {
    (void)headers;
    (void)count;
    s_begin(e, status);
    e->streaming = true;
}

void exchange_write(exchange_t *e, zr_blob_t *bytes) {
    FATAL_UNLESS(e->streaming && !e->ended && !e->aborted);
    zr_buffer_append(&e->out, zr_blob_data(bytes), zr_blob_len(bytes));
    zr_blob_unref(bytes);
    s_wake(e);
}

size_t exchange_queued(const exchange_t *e) {
    return e->out.len - e->taken;
}

void exchange_end(exchange_t *e) {
    FATAL_UNLESS(e->streaming && !e->ended && !e->aborted);
    e->ended = true;
    s_wake(e);
}

void exchange_abort(exchange_t *e) {
    FATAL_UNLESS(e->streaming && !e->ended && !e->aborted);
    e->aborted = true;
    s_wake(e);
}

void exchange_on_drained(exchange_t *e, void (*drained)(void *ctx), void *ctx) {
    e->drained = drained;
    e->drained_ctx = ctx;
}

void exchange_on_gone(exchange_t *e, void (*gone)(void *ctx), void *ctx) {
    e->gone = gone;
    e->gone_ctx = ctx;
}
