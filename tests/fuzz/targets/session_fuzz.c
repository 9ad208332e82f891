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
#include "control.h"
#include "edge.h"
#include "relay.h"
#include "script.h"
#include "session_model.h"
#include "spec.h"
#include "wire_work.h"

enum { CLIENTS = 2, ASKED_MAX = 64, FRAME_MAX = 3000, LINES_MAX = 60, ENTRIES_MAX = 20, CONTROL_MAX = 1000 };

typedef struct {
    uint64_t id;
    const spec_op_t *op;
    bool placed; /* a replay after a position, */
    uint64_t after;
} asked_t;

typedef struct {
    asked_t asked[ASKED_MAX]; /* not answered yet */
    size_t asked_count;
    uint64_t answered;         /* the id of the last answer that must be in order */
    size_t plain, expect;      /* errors without `re`; and how many must have come */
    bool begun, live;          /* said hello; has a session */
    uint64_t mid, settled;     /* the highest message id sent; answered */
    size_t replayed, snapshot; /* entries since the last `replayed`; `ok` */
} client_t;

static struct {
    relay_t *relay;
    outbox_t outbox;
    log_t log, *memory;
    log_engine_t engine;
    client_t clients[CLIENTS + 1]; /* by route */
    uint64_t now, random, next_id;
    uint64_t back[MODEL_ROOMS]; /* the last entry that came on the back, by room */
    uint64_t admin;             /* a ticket to answer; 0: none */
    route_t speaks;
    bool users;
} s_broker;

/* --- What the broker sends --- */

/* Bob may not read rooms that begin with x. */
static bool s_may_read(route_t route, zr_span_t room) {
    return !s_broker.users || route == 1 || room.ptr[0] != 'x';
}

static bool s_is_in_order(const spec_op_t *op) {
    static const char *const late[] = {"publish", "replay", "state", "work", "group"};
    for (size_t i = 0; i < sizeof late / sizeof *late; i++)
        if (strcmp(op->name, late[i]) == 0)
            return false;
    return true;
}

static uint64_t s_member(const json_t *object, const char *name) {
    return (uint64_t)json_integer_value(json_object_get(object, name));
}

static zr_span_t s_text(const json_t *object, const char *name) {
    const json_t *value = json_object_get(object, name);
    return zr_span_of(json_string_value(value), json_string_length(value));
}

static void s_check_replayed(client_t *client, const asked_t *asked, const json_t *answer) {
    const model_room_t *room = s_model_room(s_text(answer, "room"));
    uint64_t seq = s_member(answer, "seq");
    fuzz_require(s_member(answer, "count") == client->replayed);
    fuzz_require(seq <= s_model_head(room) || client->replayed == 0);
    if (asked->placed && json_is_true(json_object_get(answer, "complete")))
        fuzz_require(client->replayed == s_model_between(room, asked->after, seq));
    bool more = json_is_true(json_object_get(answer, "more"));
    fuzz_require(!more || seq < s_model_head(room));
}

static void s_check_snapshot(client_t *client, const json_t *answer) {
    const model_room_t *room = s_model_room(s_text(answer, "room"));
    fuzz_require(s_member(answer, "count") == client->snapshot && s_member(answer, "seq") == s_model_head(room));
    if (json_is_true(json_object_get(answer, "more")))
        fuzz_require(s_model_values(room, s_member(answer, "next")) > 0);
}

static void s_check_heads(route_t route, const json_t *answer) {
    const char *name;
    json_t *head;
    json_object_foreach(json_object_get(answer, "heads"), name, head) {
        fuzz_require((uint64_t)json_integer_value(head) == s_model_head(s_model_room(zr_span(name))));
        fuzz_require(s_may_read(route, zr_span(name)));
    }
}

static void s_check_rooms(route_t route, const json_t *answer) {
    size_t i;
    json_t *item;
    zr_span_t before = {0};
    json_array_foreach(json_object_get(answer, "rooms"), i, item) {
        zr_span_t name = s_text(item, "room");
        fuzz_require(s_member(item, "seq") == s_model_head(s_model_room(name)) && s_may_read(route, name));
        fuzz_require(i == 0 || zr_span_compare(before, name) < 0);
        before = name;
    }
}

