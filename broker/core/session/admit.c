/* See admit.h. */
#include "admit.h"

#include <sodium.h>

#include "channel_end.h"
#include "control.h"
#include "flood.h"
#include "logger.h"
#include "members.h"
#include "reply.h"
#include "revoke.h"
#include "session_end.h"
#include "silence.h"
#include "state.h"

enum { WINDOW_MIN = 64 << 10 };

/* Is `nick` free? `own` is the session that may have it already. A user's name is for that user alone, and so is every
 * nick that differs from it only in case or width. */
static bool s_free(const relay_t *relay, const speaker_t *speaker, zr_span_t nick, const session_t *own) {
    const user_t *user = session_user(&relay->sessions, nick);
    if (!speaker->name.len && access_resembles_user(relay->access, nick))
        return false;
    if (!user || (own && own->user == user))
        return true;
    return speaker->name.len && user->sessions->authenticated;
}

/* A nick that nobody has, for a peer that gave none. */
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
    } while (session_user(&relay->sessions, nick) || access_resembles_user(relay->access, nick));
    return nick;
}

static bool s_token_fits(const session_t *old, zr_span_t resume) {
    char token[2 * SESSION_TOKEN_SIZE + 1];
    zr_hex(token, old->token, SESSION_TOKEN_SIZE);
    return resume.len == 2 * SESSION_TOKEN_SIZE && sodium_memcmp(token, resume.ptr, resume.len) == 0;
}

bool hello_is_of(const session_t *session, zr_span_t user) {
    return session->authenticated == (user.len > 0) &&
           (!session->authenticated || zr_span_equal(user_nick(session->user), user));
}

/* All windows together share half of max_waiting, so with many sessions each is smaller, down to WINDOW_MIN. */
static size_t s_window(const relay_t *relay) {
    const relay_config_t *config = &relay->config;
    size_t sessions = relay->sessions.count; /* the one that is welcomed among them */
    uint64_t share = config->max_waiting / 2 / (sessions ? sessions : 1);
    share = share > WINDOW_MIN ? share : WINDOW_MIN;
    return share < config->window ? (size_t)share : config->window;
}

static json_t *s_limits(const relay_t *relay) {
    const relay_config_t *config = &relay->config;
    /* A body must fit beside the longest room and key, the expected seq and the time to live. */
    size_t beside = ZR_PUBLISH_HEAD(ZR_ROOM_MAX) + ZR_PUBLISH_ENTRY_FIXED + ZR_KEY_MAX + 8 + 8;
    size_t body = config->max_frame > beside ? config->max_frame - beside : 0;
    return json_pack("{sI sI sI sI sI sI sI}", "frame", (json_int_t)config->max_frame, "control",
        (json_int_t)config->max_control, "entries", (json_int_t)config->max_entries, "body", (json_int_t)body, "rooms",
        (json_int_t)config->max_joins, "replays", (json_int_t)config->max_replays, "window",
        (json_int_t)s_window(relay));
}

static void s_welcome(
    relay_t *relay, const request_t *request, const session_t *session, const speaker_t *speaker, bool resumed) {
    const relay_config_t *config = &relay->config;
    char token[2 * SESSION_TOKEN_SIZE + 1];
    zr_hex(token, session->token, SESSION_TOKEN_SIZE);
    json_t *welcome = json_pack("{ss si ss so ss sb so sI ss sI ss so}", "op", "welcome", "proto", 1, "epoch",
        relay->epoch, "nick", zr_json_string(user_nick(session->user)), "resume", token, "resumed", resumed, "back",
        zr_json_string(speaker->back), "heartbeat", (json_int_t)config->heartbeat_ms, "level",
        zr_level_name(relay->log->level), "time", (json_int_t)request->now, "server", config->server, "limits",
        s_limits(relay));
    if (session->authenticated)
        json_object_set_new(welcome, "user", zr_json_string(user_nick(session->user)));
    if (config->greeting)
        json_object_set_new(welcome, "greeting", json_string(config->greeting));
    if (config->peers && config->peers[0])
        json_object_set_new(welcome, "peers", zr_json_list(zr_span(config->peers)));
    reply(relay, request, welcome);
}

/* The session goes by this signed login from now on; perhaps it did before, by it or by another one of its user. Then
 * it may lose rooms, and is told, so its welcome comes first. */
static void s_take_grant(relay_t *relay, session_t *session, const grant_t *grant) {
    if (grant == session->grant)
        return;
    access_user_t *own = access_of_grant(relay->access, grant);
    if (session->grant)
        session_give_rights(relay, session, own);
    session_set_grant(&relay->sessions, session, grant, own);
}

