#include "fixture.h"

#include "clock.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "edge.h"

fx_t fx;

/* --- Carrying out --- */

static void s_check_published(zr_blob_t *frame) {
    zr_span_t bytes = zr_span_of(zr_blob_data(frame), zr_blob_len(frame)), room, json;
    zr_back_kind_t kind = zr_back_read(bytes, &room, &json);
    ck_assert_int_ne(kind, ZR_BACK_BAD);
    if (kind != ZR_BACK_ENTRIES)
        return;
    zr_deliver_reader_t reader;
    zr_entry_t entry;
    ck_assert(zr_deliver_read(&reader, bytes));
    ck_assert_uint_eq(reader.flags, 0);
    ck_assert_uint_eq(reader.epoch, fx.config.epoch);
    fx_room_t *known = fx_room(room);
    if (!known->published || fx.private)
        known->published =
            fx.base || fx.forgets || fx.private ? reader.prev : 0; /* a run before, or others, came first */
    if (known->begins)
        ck_assert_uint_ge(reader.prev, known->published);
    else
        ck_assert_uint_eq(reader.prev, known->published);
    known->begins = false;
    known->published = reader.prev;
    while (zr_deliver_next(&reader, &entry)) {
        ck_assert_uint_gt(entry.seq, known->published);
        ck_assert(entry.time >= known->time || known->time - entry.time > ZR_CLOCK_SLACK);
        known->published = entry.seq;
        known->time = entry.time;
    }
    ck_assert(!reader.failed);
    if (!fx.config.policies.count) /* else some are not kept */
        ck_assert_uint_le(known->published, known->appended);
}

static void s_see(const seen_t *seen) {
    if ((fx.seen_count & (fx.seen_count - 1)) == 0)
        fx.seen = realloc(fx.seen, (fx.seen_count ? 2 * fx.seen_count : 1) * sizeof *fx.seen);
    fx.seen[fx.seen_count++] = *seen;
}

static edge_sent_t s_send(void *ctx, route_t route, zr_blob_t *frame, bool live) {
    (void)ctx;
    ck_assert_uint_ne(route, 0);
    if (route == fx.deaf && fx.deaf_after-- == 0) {
        fx.deaf = 0;
        zr_blob_unref(frame);
        return EDGE_GONE;
    }
    s_see(&(seen_t){.kind = EFFECT_SEND, .route = route, .frame = frame, .live = live});
    return EDGE_SENT;
}

static void s_publish(void *ctx, zr_blob_t *frame) {
    (void)ctx;
    s_check_published(frame);
    s_see(&(seen_t){.kind = EFFECT_SEND, .route = BACK, .frame = frame});
}

static void s_watch(void *ctx, uint64_t session) {
    (void)ctx;
    s_see(&(seen_t){.kind = EFFECT_WATCH, .session = session});
}

static void s_alive(void *ctx, uint64_t session) {
    (void)ctx;
    s_see(&(seen_t){.kind = EFFECT_ALIVE, .session = session});
}

static void s_unwatch(void *ctx, uint64_t session) {
    (void)ctx;
    s_see(&(seen_t){.kind = EFFECT_UNWATCH, .session = session});
}

static void s_drop(void *ctx, uint64_t connection) {
    (void)ctx;
    s_see(&(seen_t){.kind = EFFECT_DROP, .session = connection});
}

static void s_charge(void *ctx, uint64_t connection) {
    (void)ctx;
    s_see(&(seen_t){.kind = EFFECT_CHARGE, .session = connection});
}

static void s_drop_user(void *ctx, zr_span_t user) {
    (void)ctx;
    seen_t seen = {.kind = EFFECT_DROP_USER};
    memcpy(seen.user, user.ptr, user.len);
    s_see(&seen);
}

static void s_login(void *ctx, const login_request_t *login) {
    (void)ctx;
    snprintf(fx.login, sizeof fx.login, "%s %s%s%s", login->user, login->token, login->address[0] ? " " : "",
        login->address);
    s_see(&(seen_t){.kind = EFFECT_LOGIN, .session = login->ticket});
}

static void s_admin(void *ctx, const admin_request_t *admin) {
    (void)ctx;
    snprintf(fx.admin, sizeof fx.admin, "%d %s by %s: %s", admin->what, admin->user, admin->by, admin->reason);
    s_see(&(seen_t){.kind = EFFECT_ADMIN, .session = admin->ticket});
}

void fx_carry_out(void) {
    static const edge_calls_t calls = {.send = s_send,
        .publish = s_publish,
        .watch = s_watch,
        .alive = s_alive,
        .unwatch = s_unwatch,
        .drop = s_drop,
        .charge = s_charge,
        .drop_user = s_drop_user,
        .login = s_login,
        .admin = s_admin};
    edge_t edge = {.calls = &calls, .relay = fx.relay, .log = fx_log(), .outbox = &fx.outbox};
    while (edge_carry_out(&edge))
        ;
}

