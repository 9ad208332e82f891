/* Messages and keys by POST, PUT and DELETE. */
#include <stdio.h>

#include "fixture_api.h"

static void s_ack(channel_t *channel, json_int_t id, int seq) {
    api_say(channel, "{'op':'ack','re':%d,'room':'lobby','seq':%d,'level':'disk'}", (int)id, seq);
}

TEST(test_a_message_is_answered_once_it_is_acked) {
    exchange_t *e = api_request("POST", "/v1/rooms/lobby?nick=ann", "", "gr\xc3\xbc\xc3\x9f dich");
    channel_t *channel = api_channel();
    const char *hello = api_sent(channel);
    ck_assert_has(hello, "\"nick\":\"ann\"");
    ck_assert_ptr_null(api_sent(channel)); /* nothing before the session is there */
    api_say(channel, WELCOME);
    const char *publish = api_sent(channel);
    ck_assert_has(publish, "\"op\":\"publish\"");
    ck_assert_has(publish, "\"text\":\"gr\xc3\xbc\xc3\x9f dich\"");
    ck_assert_uint_eq(api_status(e), 0);
    s_ack(channel, 1, 48);
    ck_assert_status(e, 201);
    ck_assert_str_eq(api_body(e), "{\"room\":\"lobby\",\"seq\":48,\"id\":\"" EPOCH_TEXT ":48\",\"level\":\"disk\"}\n");
    ck_assert_str_eq(api_header(e, "X-Content-Type-Options"), "nosniff");
}

TEST(test_the_next_request_has_the_same_session) {
    exchange_t *e = api_request("POST", "/v1/rooms/lobby", "", "one");
    channel_t *channel = api_welcome();
    s_ack(channel, api_expect(channel, "publish"), 1);
    api_gone(e);
    e = api_request("POST", "/v1/rooms/lobby", "", "two");
    ck_assert_ptr_eq(api_channel(), channel);
    s_ack(channel, api_expect(channel, "publish"), 2);
    ck_assert_status(e, 201);
    api_gone(e);
    api_pass(14999);
    ck_assert_uint_eq(api_channels(), 1);
    api_pass(251);
    ck_assert_uint_eq(api_channels(), 0);
    api_expect(channel, "bye"); /* the nick is free at once */
}

TEST(test_others_have_sessions_of_their_own) {
    static const char basic[] = "Authorization: Basic YW5uOnM6M2M=\n", other[] = "Authorization: Basic YW5uOngzYw==\n";
    api_request_from("203.0.113.7", true, "POST", "/v1/rooms/lobby", "", "x");
    api_request_from("203.0.113.8", true, "POST", "/v1/rooms/lobby", "", "x");
    api_request_from("203.0.113.7", false, "POST", "/v1/rooms/lobby", "", "x");
    api_request_from("203.0.113.7", true, "POST", "/v1/rooms/lobby?nick=ann", "", "x");
    api_request_from("203.0.113.7", true, "POST", "/v1/rooms/lobby", basic, "x");
    api_request_from("203.0.113.7", true, "POST", "/v1/rooms/lobby", other, "x");
    api_request_from("203.0.113.7", true, "POST", "/v1/rooms/lobby", "Authorization: Bearer s:3c\n", "x");
    ck_assert_uint_eq(api_channels(), 6); /* the last is refused: a colon is in no Bearer token */
    api_request_from("203.0.113.7", true, "POST", "/v1/rooms/lobby", basic, "x");
    ck_assert_uint_eq(api_channels(), 6);
}

TEST(test_logins_go_to_the_broker) {
    api_request_from("203.0.113.7", true, "POST", "/v1/rooms/lobby", "Authorization: Basic YW5uOnM6M2M=\n", "x");
    ck_assert(api_channel_secure(api_channel()));
    ck_assert_str_eq(api_channel_address(api_channel()), "203.0.113.7");
    const char *hello = api_sent(api_channel());
    ck_assert_has(hello, "\"user\":\"ann\"");
    ck_assert_has(hello, "\"token\":\"s:3c\"");
    exchange_t *e = api_request("POST", "/v1/rooms/lobby", "Authorization: Bearer eyJ.eyJ.c2ln\n", "x");
    hello = api_sent(api_channel());
    ck_assert_ptr_null(strstr(hello, "\"user\""));
    ck_assert_has(hello, "\"token\":\"eyJ.eyJ.c2ln\"");
    api_say(api_channel(), "{'op':'error','re':0,'code':'login-failed','text':'no'}");
    ck_assert_status(e, 401);
    ck_assert_ptr_nonnull(api_header(e, "WWW-Authenticate"));
    ck_assert(api_channel_closed(api_channel()));
}

