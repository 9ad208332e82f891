/* See machine_move.h. */
#include "machine_move.h"

#include <sodium.h>
#include <stdlib.h>

#include "machine_actions.h"
#include "machine_events.h"
#include "machine_questions.h"
#include "machine_requests.h"

enum { MARGIN = 256 }; /* bytes of a control frame beside the room and the members below */

void move_ask(machine_t *m, request_t *request, json_t *object) {
    json_t *members = json_loads(request->text, JSON_ALLOW_NUL, NULL);
    (void)m;
    json_object_update_missing(object, members);
    json_decref(members);
}

void move_answered(machine_t *m, request_t *request, json_t *object) {
    const char *wrong = NULL;
    bool there = false;
    zrelay_event_t event = {.type = ZRELAY_DONE, .request = request->number, .complete = true};
    if (!zr_get_uint_opt(object, "seq", 0, &event.seq, &wrong) || !zr_get_bool_opt(object, "there", &there, &wrong))
        m->malformed++;
    event.count = !there;
    events_post(m, &event);
    request_free(m, request);
}

static void s_set_body(json_t *members, const zrelay_event_t *entry) {
    zr_span_t body = zr_span_of(entry->body, entry->body_len);
    if (body.len == 0)
        return;
    if (zr_utf8_valid(body) && !memchr(body.ptr, 0, body.len)) {
        json_object_set_new(members, "text", json_stringn(body.ptr, body.len));
        return;
    }
    size_t size = sodium_base64_encoded_len(body.len, sodium_base64_VARIANT_ORIGINAL);
    char *coded = machine_alloc(size);
    sodium_bin2base64(coded, size, entry->body, body.len, sodium_base64_VARIANT_ORIGINAL);
    json_object_set_new(members, "base64", json_string(coded));
    free(coded);
}

static json_t *s_members(const zrelay_event_t *entry) {
    json_t *members = json_pack("{s{sI sI ss}}", "kept", "seq", (json_int_t)entry->seq, "time", (json_int_t)entry->time,
        "sender", entry->sender);
    if (entry->key)
        json_object_set_new(members, "key", json_string(entry->key));
    if (entry->deleted)
        json_object_set_new(members, "delete", json_true());
    if (entry->ttl)
        json_object_set_new(members, "ttl", json_integer((json_int_t)entry->ttl));
    s_set_body(members, entry);
    return members;
}

static bool s_valid(const zrelay_event_t *entry) {
    return entry->room && zr_room_valid(zr_span(entry->room)) && entry->sender &&
           zr_nick_valid(zr_span(entry->sender)) && (!entry->key || zr_key_valid(zr_span(entry->key))) &&
           (!entry->deleted || (entry->key && entry->body_len == 0)) && (entry->body || entry->body_len == 0) &&
           (!entry->ttl || (entry->key && !entry->deleted && entry->ttl <= ZR_INT_MAX)) && entry->seq > 0 &&
           entry->seq <= ZR_INT_MAX && entry->time <= ZR_INT_MAX;
}

int machine_publish_kept(machine_t *m, const zrelay_event_t *entry, uint64_t *number) {
    request_t *request;
    if (!entry || !s_valid(entry))
        return ZRELAY_EINVAL;
    json_t *members = s_members(entry);
    size_t size = json_dumpb(members, NULL, 0, JSON_COMPACT);
    int code = size + strlen(entry->room) + MARGIN > m->limit_control
                   ? ZRELAY_ELARGE
                   : machine_question(m, REQUEST_MOVE, zr_span(entry->room), number, &request);
    if (code == 0) {
        request->text = machine_alloc(size + 1);
        json_dumpb(members, request->text, size, JSON_COMPACT);
        request->text[size] = '\0';
    }
    json_decref(members);
    return code;
}
