/* The text of strangers at the HTTP edge: targets, header fields, and bodies that become events. What is accepted keeps
 * its meaning when it is written in another way. */
#include <sodium/utils.h>
#include <string.h>

#include "fuzz.h"
#include "http_fields.h"
#include "sse.h"

/* --- Targets --- */

static void s_escape(zr_buffer_t *out, const char *text) {
    for (; *text; text++)
        zr_buffer_printf(out, "%%%02x", (unsigned)(uint8_t)*text);
}

static const char *s_part(http_resource_t resource) {
    return resource == HTTP_ROOM_WS  ? "/ws"
           : resource == HTTP_EVENTS ? "/events"
           : resource == HTTP_WHO    ? "/who"
           : resource == HTTP_ROOM   ? ""
                                     : "/state";
}

/* The same target with every byte of its names escaped. */
static void s_write_again(zr_buffer_t *out, const http_route_t *route) {
    zr_buffer_printf(out, "/v1/rooms/");
    s_escape(out, route->room);
    zr_buffer_printf(out, "%s", s_part(route->resource));
    if (route->resource == HTTP_STATE_KEY) {
        zr_buffer_printf(out, "/");
        s_escape(out, route->key);
    }
    if (http_has(route, HTTP_Q_NICK)) {
        zr_buffer_printf(out, "?nick=");
        s_escape(out, route->nick);
    }
}

static void s_check_target(zr_span_t target) {
    http_route_t route, again;
    http_problem_t problem;
    if (!http_route_read(&route, target, &problem)) {
        unsigned status = http_problem_status(&problem);
        fuzz_require((status == 400 || status == 404) && problem.detail[0] && zr_utf8_valid(zr_span(problem.detail)));
        return;
    }
    fuzz_require(target.len <= HTTP_TARGET_MAX);
    if (route.resource < HTTP_ROOM)
        return;
    fuzz_require(zr_room_valid(zr_span(route.room)));
    fuzz_require(route.resource != HTTP_STATE_KEY || zr_key_valid(zr_span(route.key)));
    fuzz_require(!http_has(&route, HTTP_Q_NICK) || zr_nick_valid(zr_span(route.nick)));
    zr_buffer_t text = {0};
    s_write_again(&text, &route);
    fuzz_require(http_route_read(&again, zr_span_of(text.data, text.len), &problem));
    fuzz_require(again.resource == route.resource && strcmp(again.room, route.room) == 0 &&
                 strcmp(again.key, route.key) == 0 && strcmp(again.nick, route.nick) == 0);
    zr_buffer_finish(&text);
}

/* --- Fields --- */

static void s_check_condition(zr_span_t value) {
    http_condition_t condition;
    http_problem_t problem;
    if (!http_condition_read(&condition, value, zr_span(""), &problem) || condition.kind != HTTP_IF_SEQ)
        return;
    char tag[HTTP_ETAG_SIZE];
    http_etag_write(tag, condition.position.epoch, condition.position.seq);
    http_condition_t again;
    fuzz_require(http_condition_read(&again, zr_span(tag), zr_span(""), &problem));
    fuzz_require(again.position.epoch == condition.position.epoch && again.position.seq == condition.position.seq);
    fuzz_require(http_etag_listed(zr_span(tag), tag));
}

/* Written again from user and token it is the same login. */
static void s_check_login(zr_span_t value) {
    static http_login_t login, again;
    http_problem_t problem;
    if (!http_login_read(&login, value, &problem)) {
        fuzz_require(problem.code == HTTP_BAD_LOGIN && login.kind == HTTP_LOGIN_NONE && login.token[0] == '\0');
        return;
    }
    if (login.kind != HTTP_LOGIN_BASIC)
        return;
    zr_buffer_t pair = {0}, text = {0};
    zr_buffer_printf(&pair, "%s:%s", login.user, login.token);
    size_t size = sodium_base64_encoded_len(pair.len, sodium_base64_VARIANT_ORIGINAL);
    zr_buffer_printf(&text, "Basic ");
    sodium_bin2base64(
        (char *)zr_buffer_reserve(&text, size), size, pair.data, pair.len, sodium_base64_VARIANT_ORIGINAL);
    text.len += size - 1;
    fuzz_require(http_login_read(&again, zr_span_of(text.data, text.len), &problem));
    fuzz_require(strcmp(again.user, login.user) == 0 && strcmp(again.token, login.token) == 0);
    zr_buffer_finish(&text);
    zr_buffer_finish(&pair);
}

