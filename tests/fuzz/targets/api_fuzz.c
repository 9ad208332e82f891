/* The HTTP API between clients and a broker that say anything, in any order. Each request is answered at most once, and
 * nothing is written behind an end; no channel is used after it was closed; and in a stream the ids of entries rise
 * until a loss is told. The made-up edges check most of it. */
#include <stdio.h>

#include "client/gateway/http/api/fixture_api.h"
#include "script.h"

enum { REQUESTS_MAX = 24, STEPS_MAX = 400 };

static const char *const s_requests[][3] = {
    {"GET", "/v1/rooms/r/events?format=body", ""},
    {"GET", "/v1/rooms/r/events?after=3", ""},
    {"GET", "/v1/rooms/r/events?last=2", ""},
    {"GET", "/v1/rooms/r/events", "Last-Event-ID: 8f3a6c01d2e4b597:2\n"},
    {"GET", "/v1/rooms/r/events", "Last-Event-ID: 0000000000000001:9\n"},
    {"POST", "/v1/rooms/r", ""},
    {"POST", "/v1/rooms/r", "Idempotency-Key: k\n"},
    {"POST", "/v1/rooms/r", "Authorization: Bearer x\n"},
    {"PUT", "/v1/rooms/r/state/k", "If-Match: \"8f3a6c01d2e4b597:2\"\n"},
    {"PUT", "/v1/rooms/r/state/k", "If-Match: \"0000000000000001:2\"\n"},
    {"DELETE", "/v1/rooms/r/state/k", ""},
    {"GET", "/v1/rooms/r", ""},
    {"GET", "/v1/rooms/r?last=3&limit=2", ""},
    {"GET", "/v1/rooms/r?after=0000000000000001:5&format=body", ""},
    {"GET", "/v1/rooms/r/state", ""},
    {"GET", "/v1/rooms/r/state/k", ""},
    {"GET", "/v1/rooms/r/who", ""},
    {"GET", "/v1/rooms?prefix=a", ""},
    {"GET", "/metrics", ""},
};

/* What the broker may say; %u is a number of the script. */
static const char *const s_frames[] = {
    WELCOME,
    "{'op':'welcome','re':0,'epoch':'0000000000000002'}",
    "{'op':'welcome','re':0}",
    "{'op':'error','re':%u,'code':'rate-limited','text':'x','wait':%u}",
    "{'op':'error','re':%u,'code':'forbidden','text':'x'}",
    "{'op':'error','re':%u}",
    "{'op':'error','code':'rate-limited','wait':%u}",
    "{'op':'error','code':'no-session'}",
    "{'op':'error','code':'too-large','mid':%u}",
    "{'op':'joined','re':%u,'room':'r','seq':%u,'oldest':1}",
    "{'op':'joined','re':%u}",
    "{'op':'ack','re':%u,'seq':%u,'level':'disk'}",
    "{'op':'ack','re':%u}",
    "{'op':'replayed','re':%u,'seq':%u,'count':2,'complete':true,'more':true}",
    "{'op':'replayed','re':%u,'seq':%u,'count':2,'complete':false,'more':false}",
    "{'op':'replayed','re':%u}",
    "{'op':'ok','re':%u,'next':%u,'more':true}",
    "{'op':'ok','re':%u,'next':%u,'more':false}",
    "{'op':'who','re':%u,'users':[{'nick':'a'}],'count':1,'more':true}",
    "{'op':'who','re':%u}",
    "{'op':'rooms','re':%u}",
    "{'op':'rooms','re':%u,'rooms':7,'more':'x'}",
    "{'op':'pong','re':'gateway','heads':{'r':%u}}",
    "{'op':'left','room':'r'}",
    "{'op':'left','room':'r','reason':'revoked'}",
    "{'op':'bye','reason':'kicked'}",
    "{'op':'bye'}",
    "{'op':7,'re':%u}",
    "{'re':%u}",
};

static channel_t *s_channel(unsigned number) {
    size_t count = api_channel_count();
    channel_t *channel = count ? api_channel_at(number % count) : NULL;
    return channel && !api_channel_closed(channel) ? channel : NULL;
}

static exchange_t *s_exchange(unsigned number) {
    exchange_t *e = api_first();
    while (e && number-- > 0 && api_after(e))
        e = api_after(e);
    return e;
}

