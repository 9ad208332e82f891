/* The gateway's decisions: two browsers and a plain room, their hostile peers, and a broker that may say anything. A
 * model of its own knows the peers that may hear a room.
 *
 * The input is a script of steps: a byte, its low four bits the step, its high four bits which peer or room. */
#include <stdio.h>
#include <string.h>

#include "browser.h"
#include "control.h"
#include "names.h"
#include "plain.h"
#include "script.h"

enum { BROWSERS = 2, PEERS = 3, ROOMS = 3, STEPS_MAX = 300, TEXT_SIZE = 600 };

static const char *const s_rooms[ROOMS] = {"r", "m/a", "caf\303\251"};

typedef struct {
    bool alive, closed;
    bool may[ROOMS], may_prefix; /* what the broker let it join or follow, and it did not leave */
} model_t;

typedef struct {
    uplink_t *uplink;
    feeds_t *feeds;
    ws_host_t host;
    browser_t *browsers[BROWSERS];
    plain_t *plain;
    model_t models[PEERS];
    int peers[PEERS]; /* what their calls point to */
    uint64_t now, dice, seq;
    char nonce[40];
    int live_room; /* the one whose entry comes by SUB now; -1: none */
    bool blocked, busy;
} world_t;

static world_t s_world;

/* --- The network --- */

static void s_entropy(void *ctx, void *out, size_t len) {
    (void)ctx;
    for (size_t i = 0; i < len; i++)
        ((uint8_t *)out)[i] =
            (uint8_t)((s_world.dice = s_world.dice * 6364136223846793005ULL + 1442695040888963407ULL) >> 32);
}

static void s_check_sent(zr_span_t frame) {
    uint32_t channel;
    zr_span_t inner;
    if (!zr_trunk_read(frame, &channel, &inner)) {
        fuzz_require(frame.len > 0 && frame.ptr[0] == ZR_TYPE_CONTROL);
        return;
    }
    fuzz_require(channel >= 1 && channel <= PEERS);
    fuzz_require(inner.len > 0 && (inner.ptr[0] == ZR_TYPE_CONTROL || inner.ptr[0] == ZR_TYPE_PUBLISH ||
                                      inner.ptr[0] == ZR_TYPE_SETTLE));
}

static bool s_perform(void *ctx, const action_t *action) {
    (void)ctx;
    if (action->kind == ACTION_SEND) {
        if (s_world.blocked)
            return false;
        s_check_sent(action->frame);
    } else if (action->kind == ACTION_SUBSCRIBE && action->topic_len > 0 && action->topic[0] == ZR_TYPE_SYNC)
        snprintf(
            s_world.nonce, sizeof s_world.nonce, "%.*s", (int)action->topic_len - 1, (const char *)action->topic + 1);
    return true;
}

static void s_change(void *ctx, bool subscribe, zr_span_t topic) {
    (void)ctx;
    (void)subscribe;
    fuzz_require(topic.len <= FEED_TOPIC_MAX);
}

/* --- The peers' sockets --- */

static void s_check_frame(int peer, uint8_t first, zr_span_t payload) {
    const model_t *model = &s_world.models[peer];
    fuzz_require(first == (0x80 | WS_TEXT) || first == (0x80 | WS_BINARY));
    fuzz_require(first != (0x80 | WS_TEXT) || zr_utf8_valid(payload));
    if (peer < BROWSERS && s_world.live_room >= 0) /* a browser gets rooms that it joined, and nobody else's */
        fuzz_require(model->alive && (model->may[s_world.live_room] || model->may_prefix));
}

static bool s_send(void *ctx, zr_blob_t *frames, bool live) {
    int peer = *(int *)ctx;
    const uint8_t *at = zr_blob_data(frames), *end = at + zr_blob_len(frames);
    fuzz_require(!s_world.models[peer].closed);
    while (at < end) {
        size_t len = at[1], head = 2;
        if (len == 126) {
            len = (size_t)at[2] << 8 | at[3];
            head = 4;
        }
        fuzz_require(len < 127u || head == 4);
        s_check_frame(peer, at[0], zr_span_of(at + head, len));
        at += head + len;
    }
    fuzz_require(at == end);
    return !live || !s_world.busy;
}

static bool s_ready(void *ctx) {
    (void)ctx;
    return !s_world.busy;
}

static void s_close(void *ctx, ws_code_t code, zr_span_t reason) {
    int peer = *(int *)ctx;
    (void)code;
    fuzz_require(!s_world.models[peer].closed && zr_utf8_valid(reason));
    s_world.models[peer].closed = true;
}

static const ws_calls_t s_calls = {s_send, s_ready, s_close};

/* --- What the broker says --- */

static void s_end_session(model_t *model) {
    model->alive = model->may_prefix = false;
    memset(model->may, 0, sizeof model->may);
}