static void s_check_keys(zr_span_t value) {
    zr_span_t key, again;
    http_problem_t problem;
    http_position_t position;
    if (http_idempotency_key_read(&key, value, &problem))
        fuzz_require(http_idempotency_key_read(&again, key, &problem) && zr_span_equal(key, again));
    if (http_entry_key_read(&key, value, &problem))
        fuzz_require(zr_key_valid(key));
    if (http_last_event_id_read(&position, value, &problem)) {
        char text[HTTP_POSITION_SIZE];
        http_position_t same;
        size_t len = http_position_write(text, position.epoch, position.seq);
        fuzz_require(http_last_event_id_read(&same, zr_span_of(text, len), &problem));
        fuzz_require(same.epoch == position.epoch && same.seq == position.seq);
    }
}

/* --- Events --- */

/* Reads one event as the HTML standard says: fields in lines, the data's lines with newlines between them. */
static void s_read_event(zr_span_t text, zr_buffer_t *data, zr_span_t *name, zr_span_t *id) {
    bool dispatched = false;
    *name = *id = zr_span("");
    while (text.len > 0) {
        fuzz_require(!dispatched); /* the empty line is the last one */
        fuzz_require(memchr(text.ptr, '\n', text.len));
        zr_span_t line = zr_span_cut(&text, '\n');
        dispatched = line.len == 0;
        fuzz_require(!line.len || !memchr(line.ptr, '\r', line.len));
        zr_span_t value = line;
        zr_span_t field = zr_span_cut(&value, ':');
        if (value.len > 0 && value.ptr[0] == ' ')
            value = zr_span_of(value.ptr + 1, value.len - 1);
        if (zr_span_equal(field, zr_span("data"))) {
            zr_buffer_append(data, value.ptr, value.len);
            zr_buffer_u8(data, '\n');
        } else if (zr_span_equal(field, zr_span("event"))) {
            *name = value;
        } else if (zr_span_equal(field, zr_span("id"))) {
            *id = value;
        }
    }
    fuzz_require(dispatched && data->len > 0);
    data->len--;
}

static void s_check_event(zr_span_t body, http_format_t format) {
    zr_entry_t entry = {.seq = body.len, .time = 1, .sender = zr_span("ann"), .body = body};
    zr_buffer_t out = {0}, data = {0};
    zr_span_t name, id;
    http_position_t position;
    sse_entry(&out, zr_span("r"), 0x17, &entry, format);
    s_read_event(zr_span_of(out.data, out.len), &data, &name, &id);
    fuzz_require(http_position_read(&position, id) && position.epoch == 0x17 && position.seq == body.len);
    zr_span_t found = zr_span_of(data.data, data.len);
    if (format == HTTP_FORMAT_BODY && name.len == 0)
        fuzz_require(zr_span_equal(found, body));
    if (name.len > 0) {
        fuzz_require(zr_span_equal(name, zr_span("base64")));
        zr_buffer_t plain = {0};
        size_t len = 0;
        zr_buffer_reserve(&plain, found.len + 1);
        fuzz_require(sodium_base642bin(plain.data, found.len, found.ptr, found.len, NULL, &len, NULL,
                         sodium_base64_VARIANT_ORIGINAL) == 0);
        fuzz_require(zr_span_equal(zr_span_of(plain.data, len), body));
        zr_buffer_finish(&plain);
    }
    zr_buffer_finish(&data);
    zr_buffer_finish(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    zr_span_t text = zr_span_of(data, size);
    s_check_target(text);
    s_check_condition(text);
    s_check_login(text);
    s_check_keys(text);
    s_check_event(text, HTTP_FORMAT_BODY);
    s_check_event(text, HTTP_FORMAT_JSON);
    return 0;
}
