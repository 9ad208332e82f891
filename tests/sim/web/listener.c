/* See listener.h. */
#include "listener.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "poster.h"
#include "fetch.h"
#include "sim.h"

enum { ID_MAX = 40, NAME_MAX_LEN = 20, AGAIN_MS = 2000 };

struct listener {
    sim_t *sim;
    web_t *web;
    unsigned number;
    bool wanted; /* it reads `room` */
    unsigned room;
    char query[20];      /* of the first request */
    exchange_t *request; /* NULL: the next attempt is still to come */
    uint64_t attempts;
    bool begun;      /* the stream has begun */
    char id[ID_MAX]; /* Last-Event-ID; empty: none */
    int epoch;       /* of the position; -1: it is not known yet */
    uint64_t last;
    bool placed; /* `last` counts */
    bool voided; /* the stream says that the position is void; what is lost must follow */
    zr_buffer_t line, data;
    char name[NAME_MAX_LEN], new_id[ID_MAX];
    bool has_id;
};

#define FAIL(listener, invariant, ...) world_fail(&(listener)->sim->world, invariant, __VA_ARGS__)

static const model_room_t *s_room(const listener_t *listener) {
    return &listener->sim->model.epochs[listener->epoch].rooms[listener->room];
}

/* --- Events --- */

static uint64_t s_number(const json_t *object, const char *member) {
    return (uint64_t)json_integer_value(json_object_get(object, member));
}

/* The position that the event's id names. */
static bool s_read_id(listener_t *listener, int *epoch, uint64_t *seq) {
    char text[17];
    snprintf(text, sizeof text, "%.16s", listener->id);
    *epoch = model_epoch_find(&listener->sim->model, text);
    *seq = strlen(listener->id) > 17 ? strtoull(listener->id + 17, NULL, 10) : 0;
    if (*epoch < 0)
        FAIL(listener, "I9", "s%u is told the position %s, of an epoch that never was", listener->number, listener->id);
    else if (*epoch < listener->epoch)
        FAIL(listener, "I9", "s%u goes back to an older epoch", listener->number);
    return *epoch >= listener->epoch && *epoch >= 0;
}

/* An id without data: where the stream begins. */
static void s_on_position(listener_t *listener) {
    int epoch;
    uint64_t seq;
    if (!s_read_id(listener, &epoch, &seq))
        return;
    bool known = listener->placed && listener->epoch >= 0;
    if (known && (epoch != listener->epoch || (seq == 0 && listener->last > 0)))
        listener->voided = true;
    else if (listener->placed && seq != listener->last)
        FAIL(listener, "I2", "s%u resumes %s after %" PRIu64 " and is put to %" PRIu64, listener->number,
            room_text(listener->room), listener->last, seq);
    else {
        listener->placed = true;
        listener->epoch = epoch;
        listener->last = seq;
    }
}

static void s_check_entry(listener_t *listener, const json_t *data, uint64_t seq) {
    const record_t *record = model_record(s_room(listener), seq);
    const json_t *text = json_object_get(data, "body");
    const char *sender = json_string_value(json_object_get(data, "sender"));
    bool deleted = json_is_true(json_object_get(data, "deleted"));
    int key = model_key_number(zr_span(json_string_value(json_object_get(data, "key"))));
    zr_span_t body = zr_span_of(json_string_value(text), json_string_length(text));
    uint64_t tag = model_tag(listener->sim, body, deleted, key);
    if (!record || !model_same(listener->sim, record, tag, key, s_number(data, "time"), deleted) || !sender ||
        strcmp(sender, record->sender) != 0)
        FAIL(listener, "I1", "s%u gets as seq %" PRIu64 " of %s what the log does not have there", listener->number,
            seq, room_text(listener->room));
    else if (listener->placed && seq <= listener->last)
        FAIL(listener, "I1", "s%u gets seq %" PRIu64 " of %s after seq %" PRIu64, listener->number, seq,
            room_text(listener->room), listener->last);
    else if (listener->placed && record->prev != listener->last && !(record->begins && listener->last == 0))
        FAIL(listener, "I2",
            "s%u gets seq %" PRIu64 " of %s after seq %" PRIu64 ", and was not told that %" PRIu64 " is missing",
            listener->number, seq, room_text(listener->room), listener->last, record->prev);
}

static void s_on_entry(listener_t *listener, const json_t *data) {
    int epoch;
    uint64_t seq;
    if (!s_read_id(listener, &epoch, &seq))
        return;
    if (listener->voided || (listener->epoch >= 0 && epoch != listener->epoch)) {
        FAIL(listener, "I9", "s%u is not told that its position is void", listener->number);
        return;
    }
    listener->epoch = epoch;
    s_check_entry(listener, data, seq);
    listener->placed = true;
    listener->last = seq;
    listener->sim->progress = listener->sim->world.now;
}

