/* The whole relay: the input is a script of steps from several peers, with small limits, a log that answers when told
 * and positions that have gaps. After every step what was sent and published must keep the relay's promises. A script
 * is
 *
 *     byte: settings, then steps: byte, its low four bits the step, its high four bits the peer or how much; some take
 * more bytes
 *
 * A step with a high peer comes by a channel, if it is a frame: the peer may be a gateway.
 *
 * An input that is a control frame, a PUBLISH, a TRUNK or a SETTLE frame is sent by a peer with a session and by one
 * without. */
#include "access_build.h"
#include "control.h"
#include "edge.h"
#include "key_age.h"
#include "relay_broker.h"
#include "script.h"
#include "wire_work.h"

/* --- Around the relay --- */

static void s_check_published(zr_span_t frame) {
    zr_span_t room, json;
    zr_back_kind_t kind = zr_back_read(frame, &room, &json);
    fuzz_require(kind != ZR_BACK_BAD);
    if (kind != ZR_BACK_ENTRIES) {
        json_t *object = NULL;
        fuzz_require(zr_control_read(json, &object) == ZR_OK);
        json_decref(object);
        return;
    }
    zr_deliver_reader_t reader;
    zr_entry_t entry;
    fuzz_require(zr_deliver_read(&reader, frame) && reader.flags == 0 && reader.epoch == EPOCH);
    head_t *head = s_head(room);
    bool anew = head->begins || head->published == 0 || s_broker.users; /* while it was private others came elsewhere */
    fuzz_require(reader.prev == head->published || (anew && reader.prev > head->published));
    if (head->begins)
        head->time = 0; /* of the room that was forgotten */
    head->begins = false;
    head->published = reader.prev;
    while (zr_deliver_next(&reader, &entry)) {
        fuzz_require(entry.seq > head->published && entry.time >= head->time);
        head->published = entry.seq;
        head->time = entry.time;
    }
    fuzz_require(!reader.failed && head->published <= head->stored);
}

/* The broker said that it opened a channel, or closed one. Nothing is sent to a channel that is not open. */
static void s_note_channel(route_t route, const json_t *object) {
    json_int_t channel = json_integer_value(json_object_get(object, "channel"));
    const char *op = json_string_value(json_object_get(object, "op"));
    if (!channel || channel > CHANNELS || strcmp(op, "error") == 0)
        return;
    fuzz_require(!route_channel(route) && (strcmp(op, "ok") == 0 || strcmp(op, "close") == 0));
    s_broker.open[route][channel] = strcmp(op, "ok") == 0;
}

/* Entries for a worker are stored; what a SETTLE did can be read. true: the frame was one of these. */
static bool s_check_work(zr_span_t frame) {
    uint32_t worker;
    uint16_t deliveries;
    zr_span_t inner;
    zr_deliver_reader_t reader;
    zr_entry_t entry;
    zr_settled_t settled;
    if (frame.ptr[0] == ZR_TYPE_SETTLED) {
        zr_became_t became;
        zr_range_t range;
        fuzz_require(zr_settled_read(&settled, frame));
        while (zr_settled_next(&settled, &became, &range))
            fuzz_require(range.first == range.last && became >= ZR_BECAME_SETTLED && became <= ZR_BECAME_AHEAD);
        return true;
    }
    if (!zr_work_read(frame, &worker, &deliveries, &inner))
        return false;
    fuzz_require(deliveries > 0 && zr_deliver_read(&reader, inner) && reader.epoch == EPOCH);
    fuzz_require(reader.flags == ZR_FRAME_WORK);
    uint64_t stored = s_head(reader.room)->stored;
    while (zr_deliver_next(&reader, &entry))
        fuzz_require(entry.seq <= stored);
    fuzz_require(!reader.failed);
    return true;
}

