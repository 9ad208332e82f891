#include "http_session.h"

#include <sodium/utils.h>
#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

#include "control.h"
#include "fatal.h"
#include "http_json.h"
#include "wire.h"

typedef enum { LANE_NONE, LANE_READ, LANE_FRAME, LANES } lane_t;

struct http_ask {
    http_session_t *session;
    uint64_t id;
    lane_t lane;
    json_t *request;    /* NULL: an entry */
    http_entry_t entry; /* its room is `room` */
    char room[ZR_ROOM_MAX + 1];
    uint64_t mid; /* 0: not sent in a frame */
    bool sent;
    const http_ask_calls_t *calls; /* NULL: cancelled */
    void *ctx;
    http_ask_t *prev, *next;
};

struct http_session {
    http_broker_t *broker;
    channel_t *channel;
    char address[ADDRESS_TEXT];
    bool secure;
    json_t *hello; /* has the token */
    bool greeted;  /* `hello` is under way */
    bool live, ended;
    uint64_t epoch, next_id, next_mid;
    uint64_t pause;    /* no frame is sent before that time */
    uint64_t greet_at; /* `hello` is said again then; 0: no */
    http_ask_t *asks, *busy[LANES];
    size_t ask_count, sent_count;
    const http_session_calls_t *calls;
    void *ctx;
    unsigned depth; /* of calls from the uplink */
    bool dying;
    zr_buffer_t frame;
    http_session_t *prev, *next; /* of all */
};

/* --- Asks --- */

static void s_free_ask(http_ask_t *ask) {
    http_session_t *session = ask->session;
    DL_DELETE(session->asks, ask);
    session->ask_count--;
    session->sent_count -= ask->sent;
    if (session->busy[ask->lane] == ask)
        session->busy[ask->lane] = NULL;
    json_decref(ask->request);
    free(ask);
}

static http_ask_t *s_new_ask(http_session_t *session, lane_t lane, const http_ask_calls_t *calls, void *ctx) {
    http_ask_t *ask = fatal_calloc(sizeof *ask);
    ask->session = session;
    ask->id = ++session->next_id;
    ask->lane = lane;
    ask->calls = calls;
    ask->ctx = ctx;
    DL_APPEND(session->asks, ask);
    session->ask_count++;
    return ask;
}

/* The ask is over. It is free before its owner hears of it, so the owner may ask again. */
static void s_fail_ask(http_ask_t *ask, const http_problem_t *problem) {
    const http_ask_calls_t *calls = ask->calls;
    void *ctx = ask->ctx;
    s_free_ask(ask);
    if (calls)
        calls->failed(ctx, problem);
}

static void s_answer_ask(http_ask_t *ask, const json_t *answer) {
    const http_ask_calls_t *calls = ask->calls;
    void *ctx = ask->ctx;
    s_free_ask(ask);
    if (calls)
        calls->answer(ctx, answer);
}

static void s_fail_all(http_session_t *session, const http_problem_t *problem) {
    while (session->asks && !session->dying)
        s_fail_ask(session->asks, problem);
}

void http_ask_cancel(http_ask_t *ask) {
    if (!ask)
        return;
    if (ask->sent)
        ask->calls = NULL; /* its answer must still be told from others */
    else
        s_free_ask(ask);
}

/* --- Sending --- */

static bool s_ihttp_text(zr_span_t body) {
    return body.len <= HTTP_TEXT_MAX && zr_utf8_valid(body) && (body.len == 0 || !memchr(body.ptr, '\0', body.len));
}

static void s_set_text(json_t *object, const char *member, zr_span_t text) {
    json_object_set_new(object, member, zr_json_string(text));
}

static void s_set_number(json_t *object, const char *member, uint64_t number) {
    json_object_set_new(object, member, json_integer((json_int_t)number));
}

static void s_send_text(http_session_t *session, http_ask_t *ask) {
    const http_entry_t *entry = &ask->entry;
    json_t *request = json_pack("{s:s, s:s}", "op", "publish", "room", ask->room);
    s_set_number(request, "id", ask->id);
    if (entry->key.len > 0)
        s_set_text(request, "key", entry->key);
    if (entry->flags & ZR_ENTRY_DELETE)
        json_object_set_new(request, "delete", json_true());
    else
        s_set_text(request, "text", entry->body);
    if (entry->flags & ZR_ENTRY_EXPECT)
        s_set_number(request, "expect", entry->expect);
    if (entry->flags & ZR_ENTRY_TTL)
        s_set_number(request, "ttl", entry->ttl);
    if (entry->once)
        s_set_number(request, "mid", ++session->next_mid);
    channel_say(session->channel, request);
}

