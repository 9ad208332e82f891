/* hello: a new session, one that is resumed on another connection, or a new nick for the one that is here. */
#include <sodium.h>

#include "control.h"
#include "logger.h"
#include "relay_internal.h"

typedef struct {
    zr_span_t client, nick, resume, agent;
} hello_t;

/* Reads the request; false when it has answered with an error. */
static bool s_read(relay_t *relay, request_t *request, hello_t *hello) {
    const char *wrong = NULL;
    uint64_t proto = 0;
    if (!zr_get_uint(request->object, "proto", 0, &proto, &wrong)) {
        fail_member(relay, request, wrong);
        return false;
    }
    if (proto != 1) {
        fail(relay, request, ZR_BAD_PROTO, NULL);
        return false;
    }
    zr_get_string(request->object, "client", ZR_CLIENT_ID_LEN, ZR_CLIENT_ID_LEN, &hello->client, &wrong);
    zr_get_string_opt(request->object, "nick", SIZE_MAX, &hello->nick, &wrong);
    zr_get_string_opt(request->object, "resume", 64, &hello->resume, &wrong);
    zr_get_string_opt(request->object, "agent", ZR_ID_MAX, &hello->agent, &wrong);
    if (!wrong && !zr_hex_valid(hello->client, ZR_CLIENT_ID_LEN, ZR_CLIENT_ID_LEN))
        wrong = "client";
    if (wrong) {
        fail_member(relay, request, wrong);
        return false;
    }
    if (zr_has(request->object, "nick") && !zr_nick_valid(hello->nick)) {
        fail(relay, request, ZR_BAD_NICK, NULL);
        return false;
    }
    return true;
}

/* Whether `nick` can be had; `own` is the session that may have it already. */
static bool s_free(const relay_t *relay, const request_t *request, zr_span_t nick, const session_t *own) {
    const user_t *user = session_user(&relay->sessions, nick);
    if (!user || (own && own->user == user))
        return true;
    return request->user.len && user->sessions->authenticated;
}

/* A name for somebody who gave none, that nobody has. */
static zr_span_t s_guest(relay_t *relay, char out[ZR_NICK_MAX]) {
    static const char letters[] = "abcdefghijkmnpqrstuvwxyz23456789"; /* 32, without those that look alike */
    zr_span_t nick;
    do {
        uint8_t random[8];
        relay->config.entropy(relay->config.entropy_ctx, random, sizeof random);
        memcpy(out, "guest-", 6);
        for (size_t i = 0; i < sizeof random; i++)
            out[6 + i] = letters[random[i] % 32];
        nick = zr_span_of(out, 6 + sizeof random);
    } while (session_user(&relay->sessions, nick));
    return nick;
}

/* Is this the session before of the one who says hello? */
static bool s_resumes(const session_t *old, const request_t *request, const hello_t *hello) {
    char token[2 * SESSION_TOKEN_SIZE + 1];
    zr_hex(token, old->token, SESSION_TOKEN_SIZE);
    return hello->resume.len == 2 * SESSION_TOKEN_SIZE &&
           sodium_memcmp(token, hello->resume.ptr, hello->resume.len) == 0 &&
           old->authenticated == (request->user.len > 0) &&
           (!old->authenticated || zr_span_equal(user_nick(old->user), request->user));
}

static json_t *s_limits(const relay_config_t *config) {
    /* What fits beside the longest room, key and expected seq. */
    size_t beside = ZR_PUBLISH_HEAD(ZR_ROOM_MAX) + ZR_PUBLISH_ENTRY_FIXED + ZR_KEY_MAX + 8;
    size_t body = config->max_frame > beside ? config->max_frame - beside : 0;
    return json_pack("{sI sI sI sI sI sI sI}", "frame", (json_int_t)config->max_frame, "control",
        (json_int_t)config->max_control, "entries", (json_int_t)config->max_entries, "body", (json_int_t)body, "rooms",
        (json_int_t)config->max_joins, "replays", (json_int_t)config->max_replays, "window",
        (json_int_t)config->window);
}

