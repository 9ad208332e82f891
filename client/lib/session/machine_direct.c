/* See machine_direct.h. */
#include "machine_direct.h"

#include <inttypes.h>
#include <stdlib.h>

#include "machine_actions.h"
#include "machine_ask.h"
#include "machine_events.h"
#include "machine_questions.h"
#include "machine_requests.h"

enum { ASK_BYTES = 8 }; /* random ones, that an answer names */

/* --- What comes --- */

void direct_on_message(machine_t *m, json_t *object) {
    zr_span_t from, text, ask = {0}, answer = {0};
    uint64_t time = 0;
    bool failed = false;
    const char *wrong = NULL;
    if (events_full(m))
        return; /* nobody was promised that it is read */
    if (!zr_get_string(object, "from", 1, SIZE_MAX, &from, &wrong) ||
        !zr_get_string(object, "text", 0, SIZE_MAX, &text, &wrong) ||
        !zr_get_uint_opt(object, "time", 0, &time, &wrong) ||
        !zr_get_string_opt(object, "ask", ZR_ASK_MAX, &ask, &wrong) ||
        !zr_get_string_opt(object, "answer", ZR_ASK_MAX, &answer, &wrong) ||
        !zr_get_bool_opt(object, "failed", &failed, &wrong)) {
        m->malformed++;
        return;
    }
    events_post(m, &(zrelay_event_t){.type = ZRELAY_DIRECT,
                       .name = from.ptr,
                       .body = text.ptr,
                       .body_len = text.len,
                       .time = time,
                       .ask = ask.len ? ask.ptr : NULL,
                       .answer = answer.len ? answer.ptr : NULL,
                       .failed = failed});
}

/* --- What is sent --- */

static void s_set(json_t *object, const char *name, const char *value) {
    json_object_set_new(object, name, json_string(value));
}

void direct_ask(machine_t *m, request_t *request, json_t *object) {
    (void)m;
    json_object_del(object, "room");
    s_set(object, "to", request->name);
    s_set(object, "text", request->text);
    if (request->key[0])
        s_set(object, "ask", request->key);
}

/* Without a mid, so that its ack names its seq. */
void direct_ask_room(machine_t *m, request_t *request, json_t *object) {
    (void)m;
    s_set(object, "text", request->text);
}

void direct_ask_answer(machine_t *m, request_t *request, json_t *object) {
    (void)m;
    json_object_del(object, "room");
    s_set(object, "to", request->name);
    s_set(object, "text", request->text);
    s_set(object, "answer", request->key);
    if (request->failed)
        json_object_set_new(object, "failed", json_true());
}

void direct_answered(machine_t *m, request_t *request, json_t *object) {
    const char *wrong = NULL;
    zrelay_event_t event = {.type = ZRELAY_DONE, .request = request->number, .complete = true};
    if (request->kind == REQUEST_ASK_ROOM) {
        event.room = request->name;
        zr_get_uint_opt(object, "seq", 0, &event.seq, &wrong);
        snprintf(request->key, sizeof request->key, "%s %" PRIu64, request->name, event.seq);
    }
    bool asked = request->kind == REQUEST_ASK_ROOM ? event.seq > 0 : request->kind == REQUEST_DIRECT && request->key[0];
    event.ask = asked ? request->key : NULL;
    events_post(m, &event);
    request_free(m, request);
}

/* --- The program's wishes --- */

/* Bytes of a text in a control frame, where escapes make it longer. */
static size_t s_size(const char *text) {
    json_t *json = json_string(text);
    size_t size = json_dumpb(json, NULL, 0, JSON_ENCODE_ANY);
    json_decref(json);
    return size;
}

/* A request of this kind about `name` with a text, and `key`. */
static int s_say(machine_t *m, request_kind_t kind, const char *name, const char *text, const char *key,
    uint64_t *number, request_t **request) {
    if (!text || !zr_utf8_valid(zr_span(text)))
        return ZRELAY_EINVAL;
    if (s_size(text) + s_size(name) + s_size(key) + DIRECT_MARGIN > m->limit_control)
        return ZRELAY_ELARGE;
    int code = machine_question(m, kind, zr_span(name), number, request);
    if (code)
        return code;
    strcpy((*request)->text = machine_alloc(strlen(text) + 1), text);
    strcpy((*request)->key, key);
    return 0;
}

int machine_direct(machine_t *m, const char *nick, const char *text, uint64_t *number) {
    request_t *request;
    return zr_nick_valid(zr_span(nick)) ? s_say(m, REQUEST_DIRECT, nick, text, "", number, &request) : ZRELAY_EINVAL;
}

int machine_ask(machine_t *m, const char *nick, const char *room, const char *text, uint64_t *number) {
    request_t *request;
    if (!nick == !room || (nick && !zr_nick_valid(zr_span(nick))) || (room && !zr_room_valid(zr_span(room))))
        return ZRELAY_EINVAL;
    if (room)
        return s_say(m, REQUEST_ASK_ROOM, room, text, "", number, &request);
    char ask[2 * ASK_BYTES + 1];
    machine_entropy_hex(m, ask, ASK_BYTES);
    return s_say(m, REQUEST_DIRECT, nick, text, ask, number, &request);
}

int machine_answer(machine_t *m, const char *nick, const char *ask, bool failed, const char *text, uint64_t *number) {
    request_t *request;
    zr_span_t named = zr_span(ask);
    if (!zr_nick_valid(zr_span(nick)) || !named.len || named.len > ZR_ASK_MAX || !zr_utf8_valid(named))
        return ZRELAY_EINVAL;
    int code = s_say(m, REQUEST_ANSWER, nick, text, ask, number, &request);
    if (code == 0)
        request->failed = failed;
    return code;
}
