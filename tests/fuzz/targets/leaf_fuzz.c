/* A leaf between clients that say anything and an upstream that keeps to PROTOCOL.md ("Trunks", "Leaves"). The input is a
 * script: a byte for what happens next, and bytes for its details.
 *
 * The upstream hears only of channels that are open, or about to be. What it says on a channel reaches the client for which
 * the channel was opened, and nobody else. When all clients are gone and all is answered, the leaf knows none of them. */
#include <stdio.h>
#include <string.h>

#include "control.h"
#include "leaf_state.h"
#include "script.h"
#include "wire.h"

enum { PEERS = 4, NUMBERS = 6, CHANNELS_MAX = 400, STEPS = 150, PENDING_MAX = 4 * CHANNELS_MAX };

typedef enum { CHANNEL_ASKED, CHANNEL_OPEN, CHANNEL_CLOSING /* by the upstream */, CHANNEL_GONE } state_t;

/* At the upstream. */
typedef struct {
    state_t state;
    route_t owner;  /* the client, at the leaf */
    uint32_t asker; /* the channel over which it was opened; 0: the trunk */
    bool left;      /* the leaf, or the asker, closed it */
    bool unheard;   /* the leaf does not know that it was not opened, as the asker's channel is over */
} channel_t;

/* What the upstream has still to read. */
typedef struct {
    enum { ASKS_HELLO, ASKS_PONG, ASKS_OPEN, ASKS_CLOSE } kind;
    uint32_t over, channel; /* `over` 0: the trunk */
    uint64_t id;
} asked_t;

static struct {
    leaf_t *leaf;
    core_t core;
    outbox_t outbox;
    relay_config_t relay;
    uint64_t now, random;
    channel_t channels[CHANNELS_MAX]; /* by number */
    asked_t asked[PENDING_MAX];
    size_t asked_count;
    bool up; /* the DEALER is connected */
    route_t speaks;
    uint32_t names; /* the channel that the client's frame names */
    uint64_t connections[PEERS + 1];
} s_world;

/* --- The upstream reads --- */

static channel_t *s_at(uint64_t number) {
    fuzz_require(number > 0 && number < CHANNELS_MAX);
    return &s_world.channels[number];
}

static void s_ask(asked_t asked) {
    fuzz_require(s_world.asked_count < PENDING_MAX);
    s_world.asked[s_world.asked_count++] = asked;
}

static void s_on_open(uint32_t over, uint64_t number) {
    channel_t *channel = s_at(number);
    fuzz_require(channel->state == CHANNEL_GONE && !channel->owner); /* no number twice */
    *channel =
        (channel_t){.owner = over ? route_of((uint32_t)s_world.speaks, s_world.names) : s_world.speaks, .asker = over};
    s_ask((asked_t){ASKS_OPEN, over, (uint32_t)number, 0});
}

static void s_on_close(uint32_t over, uint64_t number) {
    channel_t *channel = s_at(number);
    fuzz_require(!channel->left && (channel->state != CHANNEL_GONE || channel->unheard));
    fuzz_require(!over || channel->asker == over);
    channel->left = true;
    s_ask((asked_t){ASKS_CLOSE, over, (uint32_t)number, 0});
}

static void s_on_control(uint32_t over, zr_span_t frame) {
    json_t *object = NULL;
    if (zr_control_read(frame, &object) != ZR_OK)
        return;
    const char *op = json_string_value(json_object_get(object, "op"));
    uint64_t number = (uint64_t)json_integer_value(json_object_get(object, "channel"));
    if (op && strcmp(op, "open") == 0)
        s_on_open(over, number);
    else if (op && strcmp(op, "close") == 0)
        s_on_close(over, number);
    else if (op && !over && strcmp(op, "ping") == 0)
        s_ask((asked_t){ASKS_PONG, 0, 0, (uint64_t)json_integer_value(json_object_get(object, "id"))});
    else if (op && !over && strcmp(op, "hello") == 0)
        s_ask((asked_t){ASKS_HELLO, 0, 0, 0});
    json_decref(object);
}