static void s_send_frame(http_session_t *session, http_ask_t *ask) {
    ask->mid = ++session->next_mid;
    zr_publish_entry_t entry = {.mid = ask->mid,
        .flags = ask->entry.flags,
        .key = ask->entry.key,
        .expect = ask->entry.expect,
        .body = ask->entry.body,
        .ttl = ask->entry.ttl};
    zr_publish_begin(&session->frame, zr_span(ask->room));
    zr_publish_add(&session->frame, &entry);
    channel_send(session->channel, zr_span_of(session->frame.data, session->frame.len));
    zr_buffer_finish(&session->frame); /* it may be large, and there are many sessions */
}

static bool s_is_stale(const http_session_t *session, const http_ask_t *ask) {
    return !ask->request && ask->entry.flags & ZR_ENTRY_EXPECT && ask->entry.epoch &&
           ask->entry.epoch != session->epoch;
}

static void s_send(http_session_t *session, http_ask_t *ask) {
    ask->sent = true;
    session->sent_count++;
    session->busy[ask->lane] = ask->lane == LANE_NONE ? NULL : ask;
    if (ask->lane == LANE_FRAME) {
        s_send_frame(session, ask);
    } else if (!ask->request) {
        s_send_text(session, ask);
    } else {
        s_set_number(ask->request, "id", ask->id);
        channel_say(session->channel, json_incref(ask->request));
    }
}

static bool s_may_send(const http_session_t *session, const http_ask_t *ask) {
    return !ask->sent && session->sent_count < HTTP_UNANSWERED_MAX && !session->busy[ask->lane] &&
           (ask->lane != LANE_FRAME || *session->broker->now >= session->pause);
}

/* Sends what may be sent now. */
static void s_pump(http_session_t *session) {
    http_ask_t *ask, *next;
    if (!session->live || session->dying)
        return;
    DL_FOREACH_SAFE(session->asks, ask, next) {
        if (s_may_send(session, ask))
            s_send(session, ask);
    }
}

static http_ask_t *s_find_stale(const http_session_t *session) {
    http_ask_t *ask;
    DL_FOREACH(session->asks, ask) {
        if (!ask->sent && s_is_stale(session, ask))
            return ask;
    }
    return NULL;
}

static void s_fail_stale(http_session_t *session) {
    http_ask_t *ask;
    http_problem_t problem;
    http_fail(&problem, ZR_CONFLICT, HTTP_STALE_ETAG);
    while (!session->dying && (ask = s_find_stale(session)))
        s_fail_ask(ask, &problem);
}

http_ask_t *http_session_ask(
    http_session_t *session, http_ask_kind_t kind, json_t *request, const http_ask_calls_t *calls, void *ctx) {
    http_ask_t *ask = s_new_ask(session, kind == HTTP_ASK_READ ? LANE_READ : LANE_NONE, calls, ctx);
    ask->request = request;
    s_pump(session);
    return ask;
}

http_ask_t *http_session_publish(
    http_session_t *session, const http_entry_t *entry, const http_ask_calls_t *calls, void *ctx) {
    http_ask_t *ask = s_new_ask(session, s_ihttp_text(entry->body) ? LANE_NONE : LANE_FRAME, calls, ctx);
    ask->entry = *entry;
    snprintf(ask->room, sizeof ask->room, "%s", entry->room);
    s_pump(session);
    return ask;
}

/* --- The session --- */

static void s_greet(http_session_t *session) {
    session->greeted = true;
    session->greet_at = 0;
    channel_hello(session->channel, json_incref(session->hello));
}

static void s_end(http_session_t *session, const http_problem_t *problem) {
    if (session->ended)
        return;
    session->ended = true;
    session->live = false;
    channel_set_session(session->channel, false);
    s_fail_all(session, problem);
    if (!session->dying)
        session->calls->ended(session->ctx, problem);
}

static uint64_t s_epoch(const json_t *welcome) {
    const char *text = json_string_value(json_object_get(welcome, "epoch"));
    return text ? strtoull(text, NULL, 16) : 0;
}

static void s_on_welcome(http_session_t *session, const json_t *welcome) {
    session->epoch = s_epoch(welcome);
    session->live = true;
    s_fail_stale(session);
    if (session->calls->live && !session->dying)
        session->calls->live(session->ctx);
    s_pump(session);
}

static void s_problem(http_problem_t *problem, const json_t *error) {
    http_problem_of(problem, http_text(error, "code"), http_text(error, "text"), http_number(error, "wait"),
        http_number(error, "seq"));
}

static http_ask_t *s_find(http_session_t *session, const json_t *object) {
    const json_t *re = json_object_get(object, "re");
    http_ask_t *ask;
    if (!json_is_integer(re))
        return NULL;
    DL_FOREACH(session->asks, ask) {
        if (ask->sent && (json_int_t)ask->id == json_integer_value(re))
            return ask;
    }
    return NULL;
}

