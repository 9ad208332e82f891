/* Values of keys by GET. */
#include "fixture_api.h"

static void s_value(channel_t *channel, uint64_t seq, zr_span_t body) {
    zr_buffer_t frame = {0};
    zr_entry_t entry = {
        .seq = seq, .time = 784111777000000, .sender = zr_span("ann"), .key = zr_span("k"), .body = body};
    zr_deliver_begin(&frame, zr_span("lobby"), ZR_FRAME_STATE, EPOCH, 0);
    zr_deliver_add(&frame, &entry);
    api_say_bytes(channel, zr_span_of(frame.data, frame.len));
    zr_buffer_finish(&frame);
}

TEST(test_a_value) {
    exchange_t *e = api_request("GET", "/v1/rooms/lobby/state/k", "", "");
    channel_t *channel = api_welcome();
    ck_assert_has(api_sent(channel), "\"key\":\"k\"");
    s_value(channel, 7, zr_span("<script>"));
    api_say(channel, "{'op':'ok','re':1,'room':'lobby','seq':9,'count':1,'next':7,'more':false}");
    ck_assert_status(e, 200);
    ck_assert_str_eq(api_body(e), "<script>");
    ck_assert_str_eq(api_header(e, "ETag"), "\"" EPOCH_TEXT ":7\"");
    ck_assert_str_eq(api_header(e, "Last-Modified"), "Sun, 06 Nov 1994 08:49:37 GMT");
    ck_assert_str_eq(api_header(e, "Content-Type"), "text/plain; charset=utf-8"); /* never as a page */
    ck_assert_str_eq(api_header(e, "X-Content-Type-Options"), "nosniff");
    e = api_request("HEAD", "/v1/rooms/lobby/state/k", "", "");
    api_expect(channel, "state");
    s_value(channel, 7, zr_span("\xff"));
    api_say(channel, "{'op':'ok','re':2,'room':'lobby','seq':9,'count':1,'next':7,'more':false}");
    ck_assert_str_eq(api_header(e, "Content-Type"), "application/octet-stream");
}

TEST(test_a_client_that_has_the_value) {
    exchange_t *e = api_request("GET", "/v1/rooms/lobby/state/k", "If-None-Match: \"" EPOCH_TEXT ":7\"\n", "");
    channel_t *channel = api_welcome();
    api_expect(channel, "state");
    s_value(channel, 7, zr_span("v"));
    api_say(channel, "{'op':'ok','re':1,'room':'lobby','seq':9,'count':1,'next':7,'more':false}");
    ck_assert_status(e, 304);
    ck_assert_str_eq(api_body(e), "");
}

TEST(test_a_key_without_a_value) {
    exchange_t *e = api_request("GET", "/v1/rooms/lobby/state/k", "", "");
    channel_t *channel = api_welcome();
    api_expect(channel, "state");
    api_say(channel, "{'op':'ok','re':1,'room':'lobby','seq':9,'count':0,'next':0,'more':false}");
    ck_assert_status(e, 404);
    ck_assert_has(api_body(e), "\"code\":\"not-found\"");
}

TEST(test_all_keys_in_slices) {
    exchange_t *e = api_request("GET", "/v1/rooms/lobby/state", "", "");
    channel_t *channel = api_welcome();
    ck_assert_has(api_sent(channel), "\"after\":0");
    s_value(channel, 7, zr_span("v"));
    api_say(channel, "{'op':'ok','re':1,'room':'lobby','seq':9,'count':1,'next':7,'more':true}");
    ck_assert_has(api_sent(channel), "\"after\":7");
    s_value(channel, 8, zr_span("w"));
    api_say(channel, "{'op':'ok','re':2,'room':'lobby','seq':9,'count':1,'next':8,'more':false}");
    ck_assert(api_ended(e));
    ck_assert_has(api_body(e), "\"key\":\"k\",\"body\":\"v\"}\n");
    ck_assert_has(api_body(e), "\"key\":\"k\",\"body\":\"w\"}\n");
}

TEST(test_problems) {
    exchange_t *e = api_request("GET", "/v1/rooms/lobby/state", "", "");
    channel_t *channel = api_welcome();
    json_int_t id = api_expect(channel, "state");
    api_say(channel, "{'op':'error','re':%d,'code':'too-many-replays','text':'wait for one'}", (int)id);
    ck_assert_status(e, 429);
    e = api_request("GET", "/v1/rooms/lobby/state", "", "");
    id = api_expect(channel, "state");
    api_say(channel, "{'op':'ok','re':%d,'room':'lobby','seq':9,'count':0,'next':8,'more':true}", (int)id);
    api_pass(60250);
    ck_assert(api_aborted(e));
    e = api_request("GET", "/v1/rooms/lobby/state/a%20b", "", "");
    ck_assert_status(e, 400);
}

UNIT_SUITE_WITH("client.gateway.http.api.http_state", api_begin, api_end)