/* A reader without entries of a room is at the room's beginning; no event tells that. */
static void s_begin_there(listener_t *listener, uint64_t seq) {
    const model_room_t *room = s_room(listener);
    uint64_t begun = model_fresh(listener->sim, room) ? room->oldest : room->base;
    if (listener->placed && listener->last == 0 && seq <= begun)
        listener->last = seq;
}

/* Loss is told only of what the log has forgotten. */
static bool s_may_lose(const listener_t *listener, uint64_t until) {
    const model_room_t *room = s_room(listener);
    return until <= room->oldest || model_fresh(listener->sim, room);
}

static void s_on_lost(listener_t *listener, const json_t *data) {
    const char *reason = json_string_value(json_object_get(data, "reason"));
    uint64_t after = s_number(data, "after"), until = s_number(data, "until"), seq;
    int epoch, before = listener->epoch;
    if (!s_read_id(listener, &epoch, &seq))
        return;
    if (before >= 0)
        s_begin_there(listener, after);
    listener->epoch = epoch;
    if (listener->placed && after != listener->last)
        FAIL(listener, "I2", "s%u is told of a loss after %" PRIu64 " in %s, and is at %" PRIu64, listener->number,
            after, room_text(listener->room), listener->last);
    else if (seq != until)
        FAIL(listener, "I2", "s%u would resume at %" PRIu64 " after a loss up to %" PRIu64, listener->number, seq,
            until);
    else if (strcmp(reason, "epoch") == 0 ? epoch == before : epoch != before && before >= 0)
        FAIL(listener, "I9", "s%u is told of a loss by %s, and the epoch says otherwise", listener->number, reason);
    else if (strcmp(reason, "retention") == 0 && (until <= after || !s_may_lose(listener, until)))
        FAIL(listener, "I2", "s%u is told that %s lost up to %" PRIu64 ", but the log has what is after %" PRIu64,
            listener->number, room_text(listener->room), until, s_room(listener)->oldest);
    listener->voided = false;
    listener->placed = true;
    listener->last = until;
}

static void s_dispatch(listener_t *listener) {
    const char *name = listener->name;
    zr_span_t text = zr_span_of(listener->data.data, listener->data.len);
    if (listener->has_id)
        memcpy(listener->id, listener->new_id, sizeof listener->id);
    if (text.len || listener->has_id)
        world_trace(&listener->sim->world, "s%u gets %s %s %.*s", listener->number, name[0] ? name : "-",
            listener->has_id ? listener->id : "-", (int)text.len, text.ptr);
    json_t *data = text.len ? json_loadb(text.ptr, text.len, JSON_ALLOW_NUL, NULL) : NULL;
    if (!text.len && listener->has_id)
        s_on_position(listener);
    else if (text.len && !data)
        FAIL(listener, "sim", "s%u gets data that is no JSON", listener->number);
    else if (data && !name[0])
        s_on_entry(listener, data);
    else if (strcmp(name, "lost") == 0)
        s_on_lost(listener, data);
    else if (strcmp(name, "left") == 0)
        FAIL(listener, "rights", "s%u has left %s", listener->number, room_text(listener->room));
    json_decref(data);
}

/* --- The format of text/event-stream --- */

static void s_field(listener_t *listener, zr_span_t line) {
    zr_span_t value = line, field = zr_span_cut(&value, ':');
    if (value.len && value.ptr[0] == ' ')
        value = zr_span_of(value.ptr + 1, value.len - 1);
    if (zr_span_equal(field, zr_span("id"))) {
        listener->has_id = true;
        snprintf(listener->new_id, sizeof listener->new_id, "%.*s", (int)value.len, value.ptr);
    } else if (zr_span_equal(field, zr_span("event"))) {
        snprintf(listener->name, sizeof listener->name, "%.*s", (int)value.len, value.ptr);
    } else if (zr_span_equal(field, zr_span("data"))) {
        zr_buffer_append(&listener->data, value.ptr, value.len);
    }
}

static void s_forget_event(listener_t *listener) {
    zr_buffer_clear(&listener->data);
    listener->name[0] = '\0';
    listener->has_id = false;
}

static void s_on_bytes(void *ctx, zr_span_t bytes) {
    listener_t *listener = ctx;
    const exchange_t *request = listener->request;
    for (size_t i = 0; i < bytes.len && listener->request == request; i++) {
        zr_span_t line = zr_span_of(listener->line.data, listener->line.len);
        if (bytes.ptr[i] != '\n') {
            zr_buffer_u8(&listener->line, (uint8_t)bytes.ptr[i]);
            continue;
        }
        listener->begun = true;
        if (line.len) {
            s_field(listener, line);
        } else {
            s_dispatch(listener);
            s_forget_event(listener);
        }
        zr_buffer_clear(&listener->line);
    }
}