/* An error that answers no request with an id: about the entry that is under way, or about the session. */
static void s_on_loose_error(http_session_t *session, const json_t *error) {
    http_problem_t problem;
    http_ask_t *ask = session->busy[LANE_FRAME];
    s_problem(&problem, error);
    if (problem.code == ZR_NO_SESSION && session->live)
        s_end(session, &problem);
    else if (problem.code == ZR_RATE_LIMITED && !json_object_get(error, "mid"))
        session->pause = *session->broker->now + problem.wait_ms;
    else if (ask && http_number(error, "mid") == ask->mid)
        s_fail_ask(ask, &problem);
}

/* `re` 0 is the answer to `hello`: asks have ids from 1 on. */
static bool s_is_greeting(const http_session_t *session, const json_t *object) {
    const json_t *re = json_object_get(object, "re");
    return session->greeted && json_is_integer(re) && json_integer_value(re) == 0;
}

static void s_on_greeting(http_session_t *session, const json_t *answer, zr_span_t op) {
    http_problem_t problem;
    session->greeted = false;
    if (zr_span_equal(op, zr_span("welcome"))) {
        s_on_welcome(session, answer);
        return;
    }
    s_problem(&problem, answer);
    if (problem.code == ZR_RATE_LIMITED && problem.wait_ms <= HTTP_GREET_AGAIN_MS)
        session->greet_at = *session->broker->now + problem.wait_ms;
    else
        s_end(session, &problem);
}

static void s_on_bye(http_session_t *session, const json_t *bye) {
    static const struct {
        const char *reason;
        unsigned code;
    } ends[] = {{"kicked", ZR_FORBIDDEN}, {"banned", ZR_FORBIDDEN}, {"revoked", ZR_FORBIDDEN},
        {"flooding", ZR_RATE_LIMITED}, {"replaced", HTTP_IN_PROGRESS}, {"token-expired", ZR_LOGIN_FAILED}};
    zr_span_t reason = http_text(bye, "reason");
    http_problem_t problem;
    unsigned code = HTTP_BROKER_AWAY;
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
        if (zr_span_equal(reason, zr_span(ends[i].reason)))
            code = ends[i].code;
    http_fail(&problem, code, "the broker ended the session: %.*s", (int)(reason.len < 64 ? reason.len : 64),
        reason.len ? reason.ptr : "");
    s_end(session, &problem);
}

static void s_on_control(http_session_t *session, const json_t *object) {
    zr_span_t op = http_text(object, "op");
    http_ask_t *ask = s_find(session, object);
    bool error = zr_span_equal(op, zr_span("error"));
    http_problem_t problem;
    if (s_is_greeting(session, object)) {
        s_on_greeting(session, object, op);
    } else if (ask && error) {
        s_problem(&problem, object);
        s_fail_ask(ask, &problem);
    } else if (ask) {
        s_answer_ask(ask, object);
    } else if (error) {
        s_on_loose_error(session, object);
    } else if (zr_span_equal(op, zr_span("bye"))) {
        s_on_bye(session, object);
    } else if (session->calls->control) {
        session->calls->control(session->ctx, object);
    }
}

static void s_on_ack(http_session_t *session, const zr_ack_t *ack) {
    http_ask_t *ask = session->busy[LANE_FRAME];
    if (!ask || ack->upto < ask->mid)
        return;
    json_t *answer = json_pack("{s:s, s:s}", "op", "ack", "level", zr_level_name(ack->level));
    s_set_number(answer, "seq", ack->seq);
    s_answer_ask(ask, answer);
    json_decref(answer);
}

static void s_on_deliver(http_session_t *session, const zr_deliver_reader_t *reader, zr_span_t frame) {
    http_ask_t *ask = session->busy[LANE_READ];
    if (!(reader->flags & (ZR_FRAME_REPLAY | ZR_FRAME_STATE))) {
        if (session->calls->frame)
            session->calls->frame(session->ctx, frame);
    } else if (ask && ask->calls && ask->calls->frame) {
        ask->calls->frame(ask->ctx, frame);
    }
}

static void s_take(http_session_t *session, zr_span_t frame) {
    zr_ack_t ack;
    zr_deliver_reader_t reader;
    json_t *object = NULL;
    if (frame.len > 0 && frame.ptr[0] == '{') {
        if (zr_control_read(frame, &object) == ZR_OK)
            s_on_control(session, object);
        json_decref(object);
    } else if (zr_ack_read(&ack, frame)) {
        s_on_ack(session, &ack);
    } else if (zr_deliver_read(&reader, frame)) {
        s_on_deliver(session, &reader, frame);
    }
}

/* --- From the uplink --- */

static void s_free(http_session_t *session) {
    DL_DELETE(session->broker->sessions, session);
    while (session->asks)
        s_free_ask(session->asks);
    channel_close(session->channel);
    json_decref(session->hello);
    zr_buffer_finish(&session->frame);
    free(session);
}

