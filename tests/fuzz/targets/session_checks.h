/* The clients of session_fuzz.c, and how all that its broker sends to them is held against PROTOCOL.md (spec.h) and what is
 * stored (session_model.h). */
#ifndef SESSION_CHECKS_H
#define SESSION_CHECKS_H

#include "control.h"
#include "edge.h"
#include "relay.h"
#include "session_model.h"
#include "spec.h"
#include "wire_work.h"

enum { CLIENTS = 2, ASKED_MAX = 64, FRAME_MAX = 3000, ENTRIES_MAX = 20, CONTROL_MAX = 1000 };

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

#endif
