/* Sessions of the core: the input is lines, each a frame of one of two clients that are logged in. Each request must
 * get exactly one answer, in order, of the kind, with the members and among the errors that PROTOCOL.md names (spec.h).
 * Every message id must be answered. All entries that anybody gets must be those that were stored (session_model.h).
 *
 * byte: settings; then lines: "{…" and "B{…" control frames of the first and the second client, to which the target
 * adds an id; "!…" and "B!…" frames as they are; ">" or "B>", a room's letter and a byte for each entry: a PUBLISH; "+"
 * and bytes: so much time goes by; "=" or "B=", a worker's number, a verb and bytes, each a seq: a SETTLE
 *
 * Bytes below 32, and some that no text has, are texts that often stand in such frames. */
#include "access_build.h"
#include "script.h"
#include "session_checks.h"

enum { LINES_MAX = 60 };

/* --- The log --- */

static void s_append(log_t *log, const log_append_t *append) {
    (void)log;
    s_model_append(zr_span_of(zr_blob_data(append->frame), zr_blob_len(append->frame)));
    s_broker.memory->engine->append(s_broker.memory, append);
}

static void s_commit(log_t *log, const log_commit_t *commit) {
    s_broker.memory->sink = log->sink;
    s_broker.memory->engine->commit(s_broker.memory, commit);
}

static void s_read(log_t *log, const log_read_t *read) {
    s_broker.memory->sink = log->sink;
    s_broker.memory->engine->read(s_broker.memory, read);
}

static log_bounds_t s_bounds(log_t *log, zr_span_t room) {
    (void)log;
    return s_broker.memory->engine->bounds(s_broker.memory, room);
}

static uint64_t s_next_seq(log_t *log, zr_span_t room, uint64_t head) {
    (void)log;
    return s_broker.memory->engine->next_seq(s_broker.memory, room, head);
}

static void s_forget(log_t *log, const log_forget_t *forget) {
    (void)log;
    (void)forget;
    fuzz_require(!"no room is idle for so long");
}

/* --- The edge --- */

static void s_admin(void *ctx, const admin_request_t *admin) {
    (void)ctx;
    fuzz_require(s_broker.users);
    s_broker.admin = admin->ticket;
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
    if (s_broker.users)
        peer->user = zr_span(s_broker.speaks == 1 ? "ann" : "bob");
}

static access_t *s_access(void) {
    access_t *access = access_new();
    access_add_rule(access_add_user(access, zr_span("ann")), false, RIGHT_ALL | RIGHT_ADMIN, zr_span("*"));
    access_user_t *bob = access_add_user(access, zr_span("bob"));
    access_add_rule(bob, false, RIGHT_ALL, zr_span("*"));
    access_add_rule(bob, true, RIGHT_READ, zr_span("x*"));
    access_add_rule(bob, true, RIGHT_STATE, zr_span("y*"));
    access_finish(access);
    return access;
}

/* Until nothing is left to do. */
static void s_finish_pass(void) {
    static const edge_calls_t calls = {.send = s_send, .publish = s_publish_frame, .admin = s_admin};
    edge_t edge = {.calls = &calls, .relay = s_broker.relay, .log = &s_broker.log, .outbox = &s_broker.outbox};
    relay_flush(s_broker.relay);
    do {
        while (edge_carry_out(&edge))
            ;
        if (s_broker.admin)
            relay_admin_done(s_broker.relay, s_broker.admin, ZR_OK, "[]");
        s_broker.admin = 0;
        if (relay_has_work(s_broker.relay))
            relay_work(s_broker.relay);
    } while (!outbox_is_empty(&s_broker.outbox) || relay_has_work(s_broker.relay));
}

/* --- Frames --- */

static void s_frame(route_t route, zr_span_t frame) {
    s_broker.speaks = route;
    relay_frame(s_broker.relay, route, frame, s_broker.now);
}

/* Every request was answered, and every message id. */
static void s_check_quiet(void) {
    for (route_t route = 1; route <= CLIENTS; route++) {
        client_t *client = &s_broker.clients[route];
        fuzz_require(client->asked_count == 0 && client->plain == client->expect);
        fuzz_require(client->settled == client->mid);
    }
    for (size_t i = 0; i < s_model.count; i++) {
        zr_span_t name = zr_span_of(s_model.rooms[i].name, s_model.rooms[i].name_len);
        fuzz_require(!s_may_read(CLIENTS, name) || s_broker.back[i] == s_model_head(&s_model.rooms[i]));
    }
}

static void s_expect_answer(client_t *client, zr_span_t frame, uint64_t id) {
    json_t *object = NULL;
    if (frame.len > CONTROL_MAX || zr_control_read_request(frame, &object) != ZR_OK) {
        client->expect++;
        return;
    }
    const char *name = json_string_value(json_object_get(object, "op"));
    const spec_op_t *op = name ? spec_op(name) : NULL;
    static const spec_op_t bye = {.name = "bye", .answer = "ok"};
    client->asked[client->asked_count++] = (asked_t){.id = id,
        .op = name && strcmp(name, "bye") == 0 ? &bye : op,
        .placed = json_is_integer(json_object_get(object, "after")),
        .after = s_member(object, "after")};
    uint64_t mid = s_member(object, "mid");
    if (op && client->live && strcmp(op->name, "publish") == 0 && mid > client->mid && mid <= ZR_INT_MAX)
        client->mid = client->settled = mid; /* its answer has a `re` */
    json_decref(object);
}