static void s_check_answer(route_t route, const asked_t *asked, const json_t *answer) {
    client_t *client = &s_broker.clients[route];
    const spec_op_t *op = asked->op;
    const char *wrong = spec_wrong_member(op, answer);
    if (wrong)
        fprintf(stderr, "%s: '%s' is wrong in its answer\n", op->name, wrong);
    fuzz_require(!wrong);
    if (strcmp(op->name, "replay") == 0)
        s_check_replayed(client, asked, answer);
    else if (strcmp(op->name, "state") == 0)
        s_check_snapshot(client, answer);
    else if (strcmp(op->name, "ping") == 0)
        s_check_heads(route, answer);
    else if (strcmp(op->name, "rooms") == 0)
        s_check_rooms(route, answer);
    else if (strcmp(op->name, "join") == 0)
        fuzz_require(s_member(answer, "seq") == s_model_head(s_model_room(s_text(answer, "room"))));
    else if (strcmp(op->name, "hello") == 0)
        client->live = true;
    else if (strcmp(op->name, "bye") == 0)
        client->live = false;
    client->replayed = strcmp(op->name, "replay") == 0 ? 0 : client->replayed;
    client->snapshot = strcmp(op->name, "state") == 0 ? 0 : client->snapshot;
}

static asked_t s_take_asked(client_t *client, uint64_t id) {
    size_t i = 0;
    while (i < client->asked_count && client->asked[i].id != id)
        i++;
    fuzz_require(i < client->asked_count); /* it was asked, and not answered before */
    asked_t asked = client->asked[i];
    client->asked[i] = client->asked[--client->asked_count];
    return asked;
}

static bool s_is_known_code(const char *code) {
    for (size_t i = 0; i < spec()->code_count; i++)
        if (code && strcmp(spec()->codes[i], code) == 0)
            return true;
    return false;
}

/* The error of an unknown op can only be that, or about the frame as a whole. */
static void s_check_error(const spec_op_t *op, const char *code) {
    if (!op)
        fuzz_require(
            strcmp(code, "unknown-op") == 0 || strcmp(code, "no-session") == 0 || strcmp(code, "bad-member") == 0);
    else if (!spec_may_fail(op, code))
        fprintf(stderr, "%s is answered with %s\n", op->name, code);
    fuzz_require(!op || spec_may_fail(op, code));
}

static void s_settle(client_t *client, const json_t *object) {
    uint64_t mid = s_member(object, "mid"), upto = s_member(object, "upto");
    mid = upto > mid ? upto : mid;
    if (mid > client->settled && mid <= client->mid)
        client->settled = mid;
}

static void s_on_answer(route_t route, const json_t *object) {
    client_t *client = &s_broker.clients[route];
    const char *op = json_string_value(json_object_get(object, "op"));
    const char *code = json_string_value(json_object_get(object, "code"));
    asked_t asked = s_take_asked(client, s_member(object, "re"));
    if (!asked.op || s_is_in_order(asked.op)) {
        fuzz_require(asked.id > client->answered);
        client->answered = asked.id;
    }
    if (strcmp(op, "error") == 0) {
        s_check_error(asked.op, code);
        client->live &= strcmp(code, "no-session") != 0;
    } else {
        fuzz_require(asked.op && strcmp(op, asked.op->answer) == 0);
        s_check_answer(route, &asked, object);
    }
    s_settle(client, object);
}

static bool s_is_reason(const char *reason) {
    for (size_t i = 0; reason && i < spec()->reason_count; i++)
        if (strcmp(spec()->reasons[i], reason) == 0)
            return true;
    return false;
}

/* Unasked, or to a frame that nobody could read. */
static void s_on_other(route_t route, const json_t *object) {
    client_t *client = &s_broker.clients[route];
    const char *op = json_string_value(json_object_get(object, "op"));
    if (strcmp(op, "error") == 0) {
        s_settle(client, object);
        client->plain += !zr_has(object, "mid");
    } else if (strcmp(op, "bye") == 0) {
        fuzz_require(s_is_reason(json_string_value(json_object_get(object, "reason"))));
        client->live = false;
    } else if (strcmp(op, "direct") == 0) {
        fuzz_require(zr_nick_valid(s_text(object, "from")) && json_is_string(json_object_get(object, "text")));
    } else if (strcmp(op, "dismissed") == 0 || strcmp(op, "lost") == 0) {
        fuzz_require(s_member(object, "worker") > 0 && json_is_string(json_object_get(object, "group")));
    } else {
        fuzz_require(strcmp(op, "left") == 0 || !"a frame that nobody asked for");
    }
}

