/* See login.h. Checking a token takes the edge tens of milliseconds. So the edge has one login at a time, and the
 * others wait here. A login whose peer is gone meanwhile costs nothing more. */
#include "login.h"

#include "admit.h"
#include "control.h"
#include "fatal.h"
#include "reply.h"
#include "state.h"

/* A hello that waits until its token is checked. */
typedef struct login_wait {
    uint64_t ticket;
    route_t route; /* not that of a session */
    uint64_t connection;
    json_t *id;              /* NULL: none */
    hello_t hello;           /* views into `text`; without token */
    zr_span_t back, address; /* likewise */
    bool local;
    zr_buffer_t text;
    token_tag_t tag;
    login_request_t *request; /* for the edge; NULL: it has it */
    login_lane_t *lane;
    bool looked_at; /* by a tick */
    UT_hash_handle hh, by_route;
} login_wait_t;

enum { LOGINS_MAX = 256 };        /* that wait in a lane */
enum { LOGINS_ADDRESS_MAX = 16 }; /* of these, of the channels of one address */

/* --- The queues: relay->login_lanes, in the order of arrival --- */

static void s_release(login_wait_t *wait) {
    json_decref(wait->id);
    zr_buffer_finish(&wait->text);
    zr_blob_unref(wait->hello.meta);
}

/* Takes it out of its queue, so that nothing that happens now finds it. */
static void s_take_out(relay_t *relay, login_wait_t *wait) {
    HASH_DELETE(hh, wait->lane->waits, wait);
    HASH_DELETE(by_route, relay->logins_by_route, wait);
    if (wait->request)
        login_request_free(wait->request);
    wait->request = NULL;
}

static void s_free(login_wait_t *wait) {
    s_release(wait);
    free(wait);
}

static void s_forget(relay_t *relay, login_wait_t *wait) {
    s_take_out(relay, wait);
    s_free(wait);
}

static login_wait_t *s_of_route(const relay_t *relay, route_t route) {
    login_wait_t *wait;
    HASH_FIND(by_route, relay->logins_by_route, &route, sizeof route, wait);
    return wait;
}

static login_wait_t *s_of_ticket(const login_lane_t *lane, uint64_t ticket) {
    login_wait_t *wait;
    HASH_FIND(hh, lane->waits, &ticket, sizeof ticket, wait);
    return wait;
}

/* The login of the same client, with the same user and token, that came by another connection. */
static login_wait_t *s_before(const login_lane_t *lane, zr_span_t client, const token_tag_t *tag) {
    for (login_wait_t *wait = lane->waits; wait; wait = wait->hh.next)
        if (token_tag_equal(&wait->tag, tag) && zr_span_equal(wait->hello.client, client))
            return wait;
    return NULL;
}

/* Wait as many logins as may? So many channels of one address cannot keep everybody else out. */
static bool s_is_full(const login_lane_t *lane, const speaker_t *speaker) {
    size_t same = 0;
    if (HASH_COUNT(lane->waits) >= LOGINS_MAX)
        return true;
    if (speaker->local)
        return false;
    for (const login_wait_t *wait = lane->waits; wait; wait = wait->hh.next)
        same += !wait->local && zr_span_equal(wait->address, speaker->address);
    return same >= LOGINS_ADDRESS_MAX;
}

bool login_waits(const relay_t *relay, route_t route) {
    return s_of_route(relay, route) != NULL;
}

size_t login_count(const relay_t *relay) {
    size_t count = 0;
    for (size_t i = 0; i < LOGIN_LANES; i++)
        count += HASH_COUNT(relay->login_lanes[i].waits);
    return count;
}

void login_forget_route(relay_t *relay, route_t route) {
    login_wait_t *wait = s_of_route(relay, route);
    if (wait)
        s_forget(relay, wait);
}

void login_forget_all(relay_t *relay) {
    login_wait_t *wait, *next;
    HASH_ITER(by_route, relay->logins_by_route, wait, next)
    s_forget(relay, wait);
}

/* --- Asking --- */

/* Hands the next login of the lane to the edge, unless it has one. */
static void s_ask(relay_t *relay, login_lane_t *lane) {
    login_wait_t *wait = lane->waits;
    if (lane->asked || !wait)
        return;
    lane->asked = wait->ticket;
    lane->tag = wait->tag;
    outbox_add(relay->outbox, &(effect_t){.kind = EFFECT_LOGIN, .login = wait->request});
    wait->request = NULL;
}

/* Copies the strings of all views into `text`, and sets the views to the copies. */
static void s_keep(login_wait_t *wait) {
    zr_span_t *views[] = {
        &wait->hello.client, &wait->hello.resume, &wait->hello.agent, &wait->hello.user, &wait->back, &wait->address};
    enum { VIEWS = sizeof views / sizeof *views };
    for (size_t i = 0; i < VIEWS; i++)
        zr_buffer_append(&wait->text, views[i]->len ? views[i]->ptr : "", views[i]->len);
    const char *at = (const char *)wait->text.data; /* does not move any more */
    for (size_t i = 0; i < VIEWS; at += views[i]->len, i++)
        views[i]->ptr = at;
}

