/* See poster.h. */
#include "poster.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "fetch.h"
#include "sim.h"

enum { PATIENCE_MS = 20000 }; /* for an answer, at most */

struct poster {
    sim_t *sim;
    web_t *web;
    unsigned number;
    uint64_t tag; /* of the message under way; 0: none is */
    bool once;    /* it has an Idempotency-Key */
    char body[300];
    size_t body_len;
    exchange_t *request; /* NULL: the next attempt is still to come */
    uint64_t attempts;   /* of all messages */
    zr_buffer_t answer;
};

static message_t *s_message(const poster_t *poster) {
    return &poster->sim->model.messages[poster->tag];
}

static void s_send(poster_t *poster);

/* --- Attempts --- */

static void s_again(void *ctx, uint64_t attempt) {
    poster_t *poster = ctx;
    if (attempt == poster->attempts && !poster->request && poster->tag)
        s_send(poster);
}

/* Without a key nobody knows what became of it. */
static void s_failed(poster_t *poster) {
    rng_t *rng = &poster->sim->world.rng;
    poster->request = NULL;
    if (!poster->once)
        poster->tag = 0;
    else
        world_at(&poster->sim->world, poster->sim->world.now + rng_skewed(rng, 2000 * MS), s_again, poster,
            poster->attempts);
}

static void s_lose_patience(void *ctx, uint64_t attempt) {
    poster_t *poster = ctx;
    if (attempt != poster->attempts || !poster->request)
        return;
    world_trace(&poster->sim->world, "h%u hangs up", poster->number);
    fetch_drop(poster->request);
    s_failed(poster);
}

/* --- The answer --- */

/* It stands where the answer says. */
static void s_check_place(const poster_t *poster, const json_t *answer) {
    sim_t *sim = poster->sim;
    const char *id = json_string_value(json_object_get(answer, "id"));
    uint64_t seq = (uint64_t)json_integer_value(json_object_get(answer, "seq"));
    char epoch[17];
    if (!id && seq == 0)
        return; /* it was stored before */
    snprintf(epoch, sizeof epoch, "%s", id ? id : "");
    int number = model_epoch_find(&sim->model, epoch);
    const record_t *record =
        number < 0 ? NULL : model_record(&sim->model.epochs[number].rooms[s_message(poster)->room], seq);
    if (!record || record->tag != poster->tag)
        world_fail(&sim->world, "I5", "h%u is told that message %" PRIu64 " is at %s, where it is not", poster->number,
            poster->tag, id);
}

static void s_stored(poster_t *poster, unsigned status, const json_t *answer) {
    sim_t *sim = poster->sim;
    message_t *message = s_message(poster);
    const char *level = json_string_value(json_object_get(answer, "level"));
    if (message->stored == 0)
        world_fail(&sim->world, "I5", "h%u is told %u, and message %" PRIu64 " was never stored", poster->number,
            status, poster->tag);
    else if (!level || strcmp(level, zr_level_name(model_level(sim, message->room))) != 0)
        world_fail(
            &sim->world, "I4", "h%u is told the level %s of %s", poster->number, level, room_text(message->room));
    else
        s_check_place(poster, answer);
    message->told = TOLD_STORED;
    poster->request = NULL;
    poster->tag = 0;
}

/* Is it refused for good? Else the same request may be sent again. */
static bool s_is_final(const poster_t *poster, const char *code) {
    static const char *const passing[] = {"rate-limited", "broker-away", "timeout", "overloaded", "in-progress",
        "too-many-sessions", "too-many-channels", "no-session", "no-channel"};
    static const char *const final[] = {"store-failed", "outcome-unknown"};
    for (size_t i = 0; i < sizeof passing / sizeof *passing; i++)
        if (strcmp(code, passing[i]) == 0)
            return false;
    for (size_t i = 0; i < sizeof final / sizeof *final; i++)
        if (strcmp(code, final[i]) == 0)
            return true;
    world_fail(&poster->sim->world, "sim", "h%u is refused: %s", poster->number, code);
    return true;
}