TEST(test_a_login_that_is_to_wait) {
    exchange_t *e = api_request("POST", "/v1/rooms/lobby", "Authorization: Bearer x\n", "x");
    channel_t *channel = api_channel();
    api_expect(channel, "hello");
    api_say(channel, "{'op':'error','re':0,'code':'rate-limited','text':'wait','wait':3000}");
    api_pass(2900);
    ck_assert_ptr_null(api_sent(channel));
    api_pass(250);
    api_expect(channel, "hello");
    api_say(channel, "{'op':'error','re':0,'code':'rate-limited','text':'wait','wait':3001}");
    ck_assert_status(e, 429);
    ck_assert_str_eq(api_header(e, "Retry-After"), "4");
    ck_assert(api_channel_closed(channel));
}

TEST(test_bytes_go_in_a_frame_one_at_a_time) {
    exchange_t *first = api_request("POST", "/v1/rooms/lobby", "", "\xff one");
    exchange_t *second = api_request("POST", "/v1/rooms/other", "", "\xff two");
    channel_t *channel = api_welcome();
    zr_publish_reader_t reader;
    zr_publish_entry_t entry;
    size_t count;
    uint64_t from, to;
    ck_assert_int_eq(zr_publish_read(&reader, api_sent_bytes(channel), &count, &from, &to), ZR_OK);
    ck_assert(zr_publish_next(&reader, &entry));
    ck_assert_span_eq(entry.body, zr_span("\xff one"));
    ck_assert_uint_eq(api_sent_bytes(channel).len, 0);
    uint8_t ack[ZR_ACK_SIZE];
    zr_ack_write(ack, &(zr_ack_t){ZR_LEVEL_MEMORY, entry.mid, 7});
    api_say_bytes(channel, zr_span_of(ack, sizeof ack));
    ck_assert_status(first, 201);
    ck_assert_has(api_body(first), "\"seq\":7");
    ck_assert_int_eq(zr_publish_read(&reader, api_sent_bytes(channel), &count, &from, &to), ZR_OK);
    ck_assert_uint_eq(from, entry.mid + 1);
    api_say(channel, "{'op':'error','code':'too-large','text':'split it','room':'other','mid':%d}", (int)from);
    ck_assert_status(second, 413);
}

TEST(test_the_longest_text_and_the_shortest_frame) {
    static char body[8194], target[1200], key[300];
    memset(body, 1, 8193); /* each byte takes six in JSON */
    body[8192] = '\0';
    snprintf(target, sizeof target, "/v1/rooms/%.*s", 128, unit_fill('r', 128).ptr);
    snprintf(key, sizeof key, "Zrelay-Key: %.*s\n", 255, unit_fill('k', 255).ptr);
    api_request("POST", target, key, body);
    channel_t *channel = api_welcome();
    zr_span_t frame = api_sent_bytes(channel);
    ck_assert_int_eq(frame.ptr[0], '{');
    ck_assert_uint_gt(frame.len, 6 * 8192);
    ck_assert_uint_le(frame.len, 65536);
    body[8192] = 1;
    api_request("POST", target, key, body);
    ck_assert_int_eq(api_sent_bytes(channel).ptr[0], ZR_TYPE_PUBLISH);
}

TEST(test_so_many_requests_are_asked_at_once) {
    exchange_t *first = api_request("POST", "/v1/rooms/lobby", "", "x");
    channel_t *channel = api_welcome();
    for (int i = 1; i < 201; i++)
        api_request("POST", "/v1/rooms/lobby", "", "x");
    size_t sent = 0;
    while (api_sent_bytes(channel).len > 0)
        sent++;
    ck_assert_uint_eq(sent, 200);
    s_ack(channel, 1, 1);
    ck_assert_status(first, 201);
    ck_assert_uint_gt(api_sent_bytes(channel).len, 0);
    ck_assert_uint_eq(api_sent_bytes(channel).len, 0);
}

