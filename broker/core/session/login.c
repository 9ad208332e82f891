/* Logins by token: checking one takes the edge tens of milliseconds, so the hello waits. The edge writes the audit.
 */
#include "login.h"

#include "admit.h"
#include "fatal.h"
#include "reply.h"
#include "state.h"

/* A hello that waits until its token is checked. */
typedef struct login_wait {
    uint64_t ticket;
    route_t route; /* not that of a session */
    uint64_t connection;
    json_t *id;     /* NULL: none */
    hello_t hello;  /* views into `text`; without token */
    zr_span_t back; /* likewise */
    zr_buffer_t text;
    UT_hash_handle hh, by_route;
} login_wait_t;

enum { LOGINS_MAX = 64 }; /* under way in all */

static void s_forget(relay_t *relay, login_wait_t *wait) {
    HASH_DELETE(hh, relay->logins, wait);
    HASH_DELETE(by_route, relay->logins_by_route, wait);
    json_decref(wait->id);
    zr_buffer_finish(&wait->text);
    free(wait);
}

static login_wait_t *s_of_route(const relay_t *relay, route_t route) {
    login_wait_t *wait;
    HASH_FIND(by_route, relay->logins_by_route, &route, sizeof route, wait);
    return wait;
}

bool login_waits(const relay_t *relay, route_t route) {
    return s_of_route(relay, route) != NULL;
}

void login_forget_route(relay_t *relay, route_t route) {
    login_wait_t *wait = s_of_route(relay, route);
    if (wait)
        s_forget(relay, wait);
}

void login_forget_all(relay_t *relay) {
    login_wait_t *wait, *next;
    HASH_ITER(hh, relay->logins, wait, next)
    s_forget(relay, wait);
}

/* Copies the strings of all views into `text`, and sets the views to the copies. */
static void s_keep(login_wait_t *wait) {
    zr_span_t *views[] = {&wait->hello.client, &wait->hello.resume, &wait->hello.agent, &wait->hello.user, &wait->back};
    enum { VIEWS = sizeof views / sizeof *views };
    for (size_t i = 0; i < VIEWS; i++)
        zr_buffer_append(&wait->text, views[i]->ptr, views[i]->len);
    const char *at = (const char *)wait->text.data; /* does not move any more */
    for (size_t i = 0; i < VIEWS; at += views[i]->len, i++)
        views[i]->ptr = at;
}

void login_begin(relay_t *relay, request_t *request, const hello_t *hello, const speaker_t *speaker) {
    if (HASH_COUNT(relay->logins) >= LOGINS_MAX) {
        fail_wait(relay, request, BUSY_WAIT_MS);
        return;
    }
    login_wait_t *wait = fatal_calloc(sizeof *wait);
    *wait = (login_wait_t){.ticket = ++relay->last_ticket,
        .route = request->route,
        .connection = speaker->connection,
        .id = json_incref(request->id),
        .hello = {.client = hello->client, .resume = hello->resume, .agent = hello->agent, .user = hello->user},
        .back = speaker->back};
    s_keep(wait);
    HASH_ADD(hh, relay->logins, ticket, sizeof wait->ticket, wait);
    HASH_ADD(by_route, relay->logins_by_route, route, sizeof wait->route, wait);

    login_request_t *login = fatal_calloc(sizeof *login);
    login->ticket = wait->ticket;
    memcpy(login->user, hello->user.ptr, hello->user.len);
    memcpy(login->token, hello->token.ptr, hello->token.len);
    outbox_add(relay->outbox, &(effect_t){.kind = EFFECT_LOGIN, .login = login});
}

void relay_login_done(relay_t *relay, uint64_t ticket, login_t result, uint64_t wait_ms, uint64_t now) {
    login_wait_t *wait;
    HASH_FIND(hh, relay->logins, &ticket, sizeof ticket, wait);
    if (!wait)
        return;
    request_t request = {.route = wait->route, .id = wait->id, .now = now};
    if (result == LOGIN_OK)
        hello_admit(relay, &request, &wait->hello,
            &(speaker_t){
                .name = wait->hello.user, .by_token = true, .connection = wait->connection, .back = wait->back});
    else if (result == LOGIN_SLOW)
        fail_wait(relay, &request, wait_ms);
    else
        fail(relay, &request, ZR_LOGIN_FAILED, NULL);
    s_forget(relay, wait);
}
