#include "trunk_session.h"

#include "unit.h"

static zr_trunk_t s_trunk;

static void s_begin(const char *servers, bool patient) {
    static const uint8_t random[ZR_CLIENT_ID_LEN / 2] = {0xab};
    s_trunk = (zr_trunk_t){.patient = patient};
    zr_trunk_begin(&s_trunk, servers, NULL, random, 1000);
}

static bool s_welcome(const char *text) {
    json_t *welcome = json_loads(text, 0, NULL);
    bool whole = zr_trunk_read_welcome(&s_trunk, welcome);
    json_decref(welcome);
    return whole;
}

static void s_greet(uint64_t now) {
    zr_trunk_connect(&s_trunk, now);
    json_decref(zr_trunk_hello(&s_trunk, "test", NULL, NULL, now));
}

static void s_go_live(uint64_t now) {
    s_greet(now);
    ck_assert(s_welcome("{\"heartbeat\":2000,\"back\":\"tcp://a:2\"}"));
    zr_trunk_live(&s_trunk, now);
}

TEST(test_hello_names_client_and_user) {
    s_begin("tcp://a:1", false);
    ck_assert(zr_trunk_connects(&s_trunk, 1000));
    ck_assert_str_eq(zr_trunk_connect(&s_trunk, 1000)->endpoint, "tcp://a:1");
    ck_assert(!zr_trunk_connects(&s_trunk, 1000));
    json_t *hello = zr_trunk_hello(&s_trunk, "test", "web", "secret", 1000);
    char *text = json_dumps(hello, 0);
    ck_assert_str_eq(text,
        "{\"op\": \"hello\", \"id\": \"hello\", \"proto\": 1, \"client\": \"ab000000000000000000000000000000\", "
        "\"agent\": \"test\", \"user\": \"web\", \"token\": \"secret\"}");
    free(text);
    json_decref(hello);
}

TEST(test_a_welcome_needs_heartbeat_and_back) {
    char endpoint[ZR_TRUNK_BACK_MAX + 1], text[ZR_TRUNK_BACK_MAX + 100];
    s_begin("tcp://a:1", false);
    s_greet(1000);
    ck_assert(!s_welcome("{\"back\":\"tcp://a:2\"}"));
    ck_assert(!s_welcome("{\"heartbeat\":0,\"back\":\"tcp://a:2\"}"));
    ck_assert(!s_welcome("{\"heartbeat\":5000}"));
    memset(endpoint, 'x', sizeof endpoint);
    for (size_t len = ZR_TRUNK_BACK_MAX; len >= ZR_TRUNK_BACK_MAX - 1; len--) {
        endpoint[len] = '\0';
        snprintf(text, sizeof text, "{\"heartbeat\":5000,\"back\":\"%s\"}", endpoint);
        ck_assert_int_eq(s_welcome(text), len < ZR_TRUNK_BACK_MAX);
    }
    ck_assert_str_eq(s_trunk.back, endpoint);
}

TEST(test_heartbeats_have_bounds) {
    s_begin("tcp://a:1", false);
    s_greet(1000);
    ck_assert(s_welcome("{\"heartbeat\":1,\"back\":\"tcp://a:2\"}"));
    ck_assert_uint_eq(s_trunk.heartbeat, 100);
    ck_assert(s_welcome("{\"heartbeat\":9223372036854775807,\"back\":\"tcp://a:2\"}"));
    ck_assert_uint_eq(s_trunk.heartbeat, 3600000);
}

/* With 0xff as the random byte the wait is almost the whole back-off. */
static uint64_t s_lose(uint64_t now) {
    zr_trunk_lose(&s_trunk, 0xff, now);
    return s_trunk.retry_at - now;
}

TEST(test_each_wait_is_twice_as_long) {
    static const unsigned waits[] = {100, 200, 400, 800, 1600, 3200, 5000, 5000};
    s_begin("tcp://a:1", false);
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
        s_greet(1000);
        ck_assert_uint_eq(s_lose(1000), waits[i] * 383 / 384);
    }
    zr_trunk_connect(&s_trunk, 1000);
    zr_trunk_lose(&s_trunk, 0, 1000);
    ck_assert_uint_eq(s_trunk.retry_at, 1000 + 5000 / 3);
}

TEST(test_a_steady_session_begins_anew) {
    s_begin("tcp://a:1", false);
    s_go_live(1000);
    ck_assert_uint_eq(s_lose(1000 + 9999), 100 * 383 / 384);
    s_go_live(20000);
    ck_assert_uint_eq(s_lose(20000 + 9999), 200 * 383 / 384);
    s_go_live(40000);
    ck_assert_uint_eq(s_lose(40000 + 10000), 100 * 383 / 384);
}

