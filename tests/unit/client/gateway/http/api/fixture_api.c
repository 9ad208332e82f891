#include "fixture_api.h"

#include <stdarg.h>
#include <stdio.h>
#include <utlist.h>

#include "control.h"
#include "fatal.h"

enum { FRAMES = 512, CHANNELS = 10100, HEADERS = 16 };

/* --- Exchanges --- */

typedef struct {
    char name[64], value[512];
} header_t;

struct exchange {
    const char *method, *target;
    header_t headers[HEADERS], answers[HEADERS];
    size_t header_count, answer_count;
    zr_span_t body;
    address_t address;
    bool secure;
    unsigned status;
    bool streaming, ended, aborted;
    zr_buffer_t written, joined;
    size_t queued;
    void (*gone)(void *ctx);
    void *gone_ctx;
    void (*drained)(void *ctx);
    void *drained_ctx;
    struct exchange *prev, *next;
};

http_api_t *api;
uint64_t api_now;
static exchange_t *s_exchanges;

const char *exchange_method(const exchange_t *e) {
    return e->method;
}

zr_span_t exchange_target(const exchange_t *e) {
    return zr_span(e->target);
}

const char *exchange_header(const exchange_t *e, const char *name) {
    for (size_t i = 0; i < e->header_count; i++)
        if (strcasecmp(e->headers[i].name, name) == 0)
            return e->headers[i].value;
    return NULL;
}

zr_span_t exchange_headers(exchange_t *e, const char *name) {
    zr_buffer_clear(&e->joined);
    for (size_t i = 0; i < e->header_count; i++)
        if (strcasecmp(e->headers[i].name, name) == 0)
            zr_buffer_printf(&e->joined, "%s%s", e->joined.len ? "," : "", e->headers[i].value);
    return zr_span_of(e->joined.data, e->joined.len);
}

zr_span_t exchange_body(const exchange_t *e) {
    return e->body;
}

const address_t *exchange_address(const exchange_t *e) {
    return &e->address;
}

bool exchange_is_secure(const exchange_t *e) {
    return e->secure;
}

static void s_answer(exchange_t *e, unsigned status, const web_header_t *headers, size_t count) {
    FATAL_UNLESS(e->status == 0);
    e->status = status;
    for (size_t i = 0; i < count; i++) {
        FATAL_UNLESS(e->answer_count < HEADERS);
        header_t *answer = &e->answers[e->answer_count++];
        snprintf(answer->name, sizeof answer->name, "%s", headers[i].name);
        snprintf(answer->value, sizeof answer->value, "%s", headers[i].value);
    }
}

void exchange_answer(exchange_t *e, unsigned status, const web_header_t *headers, size_t count, zr_span_t body) {
    s_answer(e, status, headers, count);
    zr_buffer_append(&e->written, body.ptr, body.len);
    e->ended = true;
}

void exchange_stream(exchange_t *e, unsigned status, const web_header_t *headers, size_t count) {
    s_answer(e, status, headers, count);
    e->streaming = true;
}

void exchange_write(exchange_t *e, zr_blob_t *bytes) {
    FATAL_UNLESS(e->streaming && !e->ended && !e->aborted);
    zr_buffer_append(&e->written, zr_blob_data(bytes), zr_blob_len(bytes));
    zr_blob_unref(bytes);
}

size_t exchange_queued(const exchange_t *e) {
    return e->queued;
}

void exchange_end(exchange_t *e) {
    FATAL_UNLESS(e->streaming && !e->ended && !e->aborted);
    e->ended = true;
}

void exchange_abort(exchange_t *e) {
    FATAL_UNLESS(e->streaming && !e->ended && !e->aborted);
    e->aborted = true;
}

void exchange_on_drained(exchange_t *e, void (*drained)(void *ctx), void *ctx) {
    e->drained = drained;
    e->drained_ctx = ctx;
}

void exchange_on_gone(exchange_t *e, void (*gone)(void *ctx), void *ctx) {
    e->gone = gone;
    e->gone_ctx = ctx;
}

static void s_read_headers(exchange_t *e, const char *headers) {
    zr_span_t rest = zr_span(headers);
    while (rest.len > 0) {
        zr_span_t value = zr_span_cut(&rest, '\n');
        zr_span_t name = zr_span_cut(&value, ':');
        header_t *header = &e->headers[e->header_count++];
        FATAL_UNLESS(e->header_count <= HEADERS);
        snprintf(header->name, sizeof header->name, "%.*s", (int)name.len, name.ptr);
        snprintf(header->value, sizeof header->value, "%.*s", (int)value.len - 1, value.ptr + 1);
    }
}

exchange_t *api_request_from(
    const char *address, bool secure, const char *method, const char *target, const char *headers, const char *body) {
    exchange_t *e = fatal_calloc(sizeof *e);
    e->method = method;
    e->target = target;
    e->body = zr_span(body);
    e->secure = secure;
    FATAL_UNLESS(address_parse(zr_span(address), &e->address));
    s_read_headers(e, headers);
    DL_APPEND(s_exchanges, e);
    http_api_take(api, e);
    return e;
}