/* hello on a connection that has a session: nick and meta may change. */
static void s_renew(relay_t *relay, request_t *request, const hello_t *hello, const speaker_t *speaker) {
    session_t *session = request->session;
    dedupe_key_t key = dedupe_key(speaker->name, hello->client);
    if (memcmp(key.text, session->client->id, ZR_CLIENT_ID_LEN) != 0) {
        fail(relay, request, ZR_BAD_MEMBER, "the member 'client' differs from that of this session");
        return;
    }
    if (hello->nick.len && !zr_span_equal(hello->nick, user_nick(session->user))) {
        if (!s_free(relay, speaker, hello->nick, session)) {
            fail(relay, request, ZR_NICK_IN_USE, NULL);
            return;
        }
        session_rename(relay, session, hello->nick);
    }
    if (hello->meta)
        session_set_meta(relay, session, hello->meta);
    session->next_told = NULL;
    session->following.list = true;
    for (member_t *member = session->members; member; member = member->hh.next)
        member->told = member->told_version = UINT64_MAX;
    s_welcome(relay, request, session, speaker, true);
    if (speaker->grant)
        s_take_grant(relay, session, speaker->grant);
    flood_allow(relay, request, (rate_cost_t){{[RATE_OPS] = HASH_COUNT(session->members)}});
}

/* Notes the peer that now uses the session. */
static void s_bind(relay_t *relay, session_t *session, const access_user_t *access, const speaker_t *speaker) {
    if (!speaker->grant)
        session->access = access;
    else if (!session->grant)
        s_take_grant(relay, session, speaker->grant);
    session->by_token = speaker->by_token;
    session->connection = speaker->connection;
    session->local = speaker->local;
    snprintf(session->address, sizeof session->address, "%.*s", (int)speaker->address.len,
        speaker->address.len ? speaker->address.ptr : "");
    session->leaf = speaker->leaf;
}

/* The maker that the session's rooms count for; NULL: they are not counted. */
static maker_t *s_maker(relay_t *relay, const speaker_t *speaker) {
    if (speaker->name.len)
        return maker_of_user(&relay->makers, speaker->name);
    if (speaker->local && access_is_open_mode(relay->access))
        return NULL;
    return maker_of_address(&relay->makers, speaker->local ? zr_span(NULL) : speaker->address);
}

/* The session of that client id and user; empty: the anonymous one. NULL: there is no such session. */
static session_t *s_of_client(const relay_t *relay, zr_span_t user, zr_span_t client) {
    dedupe_key_t key = dedupe_key(user, client);
    return session_by_client(&relay->sessions, zr_span_of(key.text, ZR_CLIENT_ID_LEN));
}

static void s_begin(
    relay_t *relay, request_t *request, const hello_t *hello, const access_user_t *access, const speaker_t *speaker) {
    char guest[ZR_NICK_MAX];
    zr_span_t nick = hello->nick.len ? hello->nick : s_guest(relay, guest);
    dedupe_key_t key = dedupe_key(speaker->name, hello->client);
    client_t *client = dedupe_hold(&relay->dedupe, zr_span_of(key.text, ZR_CLIENT_ID_LEN));
    session_t *session = session_add(&relay->sessions, client, nick, speaker->name.len > 0);
    session->maker = s_maker(relay, speaker);
    session->since = request->now;
    flood_arrive(relay, session, request->route, request->now);
    s_bind(relay, session, access, speaker);
    if (hello->meta)
        session_set_meta(relay, session, hello->meta);
    relay->config.entropy(relay->config.entropy_ctx, session->token, sizeof session->token);
    session_set_route(&relay->sessions, session, request->route);
    outbox_add(relay->outbox, &(effect_t){.kind = EFFECT_WATCH, .session = session->id});
    zr_log(ZR_LOG_DEBUG, "session of %.*s, agent %.*s", (int)nick.len, nick.ptr, (int)hello->agent.len,
        hello->agent.len ? hello->agent.ptr : "");
    s_welcome(relay, request, session, speaker, false);
}

/* Is there no place for another session? Anonymous sessions cannot lock users out. */
static bool s_is_full(const relay_t *relay, const speaker_t *speaker) {
    const sessions_t *sessions = &relay->sessions;
    size_t max = relay->config.max_sessions;
    if (sessions->count >= max)
        return true;
    if (!speaker->name.len)
        return !access_is_open_mode(relay->access) && sessions->count - sessions->authenticated >= (max + 1) / 2;
    const user_t *user = session_user(sessions, speaker->name);
    return user && user->count >= relay->config.max_user_sessions;
}

/* Is `old` the session of the gateway that carries this peer? The peer cannot take it over, as its channel would end
 * with it. */