/* --- Beginning and end --- */

/* Unpredictable enough: no two calls give the same. */
static void s_entropy(void *ctx, void *out, size_t len) {
    uint64_t *state = ctx;
    for (size_t i = 0; i < len; i++) {
        *state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
        ((uint8_t *)out)[i] = (uint8_t)(*state >> 56);
    }
}

static zr_span_t s_back(void *ctx) {
    (void)ctx;
    return zr_span("tcp://127.0.0.1:5571");
}

/* Of the frame that is handed in. */
static route_t s_route;

static void s_peer(void *ctx, peer_t *peer) {
    (void)ctx;
    bool known = s_route < FX_ROUTES;
    *peer = (peer_t){.user = zr_span(known ? fx.users[s_route] : NULL),
        .address = zr_span("192.0.2.1"),
        .local = !known || !fx.remote[s_route],
        .connection = s_route};
}

static bool s_begun;
static uint64_t s_entropy_state;
static zr_buffer_t s_pub;

void fx_begin(void) {
    fx_finish();
    fx = (fx_t){.gap = 1, .now = 1700000000000000, .rising = 1000000, .limits = {1000, 1 << 20, 10000, 1 << 24}};
    relay_config_default(&fx.config);
    s_entropy_state = 1;
    fx.config.entropy = s_entropy;
    fx.config.entropy_ctx = &s_entropy_state;
    fx.config.back = s_back;
    fx.config.peer = s_peer;
    fx.config.epoch = 0xE1;
    s_begun = true;
}

void fx_start(void) {
    if (!s_begun)
        fx_begin();
    s_begun = false;
    fx.config.access = fx.rights ? fx_access(fx.rights) : NULL;
    fx.relay = relay_new(&fx.config, fx_log_begin(), &fx.outbox);
    relay_rise(fx.relay, fx.rising);
}

void fx_be_silent(uint64_t session) {
    for (int beats = 0; beats < 4; beats++)
        relay_silent(fx.relay, session);
}

void fx_restart(void) {
    relay_destroy(fx.relay);
    outbox_finish(&fx.outbox);
    for (route_t route = 0; route < FX_ROUTES; route++)
        fx_drop(route);
    while (fx_effect(EFFECT_WATCH) || fx_effect(EFFECT_ALIVE) || fx_effect(EFFECT_UNWATCH))
        ;
    fx.config.access = fx.rights ? fx_access(fx.rights) : NULL;
    fx.relay = relay_new(&fx.config, fx_log_begin(), &fx.outbox);
    fx.rising = 1; /* the machine began anew, too */
    relay_rise(fx.relay, fx.rising);
}

void fx_finish(void) {
    relay_destroy(fx.relay);
    outbox_finish(&fx.outbox);
    fx_log_finish();
    for (size_t i = 0; i < fx.seen_count; i++)
        if (!fx.seen[i].taken)
            zr_blob_unref(fx.seen[i].frame);
    free(fx.seen);
    json_decref(fx.last);
    zr_buffer_finish(&s_pub);
    fx = (fx_t){0};
}

/* --- Saying --- */

static const char *s_format(const char *format, va_list arguments) {
    static char text[1 << 18];
    int len = vsnprintf(text, sizeof text, format, arguments);
    ck_assert_int_lt(len, (int)sizeof text);
    unit_quotes(text);
    return text;
}

static void s_frame(route_t connection, zr_span_t frame) {
    bool fits = frame.len <= UNIT_EDGE_MAX;
    s_route = connection;
    relay_frame(fx.relay, connection, fits ? unit_at_edge(frame) : frame, fx.now);
}

void fx_frame(route_t route, zr_span_t frame) {
    if (!route_channel(route)) {
        s_frame(route, frame);
        return;
    }
    zr_blob_t *trunk = zr_trunk_frame(route_channel(route), frame);
    s_frame(route_connection(route), zr_span_of(zr_blob_data(trunk), zr_blob_len(trunk)));
    zr_blob_unref(trunk);
}

void fx_say(route_t route, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fx_frame(route, zr_span(s_format(format, arguments)));
    va_end(arguments);
}

bool fx_piece(void) {
    if (!relay_has_work(fx.relay))
        return false;
    relay_work(fx.relay);
    fx_carry_out();
    return true;
}

void fx_run(void) {
    relay_flush(fx.relay);
    fx_carry_out();
    while (fx_piece())
        ;
}

void fx_pass(uint64_t ms) {
    fx.now += ms * 1000;
    fx.rising += ms * 1000;
    fx_tick();
}