exchange_t *api_request(const char *method, const char *target, const char *headers, const char *body) {
    return api_request_from("203.0.113.7", false, method, target, headers, body);
}

unsigned api_status(const exchange_t *e) {
    return e->status;
}

const char *api_header(const exchange_t *e, const char *name) {
    for (size_t i = 0; i < e->answer_count; i++)
        if (strcasecmp(e->answers[i].name, name) == 0)
            return e->answers[i].value;
    return NULL;
}

const char *api_body(exchange_t *e) {
    *zr_buffer_reserve(&e->written, 1) = '\0';
    return (const char *)e->written.data;
}

void api_clear_body(exchange_t *e) {
    zr_buffer_clear(&e->written);
}

bool api_ended(const exchange_t *e) {
    return e->ended;
}

bool api_aborted(const exchange_t *e) {
    return e->aborted;
}

void api_hold(exchange_t *e, size_t bytes) {
    e->queued = bytes;
}

void api_drain(exchange_t *e) {
    e->queued = 0;
    if (e->drained)
        e->drained(e->drained_ctx);
}

void api_gone(exchange_t *e) {
    DL_DELETE(s_exchanges, e);
    if (e->gone)
        e->gone(e->gone_ctx);
    zr_buffer_finish(&e->written);
    zr_buffer_finish(&e->joined);
    free(e);
}

/* --- The uplink --- */

struct channel {
    bool open, closed, secure, alive;
    char address[ADDRESS_TEXT];
    const channel_calls_t *calls;
    void *ctx;
    zr_blob_t *frames[FRAMES];
    size_t sent, taken;
};

static channel_t s_channels[CHANNELS];
static size_t s_channel_count;
static bool s_live, s_full;

bool uplink_is_live(const uplink_t *uplink) {
    (void)uplink;
    return s_live;
}

bool uplink_is_full(const uplink_t *uplink) {
    (void)uplink;
    return s_full;
}

channel_t *uplink_open(uplink_t *uplink, const char *address, bool secure, const channel_calls_t *calls, void *ctx) {
    (void)uplink;
    FATAL_UNLESS(s_channel_count < CHANNELS);
    channel_t *channel = &s_channels[s_channel_count++];
    channel->open = s_live;
    channel->secure = secure;
    channel->calls = calls;
    channel->ctx = ctx;
    snprintf(channel->address, sizeof channel->address, "%s", address);
    return channel;
}

bool channel_is_open(const channel_t *channel) {
    return channel->open;
}

void channel_send(channel_t *channel, zr_span_t inner) {
    FATAL_UNLESS(!channel->closed);
    if (!channel->open)
        return;
    if (channel->sent == FRAMES) /* only a fuzzer gets here, and reads none */
        return;
    channel->frames[channel->sent++] = zr_blob_copy(inner.ptr, inner.len);
}

void channel_say(channel_t *channel, json_t *object) {
    zr_blob_t *blob = zr_control_write(object);
    channel_send(channel, zr_span_of(zr_blob_data(blob), zr_blob_len(blob)));
    zr_blob_unref(blob);
}

void channel_set_session(channel_t *channel, bool alive) {
    channel->alive = alive;
}

void channel_hello(channel_t *channel, json_t *hello) {
    channel->alive = true;
    channel_say(channel, hello);
}

void channel_close(channel_t *channel) {
    FATAL_UNLESS(!channel->closed);
    channel->closed = true;
    channel->open = false;
}

size_t api_channels(void) {
    size_t count = 0;
    for (size_t i = 0; i < s_channel_count; i++)
        count += !s_channels[i].closed;
    return count;
}

size_t api_channel_count(void) {
    return s_channel_count;
}

channel_t *api_channel_at(size_t index) {
    return &s_channels[index];
}

channel_t *api_channel(void) {
    FATAL_UNLESS(s_channel_count > 0);
    return &s_channels[s_channel_count - 1];
}

const char *api_channel_address(const channel_t *channel) {
    return channel->address;
}

bool api_channel_secure(const channel_t *channel) {
    return channel->secure;
}

bool api_channel_closed(const channel_t *channel) {
    return channel->closed;
}

zr_span_t api_sent_bytes(channel_t *channel) {
    if (channel->taken == channel->sent)
        return zr_span("");
    zr_blob_t *blob = channel->frames[channel->taken++];
    return zr_span_of(zr_blob_data(blob), zr_blob_len(blob));
}

const char *api_sent(channel_t *channel) {
    static char text[100000];
    zr_span_t bytes = api_sent_bytes(channel);
    if (bytes.len == 0)
        return NULL;
    snprintf(text, sizeof text, "%.*s", (int)bytes.len, bytes.ptr);
    return text;
}

json_int_t api_expect(channel_t *channel, const char *op) {
    const char *text = api_sent(channel);
    ck_assert_msg(text != NULL, "nothing was sent, not even %s", op);
    json_t *object = json_loads(text, 0, NULL);
    const char *found = json_string_value(json_object_get(object, "op"));
    ck_assert_msg(found && strcmp(found, op) == 0, "%s was sent, not %s", text, op);
    json_int_t id = json_integer_value(json_object_get(object, "id"));
    json_decref(object);
    return id;
}

