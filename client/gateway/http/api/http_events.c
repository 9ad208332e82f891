/* A stream of a room's messages as server-sent events.
 *
 * The stream has read everything up to `last`. A live frame that follows it is passed on; any other only says that there
 * is more, which is then read by replay. So it makes no difference why a frame did not come, or came too early: the
 * client was slow, the broker was away, or the frame was lost. */
#include "http_events.h"

#include <jansson.h>
#include <stdlib.h>
#include <utlist.h>

#include "control.h"
#include "fatal.h"
#include "http_json.h"
#include "http_request.h"
#include "sse.h"

enum {
    GRACE_MS = 250,        /* that a live frame may come later than the `pong` which tells of it */
    BACK_OFF_MIN_MS = 500, /* until a session that the broker refused for now is tried again */
    BACK_OFF_MAX_MS = 10000
};

typedef struct http_events {
    http_request_t *request;
    http_session_t *session;
    feed_reader_t reader;
    http_ask_t *ask; /* the join or the replay that is under way */
    bool feed_live, joined, begun, over;
    bool placed; /* `last` and `epoch` hold */
    uint64_t epoch, last;
    bool behind;         /* there is more than `last` */
    bool from_end;       /* the first replay is asked for with `last` */
    uint64_t hint;       /* the newest head that was told since the last replay was asked for */
    uint64_t hint_at;    /* until then its frames may still come */
    uint64_t ask_at;     /* not before that time; 0: at once */
    uint64_t restart_at; /* the session is to begin anew then; 0: it is alive */
    uint64_t back_off;
    uint64_t written_at;
    zr_buffer_t slice; /* what a replay brought */
    uint64_t slice_last, slice_prev, slice_count;
    struct http_events *prev, *next;
} http_events_t;

static void s_go_on(http_events_t *own);

/* --- Writing --- */

static void s_write(http_events_t *own, zr_blob_t *blob, size_t entries) {
    http_api_t *api = own->request->api;
    api->counts.stream_entries += entries;
    api->counts.stream_bytes += zr_blob_len(blob);
    own->written_at = api->now;
    exchange_write(own->request->exchange, blob);
}

static void s_write_event(http_events_t *own, const char *name, bool with_id, json_t *object) {
    zr_buffer_t out = {0};
    char *text = fatal_check(json_dumps(object, JSON_COMPACT));
    sse_event(&out, name, with_id ? own->epoch : 0, own->last, text);
    s_write(own, zr_buffer_to_blob(&out), 0);
    zr_buffer_finish(&out);
    free(text);
    json_decref(object);
}

/* Entries after `after` and up to `until` are gone. */
static void s_write_lost(http_events_t *own, uint64_t after, uint64_t until, const char *reason) {
    own->request->api->counts.stream_lost++;
    own->last = until;
    s_write_event(own, "lost", true,
        json_pack("{s:s, s:I, s:I, s:s}", "room", own->request->route.room, "after", (json_int_t)after, "until",
            (json_int_t)until, "reason", reason));
}

static size_t s_queued(const http_events_t *own) {
    return own->begun ? exchange_queued(own->request->exchange) : 0;
}

static bool s_is_slow(const http_events_t *own) {
    return s_queued(own) > own->request->api->config.reader_queue;
}

static void s_on_drained(void *ctx) {
    http_events_t *own = ctx;
    if (own->behind && s_queued(own) <= own->request->api->config.reader_queue / 2)
        s_go_on(own);
}

/* Field `id` without data sets where a reader goes on, and shows it nothing. */
static void s_begin(http_events_t *own) {
    http_headers_t more = {0};
    char id[HTTP_POSITION_SIZE];
    zr_buffer_t out = {0};
    if (own->begun)
        return;
    own->begun = true;
    http_add(&more, "X-Accel-Buffering", "no"); /* nginx: pass on what comes, at once */
    http_stream(own->request, SSE_TYPE, &more);
    exchange_on_drained(own->request->exchange, s_on_drained, own);
    http_position_write(id, own->epoch, own->last);
    zr_buffer_printf(&out, "retry: 1000\n");
    if (!own->from_end)
        zr_buffer_printf(&out, "id: %s\n", id);
    zr_buffer_printf(&out, "\n");
    s_write(own, zr_buffer_to_blob(&out), 0);
    zr_buffer_finish(&out);
}