static void s_check_sent(route_t route, zr_span_t frame, bool live) {
    route_t connection = route_connection(route);
    uint32_t channel = route_channel(route);
    fuzz_require(connection >= 1 && connection <= PEERS && s_broker.spoke[connection]);
    fuzz_require(channel == 0 || channel > CHANNELS || s_broker.open[connection][channel]);
    zr_ack_t ack;
    zr_deliver_reader_t reader;
    zr_entry_t entry;
    zr_span_t room, json;
    json_t *object = NULL;
    fuzz_require(!live || s_broker.users);
    if (frame.ptr[0] == '{') { /* as strictly as a client reads it */
        fuzz_require(zr_control_read(frame, &object) == ZR_OK);
        fuzz_require(json_is_string(json_object_get(object, "op")));
        const char *token = json_string_value(json_object_get(object, "resume"));
        if (token)
            snprintf(s_broker.token, sizeof s_broker.token, "%s", token);
        s_note_channel(route, object);
        json_decref(object);
    } else if (live && zr_back_read(frame, &room, &json) == ZR_BACK_PRESENCE) {
        fuzz_require(zr_control_read(json, &object) == ZR_OK);
        json_decref(object);
    } else if (!live && s_check_work(frame)) {
        return;
    } else if (live || !zr_ack_read(&ack, frame)) {
        fuzz_require(zr_deliver_read(&reader, frame) && reader.epoch == EPOCH);
        fuzz_require(live ? reader.flags == 0 : reader.flags == ZR_FRAME_REPLAY || reader.flags == ZR_FRAME_STATE);
        uint64_t seq = reader.prev, stored = s_head(reader.room)->stored;
        while (zr_deliver_next(&reader, &entry)) {
            fuzz_require(entry.seq > seq && entry.seq <= stored);
            seq = entry.seq;
        }
        fuzz_require(!reader.failed);
    }
}

static void s_note(uint64_t session, uint64_t to) {
    size_t i = 0;
    while (i <= SESSIONS && s_broker.sessions[i] != session)
        i++;
    fuzz_require(i <= SESSIONS); /* not more than there may be, and each one once */
    s_broker.sessions[i] = to;
}

static void s_watch(void *ctx, uint64_t session) {
    (void)ctx;
    s_note(0, session);
}

static void s_alive(void *ctx, uint64_t session) {
    (void)ctx;
    s_note(session, session);
}

static void s_unwatch(void *ctx, uint64_t session) {
    (void)ctx;
    s_note(session, 0);
}

static edge_sent_t s_send(void *ctx, route_t route, zr_blob_t *frame, bool live) {
    (void)ctx;
    bool lost = route_connection(route) == s_broker.lost;
    if (!lost)
        s_check_sent(route, zr_span_of(zr_blob_data(frame), zr_blob_len(frame)), live);
    zr_blob_unref(frame);
    return lost ? EDGE_GONE : EDGE_SENT;
}

static void s_publish_frame(void *ctx, zr_blob_t *frame) {
    (void)ctx;
    s_check_published(zr_span_of(zr_blob_data(frame), zr_blob_len(frame)));
    zr_blob_unref(frame);
}

static void s_connection(void *ctx, uint64_t connection) {
    (void)ctx;
    fuzz_require(connection > 0 && connection <= PEERS);
}

static void s_drop_user(void *ctx, zr_span_t user) {
    (void)ctx;
    fuzz_require(user.len > 0);
}

static void s_login(void *ctx, const login_request_t *login) {
    (void)ctx;
    *(login->jwt ? &s_broker.jwt : &s_broker.login) = login->ticket;
}

static void s_admin(void *ctx, const admin_request_t *admin) {
    (void)ctx;
    s_broker.admin = admin->ticket;
}

static void s_carry_out(void) {
    static const edge_calls_t calls = {.send = s_send,
        .publish = s_publish_frame,
        .watch = s_watch,
        .alive = s_alive,
        .unwatch = s_unwatch,
        .drop = s_connection,
        .charge = s_connection,
        .drop_user = s_drop_user,
        .login = s_login,
        .admin = s_admin};
    edge_t edge = {.calls = &calls, .relay = s_broker.relay, .log = &s_broker.late.log, .outbox = &s_broker.outbox};
    while (edge_carry_out(&edge))
        ;
}

static void s_entropy(void *ctx, void *out, size_t len) {
    uint64_t *state = ctx;
    for (size_t i = 0; i < len; i++) {
        *state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
        ((uint8_t *)out)[i] = (uint8_t)(*state >> 56);
    }
}

