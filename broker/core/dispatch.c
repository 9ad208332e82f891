/* Control frames: the gates before any command, the table of ops, and how commands answer. */
#include "control.h"
#include "relay_internal.h"

static const struct {
    const char *op;
    command_fn *run;
} s_commands[] = {
    {"bye", cmd_bye},
    {"direct", cmd_direct},
    {"hello", cmd_hello},
    {"join", cmd_join},
    {"leave", cmd_leave},
    {"ping", cmd_ping},
    {"publish", cmd_publish_text},
    {"replay", cmd_replay},
    {"rooms", cmd_rooms},
    {"state", cmd_state},
    {"who", cmd_who},
};

static command_fn *s_find(zr_span_t op) {
    for (size_t i = 0; i < sizeof s_commands / sizeof *s_commands; i++)
        if (zr_span_equal(op, zr_span(s_commands[i].op)))
            return s_commands[i].run;
    return NULL;
}

void dispatch_control(
    relay_t *relay, route_t route, zr_span_t user, session_t *session, zr_span_t frame, uint64_t now) {
    request_t request = {.route = route, .user = user, .session = session, .now = now};
    if (frame.len > relay->config.max_control) {
        fail(relay, &request, session ? ZR_TOO_LARGE : ZR_NO_SESSION, NULL);
        return;
    }
    json_t *object = NULL;
    zr_code_t code = zr_control_read(frame, &object);
    if (code != ZR_OK) {
        fail(relay, &request, session ? code : ZR_NO_SESSION, NULL);
        return;
    }
    request.object = object;
    const char *wrong = NULL;
    zr_span_t op = {0};
    if (!zr_get_id(object, &request.id))
        wrong = "id";
    zr_get_string(object, "op", 1, 64, &op, &wrong);
    command_fn *run = s_find(op);

    if (!session && run != cmd_hello)
        fail(relay, &request, ZR_NO_SESSION, NULL);
    else if (wrong)
        fail_member(relay, &request, wrong);
    else if (!run)
        fail(relay, &request, ZR_UNKNOWN_OP, NULL);
    else
        run(relay, &request);
    json_decref(object);
}

void send_frame(relay_t *relay, route_t route, zr_blob_t *frame) {
    if (route)
        outbox_add(relay->outbox, &(effect_t){.kind = EFFECT_SEND, .route = route, .frame = frame});
    else
        zr_blob_unref(frame);
}

zr_blob_t *reply_frame(const request_t *request, json_t *object) {
    if (request->id)
        json_object_set(object, "re", request->id);
    return zr_control_write(object);
}

void reply(relay_t *relay, const request_t *request, json_t *object) {
    send_frame(relay, request->route, reply_frame(request, object));
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

void fail_with(relay_t *relay, const request_t *request, zr_code_t code, const char *text, json_t *more) {
    relay->stats.errors++;
    reply(relay, request, s_error(code, text, more));
}

void fail(relay_t *relay, const request_t *request, zr_code_t code, const char *text) {
    fail_with(relay, request, code, text, NULL);
}

void fail_member(relay_t *relay, const request_t *request, const char *member) {
    char text[160];
    snprintf(text, sizeof text, "the member '%s' is missing, of the wrong type or out of range", member);
    fail(relay, request, ZR_BAD_MEMBER, text);
}

void send_error(relay_t *relay, route_t route, zr_code_t code, json_t *more) {
    relay->stats.errors++;
    send_frame(relay, route, zr_control_write(s_error(code, NULL, more)));
}

bool take_room(relay_t *relay, const request_t *request, zr_span_t *name) {
    const char *wrong = NULL;
    if (!zr_get_string(request->object, "room", 0, SIZE_MAX, name, &wrong)) {
        fail_member(relay, request, wrong);
        return false;
    }
    if (!zr_room_valid(*name)) {
        fail(relay, request, ZR_BAD_ROOM, NULL);
        return false;
    }
    return true;
}