/* --- The end --- */

static void s_stop(http_events_t *own) {
    if (own->over)
        return;
    own->over = true;
    feeds_leave(&own->reader, own->request->api->now);
    http_session_destroy(own->session);
    own->session = NULL;
    own->ask = NULL;
}

static void s_close(http_request_t *request) {
    http_events_t *own = request->own;
    s_stop(own);
    if (own->begun)
        request->api->counts.streams--;
    DL_DELETE(request->api->streams, own);
    zr_buffer_finish(&own->slice);
}

static void s_fail(http_events_t *own, const http_problem_t *problem) {
    zr_buffer_t text = {0};
    s_stop(own);
    if (!own->begun) {
        http_refuse(own->request, problem);
        return;
    }
    http_problem_write(&text, problem);
    s_write_event(own, "problem", false, json_loadb((const char *)text.data, text.len, 0, NULL));
    zr_buffer_finish(&text);
    http_finish(own->request, true);
}

/* --- Replay --- */

static void s_put(http_events_t *own, zr_buffer_t *out, const zr_deliver_reader_t *reader, const zr_entry_t *entry) {
    sse_entry(out, reader->room, reader->epoch, entry, own->request->route.format);
}

static void s_on_slice_frame(void *ctx, zr_span_t frame) {
    http_events_t *own = ctx;
    zr_deliver_reader_t reader;
    zr_entry_t entry;
    if (!zr_deliver_read(&reader, frame) || reader.epoch != own->epoch)
        return;
    if (own->slice_count == 0)
        own->slice_prev = reader.prev;
    while (zr_deliver_next(&reader, &entry)) {
        if (entry.seq <= own->slice_last)
            continue;
        s_put(own, &own->slice, &reader, &entry);
        own->slice_last = entry.seq;
        own->slice_count++;
    }
}

static void s_on_slice(void *ctx, const json_t *replayed) {
    http_events_t *own = ctx;
    uint64_t seq = http_number(replayed, "seq"), begins = own->slice_count ? own->slice_prev : seq;
    own->ask = NULL;
    if (!own->from_end && begins > own->last && json_is_false(json_object_get(replayed, "complete")))
        s_write_lost(own, own->last, begins, "retention");
    if (own->slice.len > 0)
        s_write(own, zr_buffer_to_blob(&own->slice), own->slice_count);
    zr_buffer_finish(&own->slice);
    own->from_end = false;
    own->last = seq > own->slice_last ? seq : own->slice_last;
    own->behind = json_is_true(json_object_get(replayed, "more")) || own->hint > own->last;
    s_go_on(own);
}

static void s_on_ask_failed(void *ctx, const http_problem_t *problem) {
    http_events_t *own = ctx;
    own->ask = NULL;
    if (problem->code == ZR_RATE_LIMITED || problem->code == ZR_TOO_MANY_REPLAYS)
        own->ask_at = own->request->api->now + (problem->wait_ms ? problem->wait_ms : BACK_OFF_MIN_MS);
    else if (problem->code != HTTP_BROKER_AWAY && http_session_is_live(own->session))
        s_fail(own, problem); /* else the session itself tells */
}

static void s_ask_replay(http_events_t *own) {
    static const http_ask_calls_t calls = {s_on_slice_frame, s_on_slice, s_on_ask_failed};
    const http_route_t *route = &own->request->route;
    json_t *request =
        json_pack("{s:s, s:s, s:I, s:i}", "op", "replay", "room", route->room, own->from_end ? "last" : "after",
            (json_int_t)(own->from_end ? route->last : own->last), "limit", (int)HTTP_SLICE_ENTRIES);
    own->slice_last = own->from_end ? 0 : own->last;
    own->slice_prev = own->slice_count = 0;
    own->hint = 0; /* the answer reaches as far, or that head is not there */
    zr_buffer_clear(&own->slice);
    own->ask = http_session_ask(own->session, HTTP_ASK_READ, request, &calls, own);
}