static zr_span_t s_back(void *ctx) {
    (void)ctx;
    return zr_span("inproc://back");
}

static void s_peer(void *ctx, peer_t *peer) {
    (void)ctx;
    *peer = (peer_t){.local = true, .connection = s_broker.speaks};
    if (s_broker.speaks >= PEERS - 1)
        peer->user = zr_span("user"); /* two peers of one user */
}

static void s_begin(uint8_t settings) {
    late_log_t late = s_broker.late; /* with its memory */
    broker_t *broker = &s_broker;
    *broker = (broker_t){.now = 1000000, .late = late};
    s_log_begin(settings & 1 ? 3 : 1, &(log_memory_limits_t){settings & 2 ? 4 : 50, 1 << 16, 100, 1 << 17});
    static const policy_t policies[] = {{.pattern = "r1", .max_age = 1}, {.pattern = "r2", .max_age = 1}};
    relay_config_t config;
    relay_config_default(&config);
    config.policies = (policies_t){policies, 2};
    config.forget_after_ms = settings & 8 ? 1 : 0;
    config.epoch = EPOCH;
    config.max_frame = 2000;
    config.max_control = 1000;
    config.max_entries = 20;
    config.max_sessions = SESSIONS;
    config.max_rooms = ROOMS;
    config.max_joins = 3;
    config.max_groups = 3;
    config.max_room_groups = config.max_user_groups = config.max_group_workers = 2;
    config.max_group_entries = 4;
    config.max_group_bytes = 200;
    config.max_keys = 3;
    config.max_state_bytes = 500;
    config.max_replays = 2;
    config.max_trunk_channels = 2;
    config.max_channels = CHANNELS;
    config.max_address_channels = 1;
    config.rate_channels = 1;
    config.login_timeout_ms = 100;
    config.max_clients = settings & 4 ? 2 : 10;
    config.replay_entries = 5;
    config.replay_frames = 3;
    config.replay_bytes = 300;
    config.batch_bytes = 120;
    config.entropy = s_entropy;
    config.entropy_ctx = &broker->random;
    config.back = s_back;
    config.peer = s_peer;
    config.tokens = config.jwt = true;
    broker->relay = relay_new(&config, &broker->late.log, &broker->outbox);
}

/* So many pieces of the work that waits. */
static void s_work(size_t pieces) {
    for (; pieces > 0 && relay_has_work(s_broker.relay); pieces--) {
        relay_work(s_broker.relay);
        s_carry_out();
    }
}

static void s_end(void) {
    relay_flush(s_broker.relay);
    s_carry_out();
    s_work(SIZE_MAX);
    while (s_log_step())
        s_carry_out();
    for (size_t i = 0; i < s_broker.head_count && !s_broker.users; i++) /* all that was stored was published */
        fuzz_require(s_heads[i].published == s_heads[i].stored);
    relay_destroy(s_broker.relay);
    outbox_finish(&s_broker.outbox);
    log_destroy(s_broker.memory);
}

/* --- Steps --- */

static void s_frame(route_t route, zr_span_t frame) {
    zr_blob_t *trunk = s_broker.channel ? zr_trunk_frame(s_broker.channel, frame) : NULL;
    s_broker.spoke[route] = true;
    s_broker.speaks = route;
    if (trunk)
        frame = zr_span_of(zr_blob_data(trunk), zr_blob_len(trunk));
    relay_frame(s_broker.relay, route, frame, s_broker.now);
    zr_blob_unref(trunk);
}