static void s_welcome(relay_t *relay, const request_t *request, const session_t *session, bool resumed) {
    const relay_config_t *config = &relay->config;
    char token[2 * SESSION_TOKEN_SIZE + 1];
    zr_hex(token, session->token, SESSION_TOKEN_SIZE);
    json_t *welcome = json_pack("{ss si ss so ss sb so sI ss sI ss so}", "op", "welcome", "proto", 1, "epoch",
        relay->epoch, "nick", zr_json_string(user_nick(session->user)), "resume", token, "resumed", resumed, "back",
        zr_json_string(config->back(config->back_ctx)), "heartbeat", (json_int_t)config->heartbeat_ms, "level",
        zr_level_name(relay->log->level), "time", (json_int_t)request->now, "server", config->server, "limits",
        s_limits(config));
    if (config->greeting)
        json_object_set_new(welcome, "greeting", json_string(config->greeting));
    reply(relay, request, welcome);
}

/* hello on a connection that has a session: only the nick may change. */
static void s_renew(relay_t *relay, request_t *request, const hello_t *hello) {
    session_t *session = request->session;
    if (!zr_span_equal(hello->client, zr_span_of(session->client->id, ZR_CLIENT_ID_LEN))) {
        fail(relay, request, ZR_BAD_MEMBER, "the member 'client' differs from that of this session");
        return;
    }
    if (hello->nick.len && !zr_span_equal(hello->nick, user_nick(session->user))) {
        if (!s_free(relay, request, hello->nick, session)) {
            fail(relay, request, ZR_NICK_IN_USE, NULL);
            return;
        }
        session_rename(relay, session, hello->nick);
    }
    session->next_told = NULL;
    for (member_t *member = session->members; member; member = member->hh.next)
        member->told = member->told_version = UINT64_MAX;
    s_welcome(relay, request, session, true);
}

static void s_begin(relay_t *relay, request_t *request, const hello_t *hello) {
    char guest[ZR_NICK_MAX];
    zr_span_t nick = hello->nick.len ? hello->nick : s_guest(relay, guest);
    session_t *session = session_add(&relay->sessions, dedupe_hold(&relay->dedupe, hello->client), nick);
    session->authenticated = request->user.len > 0;
    relay->config.entropy(relay->config.entropy_ctx, session->token, sizeof session->token);
    session_set_route(&relay->sessions, session, request->route);
    outbox_add(relay->outbox, &(effect_t){.kind = EFFECT_WATCH, .session = session->id});
    zr_log(ZR_LOG_DEBUG, "session of %.*s, agent %.*s", (int)nick.len, nick.ptr, (int)hello->agent.len,
        hello->agent.len ? hello->agent.ptr : "");
    s_welcome(relay, request, session, false);
}

void cmd_hello(relay_t *relay, request_t *request) {
    hello_t hello = {0};
    if (!s_read(relay, request, &hello))
        return;
    if (request->user.len) {
        if (!zr_nick_valid(request->user)) { /* a name that authenticates need not be one that rooms can show */
            fail(relay, request, ZR_BAD_NICK, NULL);
            return;
        }
        hello.nick = request->user;
    }
    if (request->session) {
        s_renew(relay, request, &hello);
        return;
    }
    session_t *old = session_by_client(&relay->sessions, hello.client);
    if (old && s_resumes(old, request, &hello)) {
        if (hello.nick.len && !s_free(relay, request, hello.nick, old)) {
            fail(relay, request, ZR_NICK_IN_USE, NULL);
            return;
        }
        session_set_route(&relay->sessions, old, request->route);
        old->resumed++;
        outbox_add(relay->outbox, &(effect_t){.kind = EFFECT_ALIVE, .session = old->id});
        request->session = old;
        s_renew(relay, request, &hello);
        return;
    }
    if (hello.nick.len && !s_free(relay, request, hello.nick, old)) {
        fail(relay, request, ZR_NICK_IN_USE, NULL);
        return;
    }
    if (!old && relay->sessions.count >= relay->config.max_sessions) {
        fail(relay, request, ZR_TOO_MANY_SESSIONS, NULL);
        return;
    }
    if (old) {
        send_frame(relay, old->route, zr_control_write(json_pack("{ss ss}", "op", "bye", "reason", "replaced")));
        session_end(relay, old, "replaced");
    }
    s_begin(relay, request, &hello);
}