/* --- Joining --- */

/* The position is one of another log, or beyond this one. The stream begins at it: a client that hears only the beginning
 * comes back with the old position, and is told then. */
static void s_void(http_events_t *own, uint64_t epoch, const char *reason) {
    uint64_t before = own->last;
    s_begin(own);
    own->epoch = epoch;
    own->last = own->hint = 0;
    s_write_lost(own, before, 0, reason);
}

static void s_place(http_events_t *own, uint64_t head, uint64_t oldest) {
    uint64_t epoch = http_session_epoch(own->session);
    if (!own->placed || own->from_end) { /* the client has no position yet */
        own->epoch = epoch;
        own->last = head;
    } else if (own->epoch == 0) {
        own->epoch = epoch; /* of a position without an epoch */
    }
    own->placed = true;
    if (own->epoch != epoch)
        s_void(own, epoch, "epoch");
    else if (own->last > head)
        s_void(own, epoch, "position");
    s_begin(own);
    if (own->last > 0 && own->last < oldest && !own->from_end)
        s_write_lost(own, own->last, oldest, "retention");
    own->behind = own->from_end || own->last < head;
}

static void s_on_joined(void *ctx, const json_t *joined) {
    http_events_t *own = ctx;
    bool again = own->begun;
    own->ask = NULL;
    own->joined = true;
    own->back_off = 0;
    http_wait_no_more(own->request);
    s_place(own, http_number(joined, "seq"), http_number(joined, "oldest"));
    if (again)
        s_write_event(own, "online", false, json_pack("{s:s}", "room", own->request->route.room));
    else
        own->request->api->counts.streams++;
    s_go_on(own);
}

static void s_ask_join(http_events_t *own) {
    static const http_ask_calls_t calls = {NULL, s_on_joined, s_on_ask_failed};
    json_t *request = json_pack("{s:s, s:s, s:b}", "op", "join", "room", own->request->route.room, "presence", 0);
    own->ask = http_session_ask(own->session, HTTP_ASK_FREE, request, &calls, own);
}

/* Asks for what comes next: the join once live entries would come, then what the stream has not read. */
static void s_go_on(http_events_t *own) {
    if (own->over || own->ask || !http_session_is_live(own->session) || own->request->api->now < own->ask_at)
        return;
    own->ask_at = 0;
    if (!own->joined && own->feed_live)
        s_ask_join(own);
    else if (own->joined && own->behind && !s_is_slow(own))
        s_ask_replay(own);
}

/* --- Live --- */

static void s_hint(http_events_t *own, uint64_t head) {
    if (head > own->hint)
        own->hint = head;
}

static zr_blob_t *s_encode(http_events_t *own, zr_span_t frame, uint64_t after, size_t *entries) {
    zr_buffer_t out = {0};
    zr_deliver_reader_t reader;
    zr_entry_t entry;
    *entries = 0;
    zr_deliver_read(&reader, frame);
    while (zr_deliver_next(&reader, &entry)) {
        if (entry.seq <= after)
            continue;
        s_put(own, &out, &reader, &entry);
        ++*entries;
    }
    zr_blob_t *blob = zr_buffer_to_blob(&out);
    zr_buffer_finish(&out);
    return blob;
}

static size_t s_count(zr_span_t frame) {
    zr_deliver_reader_t reader;
    uint64_t seq;
    size_t count = 0;
    zr_deliver_read(&reader, frame);
    while (zr_deliver_skip(&reader, &seq))
        count++;
    return count;
}

/* The frame is encoded for the first stream that takes it, and the same bytes go to all. */
static zr_blob_t *s_shared(http_events_t *own, delivery_t *delivery) {
    form_t form = own->request->route.format == HTTP_FORMAT_BODY ? FORM_EVENTS_BODY : FORM_EVENTS;
    size_t entries;
    if (!delivery->forms[form])
        delivery->forms[form] = s_encode(own, delivery->frame, 0, &entries);
    return zr_blob_ref(delivery->forms[form]);
}