static void s_leave(http_session_t *session) {
    if (--session->depth == 0 && session->dying)
        s_free(session);
}

static void s_on_frame(void *ctx, zr_span_t inner) {
    http_session_t *session = ctx;
    if (session->ended || session->dying)
        return;
    session->depth++;
    s_take(session, inner);
    s_pump(session);
    s_leave(session);
}

static void s_on_lost(http_session_t *session) {
    http_problem_t problem = {.code = HTTP_BROKER_AWAY};
    session->live = session->greeted = false;
    session->greet_at = 0;
    channel_set_session(session->channel, false);
    s_fail_all(session, &problem);
    if (session->calls->lost && !session->dying)
        session->calls->lost(session->ctx);
}

/* The word for which the trunk's channel ended is the broker's `reason` of `close`, or the code of an error. */
static void s_on_ended(http_session_t *session, zr_span_t reason) {
    http_problem_t problem;
    json_t *bye = json_pack("{s:o}", "reason", zr_json_string(zr_utf8_valid(reason) ? reason : zr_span("")));
    if (zr_code_from_name(reason) == ZR_CODE_COUNT) {
        s_on_bye(session, bye);
    } else {
        http_problem_of(&problem, reason, zr_span(""), 0, 0);
        s_end(session, &problem);
    }
    json_decref(bye);
}

static void s_on_change(void *ctx, channel_change_t change, zr_span_t reason) {
    http_session_t *session = ctx;
    if (session->ended || session->dying)
        return;
    session->depth++;
    if (change == CHANNEL_OPEN)
        s_greet(session);
    else if (change == CHANNEL_LOST)
        s_on_lost(session);
    else
        s_on_ended(session, reason);
    s_leave(session);
}

/* --- Beginning and end --- */

static void s_make_client_id(const http_broker_t *broker, char out[ZR_CLIENT_ID_LEN + 1]) {
    uint8_t bytes[ZR_CLIENT_ID_LEN / 2];
    broker->entropy(broker->ctx, bytes, sizeof bytes);
    zr_hex(out, bytes, sizeof bytes);
}

static json_t *s_hello(const http_broker_t *broker, const http_identity_t *identity) {
    char client[ZR_CLIENT_ID_LEN + 1];
    if (identity->client[0])
        memcpy(client, identity->client, sizeof client);
    else
        s_make_client_id(broker, client);
    json_t *hello = json_pack("{s:s, s:i, s:i, s:s, s:s}", "op", "hello", "id", 0, "proto", 1, "client", client,
        "agent", "zrelay-gateway " ZRELAY_VERSION);
    if (identity->nick[0])
        json_object_set_new(hello, "nick", json_string(identity->nick));
    if (identity->login->kind == HTTP_LOGIN_BASIC)
        json_object_set_new(hello, "user", json_string(identity->login->user));
    if (identity->login->kind != HTTP_LOGIN_NONE)
        json_object_set_new(hello, "token", json_string(identity->login->token));
    return fatal_check(hello);
}

static void s_open(http_session_t *session) {
    static const channel_calls_t channel_calls = {s_on_frame, s_on_change};
    session->channel = uplink_open(session->broker->uplink, session->address, session->secure, &channel_calls, session);
    if (channel_is_open(session->channel))
        s_greet(session);
}

http_session_t *http_session_new(
    http_broker_t *broker, const http_identity_t *identity, const http_session_calls_t *calls, void *ctx) {
    http_session_t *session = fatal_calloc(sizeof *session);
    address_format(identity->address, session->address);
    session->secure = identity->secure;
    session->broker = broker;
    session->calls = calls;
    session->ctx = ctx;
    session->hello = s_hello(broker, identity);
    DL_APPEND(broker->sessions, session);
    s_open(session);
    return session;
}

void http_session_restart(http_session_t *session) {
    FATAL_UNLESS(session->ended && session->depth == 0);
    channel_close(session->channel);
    session->ended = session->greeted = false;
    s_open(session);
}

void http_session_destroy(http_session_t *session) {
    if (!session || session->dying)
        return;
    if (session->live)
        channel_say(session->channel, json_pack("{s:s}", "op", "bye"));
    session->dying = true;
    session->live = false;
    if (session->depth == 0)
        s_free(session);
}

bool http_session_is_live(const http_session_t *session) {
    return session->live;
}

uint64_t http_session_epoch(const http_session_t *session) {
    return session->epoch;
}

void http_sessions_tick(http_broker_t *broker) {
    http_session_t *session;
    DL_FOREACH(broker->sessions, session) {
        if (session->greet_at && session->greet_at <= *broker->now && !session->dying)
            s_greet(session);
        s_pump(session);
    }
}