TEST(test_several_servers_take_turns_and_wait_less) {
    s_begin("tcp://a:1,tcp://b:1", false);
    for (int i = 0; i < 8; i++) {
        ck_assert_str_eq(zr_trunk_connect(&s_trunk, 1000)->endpoint, i % 2 ? "tcp://b:1" : "tcp://a:1");
        ck_assert_uint_le(s_lose(1000), 1000);
    }
}

TEST(test_another_server_takes_their_place) {
    zr_server_t other = {.endpoint = "tcp://c:1"};
    s_begin("tcp://a:1,tcp://b:1", false);
    s_go_live(1000);
    zr_trunk_lose(&s_trunk, 0, 2000);
    zr_trunk_follow(&s_trunk, &other, 2000);
    ck_assert(zr_trunk_connects(&s_trunk, 2000));
    ck_assert_str_eq(zr_trunk_connect(&s_trunk, 2000)->endpoint, "tcp://c:1");
    ck_assert_uint_eq(s_lose(2000), 100 * 383 / 384);
}

TEST(test_a_connection_has_a_time_to_stand) {
    s_begin("tcp://a:1", false);
    zr_trunk_connect(&s_trunk, 1000);
    ck_assert_ptr_null(zr_trunk_overdue(&s_trunk, 5999));
    ck_assert_ptr_nonnull(zr_trunk_overdue(&s_trunk, 6000));
    ck_assert_uint_eq(zr_trunk_due(&s_trunk), 6000);
}

TEST(test_the_only_server_is_tried_below_for_ever) {
    s_begin("tcp://a:1", true);
    zr_trunk_connect(&s_trunk, 1000);
    ck_assert_uint_eq(zr_trunk_due(&s_trunk), UINT64_MAX);
    ck_assert_ptr_null(zr_trunk_overdue(&s_trunk, UINT64_MAX - 1));
    s_begin("tcp://a:1,tcp://b:1", true);
    zr_trunk_connect(&s_trunk, 1000);
    ck_assert_ptr_nonnull(zr_trunk_overdue(&s_trunk, 6000));
}

TEST(test_silence_and_heartbeats) {
    s_begin("tcp://a:1", false);
    s_go_live(1000);
    ck_assert_uint_eq(zr_trunk_due(&s_trunk), 3000);
    ck_assert(!zr_trunk_beats(&s_trunk, 2999));
    ck_assert(zr_trunk_beats(&s_trunk, 3000));
    ck_assert(!zr_trunk_beats(&s_trunk, 3000));
    ck_assert_ptr_null(zr_trunk_overdue(&s_trunk, 7000));
    ck_assert_ptr_nonnull(zr_trunk_overdue(&s_trunk, 7001));
    s_trunk.heard_at = 7000;
    ck_assert_ptr_null(zr_trunk_overdue(&s_trunk, 7001));
}

static bool s_ends(const char *text) {
    json_t *error = json_loads(text, 0, NULL);
    bool ends = zr_trunk_refusal(&s_trunk, error);
    json_decref(error);
    return ends;
}

TEST(test_errors_that_end_it) {
    s_begin("tcp://a:1", false);
    s_greet(1000);
    ck_assert(s_ends("{\"code\":\"forbidden\",\"text\":\"no\"}"));
    ck_assert(s_ends("{}"));
    s_go_live(1000);
    ck_assert(!s_ends("{\"code\":\"forbidden\",\"text\":\"no\"}"));
    ck_assert(s_ends("{\"code\":\"no-session\"}"));
}

static void s_pong(json_int_t re) {
    json_t *pong = json_pack("{sI}", "re", re);
    zr_trunk_on_pong(&s_trunk, pong);
    json_decref(pong);
}

TEST(test_it_is_full_until_the_broker_has_read) {
    s_begin("tcp://a:1", false);
    s_go_live(1000);
    ck_assert(!zr_trunk_sent(&s_trunk, ZR_TRUNK_MARK));
    ck_assert(zr_trunk_sent(&s_trunk, 1));
    json_t *ping = zr_trunk_ping(&s_trunk);
    ck_assert_int_eq(json_integer_value(json_object_get(ping, "id")), ZR_TRUNK_MARK + 1);
    json_decref(ping);
    ck_assert(!zr_trunk_sent(&s_trunk, 1));
    zr_trunk_sent(&s_trunk, ZR_TRUNK_WINDOW - ZR_TRUNK_MARK - 2);
    ck_assert(!zr_trunk_is_full(&s_trunk));
    zr_trunk_sent(&s_trunk, 1);
    ck_assert(zr_trunk_is_full(&s_trunk));
    s_pong(ZR_TRUNK_WINDOW + 2); /* more than was sent */
    s_pong(0);
    s_pong(-1);
    ck_assert(zr_trunk_is_full(&s_trunk));
    s_pong(1);
    ck_assert(!zr_trunk_is_full(&s_trunk));
    zr_trunk_lose(&s_trunk, 0, 2000);
    ck_assert_uint_eq(s_trunk.sent, 0);
}

UNIT_SUITE("common.trunk_session")
