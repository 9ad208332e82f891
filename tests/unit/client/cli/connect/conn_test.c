#include "conn.h"

#include <stdio.h>

#include "signals.h"
#include "unit.h"

/* A relay that gives out a prepared list of events; the library's functions in place of the library's. */
struct zrelay {
    int unused;
};
static struct zrelay s_relay;
static zrelay_event_t s_events[32];
static size_t s_next, s_count;
static int s_works; /* how often the library was let work */
static char s_renamed[64], s_curve[128], s_login[128], s_client[64];
static int s_fd = -1;

static void s_prepare(const zrelay_event_t *events, size_t count) {
    if (count > 0)
        memcpy(s_events, events, count * sizeof *events);
    s_next = 0;
    s_count = count;
    s_works = 0;
    s_renamed[0] = '\0';
}

zrelay_t *zrelay_new(const char *server) {
    return strncmp(server, "tcp:", 4) == 0 ? &s_relay : NULL;
}
void zrelay_destroy(zrelay_t *relay) {
    (void)relay;
}
const char *zrelay_strerror(int code) {
    (void)code;
    return "wrong";
}
int zrelay_set_agent(zrelay_t *relay, const char *agent) {
    (void)relay;
    return agent ? 0 : ZRELAY_EINVAL;
}
int zrelay_set_nick(zrelay_t *relay, const char *nick) {
    (void)relay;
    return nick ? 0 : ZRELAY_EINVAL;
}
int zrelay_set_client(zrelay_t *relay, const char *client) {
    (void)relay;
    snprintf(s_client, sizeof s_client, "%s", client);
    return 0;
}
const char *zrelay_server(const zrelay_t *relay) {
    (void)relay;
    return NULL;
}

int zrelay_set_curve(zrelay_t *relay, const char *server_key, const char *public_key, const char *secret_key) {
    (void)relay;
    snprintf(s_curve, sizeof s_curve, "%s %s %s", server_key, public_key, secret_key);
    return 0;
}
int zrelay_set_login(zrelay_t *relay, const char *user, const char *token) {
    (void)relay;
    snprintf(s_login, sizeof s_login, "%s %s", user, token);
    return 0;
}
int zrelay_renew_login(zrelay_t *relay, const char *token) {
    (void)relay;
    snprintf(s_login, sizeof s_login, "%s", token);
    return 0;
}
int zrelay_rename(zrelay_t *relay, const char *nick) {
    (void)relay;
    snprintf(s_renamed, sizeof s_renamed, "%s", nick);
    return 0;
}
int zrelay_close(zrelay_t *relay) {
    (void)relay;
    return ZRELAY_ESTATE;
}
int zrelay_fd(zrelay_t *relay) {
    (void)relay;
    return s_fd;
}
int zrelay_timeout(zrelay_t *relay) {
    (void)relay;
    return s_next < s_count ? 0 : -1;
}
const zrelay_event_t *zrelay_next(zrelay_t *relay, int timeout_ms) {
    static zrelay_event_t event;
    static char body[64];
    (void)relay;
    (void)timeout_ms;
    if (s_next == s_count)
        return NULL;
    event = s_events[s_next++];
    if (event.body) { /* valid until the next call only */
        memset(body, '?', sizeof body);
        memcpy(body, event.body, event.body_len);
        event.body = body;
    }
    return &event;
}
void zrelay_keep_alive(zrelay_t *relay) {
    (void)relay;
    s_works++;
}

static const zrelay_event_t s_connected = {.type = ZRELAY_CONNECTED, .name = "ann", .text = "hello"};

static conn_t session;
static config_t config;

/* Each test begins with a session. */
static void s_begin(void) {
    signals_open();
    setenv("XDG_CONFIG_HOME", "/nonexistent", 1);
    config_init(&config);
    config.connect_ms = 200;
    config.server = "tcp://x:1";
    s_prepare(&s_connected, 1);
    ck_assert_int_eq(conn_open(&session, &config, CONN_NAMELESS), 0);
}

static void s_end(void) {
    conn_close(&session);
    config_finish(&config);
}

TEST(test_connects) {
    ck_assert_str_eq(session.nick, "ann");
    ck_assert_str_eq(session.greeting, "hello");
}

