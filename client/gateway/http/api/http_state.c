/* GET of a key, and of all keys of a room. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <time.h>

#include "fatal.h"
#include "http_json.h"
#include "http_request.h"
#include "names.h"
#include "sse.h"

enum { LOW_BYTES = 1 << 16 }; /* that may wait for the client when the next slice is asked for */

typedef struct {
    http_request_t *request;
    zr_buffer_t out; /* the value, or the lines of a slice */
    bool found, begun, due;
    uint64_t epoch, seq, time, ttl; /* of the value */
    uint64_t after;                 /* of the next slice */
} http_state_t;

static void s_close(http_request_t *request) {
    http_state_t *own = request->own;
    zr_buffer_finish(&own->out);
}

static void s_on_failed(void *ctx, const http_problem_t *problem) {
    http_state_t *own = ctx;
    own->request->ask = NULL;
    if (own->begun)
        http_finish(own->request, false);
    else
        http_refuse(own->request, problem);
}

static void s_on_late(http_request_t *request) {
    http_problem_t problem = {.code = HTTP_TIMEOUT};
    http_ask_cancel(request->ask);
    s_on_failed(request->own, &problem);
}

static void s_ask(http_state_t *own, json_t *request, const http_ask_calls_t *calls) {
    http_wait(own->request);
    own->request->ask = http_session_ask(http_session(own->request), HTTP_ASK_READ, request, calls, own);
}

/* --- One key --- */

static void s_on_value(void *ctx, zr_span_t frame) {
    http_state_t *own = ctx;
    zr_deliver_reader_t reader;
    zr_entry_t entry;
    if (!zr_deliver_read(&reader, frame) || !zr_deliver_next(&reader, &entry))
        return;
    own->found = true;
    own->epoch = reader.epoch;
    own->seq = entry.seq;
    own->time = entry.time;
    own->ttl = entry.ttl;
    zr_buffer_clear(&own->out);
    zr_buffer_append(&own->out, entry.body.ptr, entry.body.len);
}

/* The date of RFC 9110, such as "Sun, 06 Nov 1994 08:49:37 GMT". */
static void s_date(uint64_t time_us, char out[32]) {
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct tm tm;
    time_t seconds = (time_t)(time_us / 1000000);
    gmtime_r(&seconds, &tm);
    snprintf(out, 32, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[tm.tm_wday % 7], tm.tm_mday % 32,
        months[tm.tm_mon % 12], (tm.tm_year + 1900) % 10000, tm.tm_hour % 24, tm.tm_min % 60, tm.tm_sec % 61);
}

/* Values are served as text or bytes, and never as a page: see the fields that every answer has. */
static void s_answer_value(http_state_t *own) {
    char tag[HTTP_ETAG_SIZE], date[32], ttl[24];
    http_headers_t more = {0};
    http_request_t *request = own->request;
    zr_span_t value = zr_span_of(own->out.data, own->out.len);
    http_etag_write(tag, own->epoch, own->seq);
    s_date(own->time, date);
    http_add(&more, "ETag", tag);
    http_add(&more, "Last-Modified", date);
    snprintf(ttl, sizeof ttl, "%" PRIu64, own->ttl);
    if (own->ttl)
        http_add(&more, "Zrelay-TTL", ttl);
    if (http_etag_listed(http_field(request, "If-None-Match"), tag))
        http_answer(request, 304, NULL, &more, zr_span(""));
    else
        http_answer(request, 200, zr_utf8_valid(value) ? "text/plain; charset=utf-8" : "application/octet-stream",
            &more, value);
}

static void s_on_value_end(void *ctx, const json_t *answer) {
    http_state_t *own = ctx;
    http_problem_t problem;
    (void)answer;
    own->request->ask = NULL;
    if (own->found) {
        s_answer_value(own);
        return;
    }
    http_fail(&problem, HTTP_NOT_FOUND, "the key has no value");
    http_refuse(own->request, &problem);
}

/* --- All keys: JSON lines, in slices --- */

static void s_ask_slice(http_state_t *own);

static void s_on_entries(void *ctx, zr_span_t frame) {
    http_state_t *own = ctx;
    zr_deliver_reader_t reader;
    zr_entry_t entry;
    if (!zr_deliver_read(&reader, frame))
        return;
    while (zr_deliver_next(&reader, &entry))
        sse_json_line(&own->out, reader.room, &entry);
}

static void s_on_drained(void *ctx) {
    http_state_t *own = ctx;
    if (own->due && exchange_queued(own->request->exchange) < LOW_BYTES)
        s_ask_slice(own);
}

static void s_begin(http_state_t *own) {
    if (own->begun)
        return;
    own->begun = true;
    http_stream(own->request, "application/x-ndjson", NULL);
    exchange_on_drained(own->request->exchange, s_on_drained, own);
}

static void s_on_slice(void *ctx, const json_t *answer) {
    http_state_t *own = ctx;
    own->request->ask = NULL;
    http_wait_no_more(own->request);
    s_begin(own);
    if (own->out.len > 0)
        exchange_write(own->request->exchange, zr_buffer_to_blob(&own->out));
    zr_buffer_clear(&own->out);
    own->after = http_number(answer, "next");
    if (!json_is_true(json_object_get(answer, "more")))
        http_finish(own->request, true);
    else if (exchange_queued(own->request->exchange) < LOW_BYTES)
        s_ask_slice(own);
    else
        own->due = true;
}

static void s_ask_slice(http_state_t *own) {
    static const http_ask_calls_t calls = {s_on_entries, s_on_slice, s_on_failed};
    own->due = false;
    s_ask(own,
        json_pack("{s:s, s:s, s:I}", "op", "state", "room", own->request->route.room, "after", (json_int_t)own->after),
        &calls);
}

void http_state_take(http_request_t *request) {
    static const http_ask_calls_t calls = {s_on_value, s_on_value_end, s_on_failed};
    http_state_t *own = request->own = fatal_calloc(sizeof *own);
    const http_route_t *route = &request->route;
    own->request = request;
    request->close = s_close;
    request->late = s_on_late;
    if (!http_lease(request))
        return;
    if (route->resource == HTTP_STATE)
        s_ask_slice(own);
    else
        s_ask(own, json_pack("{s:s, s:s, s:s}", "op", "state", "room", route->room, "key", route->key), &calls);
}