TEST(test_frames_pause_when_the_broker_says_so) {
    api_request("POST", "/v1/rooms/lobby", "", "\xff one");
    channel_t *channel = api_welcome();
    ck_assert_uint_gt(api_sent_bytes(channel).len, 0);
    api_say(channel, "{'op':'error','code':'rate-limited','text':'wait','wait':500}");
    uint8_t ack[ZR_ACK_SIZE];
    zr_ack_write(ack, &(zr_ack_t){ZR_LEVEL_MEMORY, 1, 7});
    api_say_bytes(channel, zr_span_of(ack, sizeof ack));
    api_request("POST", "/v1/rooms/lobby", "", "\xff two");
    api_pass(400);
    ck_assert_uint_eq(api_sent_bytes(channel).len, 0);
    api_pass(250);
    ck_assert_uint_gt(api_sent_bytes(channel).len, 0);
}

/* --- Keys --- */

TEST(test_a_key_is_set_and_deleted) {
    exchange_t *e = api_request("PUT", "/v1/rooms/lobby/state/a%2Fb", "", "v");
    channel_t *channel = api_welcome();
    const char *publish = api_sent(channel);
    ck_assert_has(publish, "\"key\":\"a/b\"");
    ck_assert_has(publish, "\"text\":\"v\"");
    ck_assert_ptr_null(strstr(publish, "expect"));
    s_ack(channel, 1, 5);
    ck_assert_status(e, 200);
    ck_assert_str_eq(api_header(e, "ETag"), "\"" EPOCH_TEXT ":5\"");
    e = api_request("DELETE", "/v1/rooms/lobby/state/a%2Fb", "", "");
    publish = api_sent(channel);
    ck_assert_has(publish, "\"delete\":true");
    ck_assert_ptr_null(strstr(publish, "\"text\""));
    s_ack(channel, 2, 6);
    ck_assert_status(e, 200);
    ck_assert_ptr_null(api_header(e, "ETag"));
    e = api_request("POST", "/v1/rooms/lobby", "Zrelay-Key: topic\n", "v");
    ck_assert_has(api_sent(channel), "\"key\":\"topic\"");
    s_ack(channel, 3, 7);
    ck_assert_status(e, 201);
}

TEST(test_compare_and_set) {
    exchange_t *e = api_request("PUT", "/v1/rooms/lobby/state/k", "If-Match: \"" EPOCH_TEXT ":5\"\n", "v");
    channel_t *channel = api_welcome();
    ck_assert_has(api_sent(channel), "\"expect\":5");
    api_say(channel, "{'op':'error','re':1,'code':'conflict','text':'newer','room':'lobby','key':'k','seq':9}");
    ck_assert_status(e, 412);
    ck_assert_has(api_body(e), "\"seq\":9");
    e = api_request("PUT", "/v1/rooms/lobby/state/k", "If-None-Match: *\n", "v");
    ck_assert_has(api_sent(channel), "\"expect\":0");
    s_ack(channel, 2, 10);
    ck_assert_status(e, 200);
}

TEST(test_a_tag_of_another_epoch_is_never_asked) {
    static const char old[] = "If-Match: \"0000000000000001:5\"\n";
    exchange_t *early = api_request("PUT", "/v1/rooms/lobby/state/k", old, "v");
    channel_t *channel = api_welcome();
    ck_assert_status(early, 412);
    exchange_t *late = api_request("DELETE", "/v1/rooms/lobby/state/k", old, "");
    ck_assert_status(late, 412);
    ck_assert_ptr_null(api_sent(channel));
}

/* --- Idempotency-Key --- */

static char *s_client(channel_t *channel) {
    static char client[33];
    const char *at = strstr(api_sent(channel), "\"client\":\"");
    ck_assert_ptr_nonnull(at);
    memcpy(client, at + 10, 32);
    return client;
}