static void s_send(void *ctx, uint32_t channel, zr_span_t frame) {
    (void)ctx;
    fuzz_require(s_world.up);
    fuzz_require(
        !channel || (!s_at(channel)->left && (s_at(channel)->state != CHANNEL_GONE || s_at(channel)->unheard)));
    s_on_control(channel, frame);
}

/* --- The upstream says --- */

static void s_say(uint32_t over, const char *text) {
    if (over && s_at(over)->state != CHANNEL_OPEN)
        return;
    zr_blob_t *frame = over ? zr_trunk_frame(over, zr_span(text)) : zr_blob_copy(text, strlen(text));
    leaf_take_front(s_world.leaf, zr_span_of(zr_blob_data(frame), zr_blob_len(frame)));
    zr_blob_unref(frame);
}

static void s_answer_open(const asked_t *asked, uint8_t how) {
    static const char *const codes[] = {"forbidden", "no-such-user", "rate-limited", "too-many-channels", "bad-member"};
    channel_t *channel = s_at(asked->channel);
    char text[120];
    bool over = asked->over && s_at(asked->over)->state != CHANNEL_OPEN;
    channel->state = how & 3 && !over ? CHANNEL_OPEN : CHANNEL_GONE;
    channel->unheard = over || (asked->over && s_at(asked->over)->left);
    if (channel->state == CHANNEL_OPEN)
        snprintf(text, sizeof text, "{\"op\":\"ok\",\"re\":1,\"channel\":%u}", asked->channel);
    else
        snprintf(text, sizeof text, "{\"op\":\"error\",\"code\":\"%s\",\"channel\":%u}", codes[(how >> 2) % 5],
            asked->channel);
    s_say(asked->over, text);
}

static void s_answer_close(const asked_t *asked) {
    channel_t *channel = s_at(asked->channel);
    char text[120];
    state_t before = channel->state;
    channel->state = CHANNEL_GONE;
    if (before == CHANNEL_CLOSING)
        return; /* it is the answer */
    snprintf(text, sizeof text,
        before == CHANNEL_OPEN ? "{\"op\":\"close\",\"channel\":%u}"
                               : "{\"op\":\"error\",\"code\":\"no-channel\",\"channel\":%u}",
        asked->channel);
    s_say(asked->over, text);
}

/* Reads the next frame. false: no frame waits. */
static bool s_read(uint8_t how) {
    char text[120];
    if (s_world.asked_count == 0)
        return false;
    asked_t asked = s_world.asked[0];
    memmove(s_world.asked, s_world.asked + 1, --s_world.asked_count * sizeof *s_world.asked);
    switch (asked.kind) {
    case ASKS_HELLO:
        s_say(0, "{\"op\":\"welcome\",\"heartbeat\":5000,\"back\":\"tcp://up:2\"}");
        break;
    case ASKS_PONG:
        snprintf(text, sizeof text, "{\"op\":\"pong\",\"re\":%llu}", (unsigned long long)asked.id);
        s_say(0, text);
        break;
    case ASKS_OPEN:
        s_answer_open(&asked, how);
        break;
    case ASKS_CLOSE:
        s_answer_close(&asked);
        break;
    }
    return true;
}

/* The n-th channel that is open; 0: none is. */
static uint32_t s_open_one(uint8_t n) {
    uint32_t open[CHANNELS_MAX];
    size_t count = 0;
    for (uint32_t number = 1; number < CHANNELS_MAX; number++)
        if (s_world.channels[number].state == CHANNEL_OPEN)
            open[count++] = number;
    return count ? open[n % count] : 0;
}

