#include "session.h"

#include <utlist.h>

#include "fatal.h"
#include "group.h"

static inline session_t *s_by_route(const sessions_t *sessions, route_t route, unsigned hash) {
    session_t *session;
    HASH_FIND_BYHASHVALUE(by_route, sessions->by_route, &route, sizeof route, hash, session);
    return session;
}

/* Apart, so that frames of connections cost no more for it. */
__attribute__((noinline)) static session_t *s_by_channel(const sessions_t *sessions, route_t route) {
    return s_by_route(sessions, route, route_channel_hash(route));
}

size_t session_joins(const session_t *session) {
    return HASH_COUNT(session->members) + HASH_COUNT(session->following.by_prefix) + HASH_COUNT(session->workers);
}

session_t *session_by_route(const sessions_t *sessions, route_t route) {
    if (route_channel(route))
        return s_by_channel(sessions, route);
    return s_by_route(sessions, route, zr_hash_number(route));
}

session_t *session_by_id(const sessions_t *sessions, uint64_t id) {
    session_t *session;
    unsigned hash = zr_hash_number(id);
    HASH_FIND_BYHASHVALUE(by_id, sessions->by_id, &id, sizeof id, hash, session);
    return session;
}

session_t *session_by_client(const sessions_t *sessions, zr_span_t key) {
    session_t *session;
    HASH_FIND(by_client, sessions->by_client, key.ptr, key.len, session);
    return session;
}

user_t *session_user(const sessions_t *sessions, zr_span_t nick) {
    user_t *user;
    HASH_FIND(hh, sessions->users, nick.ptr, nick.len, user);
    return user;
}

static void s_leave_user(sessions_t *sessions, session_t *session) {
    user_t *user = session->user;
    DL_DELETE(user->sessions, session);
    user->count--;
    session->user = NULL;
    if (!user->sessions) {
        HASH_DEL(sessions->users, user);
        free(user);
    }
}

static void s_enter_user(sessions_t *sessions, session_t *session, zr_span_t nick) {
    user_t *user = session_user(sessions, nick);
    if (!user) {
        user = fatal_calloc(sizeof *user);
        memcpy(user->nick, nick.ptr, nick.len);
        user->nick_len = nick.len;
        HASH_ADD(hh, sessions->users, nick, nick.len, user);
    }
    DL_APPEND(user->sessions, session);
    user->count++;
    session->user = user;
}

session_t *session_add(sessions_t *sessions, client_t *client, zr_span_t nick, bool authenticated) {
    session_t *session = fatal_calloc(sizeof *session);
    session->id = ++sessions->last_id;
    session->client = client;
    session->barred = &sessions->barred;
    session->authenticated = authenticated;
    HASH_ADD_BYHASHVALUE(by_id, sessions->by_id, id, sizeof session->id, zr_hash_number(session->id), session);
    HASH_ADD_KEYPTR(by_client, sessions->by_client, client->id, ZR_CLIENT_ID_LEN, session);
    s_enter_user(sessions, session, nick);
    sessions->count++;
    sessions->authenticated += authenticated;
    return session;
}

void session_remove(sessions_t *sessions, session_t *session) {
    FATAL_UNLESS(!session->members);
    session_set_route(sessions, session, 0);
    session_set_silent(sessions, session, false);
    if (session->grant)
        deadlines_remove(&sessions->expiries, &session->expiry);
    s_leave_user(sessions, session);
    HASH_DELETE(by_id, sessions->by_id, session);
    HASH_DELETE(by_client, sessions->by_client, session);
    sessions->count--;
    sessions->authenticated -= session->authenticated;
    zr_blob_unref(session->meta);
    free(session->grant);
    access_user_free(session->own_access);
    free(session);
}

void session_set_silent(sessions_t *sessions, session_t *session, bool silent) {
    if (silent == session->silent)
        return;
    session->silent = silent;
    if (silent)
        DL_APPEND2(sessions->silent, session, prev_silent, next_silent);
    else
        DL_DELETE2(sessions->silent, session, prev_silent, next_silent);
}

rates_t *session_debt(sessions_t *sessions, route_t route) {
    channel_t *channel = channel_find(&sessions->channels, route);
    return channel ? &channel->rates : rate_connection(&sessions->connections, (uint32_t)route);
}

void session_set_route(sessions_t *sessions, session_t *session, route_t route) {
    FATAL_UNLESS(!session->channels);
    if (session->route) {
        HASH_DELETE(by_route, sessions->by_route, session);
        rates_leave(session_debt(sessions, session->route), &session->rates, &sessions->connections.limits);
    }
    session->route = route;
    session->deaf = 0;
    session->link++;
    if (route)
        HASH_ADD_BYHASHVALUE(by_route, sessions->by_route, route, sizeof session->route, route_hash(route), session);
}

void session_set_nick(sessions_t *sessions, session_t *session, zr_span_t nick) {
    s_leave_user(sessions, session);
    s_enter_user(sessions, session, nick);
    session_rights_forget(session); /* the other nick may be kept out of rooms */
}

void session_set_grant(sessions_t *sessions, session_t *session, const grant_t *grant, access_user_t *access) {
    if (session->grant)
        deadlines_remove(&sessions->expiries, &session->expiry);
    else
        session->grant = fatal_calloc(sizeof *session->grant);
    if (session->grant != grant)
        *session->grant = *grant;
    session->expiry.at = grant->expires;
    deadlines_add(&sessions->expiries, &session->expiry);
    access_user_free(session->own_access);
    session->own_access = access;
    session->access = access;
    session_rights_forget(session);
}

rights_t session_rights(session_t *session, zr_span_t room) {
    rights_cache_t *cache = &session->asked;
    if (!zr_span_equal(zr_span_of(cache->room, cache->room_len), room)) {
        bool barred = barred_is(session->barred, room, user_nick(session->user));
        cache->rights = barred ? 0 : access_rights(session->access, room);
        memcpy(cache->room, room.ptr, room.len);
        cache->room_len = room.len;
        cache->found = NULL;
    }
    return cache->rights;
}

void session_rights_forget(session_t *session) {
    session->asked.room_len = 0;
}
