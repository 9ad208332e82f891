#include "http_pool.h"

#include <sodium/crypto_generichash.h>
#include <utlist.h>

#include "fatal.h"
#include "hash.h"

enum { KEY_SIZE = 32 };

/* A session and all that share it. One that ended leaves the table at once, and goes with its last request. */
struct http_lease {
    uint8_t key[KEY_SIZE];
    http_pool_t *pool;
    http_session_t *session;
    size_t users;
    bool listed; /* in the table */
    uint64_t idle_since;
    http_lease_t *prev, *next; /* of the idle ones, the longest idle first */
    UT_hash_handle hh;
};

struct http_pool {
    http_broker_t *broker;
    http_lease_t *table;
    http_lease_t *idle;
    size_t count; /* those that left the table, too */
    uint8_t secret[KEY_SIZE];
};

http_pool_t *http_pool_new(http_broker_t *broker) {
    http_pool_t *pool = fatal_calloc(sizeof *pool);
    pool->broker = broker;
    broker->entropy(broker->ctx, pool->secret, sizeof pool->secret);
    return pool;
}

static void s_destroy(http_lease_t *lease) {
    if (lease->listed)
        HASH_DELETE(hh, lease->pool->table, lease);
    lease->pool->count--;
    http_session_destroy(lease->session);
    free(lease);
}

static void s_drop_idle(http_lease_t *lease) {
    DL_DELETE(lease->pool->idle, lease);
    s_destroy(lease);
}

void http_pool_destroy(http_pool_t *pool) {
    if (!pool)
        return;
    while (pool->idle)
        s_drop_idle(pool->idle);
    FATAL_UNLESS(pool->count == 0);
    free(pool);
}

/* --- Sessions that end --- */

/* Nobody else gets it; its requests heard already. */
static void s_unlist(http_lease_t *lease) {
    if (lease->listed)
        HASH_DELETE(hh, lease->pool->table, lease);
    lease->listed = false;
    if (lease->users == 0)
        s_drop_idle(lease);
}

static void s_on_lost(void *ctx) {
    s_unlist(ctx);
}

static void s_on_ended(void *ctx, const http_problem_t *problem) {
    (void)problem;
    s_unlist(ctx);
}

/* --- Leases --- */

static void s_add(crypto_generichash_state *state, const void *data, size_t len) {
    crypto_generichash_update(state, data, len);
}

/* The secret keeps anybody from looking for two identities with one key. */
static void s_make_key(const http_pool_t *pool, const http_identity_t *identity, uint8_t key[KEY_SIZE]) {
    crypto_generichash_state state;
    uint8_t kind[2] = {identity->secure, (uint8_t)identity->login->kind};
    crypto_generichash_init(&state, pool->secret, sizeof pool->secret, KEY_SIZE);
    s_add(&state, identity->address, sizeof *identity->address);
    s_add(&state, kind, sizeof kind);
    s_add(&state, identity->nick, strlen(identity->nick) + 1);
    s_add(&state, identity->login->user, strlen(identity->login->user) + 1);
    s_add(&state, identity->login->token, strlen(identity->login->token) + 1);
    crypto_generichash_final(&state, key, KEY_SIZE);
}

static http_lease_t *s_new(http_pool_t *pool, const http_identity_t *identity, const uint8_t key[KEY_SIZE]) {
    static const http_session_calls_t calls = {.lost = s_on_lost, .ended = s_on_ended};
    http_lease_t *lease = fatal_calloc(sizeof *lease);
    memcpy(lease->key, key, KEY_SIZE);
    lease->pool = pool;
    lease->users = 1;
    lease->listed = true;
    lease->session = http_session_new(pool->broker, identity, &calls, lease);
    HASH_ADD(hh, pool->table, key, KEY_SIZE, lease);
    pool->count++;
    return lease;
}

http_lease_t *http_pool_take(http_pool_t *pool, const http_identity_t *identity) {
    uint8_t key[KEY_SIZE];
    http_lease_t *lease = NULL;
    s_make_key(pool, identity, key);
    HASH_FIND(hh, pool->table, key, KEY_SIZE, lease);
    if (lease) {
        if (lease->users++ == 0)
            DL_DELETE(pool->idle, lease);
        return lease;
    }
    if (pool->count >= HTTP_POOL_MAX && pool->idle)
        s_drop_idle(pool->idle);
    return pool->count < HTTP_POOL_MAX ? s_new(pool, identity, key) : NULL;
}

http_session_t *http_lease_session(const http_lease_t *lease) {
    return lease->session;
}

void http_lease_return(http_lease_t *lease) {
    if (!lease || --lease->users > 0)
        return;
    if (!lease->listed) {
        s_destroy(lease);
        return;
    }
    lease->idle_since = *lease->pool->broker->now;
    DL_APPEND(lease->pool->idle, lease);
}

void http_pool_tick(http_pool_t *pool) {
    while (pool->idle && *pool->broker->now - pool->idle->idle_since >= HTTP_POOL_IDLE_MS)
        s_drop_idle(pool->idle);
}

size_t http_pool_count(const http_pool_t *pool) {
    return pool->count;
}