void api_say_bytes(channel_t *channel, zr_span_t frame) {
    FATAL_UNLESS(!channel->closed);
    channel->calls->frame(channel->ctx, frame);
}

void api_say(channel_t *channel, const char *format, ...) {
    char text[4096];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    unit_quotes(text);
    api_say_bytes(channel, zr_span(text));
}

static zr_buffer_t s_frame;

static zr_span_t s_deliver(const char *room, uint8_t flags, uint64_t prev, uint64_t first, uint64_t last) {
    zr_deliver_begin(&s_frame, zr_span(room), flags, EPOCH, prev);
    for (uint64_t seq = first; seq <= last; seq++) {
        char body[32];
        snprintf(body, sizeof body, "m%llu", (unsigned long long)seq);
        zr_entry_t entry = {.seq = seq, .time = 1700000000000000, .sender = zr_span("ann"), .body = zr_span(body)};
        zr_deliver_add(&s_frame, &entry);
    }
    return zr_span_of(s_frame.data, s_frame.len);
}

void api_deliver(channel_t *channel, const char *room, uint8_t flags, uint64_t prev, uint64_t first, uint64_t last) {
    api_say_bytes(channel, s_deliver(room, flags, prev, first, last));
}

void api_set_live(bool live) {
    s_live = live;
}

void api_set_full(bool full) {
    s_full = full;
}

void api_change(channel_t *channel, channel_change_t change, const char *reason) {
    channel->open = change == CHANNEL_OPEN;
    channel->calls->change(channel->ctx, change, zr_span(reason));
}

channel_t *api_welcome(void) {
    channel_t *channel = api_channel();
    api_expect(channel, "hello");
    api_say(channel, WELCOME);
    return channel;
}

/* --- Feeds --- */

static feed_reader_t *s_readers;
static feed_joined_t s_feeds;

size_t feed_topic(zr_span_t room, bool presence, uint8_t out[FEED_TOPIC_MAX]) {
    memcpy(out, room.ptr, room.len);
    out[room.len] = presence;
    return room.len + 1;
}

feed_joined_t feeds_join(feeds_t *feeds, feed_reader_t *reader, zr_span_t topic, uint64_t now) {
    (void)feeds;
    (void)topic;
    (void)now;
    if (s_feeds == FEED_FULL)
        return FEED_FULL;
    reader->feed = (feed_t *)(void *)&s_readers;
    DL_APPEND(s_readers, reader);
    return s_feeds;
}

void feeds_leave(feed_reader_t *reader, uint64_t now) {
    (void)now;
    if (reader->feed)
        DL_DELETE(s_readers, reader);
    reader->feed = NULL;
}

void api_live(const char *room, uint64_t prev, uint64_t first, uint64_t last) {
    delivery_t delivery;
    feed_reader_t *reader, *next;
    FATAL_UNLESS(delivery_begin(&delivery, s_deliver(room, 0, prev, first, last)));
    DL_FOREACH_SAFE(s_readers, reader, next) reader->frame(reader, &delivery);
    delivery_finish(&delivery);
}

void api_set_feeds(feed_joined_t joined) {
    s_feeds = joined;
}

void api_feed_live(void) {
    feed_reader_t *reader, *next;
    s_feeds = FEED_LIVE;
    DL_FOREACH_SAFE(s_readers, reader, next) reader->live(reader);
}

/* --- The world --- */

static netblock_t s_proxy;

static void s_entropy(void *ctx, void *out, size_t len) {
    static uint8_t next;
    (void)ctx;
    for (size_t i = 0; i < len; i++)
        ((uint8_t *)out)[i] = next++;
}

static bool s_origin_allowed(void *ctx, const exchange_t *e, const char *origin) {
    (void)ctx;
    (void)e;
    return strcmp(origin, "https://chat.example.org") == 0;
}

void api_begin(void) {
    FATAL_UNLESS(netblock_parse(zr_span("127.0.0.0/8"), &s_proxy));
    s_live = true;
    s_full = false;
    s_feeds = FEED_LIVE;
    http_api_config_t config = {
        .proxies = {&s_proxy, 1}, .reader_queue = 1000, .origin_allowed = s_origin_allowed, .entropy = s_entropy};
    api = http_api_new(&config, api_now = 1000);
}

void api_end(void) {
    while (s_exchanges)
        api_gone(s_exchanges);
    http_api_destroy(api);
    FATAL_UNLESS(api_channels() == 0);
    for (size_t i = 0; i < s_channel_count; i++)
        for (size_t n = 0; n < s_channels[i].sent; n++)
            zr_blob_unref(s_channels[i].frames[n]);
    memset(s_channels, 0, s_channel_count * sizeof *s_channels);
    s_channel_count = 0;
    zr_buffer_finish(&s_frame);
}

exchange_t *api_first(void) {
    return s_exchanges;
}

exchange_t *api_after(exchange_t *e) {
    return e->next;
}

void api_pass(uint64_t ms) {
    api_now += ms;
    http_api_tick(api, api_now);
}
