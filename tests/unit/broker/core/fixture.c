#include "fixture.h"

#include <stdarg.h>
#include <stdio.h>

fx_t fx;

/* --- The log: log_memory behind a queue, with positions that may have gaps --- */

typedef struct job {
    effect_t effect;
    struct job *next;
} job_t;

static struct {
    log_t log;
    log_t *memory;
    job_t *jobs, **tail;
} s_log;

/* What is known of each room: the head appended, stored, published, and the time of the last entry. */
static struct {
    char name[ZR_ROOM_MAX + 1];
    uint64_t appended, stored, published, time;
} s_rooms[1024];
static size_t s_room_count;

static size_t s_room(zr_span_t name) {
    size_t i = 0;
    while (i < s_room_count && !zr_span_equal(zr_span(s_rooms[i].name), name))
        i++;
    ck_assert_uint_lt(i, sizeof s_rooms / sizeof s_rooms[0]);
    if (i == s_room_count) {
        memset(&s_rooms[s_room_count++], 0, sizeof s_rooms[0]);
        memcpy(s_rooms[i].name, name.ptr, name.len);
    }
    return i;
}

static uint64_t s_next_seq(log_t *log, zr_span_t room, uint64_t head) {
    (void)log;
    (void)room;
    return head + fx.gap;
}

static void s_log_do(const effect_t *job) {
    log_t *memory = s_log.memory;
    if (job->kind == EFFECT_APPEND) {
        s_rooms[s_room(job->append.room)].appended = job->append.last;
        memory->engine->append(memory, &job->append);
    } else if (job->kind == EFFECT_COMMIT) {
        for (size_t i = 0; i < s_room_count; i++)
            s_rooms[i].stored = s_rooms[i].appended;
        memory->engine->commit(memory, job->pass);
    } else {
        memory->engine->read(memory, &job->read);
    }
}

static void s_log_job(const effect_t *effect) {
    if (!fx.late) {
        s_log_do(effect);
        return;
    }
    job_t *job = calloc(1, sizeof *job);
    job->effect = *effect;
    *s_log.tail = job;
    s_log.tail = &job->next;
}

static void s_append(log_t *log, const log_append_t *append) {
    (void)log;
    s_log_job(&(effect_t){.kind = EFFECT_APPEND, .append = *append});
}

static void s_commit(log_t *log, uint64_t pass) {
    (void)log;
    s_log_job(&(effect_t){.kind = EFFECT_COMMIT, .pass = pass});
}

static void s_read(log_t *log, const log_read_t *read) {
    (void)log;
    s_log_job(&(effect_t){.kind = EFFECT_READ, .read = *read});
}

static log_bounds_t s_bounds(log_t *log, zr_span_t room) {
    (void)log;
    return s_log.memory->engine->bounds(s_log.memory, room);
}

static const log_engine_t s_engine = {
    .next_seq = s_next_seq, .append = s_append, .commit = s_commit, .read = s_read, .bounds = s_bounds};

static void s_stored(void *ctx, uint64_t pass) {
    (void)ctx;
    s_log.log.sink.stored(s_log.log.sink.ctx, pass);
}

static void s_read_done(void *ctx, uint64_t ticket, const log_slice_t *slice) {
    (void)ctx;
    s_log.log.sink.read_done(s_log.log.sink.ctx, ticket, slice);
}

/* --- Carrying out --- */

static void s_check_published(zr_blob_t *frame) {
    zr_span_t bytes = zr_span_of(zr_blob_data(frame), zr_blob_len(frame)), room, json;
    zr_back_kind_t kind = zr_back_read(bytes, &room, &json);
    ck_assert_int_ne(kind, ZR_BACK_BAD);
    if (kind != ZR_BACK_ENTRIES)
        return;
    zr_deliver_reader_t reader;
    zr_entry_t entry;
    ck_assert(zr_deliver_read(&reader, bytes));
    ck_assert_uint_eq(reader.flags, 0);
    ck_assert_uint_eq(reader.epoch, fx.config.epoch);
    size_t i = s_room(room);
    ck_assert_uint_eq(reader.prev, s_rooms[i].published);
    while (zr_deliver_next(&reader, &entry)) {
        ck_assert_uint_gt(entry.seq, s_rooms[i].published);
        ck_assert_uint_ge(entry.time, s_rooms[i].time);
        s_rooms[i].published = entry.seq;
        s_rooms[i].time = entry.time;
    }
    ck_assert(!reader.failed);
    ck_assert_uint_le(s_rooms[i].published, s_rooms[i].stored);
}

