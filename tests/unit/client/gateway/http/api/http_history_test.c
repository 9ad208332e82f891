/* Messages of a room as lines, in slices. */
#include "fixture_api.h"

static void s_replayed(channel_t *channel, json_int_t id, int seq, int count, const char *complete, const char *more) {
    api_say(channel, "{'op':'replayed','re':%d,'room':'lobby','seq':%d,'count':%d,'complete':%s,'more':%s}", (int)id,
        seq, count, complete, more);
}

#define BODY "/v1/rooms/lobby?format=body"

TEST(test_lines_in_json) {
    exchange_t *e = api_request("GET", "/v1/rooms/lobby?after=41", "", "");
    channel_t *channel = api_welcome();
    ck_assert_has(api_sent(channel), "\"after\":41");
    api_deliver(channel, "lobby", ZR_FRAME_REPLAY, 41, 42, 42);
    s_replayed(channel, 1, 42, 1, "true", "false");
    ck_assert_status(e, 200);
    ck_assert_str_eq(api_header(e, "Content-Type"), "application/x-ndjson");
    ck_assert_str_eq(
        api_body(e), "{\"room\":\"lobby\",\"seq\":42,\"time\":1700000000000000,\"sender\":\"ann\",\"body\":\"m42\"}\n");
    ck_assert(api_ended(e));
}

TEST(test_slices_until_the_end) {
    exchange_t *e = api_request("GET", BODY, "", "");
    channel_t *channel = api_welcome();
    const char *replay = api_sent(channel);
    ck_assert_has(replay, "\"after\":0");
    ck_assert_has(replay, "\"limit\":2000");
    api_deliver(channel, "lobby", ZR_FRAME_REPLAY, 0, 1, 2);
    s_replayed(channel, 1, 2, 2, "true", "true");
    ck_assert_has(api_sent(channel), "\"after\":2");
    api_deliver(channel, "lobby", ZR_FRAME_REPLAY, 2, 3, 3);
    s_replayed(channel, 2, 3, 1, "true", "false");
    ck_assert_str_eq(api_body(e), "m1\nm2\nm3\n");
    ck_assert(api_ended(e));
    ck_assert_str_eq(api_header(e, "Content-Type"), "text/plain; charset=utf-8");
}

TEST(test_a_slow_client_costs_one_slice) {
    exchange_t *e = api_request("GET", BODY, "", "");
    channel_t *channel = api_welcome();
    api_expect(channel, "replay");
    api_deliver(channel, "lobby", ZR_FRAME_REPLAY, 0, 1, 2);
    api_hold(e, 1 << 16);
    s_replayed(channel, 1, 2, 2, "true", "true");
    ck_assert_ptr_null(api_sent(channel));
    api_pass(120000); /* nobody waits for the broker */
    ck_assert(!api_ended(e) && !api_aborted(e));
    api_drain(e);
    ck_assert_has(api_sent(channel), "\"after\":2");
    api_hold(e, (1 << 16) - 1); /* little enough */
    s_replayed(channel, 2, 2, 2, "true", "true");
    api_expect(channel, "replay");
}

TEST(test_last_until_and_limit) {
    exchange_t *e = api_request("GET", "/v1/rooms/lobby?last=3&limit=2&until=9", "", "");
    channel_t *channel = api_welcome();
    const char *replay = api_sent(channel);
    ck_assert_has(replay, "\"last\":3");
    ck_assert_has(replay, "\"limit\":2");
    ck_assert_has(replay, "\"until\":9");
    api_deliver(channel, "lobby", ZR_FRAME_REPLAY, 6, 7, 7);
    s_replayed(channel, 1, 7, 1, "false", "true"); /* fewer than the three are left: no loss */
    replay = api_sent(channel);
    ck_assert_has(replay, "\"after\":7");
    ck_assert_has(replay, "\"limit\":1");
    api_deliver(channel, "lobby", ZR_FRAME_REPLAY, 7, 8, 8);
    s_replayed(channel, 2, 8, 1, "true", "true");
    ck_assert(api_ended(e));
    ck_assert_ptr_null(strstr(api_body(e), "lost"));
}

TEST(test_a_loss_is_a_line) {
    exchange_t *e = api_request("GET", "/v1/rooms/lobby?after=2", "", "");
    channel_t *channel = api_welcome();
    api_expect(channel, "replay");
    api_deliver(channel, "lobby", ZR_FRAME_REPLAY, 40, 41, 41);
    s_replayed(channel, 1, 41, 1, "false", "false");
    ck_assert_ptr_eq(
        strstr(api_body(e), "{\"room\":\"lobby\",\"lost\":{\"after\":2,\"until\":40,\"reason\":\"retention\"}}\n"),
        api_body(e));
}