static bool s_is_carried_by(const relay_t *relay, const request_t *request, const session_t *old) {
    const channel_t *channel = channel_find(&relay->sessions.channels, request->route);
    return channel && channel->trunk == old;
}

/* On another connection than before, or for the first time. */
static void s_arrive(
    relay_t *relay, request_t *request, const hello_t *hello, const access_user_t *access, const speaker_t *speaker) {
    session_t *old = s_of_client(relay, speaker->name, hello->client);
    bool resumes = old && s_token_fits(old, hello->resume);
    if (old && s_is_carried_by(relay, request, old)) {
        fail(relay, request, ZR_BAD_MEMBER, "the member 'client' is that of the gateway; every client has its own");
        return;
    }
    if (hello->nick.len && !s_free(relay, speaker, hello->nick, old)) {
        fail(relay, request, ZR_NICK_IN_USE, NULL);
        return;
    }
    if (resumes) {
        channels_break(relay, old);
        flood_arrive(relay, old, request->route, request->now);
        session_set_route(&relay->sessions, old, request->route);
        old->resumed++;
        s_bind(relay, old, access, speaker);
        silence_broken(relay, old);
        request->session = old;
        s_renew(relay, request, hello, speaker);
        return;
    }
    if (!old && relay->drain.on && !(access && access_sees_stats(access))) { /* operators still look, and undrain */
        fail(relay, request, ZR_TOO_MANY_SESSIONS,
            "this broker takes no new sessions; connect to another, or try later");
        return;
    }
    if (!old && s_is_full(relay, speaker)) {
        fail(relay, request, ZR_TOO_MANY_SESSIONS, NULL);
        return;
    }
    if (old) {
        send_bye(relay, old->route, "replaced");
        session_end(relay, old, "replaced");
    }
    s_begin(relay, request, hello, access, speaker);
}

const session_t *hello_logged_in(const relay_t *relay, const request_t *request, const hello_t *hello) {
    const session_t *session = request->session;
    if (!session) {
        session = s_of_client(relay, hello->user, hello->client);
        if (session && !s_token_fits(session, hello->resume))
            return NULL;
    }
    return session && session->by_token && hello_is_of(session, hello->user) ? session : NULL;
}

/* A peer that did not log in has the name of this user: it cannot keep the user out. */
static void s_clear_name(relay_t *relay, zr_span_t name) {
    user_t *user = session_user(&relay->sessions, name);
    if (!user || user->sessions->authenticated)
        return;
    for (session_t *session = user->sessions, *next; session; session = next) {
        next = session->next; /* the last one takes `user` with it */
        session_dismiss(relay, session, "revoked");
    }
}

/* Is the speaker let in? `*access` is the rights; of a signed login the session has rights of its own. */
static bool s_is_let_in(const relay_t *relay, const speaker_t *speaker, const access_user_t **access) {
    if (speaker->grant)
        return access_takes(relay->access, speaker->grant);
    *access = access_user(relay->access, speaker->name);
    return *access != NULL;
}

void hello_turn_away(relay_t *relay, request_t *request, uint64_t connection) {
    fail(relay, request, ZR_FORBIDDEN, NULL);
    channel_t *channel = channel_find(&relay->sessions.channels, request->route);
    if (channel)
        channel_hang_up(relay, channel, "revoked");
    else if (connection)
        outbox_add(relay->outbox, &(effect_t){.kind = EFFECT_DROP, .connection = connection});
}

void hello_admit(relay_t *relay, request_t *request, hello_t *hello, const speaker_t *speaker) {
    const access_user_t *access = NULL;
    bool let_in = s_is_let_in(relay, speaker, &access);
    if (!let_in && !speaker->name.len) {
        fail(relay, request, ZR_LOGIN_REQUIRED, NULL);
        return;
    }
    if (!let_in) { /* let in just before the users changed */
        hello_turn_away(relay, request, speaker->connection);
        return;
    }
    if (hello->plain && !access_is_plain(relay->access)) {
        fail(relay, request, ZR_FORBIDDEN,
            "a leaf with a listener that is not encrypted needs a broker that has one too: rooms that every user may "
            "read would be open to peers that do not log in");
        return;
    }
    if (speaker->grant)
        s_clear_name(relay, speaker->name);
    if (speaker->name.len) {
        hello->nick = speaker->name;
    } else if (hello->nick.len && zr_nick_reserved(hello->nick)) {
        fail(relay, request, ZR_BAD_NICK, "the nick is reserved for the broker and its operators; choose another");
        return;
    }
    if (request->session)
        s_renew(relay, request, hello, speaker);
    else
        s_arrive(relay, request, hello, access, speaker);
}