static void s_fill(
    relay_t *relay, login_wait_t *wait, const request_t *request, const hello_t *hello, const speaker_t *speaker) {
    wait->route = request->route;
    wait->connection = speaker->connection;
    wait->id = json_incref(request->id);
    wait->hello = *hello;
    wait->hello.nick = wait->hello.token = (zr_span_t){0}; /* the user is the nick */
    wait->hello.meta = hello->meta ? zr_blob_ref(hello->meta) : NULL;
    wait->back = speaker->back;
    wait->address = speaker->address;
    wait->local = speaker->local;
    s_keep(wait);
    HASH_ADD(by_route, relay->logins_by_route, route, sizeof wait->route, wait);
}

/* The client gave up its connection and came by another: it keeps its place in the queue. So a client that does not
 * wait long is let in all the same, and nothing is hashed for a connection that is gone. */
static void s_move(
    relay_t *relay, login_wait_t *wait, const request_t *request, const hello_t *hello, const speaker_t *speaker) {
    send_bye(relay, wait->route, "replaced");
    HASH_DELETE(by_route, relay->logins_by_route, wait);
    s_release(wait);
    s_fill(relay, wait, request, hello, speaker);
}

static login_request_t *s_request(uint64_t ticket, const hello_t *hello, const speaker_t *speaker, bool jwt) {
    login_request_t *login = fatal_calloc(sizeof *login);
    login->ticket = ticket;
    login->jwt = jwt;
    if (!jwt)
        memcpy(login->user, hello->user.ptr, hello->user.len);
    memcpy(login->token, hello->token.ptr, hello->token.len);
    if (!speaker->local && speaker->address.len < sizeof login->address)
        memcpy(login->address, speaker->address.ptr, speaker->address.len);
    return login;
}

/* The audit of a login that the edge did not check. */
static void s_tell_known(relay_t *relay, zr_span_t user, zr_span_t address, bool local, uint64_t now) {
    if (local || !address.len)
        address = zr_span("this machine");
    if (zr_log_pass(&relay->login_lines, now / 1000))
        zr_log(ZR_LOG_AUDIT, "login of %.*s from %.*s: ok, the token was checked before", (int)user.len, user.ptr,
            (int)address.len, address.ptr);
}

/* The hello takes its place in the lane, or that of the same client's. */
static void s_wait(relay_t *relay, login_lane_t *lane, const request_t *request, const hello_t *hello,
    const speaker_t *speaker, const token_tag_t *tag) {
    login_wait_t *wait = s_before(lane, hello->client, tag);
    if (wait) {
        s_move(relay, wait, request, hello, speaker);
        return;
    }
    if (s_is_full(lane, speaker)) {
        fail_wait(relay, request, BUSY_WAIT_MS);
        return;
    }
    wait = fatal_calloc(sizeof *wait);
    wait->ticket = ++relay->last_ticket;
    wait->lane = lane;
    wait->tag = *tag;
    wait->request = s_request(wait->ticket, hello, speaker, lane == &relay->login_lanes[LOGIN_LANE_JWT]);
    s_fill(relay, wait, request, hello, speaker);
    HASH_ADD(hh, lane->waits, ticket, sizeof wait->ticket, wait);
    s_ask(relay, lane);
}

void login_begin(relay_t *relay, request_t *request, hello_t *hello, const speaker_t *speaker) {
    token_tag_t tag = known_tokens_tag(&relay->known_tokens, hello->user, hello->token);
    if (known_tokens_has(&relay->known_tokens, &tag, request->now)) {
        speaker_t user = *speaker;
        user.name = hello->user;
        user.by_token = true;
        s_tell_known(relay, hello->user, speaker->address, speaker->local, request->now);
        hello_admit(relay, request, hello, &user);
        return;
    }
    s_wait(relay, &relay->login_lanes[LOGIN_LANE_HASH], request, hello, speaker, &tag);
}

bool login_is_signed(const relay_t *relay, zr_span_t token) {
    return relay->config.jwt && zr_is_jwt(token);
}

void login_begin_signed(relay_t *relay, request_t *request, hello_t *hello, const speaker_t *speaker) {
    token_tag_t tag = known_tokens_tag(&relay->known_tokens, hello->user, hello->token);
    s_wait(relay, &relay->login_lanes[LOGIN_LANE_JWT], request, hello, speaker, &tag);
}

/* --- Answers --- */

/* The peer of the hello, now that its user is known. */
static speaker_t s_speaker(const login_wait_t *wait, zr_span_t user, const grant_t *grant) {
    return (speaker_t){.name = user,
        .by_token = true,
        .grant = grant,
        .connection = wait->connection,
        .back = wait->back,
        .address = wait->address,
        .local = wait->local,
        .leaf = wait->hello.leaf};
}

