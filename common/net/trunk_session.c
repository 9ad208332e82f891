/* See trunk_session.h. */
#include "trunk_session.h"

#include <string.h>

#include "code.h"
#include "fatal.h"
#include "hash.h"

enum {
    HEARTBEAT_MS = 5000,        /* until a welcome names another, */
    HEARTBEAT_MIN_MS = 100,     /* which is taken for at least this, */
    HEARTBEAT_MAX_MS = 3600000, /* and at most this */
    CONNECT_MS = 5000,          /* for a connection to stand */
    SILENT_BEATS = 3,
    BACK_OFF_MIN_MS = 100,
    BACK_OFF_MAX_MS = 5000,
    SEVERAL_MAX_MS = 1000, /* BACK_OFF_MAX_MS with several servers */
    STEADY_MS = 10000      /* a session that stood so long was no failure */
};

void zr_trunk_begin(
    zr_trunk_t *t, const char *server, const char *keys, const uint8_t random[ZR_CLIENT_ID_LEN / 2], uint64_t now) {
    FATAL_UNLESS(!zr_servers_read(&t->servers, zr_span(server)));
    FATAL_UNLESS(!keys || !zr_servers_read_keys(&t->servers, zr_span(keys)));
    zr_hex(t->client, random, ZR_CLIENT_ID_LEN / 2);
    t->heartbeat = HEARTBEAT_MS;
    t->back_off = BACK_OFF_MIN_MS;
    t->retry_at = now;
}

/* --- The connection --- */

bool zr_trunk_connects(const zr_trunk_t *t, uint64_t now) {
    return t->state == ZR_TRUNK_CLOSED && t->retry_at <= now;
}

const zr_server_t *zr_trunk_connect(zr_trunk_t *t, uint64_t now) {
    if (t->moves)
        zr_servers_next(&t->servers);
    t->moves = false;
    t->state = ZR_TRUNK_WAITING;
    t->heard_at = now;
    return zr_servers_now(&t->servers);
}

json_t *zr_trunk_hello(zr_trunk_t *t, const char *agent, const char *user, const char *token, uint64_t now) {
    json_t *hello =
        json_pack("{ss ss si ss ss}", "op", "hello", "id", "hello", "proto", 1, "client", t->client, "agent", agent);
    if (user)
        json_object_update_new(hello, json_pack("{ss ss}", "user", user, "token", token));
    t->state = ZR_TRUNK_GREETING;
    t->heard_at = now;
    return hello;
}

bool zr_trunk_read_welcome(zr_trunk_t *t, const json_t *welcome) {
    json_int_t heartbeat = json_integer_value(json_object_get(welcome, "heartbeat"));
    const char *back = json_string_value(json_object_get(welcome, "back"));
    if (heartbeat <= 0 || !back || strlen(back) >= sizeof t->back)
        return false;
    strcpy(t->back, back);
    t->heartbeat = heartbeat < HEARTBEAT_MIN_MS   ? HEARTBEAT_MIN_MS
                   : heartbeat > HEARTBEAT_MAX_MS ? HEARTBEAT_MAX_MS
                                                  : (uint64_t)heartbeat;
    return true;
}

void zr_trunk_live(zr_trunk_t *t, uint64_t now) {
    t->state = ZR_TRUNK_LIVE;
    t->live_at = t->heard_at = now;
    t->beat_at = now + t->heartbeat;
}

const char *zr_trunk_refusal(const zr_trunk_t *t, const json_t *error) {
    const char *code = json_string_value(json_object_get(error, "code"));
    const char *text = json_string_value(json_object_get(error, "text"));
    bool ends = t->state == ZR_TRUNK_GREETING || (code && strcmp(code, zr_code_name(ZR_NO_SESSION)) == 0);
    return !ends ? NULL : text ? text : "it refused";
}

void zr_trunk_lose(zr_trunk_t *t, uint8_t random, uint64_t now) {
    uint64_t longest = t->servers.count > 1 ? SEVERAL_MAX_MS : BACK_OFF_MAX_MS;
    if (t->state == ZR_TRUNK_LIVE && now - t->live_at >= STEADY_MS)
        t->back_off = BACK_OFF_MIN_MS;
    t->retry_at = now + t->back_off * (128u + random) / 384;
    t->back_off = t->back_off * 2 < longest ? t->back_off * 2 : longest;
    t->moves = true;
    t->state = ZR_TRUNK_CLOSED;
    t->sent = t->read = t->marked = 0;
}

void zr_trunk_follow(zr_trunk_t *t, const zr_server_t *server, uint64_t now) {
    t->servers = (zr_servers_t){.items = {*server}, .named = 1, .count = 1};
    t->moves = false;
    t->back_off = BACK_OFF_MIN_MS;
    t->retry_at = now;
}

/* --- Time --- */

static uint64_t s_waits_until(const zr_trunk_t *t) {
    return t->patient && t->servers.count <= 1 ? UINT64_MAX : t->heard_at + CONNECT_MS;
}

static uint64_t s_silent_at(const zr_trunk_t *t) {
    /* Before its welcome it has not said how often it beats: what is known is another server's. */
    uint64_t beat = t->state == ZR_TRUNK_GREETING && t->heartbeat > HEARTBEAT_MS ? HEARTBEAT_MS : t->heartbeat;
    return t->heard_at + SILENT_BEATS * beat + 1;
}

const char *zr_trunk_overdue(const zr_trunk_t *t, uint64_t now) {
    if (t->state == ZR_TRUNK_WAITING && now >= s_waits_until(t))
        return "no connection could be made in time";
    if (t->state >= ZR_TRUNK_GREETING && now >= s_silent_at(t))
        return "it is silent";
    return NULL;
}

bool zr_trunk_beats(zr_trunk_t *t, uint64_t now) {
    if (t->state != ZR_TRUNK_LIVE || t->beat_at > now)
        return false;
    t->beat_at = now + t->heartbeat;
    return true;
}

uint64_t zr_trunk_due(const zr_trunk_t *t) {
    if (t->state == ZR_TRUNK_CLOSED)
        return t->retry_at;
    if (t->state == ZR_TRUNK_WAITING)
        return s_waits_until(t);
    return t->state == ZR_TRUNK_LIVE && t->beat_at < s_silent_at(t) ? t->beat_at : s_silent_at(t);
}

/* --- What the broker has read --- */

bool zr_trunk_sent(zr_trunk_t *t, size_t bytes) {
    t->sent += bytes;
    return t->sent - t->marked > ZR_TRUNK_MARK;
}

json_t *zr_trunk_ping(zr_trunk_t *t) {
    t->marked = t->sent;
    return json_pack("{ss sI}", "op", "ping", "id", (json_int_t)t->sent);
}

void zr_trunk_on_pong(zr_trunk_t *t, const json_t *pong) {
    json_int_t re = json_integer_value(json_object_get(pong, "re"));
    if (re > 0 && (uint64_t)re <= t->sent && (uint64_t)re > t->read)
        t->read = (uint64_t)re;
}

bool zr_trunk_is_full(const zr_trunk_t *t) {
    return t->sent - t->read > ZR_TRUNK_WINDOW;
}