/* Frames of peers, by the low four bits of a step: two numbers from the script and the peer's part go in. */
static const char *const s_texts[] = {
    "{\"op\":\"hello\",\"proto\":1,\"client\":\"%032x\",\"nick\":\"n%u\"}",
    "{\"op\":\"join\",\"room\":\"r%u\",\"after\":%u,\"id\":1}",
    "{\"op\":\"join\",\"room\":\"r%u\",\"presence\":false,\"x\":%u}",
    "{\"op\":\"join\",\"room\":\"r%u\",\"meta\":{\"a\":%u}}",
    "{\"op\":\"hello\",\"proto\":1,\"client\":\"%032x\",\"meta\":{\"b\":%u}}",
    "{\"op\":\"leave\",\"room\":\"r%u\",\"x\":%u}",
    "{\"op\":\"follow\",\"prefix\":\"r\",\"x\":%u,\"y\":%u}",
    "{\"op\":\"follow\",\"prefix\":\"r%u\",\"presence\":true,\"x\":%u}",
    "{\"op\":\"unfollow\",\"prefix\":\"r\",\"x\":%u,\"y\":%u}",
    "{\"op\":\"replay\",\"room\":\"r%u\",\"after\":%u,\"id\":\"x\"}",
    "{\"op\":\"replay\",\"room\":\"r%u\",\"last\":%u,\"limit\":4}",
    "{\"op\":\"state\",\"room\":\"r%u\",\"after\":%u}",
    "{\"op\":\"publish\",\"room\":\"r%u\",\"text\":\"t\",\"mid\":%u}",
    "{\"op\":\"publish\",\"room\":\"r%u\",\"key\":\"a\",\"delete\":true,\"expect\":%u}",
    "{\"op\":\"who\",\"room\":\"r%u\",\"limit\":%u}",
    "{\"op\":\"rooms\",\"after\":\"r%u\",\"limit\":%u}",
    "{\"op\":\"direct\",\"to\":\"n%u\",\"text\":\"%u\"}",
    "{\"op\":\"ping\",\"x\":%u,\"y\":%u}",
    "{\"op\":\"bye\",\"x\":%u,\"y\":%u}",
    "{\"op\":\"hello\",\"proto\":1,\"client\":\"%032x\",\"user\":\"u%u\",\"token\":\"t\"}",
    "{\"op\":\"hello\",\"proto\":1,\"client\":\"%032x\",\"token\":\"e%u.e30.c2ln\"}",
    "{\"op\":\"admin\",\"do\":\"kick\",\"user\":\"n%u\",\"x\":%u}",
    "{\"op\":\"admin\",\"do\":\"ban\",\"user\":\"u%u\",\"reason\":\"%u\"}",
    "{\"op\":\"open\",\"channel\":%u,\"x\":%u,\"secure\":true}",
    "{\"op\":\"open\",\"channel\":%u,\"address\":\"10.0.0.%u\"}",
    "{\"op\":\"close\",\"channel\":%u,\"x\":%u}",
    "{\"op\":\"kick\",\"room\":\"r%u\",\"user\":\"u1\",\"for\":%u}",
    "{\"op\":\"work\",\"room\":\"r%u\",\"group\":\"g\",\"worker\":1,\"credit\":%u,\"deliveries\":2,\"dead\":\"r0\","
    "\"keep\":true}",
    "{\"op\":\"work\",\"room\":\"r%u\",\"group\":\"h\",\"worker\":%u,\"credit\":3,\"time\":100,\"ordered\":true,"
    "\"backoff\":50}",
    "{\"op\":\"unwork\",\"worker\":%u,\"x\":%u}",
    "{\"op\":\"group\",\"room\":\"r%u\",\"group\":\"g\",\"do\":\"seek\",\"after\":%u}",
    "{\"op\":\"group\",\"room\":\"r%u\",\"group\":\"h\",\"do\":\"set\",\"total\":1,\"deliveries\":1,\"x\":%u}",
    "{\"op\":\"group\",\"room\":\"r%u\",\"group\":\"g\",\"do\":\"delete\",\"x\":%u}",
    "{\"op\":\"group\",\"room\":\"r%u\",\"group\":\"g\",\"do\":\"pause\",\"x\":%u}",
    "{\"op\":\"groups\",\"room\":\"r%u\",\"x\":%u}",
};
enum { TEXTS = sizeof s_texts / sizeof s_texts[0] };

static void s_say(route_t route, uint8_t which, unsigned a, unsigned b) {
    char text[256];
    snprintf(text, sizeof text, s_texts[which % TEXTS], a, b);
    s_frame(route, zr_span(text));
}

/* hello with the token of the last welcome, whosever it was. */
static void s_resume(route_t route, unsigned client) {
    char text[256];
    snprintf(text, sizeof text, "{\"op\":\"hello\",\"proto\":1,\"client\":\"%032x\",\"resume\":\"%s\"}", client,
        s_broker.token);
    s_frame(route, zr_span(text));
}