TEST(test_a_position_of_another_epoch) {
    exchange_t *e = api_request("GET", "/v1/rooms/lobby?after=0000000000000001:500", "", "");
    channel_t *channel = api_welcome();
    api_expect(channel, "replay");
    s_replayed(channel, 1, 500, 0, "false", "false");
    ck_assert_has(api_body(e), "\"after\":500,\"until\":0,\"reason\":\"epoch\"");
    ck_assert_has(api_sent(channel), "\"after\":0");
    api_deliver(channel, "lobby", ZR_FRAME_REPLAY, 0, 1, 1);
    s_replayed(channel, 2, 1, 1, "true", "false");
    ck_assert_has(api_body(e), "\"body\":\"m1\"");
    ck_assert(api_ended(e));
}

TEST(test_histories_of_one_session_take_turns) {
    exchange_t *first = api_request("GET", BODY, "", ""),
               *second = api_request("GET", "/v1/rooms/other?format=body", "", "");
    channel_t *channel = api_welcome();
    ck_assert_has(api_sent(channel), "\"room\":\"lobby\"");
    ck_assert_ptr_null(api_sent(channel)); /* its frames could not be told from those of the first */
    api_deliver(channel, "lobby", ZR_FRAME_REPLAY, 0, 1, 1);
    s_replayed(channel, 1, 1, 1, "true", "false");
    ck_assert_has(api_sent(channel), "\"room\":\"other\"");
    api_deliver(channel, "other", ZR_FRAME_REPLAY, 0, 5, 5);
    s_replayed(channel, 2, 5, 1, "true", "false");
    ck_assert_str_eq(api_body(first), "m1\n");
    ck_assert_str_eq(api_body(second), "m5\n");
}

TEST(test_a_client_that_goes_leaves_its_frames_to_nobody) {
    exchange_t *first = api_request("GET", BODY, "", ""), *second = api_request("GET", BODY, "", "");
    channel_t *channel = api_welcome();
    api_expect(channel, "replay");
    api_gone(first);
    api_deliver(channel, "lobby", ZR_FRAME_REPLAY, 0, 1, 1);
    ck_assert_ptr_null(api_sent(channel));
    s_replayed(channel, 1, 1, 1, "true", "false");
    json_int_t id = api_expect(channel, "replay");
    api_deliver(channel, "lobby", ZR_FRAME_REPLAY, 0, 1, 1);
    s_replayed(channel, id, 1, 1, "true", "false");
    ck_assert_str_eq(api_body(second), "m1\n");
}

TEST(test_rates_pause_a_history) {
    exchange_t *e = api_request("GET", BODY, "", "");
    channel_t *channel = api_welcome();
    api_expect(channel, "replay");
    api_deliver(channel, "lobby", ZR_FRAME_REPLAY, 0, 1, 1);
    s_replayed(channel, 1, 1, 1, "true", "true");
    json_int_t id = api_expect(channel, "replay");
    api_say(channel, "{'op':'error','re':%d,'code':'rate-limited','text':'wait','wait':700}", (int)id);
    api_pass(500);
    ck_assert_ptr_null(api_sent(channel));
    api_pass(250);
    id = api_expect(channel, "replay");
    s_replayed(channel, id, 1, 0, "true", "false");
    ck_assert(api_ended(e));
}

TEST(test_an_answer_that_breaks_off_is_seen) {
    exchange_t *e = api_request("GET", BODY, "", "");
    channel_t *channel = api_welcome();
    api_expect(channel, "replay");
    api_deliver(channel, "lobby", ZR_FRAME_REPLAY, 0, 1, 1);
    s_replayed(channel, 1, 1, 1, "true", "true");
    api_change(channel, CHANNEL_LOST, "");
    ck_assert(api_aborted(e) && !api_ended(e));
    exchange_t *silent = api_request("GET", BODY, "", "");
    channel = api_welcome();
    api_expect(channel, "replay");
    s_replayed(channel, 1, 1, 0, "true", "true");
    api_pass(60250);
    ck_assert(api_aborted(silent));
}

TEST(test_problems_before_the_first_line_have_a_status) {
    exchange_t *e = api_request("GET", BODY, "", "");
    channel_t *channel = api_welcome();
    json_int_t id = api_expect(channel, "replay");
    api_say(channel, "{'op':'error','re':%d,'code':'forbidden','text':'no'}", (int)id);
    ck_assert_status(e, 403);
    e = api_request("GET", "/v1/rooms/lobby?format=nick", "", "");
    ck_assert_status(e, 400);
}

UNIT_SUITE_WITH("client.gateway.http.api.http_history", api_begin, api_end)