static void s_say(script_t *script, channel_t *channel) {
    char text[256];
    const char *frame = s_frames[script_byte(script) % (sizeof s_frames / sizeof s_frames[0])];
    unsigned first = script_byte(script) % 8, second = script_byte(script);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(text, sizeof text, frame, first, second);
#pragma GCC diagnostic pop
    api_say(channel, "%s", text);
}

static void s_deliver(script_t *script, channel_t *channel) {
    static const uint8_t flags[] = {0, ZR_FRAME_REPLAY, ZR_FRAME_STATE};
    uint8_t kind = flags[script_byte(script) % 3];
    uint64_t prev = script_byte(script) % 16, first = prev + 1 + script_byte(script) % 3;
    uint64_t last = first + script_byte(script) % 4;
    if (channel)
        api_deliver(channel, "r", kind, prev, first, last);
    else
        api_live("r", prev, first, last);
}

static void s_say_bytes(script_t *script, channel_t *channel) {
    zr_span_t bytes = script_bytes(script, script_byte(script));
    uint8_t ack[ZR_ACK_SIZE];
    if (bytes.len > 0) {
        api_say_bytes(channel, bytes);
        return;
    }
    zr_ack_write(ack, &(zr_ack_t){ZR_LEVEL_MEMORY, script_byte(script) % 4, script_byte(script)});
    api_say_bytes(channel, zr_span_of(ack, sizeof ack));
}

static void s_request(script_t *script, unsigned *requests) {
    const char *const *request = s_requests[script_byte(script) % (sizeof s_requests / sizeof s_requests[0])];
    if ((*requests)++ < REQUESTS_MAX)
        api_request(request[0], request[1], request[2], script_byte(script) % 2 ? "text" : "\xff");
}

static void s_of_channel(script_t *script, unsigned step) {
    channel_t *channel = s_channel(script_byte(script));
    if (step == 4) {
        s_deliver(script, NULL);
        return;
    }
    if (!channel)
        return;
    if (step == 1 || step == 2)
        s_say(script, channel);
    else if (step == 3)
        s_deliver(script, channel);
    else if (step == 5)
        s_say_bytes(script, channel);
    else
        api_change(
            channel, (channel_change_t)(script_byte(script) % 3), script_byte(script) % 2 ? "kicked" : "rate-limited");
}

static void s_of_exchange(script_t *script, unsigned step) {
    exchange_t *e = s_exchange(script_byte(script) % REQUESTS_MAX);
    if (!e)
        return;
    if (step == 7)
        api_gone(e);
    else if (script_byte(script) % 2)
        api_hold(e, script_number(script));
    else
        api_drain(e);
}

static void s_step(script_t *script, unsigned *requests) {
    unsigned step = script_byte(script) % 12;
    if (step == 0)
        s_request(script, requests);
    else if (step <= 6)
        s_of_channel(script, step);
    else if (step <= 8)
        s_of_exchange(script, step);
    else if (step == 9)
        api_pass(script_number(script));
    else if (step == 10)
        api_set_live(script_byte(script) % 4 != 0);
    else
        api_feed_live();
}

/* In a stream the ids of entries rise, and a `lost` begins anew. */
static void s_check_stream(exchange_t *e) {
    unsigned long long last = 0, seq;
    zr_span_t text = zr_span(api_body(e));
    if (!api_header(e, "Content-Type") || strcmp(api_header(e, "Content-Type"), "text/event-stream") != 0)
        return;
    bool entry = false;
    while (text.len > 0) {
        zr_span_t line = zr_span_cut(&text, '\n');
        char copy[64];
        snprintf(copy, sizeof copy, "%.*s", (int)(line.len < 63 ? line.len : 63), line.len ? line.ptr : "");
        if (line.len == 0)
            entry = false; /* an id without data only sets where a reader goes on */
        else if (sscanf(copy, "id: %*16[0-9a-f]:%llu", &seq) == 1)
            entry = true;
        else if (strncmp(copy, "event: lost", 11) == 0)
            last = seq, entry = false;
        else if (strncmp(copy, "data: ", 6) == 0 && entry) {
            fuzz_require(seq > last);
            last = seq;
            entry = false;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    script_t script = {data, size};
    unsigned requests = 0;
    api_begin();
    for (int step = 0; step < STEPS_MAX && script.left > 0; step++)
        s_step(&script, &requests);
    for (exchange_t *e = api_first(); e; e = api_after(e))
        s_check_stream(e);
    api_end();
    return 0;
}
