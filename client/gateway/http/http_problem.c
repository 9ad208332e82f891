#include "http_problem.h"

#include <jansson.h>
#include <stdio.h>

#include "control.h"
#include "names.h"

typedef struct {
    unsigned status;
    unsigned retry_s;  /* for Retry-After when the broker names no time; 0: none */
    const char *name;  /* NULL: the code's name on the wire */
    const char *title; /* NULL: the code's text */
} row_t;

static const row_t s_rows[HTTP_CODE_COUNT] = {
    [ZR_OK] = {200, 0, NULL, NULL},
    [ZR_NO_SESSION] = {503, 1, NULL, "the session ended; send the request again"},
    [ZR_BAD_FRAME] = {400, 0, NULL, NULL},
    [ZR_BAD_JSON] = {400, 0, NULL, NULL},
    [ZR_UNKNOWN_OP] = {501, 0, NULL, NULL},
    [ZR_BAD_MEMBER] = {400, 0, NULL, NULL},
    [ZR_BAD_PROTO] = {502, 0, NULL, NULL},
    [ZR_BAD_ROOM] = {400, 0, NULL, NULL},
    [ZR_BAD_NICK] = {400, 0, NULL, NULL},
    [ZR_BAD_KEY] = {400, 0, NULL, NULL},
    [ZR_BAD_ID] = {400, 0, NULL, NULL},
    [ZR_NICK_IN_USE] = {409, 0, NULL, NULL},
    [ZR_NO_SUCH_USER] = {404, 0, NULL, NULL},
    [ZR_NO_CHANNEL] = {503, 1, NULL, "the session ended; send the request again"},
    [ZR_TOO_LARGE] = {413, 0, NULL, NULL},
    [ZR_TOO_MANY_ENTRIES] = {413, 0, NULL, NULL},
    [ZR_TOO_MANY_SESSIONS] = {503, 5, NULL, NULL},
    [ZR_TOO_MANY_ROOMS] = {507, 0, NULL, NULL},
    [ZR_TOO_MANY_JOINS] = {507, 0, NULL, NULL},
    [ZR_TOO_MANY_CHANNELS] = {503, 5, NULL, NULL},
    [ZR_TOO_MANY_KEYS] = {507, 0, NULL, NULL},
    [ZR_STATE_FULL] = {507, 0, NULL, NULL},
    [ZR_TOO_MANY_REPLAYS] = {429, 1, NULL, NULL},
    [ZR_CONFLICT] = {412, 0, NULL, NULL},
    [ZR_NO_GROUP] = {404, 0, NULL, NULL},
    [ZR_TOO_MANY_GROUPS] = {507, 0, NULL, NULL},
    [ZR_TOO_MANY_WORKERS] = {507, 0, NULL, NULL},
    [ZR_NOT_KEPT] = {409, 0, NULL, NULL},
    [ZR_STORE_FAILED] = {503, 5, NULL, NULL},
    [ZR_OUTCOME_UNKNOWN] = {409, 0, NULL, NULL},
    [ZR_FORBIDDEN] = {403, 0, NULL, NULL},
    [ZR_LOGIN_REQUIRED] = {401, 0, NULL, "login required; send Authorization: Basic (user and token) or Bearer"},
    [ZR_LOGIN_FAILED] = {401, 0, NULL, NULL},
    [ZR_RATE_LIMITED] = {429, 1, NULL, "too much at once; send the request again later"},
    [ZR_ADMIN_FAILED] = {500, 0, NULL, NULL},
    [HTTP_BAD_REQUEST] = {400, 0, "bad-request", "the request is malformed"},
    [HTTP_BAD_LOGIN] = {400, 0, "bad-login", "the Authorization field cannot be read"},
    [HTTP_NOT_FOUND] = {404, 0, "not-found", "nothing is at this address"},
    [HTTP_METHOD_NOT_ALLOWED] = {405, 0, "method-not-allowed", "this address does not take the method"},
    [HTTP_ORIGIN_REFUSED] = {403, 0, "origin-refused", "the gateway does not serve pages of this origin"},
    [HTTP_MISDIRECTED] = {421, 0, "misdirected", "the gateway is not known by the name in Host"},
    [HTTP_UPGRADE_REQUIRED] = {426, 0, "upgrade-required", "this address is for WebSockets"},
    [HTTP_IN_PROGRESS] = {409, 1, "in-progress", "another request with this Idempotency-Key is under way"},
    [HTTP_BROKER_AWAY] = {503, 1, "broker-away", "the broker cannot be reached; send the request again later"},
    [HTTP_TIMEOUT] = {504, 1, "timeout", "the broker did not answer in time"},
    [HTTP_OVERLOADED] = {503, 1, "overloaded", "the gateway is full; send the request again later"},
    [HTTP_UNKNOWN] = {502, 0, NULL, "an error that this gateway does not know"},
};