/* --- Connections --- */

static void s_connect(listener_t *listener);

static void s_again(void *ctx, uint64_t attempt) {
    listener_t *listener = ctx;
    if (attempt == listener->attempts && listener->wanted && !listener->request)
        s_connect(listener);
}

static void s_ended(listener_t *listener) {
    sim_t *sim = listener->sim;
    listener->request = NULL;
    listener->begun = listener->voided = false;
    zr_buffer_clear(&listener->line);
    s_forget_event(listener);
    world_at(&sim->world, sim->world.now + rng_skewed(&sim->world.rng, AGAIN_MS * MS), s_again, listener,
        listener->attempts);
}

/* A stream may end for a problem that passes; the client comes again. */
static void s_on_end(void *ctx, unsigned status, bool whole) {
    listener_t *listener = ctx;
    world_trace(
        &listener->sim->world, "s%u: its stream ends, %u%s", listener->number, status, whole ? "" : ", broken off");
    if (status >= 400 && status != 429 && status < 503 && status != 409)
        FAIL(listener, "sim", "s%u is refused: %u", listener->number, status);
    s_ended(listener);
}

static void s_connect(listener_t *listener) {
    static const fetch_calls_t calls = {s_on_bytes, s_on_end};
    sim_t *sim = listener->sim;
    char target[TARGET_MAX], rest[40];
    snprintf(rest, sizeof rest, "/events%s", listener->query);
    poster_target(target, listener->room, rest);
    exchange_t *e = fetch_new(sim, "GET", target, zr_span(""), &calls, listener);
    if (listener->id[0])
        fetch_header(e, "Last-Event-ID", listener->id);
    world_trace(&sim->world, "s%u reads %s after '%s'", listener->number, target, listener->id);
    listener->request = e;
    listener->attempts++;
    web_take(listener->web, e);
}

/* Reads some room: from now on, from its beginning, or its last entries. */
static void s_begin(listener_t *listener) {
    rng_t *rng = &listener->sim->world.rng;
    listener->wanted = true;
    listener->room = (unsigned)rng_below(rng, listener->sim->params.rooms);
    listener->id[0] = listener->query[0] = '\0';
    listener->epoch = -1;
    listener->last = 0;
    listener->placed = false;
    switch (rng_below(rng, 3)) {
    case 0:
        break;
    case 1:
        listener->placed = true;
        snprintf(listener->query, sizeof listener->query, "?after=0");
        break;
    case 2:
        snprintf(listener->query, sizeof listener->query, "?last=%u", (unsigned)rng_between(rng, 1, 10));
        break;
    }
    s_connect(listener);
}

void listener_step(listener_t *listener) {
    rng_t *rng = &listener->sim->world.rng;
    if (!listener->wanted) {
        s_begin(listener);
    } else if (listener->request && rng_chance(rng, 1, 3)) {
        world_trace(&listener->sim->world, "s%u breaks off", listener->number);
        fetch_drop(listener->request);
        s_ended(listener);
        listener->wanted = rng_chance(rng, 3, 4);
    }
}

listener_t *listener_new(sim_t *sim, web_t *web, unsigned number) {
    listener_t *listener = world_calloc(sizeof *listener);
    *listener = (listener_t){.sim = sim, .web = web, .number = number};
    return listener;
}

void listener_destroy(listener_t *listener) {
    if (!listener)
        return;
    zr_buffer_finish(&listener->line);
    zr_buffer_finish(&listener->data);
    free(listener);
}

/* --- At the end --- */

bool listener_missing(const listener_t *listener, char *why, size_t size) {
    const sim_t *sim = listener->sim;
    if (!listener->wanted)
        return false;
    const model_room_t *room = &sim->model.epochs[sim->model.epoch_count - 1].rooms[listener->room];
    uint64_t head = model_head(room);
    if (!listener->begun)
        snprintf(why, size, "s%u does not read %s", listener->number, room_text(listener->room));
    else if (listener->epoch >= 0 && listener->epoch != (int)sim->model.epoch_count - 1)
        snprintf(why, size, "s%u does not know of this epoch", listener->number);
    else if (listener->placed && listener->last != head && !model_fresh(sim, room) &&
             !(listener->last == 0 && room->stored == room->first))
        snprintf(why, size, "s%u has %s up to %" PRIu64 " and the head is %" PRIu64, listener->number,
            room_text(listener->room), listener->last, head);
    else if (!listener->placed && head > room->oldest)
        snprintf(why, size, "s%u has read nothing of %s", listener->number, room_text(listener->room));
    else
        return false;
    return true;
}
