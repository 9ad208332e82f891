/* Sessions that requests share. */
#include "http_pool.h"

#include <stdio.h>

#include "fixture_api.h"

static uint64_t s_now = 1000;
static http_broker_t s_broker;
static http_pool_t *s_pool;
static http_login_t s_login;

static void s_entropy(void *ctx, void *out, size_t len) {
    (void)ctx;
    memset(out, 7, len);
}

static void s_begin(void) {
    api_begin();
    s_broker = (http_broker_t){.now = &s_now, .entropy = s_entropy};
    s_pool = http_pool_new(&s_broker);
}

static void s_end(void) {
    http_pool_destroy(s_pool);
    api_end();
}

static http_lease_t *s_take(const char *nick) {
    address_t address;
    ck_assert(address_parse(zr_span("203.0.113.7"), &address));
    http_identity_t identity = {.address = &address, .login = &s_login, .nick = nick};
    return http_pool_take(s_pool, &identity);
}

TEST(test_a_session_is_kept_for_a_while) {
    http_lease_t *first = s_take("ann"), *second = s_take("ann"), *other = s_take("bob");
    ck_assert_ptr_eq(http_lease_session(first), http_lease_session(second));
    ck_assert_ptr_ne(http_lease_session(first), http_lease_session(other));
    ck_assert_uint_eq(http_pool_count(s_pool), 2);
    http_lease_return(first);
    http_lease_return(other);
    s_now += HTTP_POOL_IDLE_MS - 1;
    http_pool_tick(s_pool);
    ck_assert_uint_eq(http_pool_count(s_pool), 2);
    s_now++;
    http_pool_tick(s_pool);
    ck_assert_uint_eq(http_pool_count(s_pool), 1); /* one is still in use */
    http_lease_return(second);
    http_lease_return(NULL);
}

TEST(test_a_session_that_ended_is_not_shared) {
    http_lease_t *first = s_take("ann");
    api_change(api_channel(), CHANNEL_ENDED, "kicked");
    http_lease_t *second = s_take("ann");
    ck_assert_ptr_ne(http_lease_session(first), http_lease_session(second));
    http_lease_return(first);
    ck_assert_uint_eq(http_pool_count(s_pool), 1);
    http_lease_return(second);
    api_change(api_channel(), CHANNEL_LOST, ""); /* an idle one goes at once */
    ck_assert_uint_eq(http_pool_count(s_pool), 0);
}

TEST(test_so_many_at_a_time) {
    static http_lease_t *leases[HTTP_POOL_MAX];
    char nick[16];
    for (size_t i = 0; i < HTTP_POOL_MAX; i++) {
        snprintf(nick, sizeof nick, "n%zu", i);
        leases[i] = s_take(nick);
        ck_assert_ptr_nonnull(leases[i]);
    }
    ck_assert_ptr_null(s_take("one-more"));
    http_lease_t *again = s_take("n7"); /* which has a session */
    ck_assert_ptr_eq(again, leases[7]);
    http_lease_return(again);
    http_lease_return(leases[3]);
    leases[3] = s_take("one-more"); /* takes the place of an idle one */
    ck_assert_ptr_nonnull(leases[3]);
    ck_assert_uint_eq(http_pool_count(s_pool), HTTP_POOL_MAX);
    for (size_t i = 0; i < HTTP_POOL_MAX; i++)
        http_lease_return(leases[i]);
}

UNIT_SUITE_WITH("client.gateway.http.api.http_pool", s_begin, s_end)
