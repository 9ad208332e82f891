/* See publish_kept.h. */
#include "publish_kept.h"

#include <sodium.h>

#include "control.h"
#include "logger.h"
#include "reply.h"

static bool s_decode(zr_span_t text, zr_buffer_t *decoded, zr_span_t *body) {
    size_t most = text.len / 4 * 3, len = 0;
    uint8_t *to = zr_buffer_reserve(decoded, most + 1);
    if (sodium_base642bin(to, most, text.ptr, text.len, NULL, &len, NULL, sodium_base64_VARIANT_ORIGINAL) != 0)
        return false;
    decoded->len = len;
    *body = zr_span_of((const char *)to, len);
    return true;
}

static bool s_read(const json_t *object, publish_kept_t *kept, zr_span_t *body, const char **wrong) {
    const json_t *members = json_object_get(object, "kept");
    zr_span_t coded = {0};
    if (!json_is_object(members) || !zr_get_uint(members, "seq", 1, &kept->seq, wrong) ||
        !zr_get_uint(members, "time", 0, &kept->time, wrong) ||
        !zr_get_string(members, "sender", 1, ZR_NICK_MAX, &kept->sender, wrong) || !zr_nick_valid(kept->sender) ||
        zr_has(object, "expect"))
        *wrong = "kept";
    if (*wrong)
        return false;
    kept->given = true;
    zr_get_string_opt(object, "base64", SIZE_MAX, &coded, wrong);
    if (!*wrong && zr_has(object, "base64") &&
        (body->len || json_is_true(json_object_get(object, "delete")) || !s_decode(coded, &kept->decoded, body)))
        *wrong = "base64";
    return !*wrong;
}

bool publish_kept_read(relay_t *relay, request_t *request, publish_kept_t *kept, zr_span_t *body) {
    const char *wrong = NULL;
    *kept = (publish_kept_t){0};
    if (!zr_has(request->object, "kept") && !zr_has(request->object, "base64"))
        return true;
    if (!zr_has(request->object, "kept"))
        fail_member(relay, request, "base64");
    else if (!access_is_admin(request->session->access))
        fail(relay, request, ZR_FORBIDDEN,
            "only an operator may keep sender and time (\"admin : *\" in the users file)");
    else if (!s_read(request->object, kept, body, &wrong))
        fail_member(relay, request, wrong);
    else
        return true;
    publish_kept_finish(kept);
    return false;
}

void publish_kept_finish(publish_kept_t *kept) {
    zr_buffer_finish(&kept->decoded);
}

void publish_kept_note(relay_t *relay, const request_t *request, room_t *room) {
    const session_t *session = request->session;
    zr_span_t name = room_name(room), by = user_nick(session->user);
    room->carried = room->head;
    room->carried_at = request->now;
    if (relay->moving.session == session->id &&
        zr_span_equal(name, zr_span_of(relay->moving.room, relay->moving.room_len)))
        return;
    relay->moving.session = session->id;
    relay->moving.room_len = name.len;
    memcpy(relay->moving.room, name.ptr, name.len);
    if (zr_log_pass(&relay->admin_lines, request->now / 1000))
        zr_log(ZR_LOG_AUDIT, "%.*s moves entries into %.*s, with their senders and times", (int)by.len, by.ptr,
            (int)name.len, name.ptr);
}