static void s_refused(poster_t *poster, const json_t *answer) {
    const char *code = json_string_value(json_object_get(answer, "code"));
    if (s_is_final(poster, code ? code : "no code"))
        poster->once = false; /* it may be published again, under another key */
    s_failed(poster);
}

static void s_on_bytes(void *ctx, zr_span_t bytes) {
    poster_t *poster = ctx;
    zr_buffer_append(&poster->answer, bytes.ptr, bytes.len);
}

static void s_on_end(void *ctx, unsigned status, bool whole) {
    poster_t *poster = ctx;
    zr_span_t text = zr_span_of(poster->answer.data, poster->answer.len);
    world_trace(&poster->sim->world, "h%u is answered %u%s %.*s", poster->number, status, whole ? "" : ", broken off",
        (int)text.len, text.ptr);
    json_t *answer = text.len ? json_loadb(text.ptr, text.len, 0, NULL) : NULL;
    if (status == 0 || !whole)
        s_failed(poster);
    else if (status == 200 || status == 201)
        s_stored(poster, status, answer);
    else
        s_refused(poster, answer);
    json_decref(answer);
}

/* --- The request --- */

void poster_target(char out[TARGET_MAX], unsigned room, const char *rest) {
    size_t at = (size_t)snprintf(out, TARGET_MAX, "/v1/rooms/");
    for (const char *text = room_text(room); *text; text++)
        at += (size_t)snprintf(out + at, TARGET_MAX - at, *text == '/' ? "%%2F" : "%c", *text);
    snprintf(out + at, TARGET_MAX - at, "%s", rest);
}

static void s_send(poster_t *poster) {
    static const fetch_calls_t calls = {s_on_bytes, s_on_end};
    sim_t *sim = poster->sim;
    char target[TARGET_MAX], key[32];
    poster_target(target, s_message(poster)->room, "");
    zr_buffer_clear(&poster->answer);
    exchange_t *e = fetch_new(sim, "POST", target, zr_span_of(poster->body, poster->body_len), &calls, poster);
    snprintf(key, sizeof key, "key-%" PRIu64, poster->tag);
    if (poster->once)
        fetch_header(e, "Idempotency-Key", key);
    world_trace(&sim->world, "h%u posts message %" PRIu64 " to %s%s", poster->number, poster->tag, target,
        poster->once ? ", once" : "");
    poster->request = e;
    poster->attempts++;
    world_at(&sim->world, sim->world.now + (1 + rng_skewed(&sim->world.rng, PATIENCE_MS)) * MS, s_lose_patience, poster,
        poster->attempts);
    web_take(poster->web, e);
}

/* Its body is a text, or has a NUL, which goes to the broker in a frame. */
static void s_publish(poster_t *poster) {
    rng_t *rng = &poster->sim->world.rng;
    unsigned room = (unsigned)rng_below(rng, poster->sim->params.rooms);
    poster->tag = model_message(poster->sim, &(message_t){.room = room, .key = NO_KEY});
    poster->once = rng_chance(rng, 3, 4);
    poster->body_len = (size_t)snprintf(
        poster->body, sizeof poster->body, "%" PRIu64 ":%0*d", poster->tag, (int)rng_skewed(rng, 200) + 1, 0);
    if (rng_chance(rng, 1, 4))
        poster->body[poster->body_len++] = '\0';
    s_send(poster);
}

void poster_step(poster_t *poster) {
    if (!poster->tag)
        s_publish(poster);
    else if (poster->request && rng_chance(&poster->sim->world.rng, 1, 4))
        s_lose_patience(poster, poster->attempts);
}

poster_t *poster_new(sim_t *sim, web_t *web, unsigned number) {
    poster_t *poster = world_calloc(sizeof *poster);
    *poster = (poster_t){.sim = sim, .web = web, .number = number};
    return poster;
}

void poster_destroy(poster_t *poster) {
    if (!poster)
        return;
    zr_buffer_finish(&poster->answer);
    free(poster);
}

bool poster_missing(const poster_t *poster, char *why, size_t size) {
    if (poster->tag)
        snprintf(why, size, "h%u is not answered about message %" PRIu64, poster->number, poster->tag);
    return poster->tag;
}