/* To let it in may end other sessions, and channels with logins that wait. */
static void s_admit(relay_t *relay, login_wait_t *wait, uint64_t now) {
    s_take_out(relay, wait);
    request_t request = {.route = wait->route, .id = wait->id, .now = now};
    speaker_t speaker = s_speaker(wait, wait->hello.user, NULL);
    hello_admit(relay, &request, &wait->hello, &speaker);
    s_free(wait);
}

static login_wait_t *s_of_tag(const relay_t *relay, const token_tag_t *tag) {
    login_wait_t *wait = relay->login_lanes[LOGIN_LANE_HASH].waits;
    while (wait && !token_tag_equal(&wait->tag, tag))
        wait = wait->hh.next;
    return wait;
}

/* Lets in the user of the JWT: on a connection that has a session, its end and its roles may be others from now on. */
static void s_admit_signed(relay_t *relay, login_wait_t *wait, const grant_t *grant, uint64_t now) {
    zr_span_t user = zr_span(grant->user);
    speaker_t speaker = s_speaker(wait, user, grant);
    s_take_out(relay, wait);
    request_t request = {
        .route = wait->route, .session = session_by_route(&relay->sessions, wait->route), .id = wait->id, .now = now};
    if (wait->hello.user.len && !zr_span_equal(wait->hello.user, user))
        fail(relay, &request, ZR_LOGIN_FAILED, "the member 'user' differs from the token's sub; leave it out");
    else if (request.session && !hello_is_of(request.session, user))
        fail(relay, &request, ZR_LOGIN_FAILED, "the token is of another user than this session");
    else
        hello_admit(relay, &request, &wait->hello, &speaker);
    s_free(wait);
}

/* Lets in all that wait with the token that was just checked. */
static void s_admit_all(relay_t *relay, uint64_t ticket, const token_tag_t *tag, uint64_t now) {
    for (login_wait_t *wait; (wait = s_of_tag(relay, tag));) {
        if (wait->ticket != ticket)
            s_tell_known(relay, wait->hello.user, wait->address, wait->local, now);
        s_admit(relay, wait, now);
    }
}

static void s_refuse(relay_t *relay, login_wait_t *wait, login_t result, uint64_t wait_ms, uint64_t now) {
    request_t request = {.route = wait->route, .id = wait->id, .now = now};
    if (result == LOGIN_SLOW)
        fail_wait(relay, &request, wait_ms);
    else
        fail(relay, &request, ZR_LOGIN_FAILED, NULL);
    s_forget(relay, wait);
}

void relay_login_done(relay_t *relay, uint64_t ticket, login_t result, uint64_t wait_ms, uint64_t now) {
    login_lane_t *lane = &relay->login_lanes[LOGIN_LANE_HASH];
    if (ticket != lane->asked)
        return;
    token_tag_t tag = lane->tag;
    login_wait_t *wait = s_of_ticket(lane, ticket);
    lane->asked = 0;
    if (result == LOGIN_OK) {
        known_tokens_add(&relay->known_tokens, &tag, now);
        s_admit_all(relay, ticket, &tag, now);
    } else if (wait) {
        s_refuse(relay, wait, result, wait_ms, now);
    }
    s_ask(relay, lane);
}

void relay_jwt_done(relay_t *relay, uint64_t ticket, const grant_t *grant, const char *text, uint64_t now) {
    login_lane_t *lane = &relay->login_lanes[LOGIN_LANE_JWT];
    if (ticket != lane->asked)
        return;
    login_wait_t *wait = s_of_ticket(lane, ticket);
    lane->asked = 0;
    if (wait && grant) {
        s_admit_signed(relay, wait, grant, now);
    } else if (wait) {
        fail(relay, &(request_t){.route = wait->route, .id = wait->id, .now = now}, ZR_LOGIN_FAILED, text);
        s_forget(relay, wait);
    }
    s_ask(relay, lane);
}

bool relay_login_is_due(relay_t *relay, uint64_t ticket) {
    for (size_t i = 0; i < LOGIN_LANES; i++) {
        login_lane_t *lane = &relay->login_lanes[i];
        if (s_of_ticket(lane, ticket))
            return true;
        if (ticket == lane->asked)
            lane->asked = 0;
        s_ask(relay, lane);
    }
    return false;
}

/* --- Time --- */

static void s_tell_waiting(relay_t *relay, const login_lane_t *lane) {
    json_int_t ahead = 0;
    for (login_wait_t *wait = lane->waits; wait; wait = wait->hh.next, ahead++) {
        if (wait->looked_at)
            send_frame(relay, wait->route, zr_control_write(json_pack("{ss sI}", "op", "queued", "ahead", ahead)));
        wait->looked_at = true;
    }
}

void relay_login_tick(relay_t *relay, uint64_t now) {
    relay->now = now;
    known_tokens_expire(&relay->known_tokens, now);
    for (size_t i = 0; i < LOGIN_LANES; i++)
        s_tell_waiting(relay, &relay->login_lanes[i]);
}