TEST(test_a_key_is_the_same_client_each_time) {
    char client[33];
    exchange_t *e = api_request("POST", "/v1/rooms/lobby", "Idempotency-Key: 8e03978e\n", "x");
    channel_t *channel = api_channel();
    strcpy(client, s_client(channel));
    exchange_t *twin = api_request("POST", "/v1/rooms/lobby", "Idempotency-Key: \"8e03978e\"\n", "x");
    ck_assert_status(twin, 409);
    api_say(channel, WELCOME);
    ck_assert_has(api_sent(channel), "\"mid\":1");
    s_ack(channel, 1, 5);
    ck_assert_status(e, 201);
    api_gone(e);
    ck_assert(api_channel_closed(channel));
    exchange_t *again = api_request("POST", "/v1/rooms/lobby", "Idempotency-Key: 8e03978e\n", "x");
    channel = api_channel();
    ck_assert_str_eq(s_client(channel), client);
    api_say(channel, WELCOME);
    s_ack(channel, 1, 0);
    ck_assert_status(again, 200);
    ck_assert_str_eq(api_body(again), "{\"room\":\"lobby\",\"level\":\"disk\"}\n");
}

TEST(test_other_keys_rooms_and_users_are_other_clients) {
    static const char *const requests[][2] = {
        {"/v1/rooms/lobby", "Idempotency-Key: a\n"},
        {"/v1/rooms/lobby", "Idempotency-Key: b\n"},
        {"/v1/rooms/other", "Idempotency-Key: a\n"},
        {"/v1/rooms/lobby", "Idempotency-Key: a\nZrelay-Key: k\n"},
        {"/v1/rooms/lobby", "Idempotency-Key: a\nAuthorization: Bearer x\n"},
        {"/v1/rooms/lobby", "Idempotency-Key: a\nAuthorization: Basic YW5uOnM6M2M=\n"},
    };
    char clients[6][33];
    for (size_t i = 0; i < 6; i++) {
        api_request("POST", requests[i][0], requests[i][1], "x");
        strcpy(clients[i], s_client(api_channel()));
        for (size_t other = 0; other < i; other++)
            ck_assert_str_ne(clients[i], clients[other]);
    }
}

/* --- When the broker fails --- */

TEST(test_errors_of_the_broker) {
    exchange_t *e = api_request("POST", "/v1/rooms/lobby", "", "x");
    channel_t *channel = api_welcome();
    json_int_t id = api_expect(channel, "publish");
    api_say(channel, "{'op':'error','re':%d,'code':'rate-limited','text':'slow down','wait':1200}", (int)id);
    ck_assert_status(e, 429);
    ck_assert_str_eq(api_header(e, "Retry-After"), "2");
    ck_assert_str_eq(api_header(e, "Content-Type"), "application/problem+json");
    ck_assert_has(api_body(e), "\"detail\":\"slow down\"");
    e = api_request("POST", "/v1/rooms/lobby", "", "x");
    id = api_expect(channel, "publish");
    api_say(channel, "{'op':'error','re':%d,'code':'forbidden','text':'no'}", (int)id);
    ck_assert_status(e, 403);
}

TEST(test_a_broker_that_is_away) {
    exchange_t *e = api_request("POST", "/v1/rooms/lobby", "", "x");
    channel_t *channel = api_welcome();
    api_set_live(false);
    api_change(channel, CHANNEL_LOST, "");
    ck_assert_status(e, 503);
    ck_assert_has(api_body(e), "Idempotency-Key");
    ck_assert(api_channel_closed(channel)); /* the next request begins anew */
    e = api_request("POST", "/v1/rooms/lobby", "", "x");
    ck_assert_status(e, 503);
    e = api_request("POST", "/v1/rooms/lobby", "Idempotency-Key: a\n", "x");
    ck_assert_status(e, 503);
    ck_assert_uint_eq(api_channels(), 0);
}

TEST(test_a_broker_that_is_slow) {
    static const char *const headers[] = {"", "Idempotency-Key: a\n"};
    api_set_full(true);
    for (size_t i = 0; i < 2; i++) {
        exchange_t *e = api_request("POST", "/v1/rooms/lobby", headers[i], "x");
        ck_assert_status(e, 503);
        ck_assert_has(api_body(e), "overloaded");
    }
    ck_assert_uint_eq(api_status(api_request("GET", "/v1/rooms/lobby/events", "", "")), 503);
    ck_assert_uint_eq(api_channels(), 0);
    api_set_full(false);
    ck_assert_uint_eq(api_status(api_request("POST", "/v1/rooms/lobby", "", "x")), 0);
}