static void s_send_away(uint8_t which, uint8_t why) {
    static const char *const reasons[] = {"kicked", "banned", "revoked", "flooding", "silent"};
    uint32_t number = s_open_one(which);
    char text[80];
    if (!number)
        return;
    s_at(number)->state = CHANNEL_CLOSING;
    snprintf(text, sizeof text, "{\"op\":\"close\",\"channel\":%u,\"reason\":\"%s\"}", number, reasons[why % 5]);
    s_say(0, text);
}

/* --- The leaf's edge --- */

static void s_connect(void *ctx, const zr_server_t *server) {
    (void)server;
    (void)ctx;
    fuzz_require(!s_world.up);
    s_world.up = true;
}

/* With the connection all of its channels are over. */
static void s_disconnect(void *ctx) {
    (void)ctx;
    s_world.up = false;
    s_world.asked_count = 0;
    for (size_t i = 0; i < CHANNELS_MAX; i++)
        s_world.channels[i] = (channel_t){.state = CHANNEL_GONE};
}

static void s_connect_back(void *ctx, const char *endpoint) {
    (void)ctx;
    fuzz_require(strcmp(endpoint, "tcp://up:2") == 0);
}

static void s_subscribe(void *ctx, bool on, zr_span_t topic) {
    (void)ctx, (void)on, (void)topic;
}

static void s_entropy(void *ctx, void *out, size_t len) {
    (void)ctx;
    for (size_t i = 0; i < len; i++)
        ((uint8_t *)out)[i] = (uint8_t)(s_world.random++ * 37);
}

static zr_span_t s_back(void *ctx) {
    (void)ctx;
    return zr_span("tcp://leaf:1");
}

static void s_peer(void *ctx, peer_t *peer) {
    static const char *const users[] = {"", "ann", "bob", "", "ann"};
    (void)ctx;
    *peer = (peer_t){
        .local = true, .user = zr_span(users[s_world.speaks]), .connection = s_world.connections[s_world.speaks]};
}

/* "T" and the channel's number: it was said on that channel. */
static void s_check_sent(const effect_t *effect) {
    char text[16];
    unsigned number = 0;
    snprintf(text, sizeof text, "%.*s", (int)zr_blob_len(effect->frame), (const char *)zr_blob_data(effect->frame));
    if (sscanf(text, "T%4u", &number) == 1)
        fuzz_require(s_at(number)->owner == effect->route);
}

static void s_take_effects(void) {
    effect_t effect;
    while (outbox_take(&s_world.outbox, &effect)) {
        if (effect.kind == EFFECT_SEND)
            s_check_sent(&effect);
        if (effect.kind == EFFECT_SEND || effect.kind == EFFECT_PUBLISH)
            zr_blob_unref(effect.frame);
        for (size_t i = 1; i <= PEERS && effect.kind == EFFECT_DROP; i++)
            if (s_world.connections[i] == effect.connection) {
                leaf_left(s_world.leaf, effect.connection);
                s_world.connections[i] += PEERS; /* it connects again */
            }
    }
}

/* --- Clients --- */

/* `names`: what an `open` or `close` says. */
static void s_frame(route_t peer, uint32_t over, const char *text, uint32_t names) {
    zr_blob_t *frame = over ? zr_trunk_frame(over, zr_span(text)) : zr_blob_copy(text, strlen(text));
    s_world.speaks = peer;
    s_world.names = names;
    core_frame(&s_world.core, peer, zr_span_of(zr_blob_data(frame), zr_blob_len(frame)), 0);
    zr_blob_unref(frame);
}

static void s_client(script_t *script, route_t peer) {
    uint8_t what = script_byte(script), number = script_byte(script);
    uint32_t over = what & 4 ? 1 + (what >> 4) % NUMBERS : 0, names = 1 + number % NUMBERS;
    char text[80];
    if ((what & 3) == 0)
        s_frame(peer, over, "{\"op\":\"hello\"}", 0);
    else if ((what & 3) == 1)
        s_frame(peer, over, "\1\1r", 0);
    else {
        snprintf(text, sizeof text, "{\"op\":\"%s\",\"channel\":%u}", (what & 3) == 2 ? "open" : "close", names);
        s_frame(peer, over, text, names);
    }
}

