/* POST of a message, PUT and DELETE of a key: one entry each. */
#include <jansson.h>
#include <sodium/crypto_generichash.h>
#include <stdio.h>

#include "fatal.h"
#include "hash.h"
#include "http_json.h"
#include "http_request.h"
#include "names.h"

typedef struct http_publish {
    http_request_t *request;
    http_entry_t entry;
    char client[ZR_CLIENT_ID_LEN + 1]; /* with an Idempotency-Key: made of it */
    http_session_t *session;           /* with an Idempotency-Key: its own */
    bool listed;
    UT_hash_handle hh;
} http_publish_t;

/* --- The answer --- */

static void s_unlist(http_publish_t *own) {
    if (own->listed)
        HASH_DELETE(hh, own->request->api->keys, own);
    own->listed = false;
}

static void s_close(http_request_t *request) {
    http_publish_t *own = request->own;
    s_unlist(own);
    http_session_destroy(own->session);
}

/* The session is given back by the answer, or with the request if it is its own. */
static http_session_t *s_session(http_publish_t *own) {
    return own->session ? own->session : http_session(own->request);
}

static void s_on_answer(void *ctx, const json_t *answer) {
    http_publish_t *own = ctx;
    char id[HTTP_POSITION_SIZE], tag[HTTP_ETAG_SIZE];
    http_headers_t more = {0};
    uint64_t seq = http_number(answer, "seq");
    json_t *object = json_pack("{s:s}", "room", own->request->route.room);
    if (own->entry.key.len > 0)
        json_object_set_new(object, "key", json_stringn(own->entry.key.ptr, own->entry.key.len));
    if (seq > 0) {
        uint64_t epoch = http_session_epoch(s_session(own));
        http_position_write(id, epoch, seq);
        http_etag_write(tag, epoch, seq);
        json_object_set_new(object, "seq", json_integer((json_int_t)seq));
        json_object_set_new(object, "id", json_string(id));
        if (own->entry.key.len > 0 && !(own->entry.flags & ZR_ENTRY_DELETE))
            http_add(&more, "ETag", tag);
    }
    json_t *level = json_object_get(answer, "level");
    if (level)
        json_object_set(object, "level", level);
    bool created = own->request->method == HTTP_POST && !(own->entry.once && seq == 0);
    own->request->ask = NULL;
    s_unlist(own);
    http_answer_json(own->request, created ? 201 : 200, &more, object);
}

static void s_on_failed(void *ctx, const http_problem_t *problem) {
    http_publish_t *own = ctx;
    http_problem_t told = *problem;
    if (told.code == HTTP_BROKER_AWAY && !told.detail[0])
        http_fail(&told, HTTP_BROKER_AWAY,
            "the broker went away before its answer; with an Idempotency-Key the request can be sent again safely");
    own->request->ask = NULL;
    s_unlist(own);
    http_refuse(own->request, &told);
}

/* The ask has told what there is to tell. */
static void s_on_ended(void *ctx, const http_problem_t *problem) {
    (void)ctx;
    (void)problem;
}

static void s_ask(http_publish_t *own) {
    static const http_ask_calls_t calls = {NULL, s_on_answer, s_on_failed};
    http_session_t *session = s_session(own);
    http_problem_t problem;
    if (own->entry.epoch && http_session_is_live(session) && own->entry.epoch != http_session_epoch(session)) {
        http_fail(&problem, ZR_CONFLICT, HTTP_STALE_ETAG);
        s_on_failed(own, &problem);
        return;
    }
    own->request->ask = http_session_publish(session, &own->entry, &calls, own);
}

/* --- With an Idempotency-Key --- */

static void s_add(crypto_generichash_state *state, zr_span_t text) {
    uint8_t len[4] = {
        (uint8_t)(text.len >> 24), (uint8_t)(text.len >> 16), (uint8_t)(text.len >> 8), (uint8_t)text.len};
    crypto_generichash_update(state, len, sizeof len);
    crypto_generichash_update(state, (const uint8_t *)text.ptr, text.len);
}

/* The broker remembers which message ids of a client it has stored. So each key becomes a client id, whose only message
 * has the id 1. This holds over restarts of gateway and broker, and with several gateways. The login is in it: nobody
 * can make the client id of another user's key. */
static void s_make_client(http_publish_t *own, zr_span_t key, const http_login_t *login) {
    static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "DELETE"};
    uint8_t hash[crypto_generichash_BYTES];
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, sizeof hash);
    s_add(&state, zr_span("zrelay idempotency key 1"));
    s_add(&state, zr_span(methods[own->request->method]));
    s_add(&state, zr_span(own->request->route.room));
    s_add(&state, own->entry.key);
    s_add(&state, zr_span(login->user));
    s_add(&state, zr_span(login->token));
    s_add(&state, key);
    crypto_generichash_final(&state, hash, sizeof hash);
    zr_hex(own->client, hash, ZR_CLIENT_ID_LEN / 2);
}