/* "{…": with an id of ours. */
static void s_ask(route_t route, zr_span_t text) {
    static char frame[FRAME_MAX + 40];
    client_t *client = &s_broker.clients[route];
    uint64_t id = ++s_broker.next_id;
    zr_span_t rest = zr_span_of(text.ptr + 1, text.len - 1), word = rest;
    bool empty = zr_span_word(&word).len == 0 || memchr("}", rest.ptr[0], 1);
    int len = snprintf(
        frame, sizeof frame, "{\"id\":%llu%s%.*s", (unsigned long long)id, empty ? "" : ",", (int)rest.len, rest.ptr);
    zr_span_t whole = zr_span_of(frame, (size_t)len);
    s_expect_answer(client, whole, id);
    s_frame(route, whole);
}

/* ">": a letter of the room, and for each entry a byte that says what it is. */
static void s_publish(route_t route, zr_span_t text) {
    client_t *client = &s_broker.clients[route];
    zr_buffer_t out = {0};
    if (text.len < 2 || text.len - 1 > ENTRIES_MAX || !client->live || client->mid > ZR_INT_MAX - 4 * ENTRIES_MAX)
        return;
    zr_publish_begin(&out, zr_span_of(text.ptr, 1));
    uint64_t mid = client->mid;
    for (size_t i = 1; i < text.len; i++) {
        uint8_t what = (uint8_t)text.ptr[i];
        uint8_t flags = what & 8 ? (what & 16 ? ZR_ENTRY_DELETE : 0) | (what & 4 ? ZR_ENTRY_EXPECT : 0) : 0;
        char key = (char)('k' + (what & 3));
        mid += 1 + (what >> 6);
        zr_publish_add(&out, &(zr_publish_entry_t){.mid = mid,
                                 .flags = flags,
                                 .key = zr_span_of(&key, what & 8 ? 1 : 0),
                                 .expect = flags & ZR_ENTRY_EXPECT ? (what >> 5) & 3 : 0,
                                 .body = zr_span_of("body", flags & ZR_ENTRY_DELETE ? 0 : what & 3)});
    }
    client->mid = mid;
    s_frame(route, zr_span_of(out.data, out.len));
    s_frame(route, zr_span_of(out.data, out.len)); /* sent again: answered, and not stored again */
    zr_buffer_finish(&out);
}

/* "=": answered with SETTLED, or one error without `re`. */
static void s_say_settle(route_t route, zr_span_t text) {
    zr_buffer_t out = {0};
    if (text.len < 3 || text.len > 2 + ENTRIES_MAX)
        return;
    zr_settle_begin(&out, (uint8_t)text.ptr[0] & 15, s_broker.next_id, (zr_verb_t)((uint8_t)text.ptr[1] % 7), 0);
    for (size_t i = 2; i < text.len; i++) {
        uint8_t where = (uint8_t)text.ptr[i];
        zr_settle_add(&out, (zr_range_t){where & 31, (where & 31) + (where >> 5)});
    }
    if ((uint8_t)text.ptr[1] % 7 == ZR_SETTLE_REJECT)
        zr_settle_because(&out, zr_span_of(text.ptr, text.len % 3));
    s_broker.clients[route].expect++;
    s_frame(route, zr_span_of(out.data, out.len));
    zr_buffer_finish(&out);
}

/* "!": answered with one error without `re`, if it is no request and no PUBLISH that can be read. */
static void s_say_raw(route_t route, zr_span_t frame) {
    client_t *client = &s_broker.clients[route];
    json_t *object = NULL;
    if (frame.len > 0 && frame.ptr[0] == ZR_TYPE_PUBLISH)
        return; /* a SETTLE has one answer, too */
    if (frame.len > 0 && frame.ptr[0] == ZR_TYPE_CONTROL && zr_control_read(frame, &object) == ZR_OK) {
        json_decref(object);
        return;
    }
    client->expect++;
    s_frame(route, frame);
}

/* Before its first line. */
static void s_log_in(route_t route) {
    char hello[100];
    if (s_broker.clients[route].begun)
        return;
    int len = snprintf(hello, sizeof hello, "{\"op\":\"hello\",\"proto\":1,\"client\":\"%032u\",\"nick\":\"%s\"}",
        (unsigned)route, route == 1 ? "ann" : "bob");
    s_broker.clients[route].begun = true;
    s_ask(route, zr_span_of(hello, (size_t)len));
    s_finish_pass();
}

static void s_line(zr_span_t line) {
    route_t route = 1;
    if (line.len > 0 && line.ptr[0] == 'B') {
        route = 2;
        line = zr_span_of(line.ptr + 1, line.len - 1);
    }
    zr_span_t rest = zr_span_of(line.ptr + 1, line.len ? line.len - 1 : 0);
    char kind = line.len ? line.ptr[0] : '\0';
    s_log_in(route);
    if (kind == '{')
        s_ask(route, line);
    else if (kind == '>')
        s_publish(route, rest);
    else if (kind == '!')
        s_say_raw(route, rest);
    else if (kind == '=')
        s_say_settle(route, rest);
    else if (kind == '+')
        s_broker.now += 100000 * rest.len;
}

