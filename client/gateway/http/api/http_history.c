/* GET of a room: its messages as lines. They are asked for in slices, and the next slice only when the client took most
 * of the one before: a slow client costs one slice. */
#include "http_history.h"

#include <inttypes.h>
#include <jansson.h>
#include <utlist.h>

#include "fatal.h"
#include "http_json.h"
#include "http_request.h"
#include "sse.h"

enum { LOW_BYTES = 1 << 16 }; /* that may wait for the client when the next slice is asked for */

typedef struct http_history {
    http_request_t *request;
    bool begun; /* the stream */
    bool due;   /* the next slice is to be asked for once the client took most */
    uint64_t after, left;
    bool last;             /* the first slice is asked for with `last` */
    uint64_t prev, epoch;  /* of the slice's first frame; 0: none came */
    zr_buffer_t lines;     /* of the slice */
    uint64_t paused_until; /* 0: not in the list */
    struct http_history *before, *next;
} http_history_t;

static void s_ask(http_history_t *own);

/* --- Lines --- */

static void s_put_entry(http_history_t *own, zr_span_t room, const zr_entry_t *entry) {
    if (own->request->route.format != HTTP_FORMAT_BODY) {
        sse_json_line(&own->lines, room, entry);
    } else if (!(entry->flags & ZR_ENTRY_DELETE)) {
        zr_buffer_append(&own->lines, entry->body.ptr, entry->body.len);
        zr_buffer_u8(&own->lines, '\n');
    }
}

static void s_on_frame(void *ctx, zr_span_t frame) {
    http_history_t *own = ctx;
    zr_deliver_reader_t reader;
    zr_entry_t entry;
    if (!zr_deliver_read(&reader, frame))
        return;
    if (own->epoch == 0) {
        own->epoch = reader.epoch;
        own->prev = reader.prev;
    }
    while (zr_deliver_next(&reader, &entry))
        s_put_entry(own, reader.room, &entry);
}

/* A loss is a line of its own, before what comes after it. */
static void s_write_lost(http_history_t *own, uint64_t until, const char *reason) {
    if (own->request->route.format == HTTP_FORMAT_BODY)
        return;
    zr_buffer_t line = {0};
    json_t *lost = json_pack("{s:s, s:{s:I, s:I, s:s}}", "room", own->request->route.room, "lost", "after",
        (json_int_t)own->after, "until", (json_int_t)until, "reason", reason);
    char *text = fatal_check(json_dumps(lost, JSON_COMPACT));
    zr_buffer_printf(&line, "%s\n", text);
    exchange_write(own->request->exchange, zr_buffer_to_blob(&line));
    zr_buffer_finish(&line);
    free(text);
    json_decref(lost);
}

/* --- Slices --- */

static void s_close(http_request_t *request) {
    http_history_t *own = request->own;
    if (own->paused_until)
        DL_DELETE2(request->api->paused, own, before, next);
    zr_buffer_finish(&own->lines);
}

static void s_on_drained(void *ctx) {
    http_history_t *own = ctx;
    if (own->due && exchange_queued(own->request->exchange) < LOW_BYTES)
        s_ask(own);
}

static void s_begin(http_history_t *own) {
    bool body = own->request->route.format == HTTP_FORMAT_BODY;
    if (own->begun)
        return;
    own->begun = true;
    http_stream(own->request, body ? "text/plain; charset=utf-8" : "application/x-ndjson", NULL);
    exchange_on_drained(own->request->exchange, s_on_drained, own);
}

/* The position was one of another log. */
static bool s_is_void(const http_history_t *own) {
    const http_position_t *after = &own->request->route.after;
    return !own->begun && after->has_epoch && after->epoch != http_session_epoch(http_session(own->request));
}

static void s_restart(http_history_t *own) {
    s_begin(own);
    s_write_lost(own, 0, "epoch");
    own->after = 0;
    s_ask(own);
}