static void s_lose(script_t *script, route_t peer) {
    uint8_t what = script_byte(script);
    if (what & 1)
        leaf_left(s_world.leaf, s_world.connections[peer]);
    else
        core_route_lost(&s_world.core, what & 2 ? route_of((uint32_t)peer, 1 + (what >> 2) % NUMBERS) : peer);
}

/* --- Time --- */

static void s_pass(uint64_t ms) {
    s_world.now += ms;
    core_rise(&s_world.core, s_world.now * 1000);
    core_tick(&s_world.core);
}

static void s_seconds(uint8_t count) {
    while (count--) {
        s_pass(1000);
        core_second(&s_world.core, 0, true);
        while (s_world.asked_count > 0 && s_world.asked[0].kind <= ASKS_PONG)
            s_read(0);
    }
}

static void s_switch(uint8_t how) {
    if (!s_world.up || how % 8)
        leaf_up(s_world.leaf);
    else
        leaf_down(s_world.leaf, "gone");
}

/* --- The script --- */

static void s_step(script_t *script) {
    uint8_t step = script_byte(script);
    route_t peer = 1 + (step >> 4) % PEERS;
    char text[16];
    uint32_t number;
    switch (step & 15) {
    default:
        s_client(script, peer);
        break;
    case 8:
    case 9:
    case 10:
        s_read(script_byte(script));
        break;
    case 11:
        if ((number = s_open_one(script_byte(script)))) {
            snprintf(text, sizeof text, "T%04u", number);
            s_say(number, text);
        }
        break;
    case 12:
        s_send_away(script_byte(script), step >> 4);
        break;
    case 13:
        s_lose(script, peer);
        break;
    case 14:
        s_seconds(script_byte(script) % 8);
        break;
    case 15:
        s_switch(script_byte(script));
        if ((number = s_open_one(step >> 4)) && step & 16)
            s_say(number, "{\"op\":\"error\",\"code\":\"no-session\"}");
        break;
    }
    s_take_effects();
}

static bool s_has_numbers(void) {
    return s_world.leaf->clients.last + 3 * PEERS * NUMBERS < CHANNELS_MAX && s_world.asked_count < PENDING_MAX / 2;
}

static void s_begin(void) {
    static const leaf_calls_t calls = {s_connect, s_disconnect, s_connect_back, s_subscribe, s_send};
    memset(&s_world, 0, sizeof s_world);
    s_world.now = 1000000;
    for (size_t i = 0; i < CHANNELS_MAX; i++)
        s_world.channels[i].state = CHANNEL_GONE;
    for (size_t i = 1; i <= PEERS; i++)
        s_world.connections[i] = i;
    relay_config_default(&s_world.relay);
    s_world.relay.entropy = s_entropy;
    s_world.relay.back = s_back;
    s_world.relay.peer = s_peer;
    s_world.relay.rate_ops = 5;
    leaf_config_t config = {.server = "tcp://up:1", .agent = "fuzz", .relay = &s_world.relay, .calls = &calls};
    s_world.leaf = leaf_new(&config, &s_world.outbox);
    s_world.core = leaf_core(s_world.leaf);
    s_pass(1);
    leaf_up(s_world.leaf);
    s_read(0);
}

/* All clients leave. */
static void s_end(void) {
    for (route_t peer = 1; peer <= PEERS; peer++)
        core_route_lost(&s_world.core, peer);
    s_take_effects();
    while (s_read(1))
        s_take_effects();
    fuzz_require(!s_world.leaf->clients.by_number);
    leaf_destroy(s_world.leaf);
    outbox_finish(&s_world.outbox);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    script_t script = {data, size};
    s_begin();
    for (int i = 0; script.left > 0 && i < STEPS && s_has_numbers(); i++)
        s_step(&script);
    s_end();
    return 0;
}