/* --- The broker --- */

static void s_begin(uint8_t settings) {
    memset(&s_broker, 0, sizeof s_broker);
    s_model_begin();
    s_broker.users = settings & 1;
    s_broker.now = 1000000;
    s_broker.memory = log_memory_new(&(log_memory_limits_t){settings & 2 ? 4 : 500, 1 << 16, 1000, 1 << 17});
    s_broker.engine = (log_engine_t){.next_seq = s_next_seq,
        .append = s_append,
        .commit = s_commit,
        .read = s_read,
        .bounds = s_bounds,
        .forget = s_forget};
    s_broker.log = (log_t){.engine = &s_broker.engine, .level = ZR_LEVEL_MEMORY};
    relay_config_t config;
    relay_config_default(&config);
    config.epoch = MODEL_EPOCH;
    config.max_frame = FRAME_MAX;
    config.max_control = CONTROL_MAX;
    config.max_entries = ENTRIES_MAX;
    config.max_rooms = MODEL_ROOMS - 2;
    config.max_joins = settings & 4 ? 2 : 100;
    config.max_keys = settings & 8 ? 2 : 100;
    config.max_groups = settings & 32 ? 2 : 100;
    config.replay_entries = settings & 16 ? 2 : 1000;
    config.rate_ops = config.rate_control = config.rate_entries = config.rate_bytes = 0;
    config.entropy = s_entropy;
    config.entropy_ctx = &s_broker.random;
    config.back = s_back;
    config.peer = s_peer;
    config.access = s_broker.users ? s_access() : NULL;
    s_broker.relay = relay_new(&config, &s_broker.log, &s_broker.outbox);
}

static void s_end(void) {
    relay_destroy(s_broker.relay);
    outbox_finish(&s_broker.outbox);
    log_destroy(s_broker.memory);
}

/* Bytes below 32, one apart that ends a line. */
static const char *const s_tokens[32] = {"{\"op\":\"hello\",\"proto\":1,\"client\":\"0000000000000000000000000000000",
    "{\"op\":\"join\",\"room\":\"", "{\"op\":\"leave\",\"room\":\"", "{\"op\":\"publish\",\"room\":\"",
    "{\"op\":\"direct\",\"to\":\"", "{\"op\":\"replay\",\"room\":\"", "{\"op\":\"state\",\"room\":\"",
    "{\"op\":\"who\",\"room\":\"", "{\"op\":\"rooms\"", "{\"op\":\"ping\"}", "\n", "{\"op\":\"bye\"}",
    "{\"op\":\"admin\",\"do\":\"", "\",\"text\":\"", "\",\"key\":\"",
    "\",\"mid\":", "\",\"after\":", "\",\"last\":", ",\"limit\":", ",\"until\":", "\",\"presence\":false}",
    "\",\"delete\":true}", ",\"expect\":", "\",\"nick\":\"", ",\"prefix\":\"", "\",\"user\":\"", "\"}", "}",
    "9007199254740991", ",\"after\":\"", "\",\"resume\":\"", "ann"};

/* The last bytes, which stand in no UTF-8. */
enum { TOKEN_WORK = 0xF5 };
static const char *const s_work_tokens[256 - TOKEN_WORK] = {"{\"op\":\"work\",\"room\":\"", "\",\"group\":\"",
    "\",\"worker\":", ",\"credit\":", "{\"op\":\"unwork\",\"worker\":", "{\"op\":\"group\",\"room\":\"", "\",\"do\":\"",
    "{\"op\":\"groups\"", ",\"dead\":\"", ",\"deliveries\":1", ",\"total\":1"};

static const char *s_token(const uint8_t *byte) {
    static char one[2];
    one[0] = (char)*byte;
    return *byte < 32 ? s_tokens[*byte] : *byte >= TOKEN_WORK ? s_work_tokens[*byte - TOKEN_WORK] : one;
}

static size_t s_compose(script_t script, char *text, size_t size) {
    size_t len = 0;
    while (script.left > 0 && len + 100 < size) {
        uint8_t byte = script_byte(&script);
        const char *token = s_token(&byte);
        memcpy(text + len, token, strlen(token));
        len += strlen(token);
    }
    return len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static char text[8 * FRAME_MAX];
    script_t script = {data, size};
    s_begin(script_byte(&script));
    zr_span_t lines = zr_span_of(text, s_compose(script, text, sizeof text));
    for (unsigned i = 0; lines.len > 0 && i < LINES_MAX && s_model_has_place(); i++) {
        zr_span_t line = zr_span_cut(&lines, '\n');
        line.len = line.len < FRAME_MAX ? line.len : FRAME_MAX;
        s_line(line);
        relay_tick(s_broker.relay);
        s_finish_pass();
        s_check_quiet();
    }
    s_end();
    return 0;
}