void fx_tick(void) {
    relay_rise(fx.relay, fx.rising);
    relay_tick(fx.relay);
    fx_run();
}

void fx_ask(route_t route, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fx_frame(route, zr_span(s_format(format, arguments)));
    va_end(arguments);
    fx_run();
}

void fx_answer(route_t route, const char *ask, const char *members) {
    fx_ask(route, "%s", ask);
    fx_expect(route, "%s", members);
}

void fx_refused(route_t route, const char *code, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fx_frame(route, zr_span(s_format(format, arguments)));
    va_end(arguments);
    fx_run();
    fx_expect_error(route, code);
}

void fx_pub(const char *room) {
    zr_publish_begin(&s_pub, zr_span(room));
}

static void s_add(uint64_t mid, uint8_t flags, const char *key, uint64_t expect, const char *body) {
    zr_publish_add(
        &s_pub, &(zr_publish_entry_t){
                    .mid = mid, .flags = flags, .key = zr_span(key), .expect = expect, .body = zr_span(body)});
}

void fx_add(uint64_t mid, const char *body) {
    s_add(mid, 0, NULL, 0, body);
}

void fx_add_key(uint64_t mid, const char *key, const char *body) {
    s_add(mid, 0, key, 0, body);
}

void fx_add_delete(uint64_t mid, const char *key) {
    s_add(mid, ZR_ENTRY_DELETE, key, 0, NULL);
}

void fx_add_ttl(uint64_t mid, const char *key, uint64_t ttl, const char *body) {
    zr_publish_add(
        &s_pub, &(zr_publish_entry_t){
                    .mid = mid, .flags = ZR_ENTRY_TTL, .key = zr_span(key), .body = zr_span(body), .ttl = ttl});
}

void fx_add_expect(uint64_t mid, const char *key, uint64_t expect, const char *body) {
    s_add(mid, ZR_ENTRY_EXPECT, key, expect, body);
}

zr_span_t fx_pub_frame(void) {
    return zr_span_of(s_pub.data, s_pub.len);
}

void fx_send(route_t route) {
    fx_frame(route, fx_pub_frame());
}

void fx_one(route_t route, const char *room, uint64_t mid, const char *body) {
    fx_pub(room);
    fx_add(mid, body);
    fx_send(route);
}

void fx_send_now(route_t route) {
    fx_send(route);
    fx_run();
}

void fx_one_now(route_t route, const char *room, uint64_t mid, const char *body) {
    fx_one(route, room, mid, body);
    fx_run();
}

static void s_send_buffer(route_t route, zr_buffer_t *frame) {
    fx_frame(route, zr_span_of(frame->data, frame->len));
    zr_buffer_finish(frame);
    fx_run();
}

void fx_settle(
    route_t route, uint32_t worker, uint64_t number, zr_verb_t verb, uint32_t ms, uint64_t first, uint64_t last) {
    zr_buffer_t frame = {0};
    zr_settle_begin(&frame, worker, number, verb, ms);
    zr_settle_add(&frame, (zr_range_t){first, last});
    s_send_buffer(route, &frame);
}

void fx_reject(route_t route, uint32_t worker, uint64_t number, uint64_t seq, const char *reason) {
    zr_buffer_t frame = {0};
    zr_settle_begin(&frame, worker, number, ZR_SETTLE_REJECT, 0);
    zr_settle_add(&frame, (zr_range_t){seq, seq});
    zr_settle_because(&frame, zr_span(reason));
    s_send_buffer(route, &frame);
}

const char *fx_client(route_t client) {
    static char text[4][33];
    static unsigned next;
    char *id = text[next++ % 4];
    snprintf(id, 33, "%032" PRIx64, client);
    return id;
}

static void s_welcomed(route_t route) {
    fx_expect(route, "{'op':'welcome','proto':1}");
    if (route >= FX_ROUTES)
        return;
    uint64_t session = fx_effect(EFFECT_WATCH);
    if (session)
        fx.sessions[route] = session;
    snprintf(fx.tokens[route], sizeof fx.tokens[route], "%s", fx_string("resume"));
}

void fx_hello(route_t route, const char *nick) {
    fx_ask(route, "{'op':'hello','proto':1,'client':'%s','nick':'%s'}", fx_client(route), nick);
    s_welcomed(route);
}

void fx_resume(route_t route, route_t before, const char *nick) {
    fx_ask(route, "{'op':'hello','proto':1,'client':'%s','nick':'%s','resume':'%s'}", fx_client(before), nick,
        fx.tokens[before]);
    s_welcomed(route);
    ck_assert(json_is_true(json_object_get(fx.last, "resumed")));
    fx.sessions[route] = fx.sessions[before];
}