static void s_on_control(route_t route, zr_span_t frame) {
    json_t *object = NULL;
    fuzz_require(zr_control_read(frame, &object) == ZR_OK && json_is_string(json_object_get(object, "op")));
    const json_t *re = json_object_get(object, "re"), *code = json_object_get(object, "code");
    fuzz_require(!code || s_is_known_code(json_string_value(code)));
    if (json_is_integer(re))
        s_on_answer(route, object);
    else
        s_on_other(route, object);
    json_decref(object);
}

static void s_on_deliver(route_t route, zr_span_t frame) {
    zr_deliver_reader_t reader;
    client_t *client = &s_broker.clients[route];
    fuzz_require(zr_deliver_read(&reader, frame) && reader.epoch == MODEL_EPOCH && s_may_read(route, reader.room));
    if (reader.flags == ZR_FRAME_STATE)
        client->snapshot += s_model_check_state(&reader);
    else if (reader.flags == ZR_FRAME_REPLAY)
        client->replayed += s_model_check_run(&reader);
    else
        fuzz_require(reader.flags == 0 && s_broker.users && s_model_check_run(&reader) > 0);
}

/* Entries for a worker of a user that may read them, as they were stored; and the one answer to a SETTLE. true: the
 * frame was one of these. */
static bool s_on_work(route_t route, zr_span_t frame) {
    uint32_t worker;
    uint16_t deliveries;
    zr_span_t inner;
    zr_deliver_reader_t reader;
    zr_entry_t entry;
    zr_settled_t settled;
    if (zr_settled_read(&settled, frame)) {
        s_broker.clients[route].plain++;
        return true;
    }
    if (!zr_work_read(frame, &worker, &deliveries, &inner))
        return false;
    fuzz_require(deliveries > 0 && zr_deliver_read(&reader, inner) && reader.flags == ZR_FRAME_WORK);
    fuzz_require(reader.epoch == MODEL_EPOCH && s_may_read(route, reader.room));
    while (zr_deliver_next(&reader, &entry))
        s_model_check(s_model_room(reader.room), &entry);
    fuzz_require(!reader.failed);
    return true;
}

static edge_sent_t s_send(void *ctx, route_t route, zr_blob_t *blob, bool live) {
    (void)ctx;
    (void)live;
    zr_span_t frame = zr_span_of(zr_blob_data(blob), zr_blob_len(blob)), room, json;
    zr_ack_t ack;
    fuzz_require(route >= 1 && route <= CLIENTS && frame.len > 0);
    client_t *client = &s_broker.clients[route];
    if (frame.ptr[0] == ZR_TYPE_CONTROL) {
        s_on_control(route, frame);
    } else if (zr_ack_read(&ack, frame)) {
        fuzz_require(ack.level == s_broker.log.level && ack.upto <= client->mid);
        client->settled = ack.upto > client->settled ? ack.upto : client->settled;
    } else if (zr_back_read(frame, &room, &json) == ZR_BACK_PRESENCE) {
        fuzz_require(s_broker.users && s_may_read(route, room));
    } else if (!s_on_work(route, frame)) {
        s_on_deliver(route, frame);
    }
    zr_blob_unref(blob);
    return EDGE_SENT;
}

/* On the back everybody reads: nothing of rooms that one of them may not read. */
static void s_publish_frame(void *ctx, zr_blob_t *blob) {
    (void)ctx;
    zr_span_t frame = zr_span_of(zr_blob_data(blob), zr_blob_len(blob)), room, json;
    zr_deliver_reader_t reader;
    zr_back_kind_t kind = zr_back_read(frame, &room, &json);
    fuzz_require(kind != ZR_BACK_BAD && (kind == ZR_BACK_SYNCED || s_may_read(CLIENTS, room)));
    if (kind == ZR_BACK_ENTRIES) {
        model_room_t *model = s_model_room(room);
        fuzz_require(model && zr_deliver_read(&reader, frame));
        uint64_t *last = &s_broker.back[model - s_model.rooms];
        fuzz_require(reader.prev == (*last ? *last : model->begun) && s_model_check_run(&reader) > 0);
        *last = s_model_head(model); /* what is stored is published in the same pass */
    }
    zr_blob_unref(blob);
}

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
