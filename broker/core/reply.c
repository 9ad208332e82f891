/* See reply.h. */
#include "reply.h"

#include <stdio.h>

#include "control.h"
#include "state.h"

void send_frame(relay_t *relay, route_t route, zr_blob_t *frame) {
    if (route)
        outbox_add(relay->outbox, &(effect_t){.kind = EFFECT_SEND, .route = route, .frame = frame});
    else
        zr_blob_unref(frame);
}

void send_bye(relay_t *relay, route_t route, const char *reason) {
    if (relay->bye.reason != reason) {
        zr_blob_unref(relay->bye.frame);
        relay->bye.reason = reason;
        relay->bye.frame = zr_control_write(json_pack("{ss ss}", "op", "bye", "reason", reason));
    }
    send_frame(relay, route, zr_blob_ref(relay->bye.frame));
}

void reply(relay_t *relay, const request_t *request, json_t *object) {
    if (request->id)
        json_object_set(object, "re", request->id);
    send_frame(relay, request->route, zr_control_write(object));
}

static json_t *s_error(zr_code_t code, const char *text, json_t *more) {
    json_t *error =
        json_pack("{ss ss ss}", "op", "error", "code", zr_code_name(code), "text", text ? text : zr_code_text(code));
    if (more) {
        json_object_update(error, more);
        json_decref(more);
    }
    return error;
}

json_t *failure(relay_t *relay, const request_t *request, zr_code_t code, const char *text, json_t *more) {
    json_t *error = s_error(code, text, more);
    relay->stats.errors++;
    relay->stats.errors_by_code[code]++;
    if (request->id)
        json_object_set(error, "re", request->id);
    return error;
}

void fail_with(relay_t *relay, const request_t *request, zr_code_t code, const char *text, json_t *more) {
    send_frame(relay, request->route, zr_control_write(failure(relay, request, code, text, more)));
}

void fail(relay_t *relay, const request_t *request, zr_code_t code, const char *text) {
    fail_with(relay, request, code, text, NULL);
}

void fail_member(relay_t *relay, const request_t *request, const char *member) {
    char text[160];
    snprintf(text, sizeof text, "the member '%s' is missing, of the wrong type or out of range", member);
    fail(relay, request, ZR_BAD_MEMBER, text);
}

void fail_wait(relay_t *relay, const request_t *request, uint64_t wait_ms) {
    fail_with(relay, request, ZR_RATE_LIMITED, NULL, json_pack("{sI}", "wait", (json_int_t)wait_ms));
}

void send_error(relay_t *relay, route_t route, zr_code_t code, json_t *more) {
    relay->stats.errors++;
    relay->stats.errors_by_code[code]++;
    send_frame(relay, route, zr_control_write(s_error(code, NULL, more)));
}