TEST(test_a_broker_that_does_not_answer) {
    exchange_t *e = api_request("POST", "/v1/rooms/lobby", "", "x");
    exchange_t *once = api_request("POST", "/v1/rooms/lobby", "Idempotency-Key: a\n", "x");
    api_pass(59999);
    ck_assert_uint_eq(api_status(e), 0);
    api_pass(251);
    ck_assert_status(e, 504);
    ck_assert_status(once, 504);
}

TEST(test_a_broker_that_ends_the_session) {
    exchange_t *e = api_request("POST", "/v1/rooms/lobby", "", "x");
    channel_t *channel = api_welcome();
    api_say(channel, "{'op':'bye','reason':'banned'}");
    ck_assert_status(e, 403);
    e = api_request("POST", "/v1/rooms/lobby", "", "x");
    ck_assert_ptr_ne(api_channel(), channel);
    api_welcome();
    api_say(api_channel(), "{'op':'bye','reason':'token-expired'}");
    ck_assert_status(e, 401);
    e = api_request("POST", "/v1/rooms/lobby", "", "x");
    api_change(api_channel(), CHANNEL_ENDED, "too-many-channels");
    ck_assert_status(e, 503);
    e = api_request("POST", "/v1/rooms/lobby", "", "x");
    api_change(api_channel(), CHANNEL_ENDED, "kicked");
    ck_assert_status(e, 403);
    e = api_request("POST", "/v1/rooms/lobby", "", "x");
    api_welcome();
    api_say(api_channel(), "{'op':'error','code':'no-session','text':'say hello'}");
    ck_assert_status(e, 503);
}

TEST(test_a_client_that_goes_early) {
    exchange_t *e = api_request("POST", "/v1/rooms/lobby", "", "x");
    exchange_t *bytes = api_request("POST", "/v1/rooms/lobby", "", "\xff");
    channel_t *channel = api_welcome();
    json_int_t id = api_expect(channel, "publish");
    api_gone(e);
    api_gone(bytes);
    s_ack(channel, id, 1);
    e = api_request("POST", "/v1/rooms/lobby", "", "\xff next");
    ck_assert_uint_gt(api_sent_bytes(channel).len, 0); /* the frame of the one that went */
    ck_assert_uint_eq(api_sent_bytes(channel).len, 0); /* its ack must not be taken for that of the next */
    uint8_t ack[ZR_ACK_SIZE];
    zr_ack_write(ack, &(zr_ack_t){ZR_LEVEL_MEMORY, 1, 2});
    api_say_bytes(channel, zr_span_of(ack, sizeof ack));
    ck_assert_uint_eq(api_status(e), 0);
    ck_assert_uint_gt(api_sent_bytes(channel).len, 0);
    zr_ack_write(ack, &(zr_ack_t){ZR_LEVEL_MEMORY, 2, 3});
    api_say_bytes(channel, zr_span_of(ack, sizeof ack));
    ck_assert_has(api_body(e), "\"seq\":3");
}

TEST(test_requests_that_are_refused) {
    static const struct {
        const char *method, *target, *headers;
        unsigned status;
    } cases[] = {
        {"POST", "/v1/rooms/lobby", "Idempotency-Key: a b\n", 400},
        {"POST", "/v1/rooms/lobby", "Zrelay-Key: a b\n", 400},
        {"POST", "/v1/rooms/lobby", "If-None-Match: *\n", 400},
        {"POST", "/v1/rooms/lobby", "Authorization: Digest x\n", 400},
        {"POST", "/v1/rooms/lobby?last=1", "", 400},
        {"POST", "/v1/rooms/a/b", "", 404},
        {"POST", "/v1/rooms/lobby/events", "", 405},
        {"PUT", "/v1/rooms/lobby", "", 405},
        {"PUT", "/v1/rooms/lobby/state/k", "If-Match: *\n", 400},
        {"BREW", "/v1/rooms/lobby", "", 405},
        {"GET", "/v1/ws", "", 404},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        exchange_t *e = api_request(cases[i].method, cases[i].target, cases[i].headers, "x");
        ck_assert_msg(api_status(e) == cases[i].status, "%zu: %u", i, api_status(e));
        ck_assert_str_eq(api_header(e, "Content-Type"), "application/problem+json");
    }
    ck_assert_uint_eq(api_channels(), 0);
}

UNIT_SUITE_WITH("client.gateway.http.api.http_publish", api_begin, api_end)