static void s_on_live(http_events_t *own, delivery_t *delivery) {
    size_t entries;
    if (own->over || !own->joined || delivery->kind != ZR_BACK_ENTRIES || delivery->epoch != own->epoch ||
        delivery->last <= own->last)
        return;
    if (own->behind || own->ask || s_is_slow(own) || delivery->prev > own->last) {
        own->request->api->counts.stream_dropped += s_is_slow(own);
        own->behind = true;
        s_hint(own, delivery->last);
        s_go_on(own);
        return;
    }
    if (delivery->first > own->last) {
        s_write(own, s_shared(own, delivery), s_count(delivery->frame));
    } else {
        zr_blob_t *blob = s_encode(own, delivery->frame, own->last, &entries);
        s_write(own, blob, entries);
    }
    own->last = delivery->last;
}

static http_events_t *s_of_reader(feed_reader_t *reader) {
    return (http_events_t *)(void *)((char *)reader - offsetof(http_events_t, reader));
}

static void s_on_feed(feed_reader_t *reader, delivery_t *delivery) {
    s_on_live(s_of_reader(reader), delivery);
}

/* After a loss everything that came meanwhile is read by replay. */
static void s_on_feed_live(feed_reader_t *reader) {
    http_events_t *own = s_of_reader(reader);
    own->behind = own->behind || own->feed_live;
    own->feed_live = true;
    s_go_on(own);
}

/* Of a private room. */
static void s_on_session_frame(void *ctx, zr_span_t frame) {
    delivery_t delivery;
    if (!delivery_begin(&delivery, frame))
        return;
    s_on_live(ctx, &delivery);
    delivery_finish(&delivery);
}

/* --- The session --- */

static void s_on_session_live(void *ctx) {
    s_go_on(ctx);
}

static void s_on_session_lost(void *ctx) {
    http_events_t *own = ctx;
    http_problem_t problem = {.code = HTTP_BROKER_AWAY};
    bool told = !own->joined;
    own->joined = false;
    own->behind = true;
    if (!own->begun)
        s_fail(own, &problem);
    else if (!told)
        s_write_event(own, "offline", false, json_pack("{s:s}", "room", own->request->route.room));
}

/* What may be over by itself soon. */
static bool s_passes(unsigned code) {
    return code == ZR_RATE_LIMITED || code == ZR_TOO_MANY_SESSIONS || code == ZR_TOO_MANY_CHANNELS ||
           code == ZR_NO_SESSION || code == HTTP_BROKER_AWAY;
}

static void s_on_session_ended(void *ctx, const http_problem_t *problem) {
    http_events_t *own = ctx;
    http_api_t *api = own->request->api;
    if (!own->begun || !s_passes(problem->code)) {
        s_fail(own, problem);
        return;
    }
    uint32_t random;
    if (own->joined)
        s_write_event(own, "offline", false, json_pack("{s:s}", "room", own->request->route.room));
    own->joined = false;
    own->behind = true;
    own->back_off = own->back_off ? 2 * own->back_off : BACK_OFF_MIN_MS;
    if (own->back_off > BACK_OFF_MAX_MS)
        own->back_off = BACK_OFF_MAX_MS;
    api->config.entropy(api->config.ctx, &random, sizeof random);
    own->restart_at = api->now + problem->wait_ms + own->back_off / 2 + random % own->back_off;
}

static void s_on_left(http_events_t *own, const json_t *left) {
    s_write_event(own, "left", false,
        json_pack("{s:s, s:O?}", "room", own->request->route.room, "reason", json_object_get(left, "reason")));
    s_stop(own);
    http_finish(own->request, true);
}

static void s_on_pong(http_events_t *own, const json_t *pong) {
    uint64_t head = http_number(json_object_get(pong, "heads"), own->request->route.room);
    if (head <= own->last)
        return;
    s_hint(own, head); /* a replay that is under way may end before it, and no `pong` names it again */
    own->hint_at = own->request->api->now + GRACE_MS;
}