/* Cuts the text to its buffer, at the end of a character. */
static void s_cut(char *text, size_t size) {
    size_t len = strnlen(text, size - 1);
    while (len > 0 && !zr_utf8_valid(zr_span_of(text, len)))
        len--;
    text[len] = '\0';
}

bool http_fail(http_problem_t *problem, unsigned code, const char *format, ...) {
    va_list args;
    va_start(args, format);
    *problem = (http_problem_t){.code = code};
    vsnprintf(problem->detail, sizeof problem->detail, format, args);
    va_end(args);
    s_cut(problem->detail, sizeof problem->detail);
    return false;
}

void http_problem_of(http_problem_t *problem, zr_span_t code, zr_span_t text, uint64_t wait_ms, uint64_t seq) {
    *problem = (http_problem_t){.wait_ms = wait_ms, .seq = seq};
    zr_code_t known = zr_code_from_name(code);
    problem->code = known < ZR_CODE_COUNT && known != ZR_OK ? (unsigned)known : HTTP_UNKNOWN;
    if (problem->code == HTTP_UNKNOWN)
        snprintf(problem->name, sizeof problem->name, "%.*s", (int)code.len, code.len ? code.ptr : "");
    snprintf(problem->detail, sizeof problem->detail, "%.*s", (int)text.len, text.len ? text.ptr : "");
    s_cut(problem->name, sizeof problem->name);
    s_cut(problem->detail, sizeof problem->detail);
}

static const row_t *s_row(const http_problem_t *problem) {
    return &s_rows[problem->code < HTTP_CODE_COUNT ? problem->code : HTTP_UNKNOWN];
}

unsigned http_problem_status(const http_problem_t *problem) {
    return s_row(problem)->status;
}

const char *http_problem_name(const http_problem_t *problem) {
    if (problem->code < ZR_CODE_COUNT)
        return zr_code_name((zr_code_t)problem->code);
    if (s_row(problem)->name)
        return s_row(problem)->name;
    return problem->name[0] ? problem->name : "unknown";
}

uint64_t http_problem_retry_s(const http_problem_t *problem) {
    if (problem->wait_ms > 0)
        return problem->wait_ms / 1000 + (problem->wait_ms % 1000 != 0);
    return s_row(problem)->retry_s;
}

static const char *s_title(const http_problem_t *problem) {
    const row_t *row = s_row(problem);
    return row->title ? row->title : zr_code_text((zr_code_t)problem->code);
}

void http_problem_write(zr_buffer_t *out, const http_problem_t *problem) {
    const char *name = http_problem_name(problem);
    json_t *object = json_pack("{s:o, s:s, s:i, s:s}", "type", json_sprintf("urn:zrelay:error:%s", name), "title",
        s_title(problem), "status", (int)http_problem_status(problem), "code", name);
    if (problem->detail[0])
        json_object_set_new(object, "detail", json_string(problem->detail));
    if (problem->wait_ms > 0)
        json_object_set_new(object, "wait", json_integer((json_int_t)problem->wait_ms));
    if (problem->code == ZR_CONFLICT)
        json_object_set_new(object, "seq", json_integer((json_int_t)problem->seq));
    zr_blob_t *text = zr_control_write(object);
    zr_buffer_append(out, zr_blob_data(text), zr_blob_len(text));
    zr_buffer_u8(out, '\n');
    zr_blob_unref(text);
}
