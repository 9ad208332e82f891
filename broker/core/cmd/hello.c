/* hello: identifies the peer each time it says hello; admit.h gives it a session. */
#include "admit.h"
#include "channel_end.h"
#include "commands.h"
#include "control.h"
#include "login.h"
#include "meta.h"
#include "peer.h"
#include "reply.h"
#include "state.h"

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
    zr_get_string_opt(request->object, "user", SIZE_MAX, &hello->user, &wrong);
    zr_get_string_opt(request->object, "token", ZR_JWT_MAX, &hello->token, &wrong);
    hello->leaf = zr_has(request->object, "plain");
    zr_get_bool_opt(request->object, "plain", &hello->plain, &wrong);
    if (!wrong && hello->token.len > ZR_TOKEN_MAX && !login_is_signed(relay, hello->token))
        wrong = "token";
    if (!wrong && !zr_hex_valid(hello->client, ZR_CLIENT_ID_LEN, ZR_CLIENT_ID_LEN))
        wrong = "client";
    if (wrong) {
        fail_member(relay, request, wrong);
        return false;
    }
    const char *fault = zr_has(request->object, "nick") ? zr_nick_fault(hello->nick) : NULL;
    if (!fault && zr_has(request->object, "user"))
        fault = zr_nick_fault(hello->user);
    if (fault) {
        fail(relay, request, ZR_BAD_NICK, fault);
        return false;
    }
    return true;
}

/* Is the session of this route still that of the peer there? */
static bool s_is_peers(const session_t *session, const peer_t *peer) {
    return session->by_token ? !peer->user.len : hello_is_of(session, peer->user);
}

/* The hello names a user that the connection did not authenticate as. */
static void s_log_in(relay_t *relay, request_t *request, hello_t *hello, const peer_t *peer, const speaker_t *nobody) {
    speaker_t speaker = *nobody;
    const session_t *session = NULL;
    bool taken = relay->config.tokens || relay->config.jwt;
    if (peer->user.len || !peer->takes_tokens || !taken) {
        fail(relay, request, ZR_LOGIN_FAILED, NULL);
    } else if ((session = hello_logged_in(relay, request, hello))) {
        speaker.name = hello->user;
        speaker.by_token = true;
        speaker.grant = session->grant;
        hello_admit(relay, request, hello, &speaker);
    } else if (request->session) {
        fail(relay, request, ZR_BAD_MEMBER, "the member 'user' differs from that of this session");
    } else if (!hello->token.len || !relay->config.tokens) {
        fail(relay, request, ZR_LOGIN_FAILED, NULL);
    } else {
        login_begin(relay, request, hello, &speaker);
    }
}

/* The token names the user, and is checked each time: it is quick, and a new one may have another end and other roles. */
static void s_log_in_signed(
    relay_t *relay, request_t *request, hello_t *hello, const peer_t *peer, const speaker_t *speaker) {
    if (peer->user.len || !peer->takes_tokens)
        fail(relay, request, ZR_LOGIN_FAILED, NULL);
    else
        login_begin_signed(relay, request, hello, speaker);
}

static void s_hello(relay_t *relay, request_t *request, hello_t *hello) {
    const relay_config_t *config = &relay->config;
    peer_t peer;
    peer_of(relay, request->route, &peer);
    channel_t *channel = channel_find(&relay->sessions.channels, request->route);
    if (channel)
        channel_hear(&relay->sessions.channels, channel);
    if (peer.user.len && !zr_nick_valid(peer.user)) { /* a name that authenticates need not be one that rooms show */
        fail(relay, request, ZR_BAD_NICK, NULL);
        return;
    }
    if (peer.revoked) {
        hello_turn_away(relay, request, peer.connection);
        return;
    }
    if (login_waits(relay, request->route)) {
        fail_wait(relay, request, BUSY_WAIT_MS);
        return;
    }
    if (request->session && !s_is_peers(request->session, &peer)) {
        channels_break(relay, request->session);
        session_set_route(&relay->sessions, request->session, 0);
        request->session = NULL;
    }
    speaker_t speaker = {.name = peer.user,
        .connection = peer.connection,
        .back = config->back(config->back_ctx),
        .address = peer.address,
        .local = peer.local,
        .leaf = hello->leaf};
    if (login_is_signed(relay, hello->token)) {
        s_log_in_signed(relay, request, hello, &peer, &speaker);
        return;
    }
    if (hello->user.len && !zr_span_equal(hello->user, peer.user)) {
        s_log_in(relay, request, hello, &peer, &speaker);
        return;
    }
    if (request->session && request->session->by_token) { /* a peer that logged in here keeps its user */
        speaker.name = user_nick(request->session->user);
        speaker.by_token = true;
        speaker.grant = request->session->grant;
    }
    hello_admit(relay, request, hello, &speaker);
}

void cmd_hello(relay_t *relay, request_t *request) {
    hello_t hello = {0};
    if (s_read(relay, request, &hello) && meta_read(relay, request, &hello.meta))
        s_hello(relay, request, &hello);
    zr_blob_unref(hello.meta);
}