static void s_on_control(void *ctx, const json_t *object) {
    http_events_t *own = ctx;
    const char *op = json_string_value(json_object_get(object, "op"));
    const char *room = json_string_value(json_object_get(object, "room"));
    if (!own->joined || !op)
        return;
    if (strcmp(op, "pong") == 0)
        s_on_pong(own, object);
    else if (strcmp(op, "left") == 0 && room && strcmp(room, own->request->route.room) == 0)
        s_on_left(own, object);
}

/* --- The request --- */

static void s_on_late(http_request_t *request) {
    http_problem_t problem = {.code = HTTP_TIMEOUT};
    s_fail(request->own, &problem);
}

static bool s_read_position(http_events_t *own, http_problem_t *problem) {
    const http_route_t *route = &own->request->route;
    const char *id = exchange_header(own->request->exchange, "Last-Event-ID");
    http_position_t position = route->after;
    if (route->format == HTTP_FORMAT_NICK)
        return http_fail(problem, HTTP_BAD_REQUEST, "'format' is json or body here");
    if (id && id[0] && !http_last_event_id_read(&position, zr_span(id), problem))
        return false;
    bool has_id = id && id[0];
    own->placed = has_id || http_has(route, HTTP_Q_AFTER);
    own->from_end = !has_id && http_has(route, HTTP_Q_LAST) && route->last > 0;
    own->epoch = position.has_epoch ? position.epoch : 0;
    own->last = own->placed ? position.seq : 0;
    return true;
}

static bool s_open(http_events_t *own, http_problem_t *problem) {
    static const http_session_calls_t calls = {
        s_on_session_live, s_on_session_lost, s_on_session_ended, s_on_session_frame, s_on_control};
    static http_login_t login;
    http_identity_t identity;
    http_request_t *request = own->request;
    http_api_t *api = request->api;
    uint8_t topic[FEED_TOPIC_MAX];
    if (!http_check_broker(api, problem) || !http_identify(request, &identity, &login, problem))
        return false;
    own->reader.frame = s_on_feed;
    own->reader.live = s_on_feed_live;
    size_t len = feed_topic(zr_span(request->route.room), false, topic);
    feed_joined_t fed = feeds_join(api->config.feeds, &own->reader, zr_span_of(topic, len), api->now);
    own->feed_live = fed == FEED_LIVE;
    if (fed != FEED_FULL)
        own->session = http_session_new(&api->broker, &identity, &calls, own);
    http_login_forget(&login);
    return fed != FEED_FULL || http_fail(problem, HTTP_OVERLOADED, "the gateway reads as many rooms as it may");
}

void http_events_take(http_request_t *request) {
    http_problem_t problem;
    http_events_t *own = request->own = fatal_calloc(sizeof *own);
    own->request = request;
    request->close = s_close;
    request->late = s_on_late;
    DL_APPEND(request->api->streams, own);
    if (!s_read_position(own, &problem) || !s_open(own, &problem)) {
        s_fail(own, &problem);
        return;
    }
    http_wait(request);
}

/* --- Time --- */

static void s_tick(http_events_t *own, uint64_t now) {
    if (own->over)
        return;
    if (own->restart_at && own->restart_at <= now) {
        own->restart_at = 0;
        http_session_restart(own->session);
    }
    if (own->hint > own->last && own->hint_at <= now)
        own->behind = true;
    s_go_on(own);
    if (own->begun && now - own->written_at >= HTTP_COMMENT_MS && s_queued(own) == 0) {
        zr_buffer_t out = {0};
        sse_comment(&out, "alive");
        s_write(own, zr_buffer_to_blob(&out), 0);
        zr_buffer_finish(&out);
    }
}

void http_events_tick(http_api_t *api) {
    http_events_t *own, *next;
    DL_FOREACH_SAFE(api->streams, own, next) s_tick(own, api->now);
}

size_t http_events_queued(const http_api_t *api) {
    size_t queued = 0;
    const http_events_t *own;
    DL_FOREACH(api->streams, own) queued += s_queued(own);
    return queued;
}