static void s_inner(int peer, const char *json) {
    char text[TEXT_SIZE];
    snprintf(text, sizeof text, "%s", json);
    for (char *c = text; *c; c++)
        *c = *c == '\'' ? '"' : *c;
    uplink_front(s_world.uplink, zr_trunk_frame((uint32_t)peer + 1, zr_span(text)), s_world.now);
}

static void s_front(const char *json) {
    char text[TEXT_SIZE];
    snprintf(text, sizeof text, "%s", json);
    for (char *c = text; *c; c++)
        *c = *c == '\'' ? '"' : *c;
    uplink_front(s_world.uplink, zr_blob_copy(text, strlen(text)), s_world.now);
}

static void s_welcome(int peer) {
    s_end_session(&s_world.models[peer]);
    if (uplink_is_live(s_world.uplink))
        s_world.models[peer].alive = true;
    s_inner(peer,
        "{'op':'welcome','epoch':'00000000000000e1','resume':'00','heartbeat':5000,'limits':{'frame':9,'rooms':3}}");
}

static void s_joined(int peer, int room) {
    char json[TEXT_SIZE];
    snprintf(
        json, sizeof json, "{'op':'joined','room':'%s','seq':%llu}", s_rooms[room], (unsigned long long)s_world.seq);
    s_world.models[peer].may[room] = true;
    s_inner(peer, json);
}

static void s_left(int peer, int room) {
    char json[TEXT_SIZE];
    snprintf(json, sizeof json, "{'op':'left','room':'%s','reason':'revoked'}", s_rooms[room]);
    s_inner(peer, json);
    s_world.models[peer].may[room] = false;
}

static void s_live_entry(int room, unsigned skip) {
    zr_buffer_t frame = {0};
    uint64_t prev = s_world.seq;
    s_world.seq += skip + 1;
    zr_deliver_begin(&frame, zr_span(s_rooms[room]), 0, 0xe1, skip == 3 ? prev + 1 : prev);
    zr_deliver_add(&frame,
        &(zr_entry_t){
            .seq = s_world.seq + 1, .time = 1, .sender = zr_span("ann"), .body = zr_span(skip & 1 ? "\xff" : "x")});
    s_world.live_room = room;
    uplink_back(s_world.uplink, zr_blob_copy(frame.data, frame.len), s_world.now);
    s_world.live_room = -1;
    zr_buffer_finish(&frame);
}

static void s_synced(void) {
    char frame[200];
    int len = snprintf(frame, sizeof frame, "\xff%s{\"op\":\"synced\",\"epoch\":\"00000000000000e1\"}", s_world.nonce);
    uplink_back(s_world.uplink, zr_blob_copy(frame, (size_t)len), s_world.now);
}

/* --- What peers say --- */

static void s_take(int peer, bool text, zr_span_t message) {
    if (s_world.models[peer].closed)
        return;
    if (peer < BROWSERS)
        browser_message(s_world.browsers[peer], text, message, s_world.now);
    else
        plain_message(s_world.plain, text, message, s_world.now);
}

static void s_say(int peer, const char *format, const char *room) {
    char text[TEXT_SIZE];
    snprintf(text, sizeof text, format, room);
    for (char *c = text; *c; c++)
        *c = *c == '\'' ? '"' : *c;
    s_take(peer, true, zr_span(text));
}

static void s_request(int peer, unsigned which, int room) {
    static const char *const requests[] = {"{'op':'subscribe','id':1,'rooms':['%s'],'presence':true}",
        "{'op':'subscribe','id':2,'prefixes':['%s']}", "{'op':'unsubscribe','id':3,'rooms':['%s']}",
        "{'op':'join','id':4,'room':'%s'}", "{'op':'hello','id':5,'nick':'%s'}", "{'op':'follow','id':6,'prefix':'%s'}",
        "{'op':'publish','room':'%s','text':'\\u0041'}", "{'op':'subscribe','rooms':[]}"};
    s_say(peer, requests[which % 8], s_rooms[room]);
}

/* Behind a `join` that waits it takes effect later. */
static void s_leave(int peer, int room) {
    bool later = peer < BROWSERS && !s_world.models[peer].closed && browser_is_paused(s_world.browsers[peer]);
    s_say(peer, "{'op':'leave','id':7,'room':'%s'}", s_rooms[room]);
    if (!later)
        s_world.models[peer].may[room] = false;
}

/* --- Steps --- */

static void s_down(void) {
    uplink_down(s_world.uplink, "the fuzzer said so", s_world.now);
    for (int i = 0; i < PEERS; i++)
        s_end_session(&s_world.models[i]);
    s_world.nonce[0] = '\0';
}