static bool s_list(http_publish_t *own, http_problem_t *problem) {
    http_publish_t *other = NULL;
    http_api_t *api = own->request->api;
    HASH_FIND(hh, api->keys, own->client, ZR_CLIENT_ID_LEN, other);
    if (other)
        return http_fail(problem, HTTP_IN_PROGRESS, "wait for the answer to it, or send this one again later");
    HASH_ADD(hh, api->keys, client, ZR_CLIENT_ID_LEN, own);
    return own->listed = true;
}

static bool s_open_session(http_publish_t *own, zr_span_t key, http_problem_t *problem) {
    static const http_session_calls_t calls = {.ended = s_on_ended};
    static http_login_t login;
    http_identity_t identity;
    http_request_t *request = own->request;
    if (!http_check_broker(request->api, problem) || !http_identify(request, &identity, &login, problem))
        return false;
    s_make_client(own, key, &login);
    if (!s_list(own, problem)) {
        http_login_forget(&login);
        return false;
    }
    memcpy(identity.client, own->client, sizeof identity.client);
    own->session = http_session_new(&request->api->broker, &identity, &calls, own);
    http_login_forget(&login);
    http_wait(request);
    return true;
}

/* --- The request --- */

/* What a condition asks of the key's value. */
static bool s_read_condition(http_publish_t *own, http_problem_t *problem) {
    http_condition_t condition;
    http_entry_t *entry = &own->entry;
    if (!http_condition_read(
            &condition, http_field(own->request, "If-Match"), http_field(own->request, "If-None-Match"), problem))
        return false;
    if (condition.kind == HTTP_IF_NOTHING)
        return true;
    if (entry->key.len == 0)
        return http_fail(problem, HTTP_BAD_REQUEST, "a condition needs a key; give it in Zrelay-Key");
    entry->flags |= ZR_ENTRY_EXPECT;
    entry->expect = condition.kind == HTTP_IF_SEQ ? condition.position.seq : 0;
    entry->epoch = condition.kind == HTTP_IF_SEQ ? condition.position.epoch : 0;
    return true;
}

static bool s_read_ttl(http_publish_t *own, http_problem_t *problem) {
    http_entry_t *entry = &own->entry;
    const char *ttl = exchange_header(own->request->exchange, "Zrelay-TTL");
    if (!ttl)
        return true;
    if (entry->key.len == 0 || entry->flags & ZR_ENTRY_DELETE)
        return http_fail(problem, HTTP_BAD_REQUEST, "Zrelay-TTL goes with the value of a key");
    entry->flags |= ZR_ENTRY_TTL;
    return http_ttl_read(&entry->ttl, zr_span(ttl), problem);
}

static bool s_read_entry(http_publish_t *own, http_problem_t *problem) {
    http_request_t *request = own->request;
    const char *key = exchange_header(request->exchange, "Zrelay-Key");
    own->entry.room = request->route.room;
    if (request->method == HTTP_DELETE)
        own->entry.flags = ZR_ENTRY_DELETE;
    else
        own->entry.body = exchange_body(request->exchange);
    if (request->route.resource == HTTP_STATE_KEY)
        own->entry.key = zr_span(request->route.key);
    else if (key && !http_entry_key_read(&own->entry.key, zr_span(key), problem))
        return false;
    return s_read_ttl(own, problem) && s_read_condition(own, problem);
}

/* A history has other parameters than a message. */
static bool s_check_query(const http_request_t *request, http_problem_t *problem) {
    unsigned others = request->route.has & ~(1u << HTTP_Q_NICK);
    return others == 0 || http_fail(problem, HTTP_BAD_REQUEST, "a message takes no parameter but 'nick'");
}

void http_publish_take(http_request_t *request) {
    http_publish_t *own = request->own = fatal_calloc(sizeof *own);
    const char *header = exchange_header(request->exchange, "Idempotency-Key");
    http_problem_t problem;
    zr_span_t key = zr_span("");
    own->request = request;
    request->close = s_close;
    if (!s_check_query(request, &problem) || !s_read_entry(own, &problem) ||
        (header && !http_idempotency_key_read(&key, zr_span(header), &problem))) {
        http_refuse(request, &problem);
        return;
    }
    own->entry.once = header != NULL;
    if (!header && http_lease(request))
        s_ask(own);
    else if (header && s_open_session(own, key, &problem))
        s_ask(own);
    else if (header)
        http_refuse(request, &problem);
}