/* Users are added, removed and banned, and anonymous clients are let in or not. A byte gives everybody's rights. */
static void s_change_rights(uint8_t what) {
    static const char *const names[] = {"anonymous", "user", "u0", "u1", "u2"};
    if (what == 0) {
        relay_set_access(s_broker.relay, access_new_open());
        return;
    }
    access_t *access = access_new();
    for (unsigned i = 0; i < 5; i++) {
        if ((what >> i & 3) == 3 && i > 0)
            continue;
        access_user_t *user = access_add_user(access, zr_span(names[i]));
        access_add_rule(user, false, RIGHT_ALL | (what & 1 ? RIGHT_ADMIN | RIGHT_GATEWAY : 0), zr_span("*"));
        access_add_rule(user, true, what >> (i % 4) & RIGHT_ALL, what & 32 ? zr_span("r1*") : zr_span("r2"));
        access_set_banned(user, (what >> i & 7) == 6);
    }
    for (unsigned i = 0; i < 2 && what & 24; i++) {
        access_user_t *role = access_add_role(access, zr_span(i ? "mod" : "member"));
        access_add_rule(role, i && what & 8, RIGHT_ALL, what & 16 ? zr_span("r1*") : zr_span("*"));
        access_add_signer(access, i + (what >> 6));
    }
    access_set_plain(access, what & 64);
    access_finish(access);
    s_broker.users = true;
    relay_set_access(s_broker.relay, access);
}

/* A JWT is refused, or names one of a few users, for up to a second. */
static void s_answer_jwt(uint64_t ticket, uint8_t what) {
    grant_t grant = {.role_count = 1 + (what >> 2 & 1), .signer = what >> 3 & 3, .roles = {"member", "mod"}};
    grant.expires = s_broker.now + (what >> 5) * 150000ULL;
    snprintf(grant.user, sizeof grant.user, what & 2 ? "n%u" : "u%u", what & 1);
    relay_jwt_done(s_broker.relay, ticket, what == 255 ? NULL : &grant, what & 1 ? "why" : NULL, s_broker.now);
}

/* The edge has done what it was asked last. */
static void s_answer(uint8_t what, uint8_t grant) {
    uint64_t login = s_broker.login, admin = s_broker.admin, jwt = s_broker.jwt;
    s_broker.login = s_broker.admin = s_broker.jwt = 0;
    if (jwt)
        s_answer_jwt(jwt, grant);
    if (login)
        relay_login_done(s_broker.relay, login, (login_t)(what % 3), 250, s_broker.now);
    if (admin)
        relay_admin_done(s_broker.relay, admin, what & 4 ? ZR_OK : ZR_ADMIN_FAILED, what & 8 ? "[]" : NULL);
}

static void s_publish(route_t route, uint8_t what, uint8_t id) {
    zr_buffer_t out = {0};
    char room[] = {'r', (char)('0' + what % (ROOMS + 2))};
    zr_publish_begin(&out, zr_span_of(room, sizeof room));
    for (uint64_t i = 0; i <= what >> 5; i++) {
        bool keyed = what & 16, expect = keyed && i % 2, deletes = keyed && i == 3;
        bool lasts = keyed && !deletes && id % 3 == 0;
        char key = (char)('a' + (id + i) % 4);
        zr_publish_add(&out,
            &(zr_publish_entry_t){.mid = id + i + 1,
                .flags = (deletes ? ZR_ENTRY_DELETE : 0) | (expect ? ZR_ENTRY_EXPECT : 0) | (lasts ? ZR_ENTRY_TTL : 0),
                .key = zr_span_of(&key, keyed),
                .expect = expect ? what % 5 : 0,
                .body = zr_span_of("0123456789", deletes ? 0 : id % 11),
                .ttl = lasts ? id / 3 : 0});
    }
    s_frame(route, zr_span_of(out.data, out.len));
    zr_buffer_finish(&out);
}