static void s_see(const seen_t *seen) {
    if ((fx.seen_count & (fx.seen_count - 1)) == 0)
        fx.seen = realloc(fx.seen, (fx.seen_count ? 2 * fx.seen_count : 1) * sizeof *fx.seen);
    fx.seen[fx.seen_count++] = *seen;
}

static void s_carry_out(void) {
    effect_t effect;
    while (outbox_take(&fx.outbox, &effect)) {
        switch (effect.kind) {
        case EFFECT_SEND:
            ck_assert_uint_ne(effect.route, 0);
            if (effect.route == fx.deaf && fx.deaf_after-- == 0) {
                fx.deaf = 0;
                zr_blob_unref(effect.frame);
                relay_route_lost(fx.relay, effect.route);
                break;
            }
            s_see(&(seen_t){.kind = EFFECT_SEND, .route = effect.route, .frame = effect.frame});
            break;
        case EFFECT_PUBLISH:
            s_check_published(effect.frame);
            s_see(&(seen_t){.kind = EFFECT_SEND, .route = BACK, .frame = effect.frame});
            break;
        case EFFECT_APPEND:
            s_append(&s_log.log, &effect.append);
            break;
        case EFFECT_COMMIT:
            s_commit(&s_log.log, effect.pass);
            break;
        case EFFECT_READ:
            s_read(&s_log.log, &effect.read);
            break;
        default:
            s_see(&(seen_t){.kind = effect.kind, .session = effect.session});
        }
    }
}

bool fx_log_step(void) {
    job_t *job = s_log.jobs;
    if (!job)
        return false;
    s_log.jobs = job->next;
    if (!s_log.jobs)
        s_log.tail = &s_log.jobs;
    s_log_do(&job->effect);
    free(job);
    s_carry_out();
    return true;
}

void fx_log_all(void) {
    while (fx_log_step())
        ;
}

/* --- Beginning and end --- */

/* Unpredictable enough: no two calls give the same. */
static void s_entropy(void *ctx, void *out, size_t len) {
    uint64_t *state = ctx;
    for (size_t i = 0; i < len; i++) {
        *state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
        ((uint8_t *)out)[i] = (uint8_t)(*state >> 56);
    }
}

static zr_span_t s_back(void *ctx) {
    (void)ctx;
    return zr_span("tcp://127.0.0.1:5571");
}

static bool s_begun;
static uint64_t s_entropy_state;
static zr_buffer_t s_pub;

void fx_begin(void) {
    fx = (fx_t){.gap = 1, .now = 1700000000000000, .limits = {1000, 1 << 20, 10000, 1 << 24}};
    relay_config_default(&fx.config);
    s_entropy_state = 1;
    fx.config.entropy = s_entropy;
    fx.config.entropy_ctx = &s_entropy_state;
    fx.config.back = s_back;
    fx.config.epoch = 0xE1;
    s_begun = true;
}

void fx_start(void) {
    if (!s_begun)
        fx_begin();
    s_begun = false;
    s_room_count = 0;
    s_log.memory = log_memory_new(&fx.limits);
    s_log.memory->sink = (log_sink_t){NULL, s_stored, s_read_done};
    s_log.log = (log_t){.engine = &s_engine, .level = ZR_LEVEL_MEMORY};
    s_log.jobs = NULL;
    s_log.tail = &s_log.jobs;
    fx.relay = relay_new(&fx.config, &s_log.log, &fx.outbox);
}