static void s_take_slice(http_history_t *own, const json_t *replayed) {
    uint64_t count = http_number(replayed, "count"), seq = http_number(replayed, "seq");
    if (!own->last && json_is_false(json_object_get(replayed, "complete")))
        s_write_lost(own, own->epoch ? own->prev : seq, "retention");
    if (own->lines.len > 0)
        exchange_write(own->request->exchange, zr_buffer_to_blob(&own->lines));
    zr_buffer_clear(&own->lines);
    own->left = count < own->left ? own->left - count : 0;
    own->after = seq;
    own->last = false;
    if (own->left == 0 || !json_is_true(json_object_get(replayed, "more")))
        http_finish(own->request, true);
    else if (exchange_queued(own->request->exchange) < LOW_BYTES)
        s_ask(own);
    else
        own->due = true;
}

static void s_on_answer(void *ctx, const json_t *replayed) {
    http_history_t *own = ctx;
    own->request->ask = NULL;
    http_wait_no_more(own->request);
    if (s_is_void(own)) {
        s_restart(own);
        return;
    }
    s_begin(own);
    s_take_slice(own, replayed);
}

static void s_pause(http_history_t *own, uint64_t wait_ms) {
    http_api_t *api = own->request->api;
    http_wait_no_more(own->request);
    own->paused_until = api->now + (wait_ms ? wait_ms : 1);
    DL_APPEND2(api->paused, own, before, next);
}

static void s_on_failed(void *ctx, const http_problem_t *problem) {
    http_history_t *own = ctx;
    own->request->ask = NULL;
    if (!own->begun)
        http_refuse(own->request, problem);
    else if (problem->code == ZR_RATE_LIMITED || problem->code == ZR_TOO_MANY_REPLAYS)
        s_pause(own, problem->wait_ms);
    else
        http_finish(own->request, false);
}

static void s_on_late(http_request_t *request) {
    http_problem_t problem = {.code = HTTP_TIMEOUT};
    http_ask_cancel(request->ask);
    s_on_failed(request->own, &problem);
}

static void s_set(json_t *request, const char *member, uint64_t number) {
    json_object_set_new(request, member, json_integer((json_int_t)number));
}

static void s_ask(http_history_t *own) {
    static const http_ask_calls_t calls = {s_on_frame, s_on_answer, s_on_failed};
    const http_route_t *route = &own->request->route;
    json_t *request = json_pack("{s:s, s:s}", "op", "replay", "room", route->room);
    s_set(request, own->last ? "last" : "after", own->last ? route->last : own->after);
    s_set(request, "limit", own->left < HTTP_SLICE_ENTRIES ? own->left : HTTP_SLICE_ENTRIES);
    if (http_has(route, HTTP_Q_UNTIL))
        s_set(request, "until", route->until);
    zr_buffer_clear(&own->lines);
    own->due = false;
    own->epoch = own->prev = 0;
    http_wait(own->request);
    own->request->ask = http_session_ask(http_session(own->request), HTTP_ASK_READ, request, &calls, own);
}

void http_history_take(http_request_t *request) {
    const http_route_t *route = &request->route;
    http_problem_t problem;
    if (route->format == HTTP_FORMAT_NICK) {
        http_fail(&problem, HTTP_BAD_REQUEST, "'format' is json or body here");
        http_refuse(request, &problem);
        return;
    }
    http_history_t *own = request->own = fatal_calloc(sizeof *own);
    own->request = request;
    own->after = route->after.seq;
    own->last = http_has(route, HTTP_Q_LAST);
    own->left = http_has(route, HTTP_Q_LIMIT) ? route->limit : UINT64_MAX;
    request->close = s_close;
    request->late = s_on_late;
    if (http_lease(request))
        s_ask(own);
}

void http_history_tick(http_api_t *api) {
    http_history_t *own, *next;
    DL_FOREACH_SAFE2(api->paused, own, next, next) {
        if (own->paused_until > api->now)
            continue;
        DL_DELETE2(api->paused, own, before, next);
        own->paused_until = 0;
        s_ask(own);
    }
}