TEST(test_goes_on_with_a_client_id) {
    ck_assert_str_eq(s_client, ""); /* a new one */
    conn_close(&session);
    zrelay_event_t connected = s_connected;
    connected.epoch = "0123456789abcdef";
    s_prepare(&connected, 1);
    config.client = "00112233445566778899aabbccddeeff";
    ck_assert_int_eq(conn_open(&session, &config, CONN_NAMELESS), 0);
    ck_assert_str_eq(s_client, config.client);
    ck_assert_str_eq(session.epoch, "0123456789abcdef");
    s_prepare(&(zrelay_event_t){.type = ZRELAY_EPOCH, .epoch = "fedcba9876543210"}, 1);
    ck_assert_int_eq(conn_take(&session)->type, ZRELAY_EPOCH);
    ck_assert_str_eq(session.epoch, "fedcba9876543210");
}

TEST(test_gives_up) {
    conn_close(&session);
    s_prepare(NULL, 0);
    ck_assert_int_eq(conn_open(&session, &config, CONN_NAMELESS), CLI_UNREACHABLE);
    conn_close(&session);
    config.server = "a b";
    ck_assert_int_eq(conn_open(&session, &config, CONN_NAMELESS), CLI_USAGE);
}

TEST(test_hold_takes_no_event) {
    zrelay_event_t events[] = {{.type = ZRELAY_ENTRY, .room = "r", .body = "one", .body_len = 3, .seq = 1},
        {.type = ZRELAY_ENTRY, .room = "r", .body = "two", .body_len = 3, .seq = 2}};
    s_prepare(events, 2);
    const zrelay_event_t *event = conn_take(&session);
    conn_hold(&session, NULL, 0, 1);
    conn_hold(&session, NULL, 0, 1);
    ck_assert_int_eq(s_works, 1); /* not again within a second */
    session.beat_ms -= 1000;
    conn_hold(&session, NULL, 0, 1);
    ck_assert_int_eq(s_works, 2);
    ck_assert_uint_eq(event->seq, 1);
    ck_assert_span_eq(zr_span_of(event->body, event->body_len), zr_span("one"));
    ck_assert_uint_eq(conn_take(&session)->seq, 2);
    ck_assert_ptr_null(conn_take(&session));
}

TEST(test_nick_in_use) {
    conn_close(&session);
    zrelay_event_t events[] = {
        {.type = ZRELAY_REFUSED, .name = "ann", .code = "nick-in-use", .text = "taken"}, s_connected};
    s_prepare(events, 2);
    ck_assert_int_eq(conn_open(&session, &config, CONN_PERSON), 0);
    ck_assert_str_eq(s_renamed, "ann_");
    conn_close(&session);
    config.nick = "ann";
    config.nick_given = true;
    s_prepare(events, 2);
    ck_assert_int_eq(conn_open(&session, &config, CONN_NAMED), CLI_REFUSED);
    ck_assert_str_eq(s_renamed, "");
}

static int s_each(const zrelay_event_t *event, void *ctx) {
    *(uint64_t *)ctx += event->seq;
    return 0;
}

TEST(test_answers) {
    zrelay_event_t events[] = {{.type = ZRELAY_ENTRY, .request = 8, .seq = 100},
        {.type = ZRELAY_ENTRY, .request = 7, .seq = 1}, {.type = ZRELAY_DISCONNECTED}, s_connected,
        {.type = ZRELAY_ENTRY, .request = 7, .seq = 2}, {.type = ZRELAY_DONE, .request = 7, .seq = 5}};
    uint64_t sum = 0;
    zrelay_event_t done;
    s_prepare(events, 6);
    ck_assert_int_eq(conn_answer(&session, 7, s_each, &sum, &done), 0);
    ck_assert_uint_eq(sum, 3);
    ck_assert_uint_eq(done.seq, 5);
    ck_assert_int_eq(conn_answer(&session, 8, s_each, &sum, &done), CLI_UNREACHABLE);
    zrelay_event_t refused = {.type = ZRELAY_REFUSED, .request = 7, .code = "bad-room"};
    s_prepare(&refused, 1);
    ck_assert_int_eq(conn_answer(&session, 7, s_each, &sum, &done), CLI_REFUSED);
}