void fx_finish(void) {
    relay_destroy(fx.relay);
    while (s_log.jobs) {
        job_t *job = s_log.jobs;
        s_log.jobs = job->next;
        if (job->effect.kind == EFFECT_APPEND)
            zr_blob_unref(job->effect.append.frame);
        free(job);
    }
    log_destroy(s_log.memory);
    outbox_finish(&fx.outbox);
    for (size_t i = 0; i < fx.seen_count; i++)
        if (!fx.seen[i].taken)
            zr_blob_unref(fx.seen[i].frame);
    free(fx.seen);
    json_decref(fx.last);
    zr_buffer_finish(&s_pub);
    fx = (fx_t){0};
}

/* --- Saying --- */

static const char *s_format(const char *format, va_list arguments) {
    static char text[1 << 18];
    int len = vsnprintf(text, sizeof text, format, arguments);
    ck_assert_int_lt(len, (int)sizeof text);
    for (char *at = text; (at = strchr(at, '\''));)
        *at = '"';
    return text;
}

void fx_frame(route_t route, zr_span_t frame) {
    const char *user = route < FX_ROUTES ? fx.users[route] : NULL;
    bool fits = frame.len <= UNIT_EDGE_MAX;
    relay_frame(fx.relay, route, zr_span(user), fits ? unit_at_edge(frame) : frame, fx.now);
}

void fx_say(route_t route, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fx_frame(route, zr_span(s_format(format, arguments)));
    va_end(arguments);
}

void fx_run(void) {
    relay_flush(fx.relay);
    s_carry_out();
}

void fx_ask(route_t route, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fx_frame(route, zr_span(s_format(format, arguments)));
    va_end(arguments);
    fx_run();
}

void fx_pub(const char *room) {
    zr_publish_begin(&s_pub, zr_span(room));
}

static void s_add(uint64_t mid, uint8_t flags, const char *key, uint64_t expect, const char *body) {
    zr_publish_add(&s_pub, &(zr_publish_entry_t){mid, flags, zr_span(key), expect, zr_span(body)});
}

void fx_add(uint64_t mid, const char *body) {
    s_add(mid, 0, NULL, 0, body);
}

void fx_add_key(uint64_t mid, const char *key, const char *body) {
    s_add(mid, 0, key, 0, body);
}

void fx_add_delete(uint64_t mid, const char *key) {
    s_add(mid, ZR_ENTRY_DELETE, key, 0, NULL);
}

void fx_add_expect(uint64_t mid, const char *key, uint64_t expect, const char *body) {
    s_add(mid, ZR_ENTRY_EXPECT, key, expect, body);
}

zr_span_t fx_pub_frame(void) {
    return zr_span_of(s_pub.data, s_pub.len);
}

void fx_send(route_t route) {
    fx_frame(route, fx_pub_frame());
}

void fx_one(route_t route, const char *room, uint64_t mid, const char *body) {
    fx_pub(room);
    fx_add(mid, body);
    fx_send(route);
}

const char *fx_client(unsigned client) {
    static char text[4][33];
    static unsigned next;
    char *id = text[next++ % 4];
    snprintf(id, 33, "%032x", client);
    return id;
}

static void s_welcomed(route_t route) {
    fx_expect(route, "{'op':'welcome','proto':1}");
    if (route >= FX_ROUTES)
        return;
    uint64_t session = fx_effect(EFFECT_WATCH);
    if (session)
        fx.sessions[route] = session;
    snprintf(fx.tokens[route], sizeof fx.tokens[route], "%s", fx_string("resume"));
}

void fx_hello(route_t route, const char *nick) {
    fx_ask(route, "{'op':'hello','proto':1,'client':'%s','nick':'%s'}", fx_client(route), nick);
    s_welcomed(route);
}

void fx_resume(route_t route, route_t before, const char *nick) {
    fx_ask(route, "{'op':'hello','proto':1,'client':'%s','nick':'%s','resume':'%s'}", fx_client(before), nick,
        fx.tokens[before]);
    s_welcomed(route);
    ck_assert(json_is_true(json_object_get(fx.last, "resumed")));
    fx.sessions[route] = fx.sessions[before];
}