static void s_settle(route_t route, uint8_t what, uint8_t where) {
    zr_buffer_t out = {0};
    zr_verb_t verb = (zr_verb_t)(1 + what % 5);
    bool timed = verb == ZR_SETTLE_RETRY || verb == ZR_SETTLE_EXTEND;
    zr_settle_begin(&out, 1 + (what >> 6 & 1), where, verb, timed ? what & 32 : 0);
    zr_settle_add(&out, (zr_range_t){where & 15, (where & 15) + (where >> 6)});
    zr_settle_add(&out, (zr_range_t){where >> 4, where >> 4});
    if (verb == ZR_SETTLE_REJECT && what & 32)
        zr_settle_because(&out, zr_span("why"));
    s_frame(route, zr_span_of(out.data, out.len));
    zr_buffer_finish(&out);
}

static void s_step(script_t *script) {
    uint8_t step = script_byte(script), a = 0, b = 0;
    unsigned high = step >> 4;
    route_t route = 1 + high % PEERS;
    relay_t *relay = s_broker.relay;
    if ((step & 15) < 6) {
        a = script_byte(script);
        b = script_byte(script);
    }
    s_broker.channel = (step & 15) < 6 && high >= PEERS ? 1 + (a ^ b) % CHANNELS : 0;
    switch (step & 15) {
    case 0:
        s_frame(route, script_bytes(script, a));
        break;
    case 1:
        s_say(route, 0, a % 7, b % 5);
        break;
    case 2:
        s_publish(route, a, b);
        break;
    case 3:
    case 4:
        s_say(route, a, b % (ROOMS + 2), b / (ROOMS + 2));
        break;
    case 5:
        if (a & 128)
            s_settle(route, a, b);
        else
            s_resume(route, a % 7);
        break;
    case 6:
        s_carry_out(); /* what was allowed */
        s_change_rights(script_byte(script));
        break;
    case 7:
        if (high >= 8)
            s_answer((uint8_t)high, s_broker.jwt ? script_byte(script) : 0);
        /* fall through */
    case 8:
        relay_flush(relay);
        s_carry_out();
        if ((step & 15) == 8 && high >= 8) {
            s_log_fail();
            s_carry_out();
        }
        break;
    case 9:
        relay_rise(relay, s_broker.rising += high * 10000ULL);
        relay_tick(relay);
        relay_forget_idle(relay, s_broker.now);
        relay_expire_keys(relay, s_broker.now, high % 2);
        relay_login_tick(relay, s_broker.now);
        relay_channels_tick(relay, s_broker.now);
        break;
    case 10:
        s_work(high + 1);
        break;
    case 11:
        relay_silent(relay, s_broker.sessions[high % (SESSIONS + 1)]);
        break;
    case 12:
        relay_route_lost(relay, route);
        s_broker.lost = high & 8 ? route : 0;
        break;
    case 13:
        relay_subscription(relay, script_bytes(script, high));
        break;
    case 14:
        s_broker.now += (uint64_t)(int64_t)(int8_t)script_byte(script) * 1000;
        break;
    case 15:
        for (unsigned i = 0; i <= high && s_log_step(); i++)
            s_carry_out();
        break;
    }
}

static void s_run_script(script_t script) {
    s_begin(script_byte(&script));
    while (script.left > 0) {
        s_step(&script);
        relay_stats_t stats = relay_stats(s_broker.relay);
        fuzz_require(stats.rooms <= ROOMS && stats.sessions <= SESSIONS && stats.channels <= CHANNELS);
    }
    s_end();
}

static void s_run_frame(zr_span_t frame) {
    s_begin(0);
    s_say(1, 0, 1, 1);
    s_frame(1, zr_span("{\"op\":\"open\",\"channel\":7}"));
    s_frame(1, zr_span("{\"op\":\"work\",\"room\":\"r1\",\"group\":\"g\",\"worker\":7,\"credit\":9}"));
    s_frame(1, frame);
    s_frame(2, frame);
    s_end();
}

/* Such a frame is no script; settings that begin with the same byte have others that mean the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size > 0 && (data[0] == ZR_TYPE_CONTROL || data[0] == ZR_TYPE_PUBLISH || data[0] == ZR_TYPE_TRUNK ||
                        data[0] == ZR_TYPE_SETTLE))
        s_run_frame(zr_span_of(data, size));
    else
        s_run_script((script_t){data, size});
    return 0;
}