TEST(test_a_key_that_is_refused_ends_it_at_once) {
    conn_close(&session);
    zrelay_event_t refused = {.type = ZRELAY_DISCONNECTED, .code = "refused", .text = "no"};
    s_prepare(&refused, 1);
    config.connect_ms = 600000;
    ck_assert_int_eq(conn_open(&session, &config, CONN_NAMELESS), CLI_REFUSED);
    s_prepare(&refused, 1); /* while it waits for an answer, too */
    ck_assert_int_eq(conn_answer(&session, 7, NULL, NULL, NULL), CLI_REFUSED);
}

TEST(test_a_handshake_that_fails_may_be_a_restart) {
    conn_close(&session);
    zrelay_event_t events[] = {{.type = ZRELAY_DISCONNECTED, .code = "handshake", .text = "another key"}, s_connected};
    config.connect_ms = 600000; /* it does not take as long when nothing better comes */
    s_prepare(events, 1);
    ck_assert_int_eq(conn_open(&session, &config, CONN_NAMELESS), CLI_UNREACHABLE);
    conn_close(&session);
    s_prepare(events, 2);
    ck_assert_int_eq(conn_open(&session, &config, CONN_NAMELESS), 0);
}

TEST(test_a_token_goes_to_the_library_and_is_wiped) {
    conn_close(&session);
    config.server = "tcp://127.0.0.1:1";
    config.user = "ann";
    setenv("ZRELAY_TOKEN", "s3cret", 1);
    s_prepare(&s_connected, 1);
    ck_assert_int_eq(conn_open(&session, &config, CONN_NAMELESS), 0);
    ck_assert_str_eq(s_login, "ann s3cret");
    ck_assert_str_eq(session.target.identity.token, "");
    ck_assert_str_eq(s_curve, "");
}

static bool s_says(const zrelay_event_t *event, const char *words) {
    zr_buffer_t text = {0};
    bool said = conn_describe(&session, event, &text);
    zr_buffer_u8(&text, '\0');
    said = said && strstr((const char *)text.data, words);
    zr_buffer_finish(&text);
    return said;
}

/* Sent away is one thing, not being let in any more another. */
TEST(test_when_the_broker_lets_us_in_no_more) {
    zrelay_event_t events[] = {
        {.type = ZRELAY_REFUSED, .code = "login-failed", .text = "no"}, /* of another nick, say */
        {.type = ZRELAY_DISCONNECTED, .code = "kicked", .text = "kicked"}, s_connected,
        {.type = ZRELAY_DISCONNECTED, .code = "refused"}, s_connected,
        {.type = ZRELAY_DISCONNECTED, .code = "banned", .text = "banned"},
        {.type = ZRELAY_REFUSED, .room = "r", .code = "forbidden"}, {.type = ZRELAY_REFUSED, .code = "forbidden"},
        {.type = ZRELAY_REFUSED, .code = "rate-limited"}, {.type = ZRELAY_DISCONNECTED, .code = "refused"}, s_connected,
        {.type = ZRELAY_DISCONNECTED, .code = "handshake"}};
    static const struct {
        bool refused;
        const char *says;
    } expected[] = {{false, "[login-failed]"}, {false, "kicked by an operator; connecting again"}, {false, "again"},
        {true, "refuses this connection"}, {false, "again"}, {false, "banned by an operator"}, {false, "[forbidden]"},
        {true, "lets you in no more: an operator has banned you"}, {false, "[rate-limited]"},
        {true, "lets you in no more: an operator has banned you"}, {false, "again"}, {false, "; trying again"}};
    size_t count = sizeof events / sizeof events[0];
    s_prepare(events, count);
    for (size_t i = 0; i < count; i++) {
        const zrelay_event_t *event = conn_take(&session);
        ck_assert_msg(conn_refused(&session, event) == expected[i].refused, "event %zu", i);
        ck_assert_msg(s_says(event, expected[i].says), "event %zu", i);
    }
}

UNIT_SUITE_WITH("client.cli.conn", s_begin, s_end)