static void s_up(void) {
    s_world.now += 10000;
    uplink_tick(s_world.uplink, s_world.now);
    uplink_up(s_world.uplink, s_world.now);
    if (!uplink_is_live(s_world.uplink))
        s_front("{'op':'welcome','re':'hello','epoch':'00000000000000e1','resume':'00','back':'tcp://"
                "127.0.0.1:1','heartbeat':5000}");
}

static void s_garbage(script_t *script, int peer, unsigned which) {
    zr_span_t bytes = script_bytes(script, script_byte(script));
    if (which == 0)
        s_take(peer, true, zr_utf8_valid(bytes) ? bytes : zr_span(""));
    else if (which == 1)
        s_take(peer, false, bytes);
}

/* A broker may say anything; then the model knows nothing of that peer any more. */
static void s_broker_garbage(script_t *script, int peer, bool inner) {
    zr_span_t bytes = script_bytes(script, script_byte(script));
    for (int i = 0; i < PEERS; i++)
        if (inner ? i == peer : true) {
            s_world.models[i].alive = s_world.models[i].may_prefix = true;
            memset(s_world.models[i].may, 1, sizeof s_world.models[i].may);
        }
    if (inner)
        uplink_front(s_world.uplink, zr_trunk_frame((uint32_t)peer + 1, bytes), s_world.now);
    else
        uplink_front(s_world.uplink, zr_blob_copy(bytes.ptr, bytes.len), s_world.now);
}

static void s_step(script_t *script) {
    uint8_t byte = script_byte(script);
    int peer = (byte >> 4) % PEERS, room = (byte >> 4) / PEERS % ROOMS;
    switch (byte & 15) {
    case 0:
        s_request(peer, script_byte(script), room);
        break;
    case 1:
        s_leave(peer, room);
        break;
    case 2:
        s_welcome(peer);
        break;
    case 3:
        s_joined(peer, room);
        break;
    case 4:
        s_left(peer, room);
        break;
    case 5:
        s_inner(peer, "{'op':'bye','reason':'expired'}");
        s_end_session(&s_world.models[peer]);
        break;
    case 6:
        s_inner(peer, "{'op':'error','code':'no-session','text':''}");
        s_end_session(&s_world.models[peer]);
        break;
    case 7:
        s_world.models[peer].may_prefix |= s_world.models[peer].alive;
        s_inner(peer, "{'op':'ok','prefix':'m/a'}");
        break;
    case 8:
        s_live_entry(room, byte >> 6);
        break;
    case 9:
        s_synced();
        break;
    case 10:
        s_down();
        break;
    case 11:
        s_up();
        break;
    case 12:
        s_world.now += script_byte(script) * 100u;
        uplink_tick(s_world.uplink, s_world.now);
        if (!uplink_is_live(s_world.uplink))
            s_down();
        break;
    case 13:
        s_garbage(script, peer, byte >> 6 & 1);
        break;
    case 14:
        s_broker_garbage(script, peer, byte & 0x80);
        break;
    default:
        s_world.busy ^= byte >> 4 & 1;
        s_world.blocked ^= byte >> 5 & 1;
        if (!s_world.busy && !s_world.models[BROWSERS].closed)
            plain_drained(s_world.plain, s_world.now);
    }
}

static void s_begin(void) {
    static const ws_from_t from = {.address = "192.0.2.1"};
    s_world = (world_t){.now = 1000, .live_room = -1};
    s_world.feeds = feeds_new(6, 1000, s_change, NULL);
    uplink_config_t config = {
        .server = "tcp://127.0.0.1:5570", .agent = "fuzz", .perform = s_perform, .entropy = s_entropy};
    s_world.uplink = uplink_new(&config, s_world.feeds, 0);
    s_world.host = (ws_host_t){.uplink = s_world.uplink,
        .feeds = s_world.feeds,
        .max_rooms = 4,
        .max_message = 4096,
        .entropy = s_entropy};
    for (int i = 0; i < PEERS; i++)
        s_world.peers[i] = i;
    for (int i = 0; i < BROWSERS; i++)
        s_world.browsers[i] =
            browser_new(&s_world.host, i ? BROWSER_JSON : BROWSER_BINARY, &from, &s_calls, &s_world.peers[i], 1000);
    plain_wish_t wish = {.room = zr_span(s_rooms[0]), .form = FORM_NICK};
    s_world.plain = plain_new(&s_world.host, &wish, &from, &s_calls, &s_world.peers[BROWSERS], 1000);
    s_up();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    script_t script = {data, size};
    s_begin();
    for (int i = 0; i < STEPS_MAX && script.left > 0; i++)
        s_step(&script);
    for (int i = 0; i < BROWSERS; i++)
        browser_destroy(s_world.browsers[i]);
    plain_destroy(s_world.plain);
    fuzz_require(feeds_topics(s_world.feeds) <= 6);
    uplink_destroy(s_world.uplink);
    feeds_destroy(s_world.feeds);
    return 0;
}
