/* Streams: every entry once and in order, though frames are late or lost and clients slow. */
#include "fixture_api.h"

#include <stdio.h>

static channel_t *s_channel;

/* The ids of all entries in what the client got so far, such as "1 2 3", with "lost" where a loss is told. */
static const char *s_read(exchange_t *e) {
    static char out[2000];
    const char *at = api_body(e);
    uint64_t seq = 0;
    out[0] = '\0';
    for (; *at; at = strchr(at, '\n') + 1) {
        char word[32] = "";
        unsigned long long number;
        if (sscanf(at, "id: " EPOCH_TEXT ":%llu", &number) == 1)
            seq = number;
        else if (strncmp(at, "event: ", 7) == 0)
            snprintf(word, sizeof word, "%.*s ", (int)strcspn(at + 7, "\n"), at + 7);
        else if (strncmp(at, "data: m", 7) == 0)
            snprintf(word, sizeof word, "%llu ", (unsigned long long)seq);
        strcat(out, word);
    }
    if (out[0])
        out[strlen(out) - 1] = '\0';
    return out;
}

static void s_joined(uint64_t head, uint64_t oldest) {
    json_int_t id = api_expect(s_channel, "join");
    api_say(s_channel, "{'op':'joined','re':%d,'room':'lobby','seq':%d,'oldest':%d,'private':false}", (int)id,
        (int)head, (int)oldest);
}

/* A stream whose session began and that joined a room with this head. */
static exchange_t *s_stream(const char *target, const char *headers, uint64_t head) {
    exchange_t *e = api_request("GET", target, headers, "");
    s_channel = api_welcome();
    s_joined(head, 0);
    return e;
}

static json_int_t s_expect_replay(const char *member, int value) {
    char part[64];
    const char *text = api_sent(s_channel);
    ck_assert_msg(text != NULL, "no replay was asked for");
    snprintf(part, sizeof part, "\"%s\":%d", member, value);
    ck_assert_has(text, "\"op\":\"replay\"");
    ck_assert_has(text, part);
    json_t *object = json_loads(text, 0, NULL);
    json_int_t id = json_integer_value(json_object_get(object, "id"));
    json_decref(object);
    return id;
}

static void s_replayed(json_int_t id, uint64_t seq, bool complete, bool more) {
    api_say(s_channel, "{'op':'replayed','re':%d,'room':'lobby','seq':%d,'count':1,'complete':%s,'more':%s}", (int)id,
        (int)seq, complete ? "true" : "false", more ? "true" : "false");
}

#define BODY "/v1/rooms/lobby/events?format=body"

TEST(test_a_new_reader_gets_what_comes) {
    exchange_t *e = s_stream(BODY, "", 41);
    ck_assert_status(e, 200);
    ck_assert_str_eq(api_header(e, "Content-Type"), "text/event-stream");
    ck_assert_has(api_body(e), "retry: 1000\nid: " EPOCH_TEXT ":41\n\n"); /* resumes from here, even if nothing comes */
    api_live("lobby", 41, 42, 44);
    api_live("lobby", 44, 45, 45);
    ck_assert_str_eq(s_read(e), "42 43 44 45");
    ck_assert_ptr_null(api_sent(s_channel));
}

TEST(test_a_reader_that_comes_back) {
    exchange_t *e = s_stream(BODY, "Last-Event-ID: " EPOCH_TEXT ":41\n", 44);
    json_int_t id = s_expect_replay("after", 41);
    api_live("lobby", 44, 45, 45); /* meanwhile */
    api_deliver(s_channel, "lobby", ZR_FRAME_REPLAY, 41, 42, 44);
    s_replayed(id, 44, true, false);
    id = s_expect_replay("after", 44);
    api_deliver(s_channel, "lobby", ZR_FRAME_REPLAY, 44, 45, 45);
    s_replayed(id, 45, true, false);
    api_live("lobby", 45, 46, 46);
    ck_assert_str_eq(s_read(e), "42 43 44 45 46");
}

TEST(test_last_and_after) {
    exchange_t *e = s_stream(BODY "&last=2", "", 44);
    json_int_t id = s_expect_replay("last", 2);
    api_deliver(s_channel, "lobby", ZR_FRAME_REPLAY, 42, 43, 44);
    s_replayed(id, 44, true, false);
    api_live("lobby", 44, 45, 45);
    ck_assert_str_eq(s_read(e), "43 44 45");
    e = s_stream(BODY "&last=0", "", 44);
    ck_assert_ptr_null(api_sent(s_channel));
    e = s_stream(BODY "&after=42", "", 44);
    id = s_expect_replay("after", 42);
    api_deliver(s_channel, "lobby", ZR_FRAME_REPLAY, 42, 43, 44);
    s_replayed(id, 44, true, false);
    ck_assert_str_eq(s_read(e), "43 44");
    e = s_stream(BODY "&after=42", "Last-Event-ID: " EPOCH_TEXT ":44\n", 44); /* the browser's own is newer */
    ck_assert_ptr_null(api_sent(s_channel));
}

TEST(test_a_frame_that_was_lost_is_read) {
    exchange_t *e = s_stream(BODY, "", 0);
    api_live("lobby", 0, 1, 1);
    api_live("lobby", 3, 4, 5); /* 2 and 3 did not come */
    json_int_t id = s_expect_replay("after", 1);
    api_live("lobby", 5, 6, 6); /* the replay will have it, or the next one */
    api_deliver(s_channel, "lobby", ZR_FRAME_REPLAY, 1, 2, 6);
    s_replayed(id, 6, true, false);
    api_live("lobby", 5, 6, 6); /* late */
    api_live("lobby", 5, 6, 7); /* half of it is known */
    ck_assert_str_eq(s_read(e), "1 2 3 4 5 6 7");
    ck_assert_ptr_null(api_sent(s_channel));
}

TEST(test_a_last_message_that_was_lost_is_read) {
    exchange_t *e = s_stream(BODY, "", 7);
    api_say(s_channel, "{'op':'pong','re':'gateway','time':1,'heads':{'lobby':8},'versions':{}}");
    ck_assert_ptr_null(api_sent(s_channel)); /* it may still come */
    api_pass(250);
    api_pass(250);
    json_int_t id = s_expect_replay("after", 7);
    api_deliver(s_channel, "lobby", ZR_FRAME_REPLAY, 7, 8, 8);
    s_replayed(id, 8, true, false);
    api_say(s_channel, "{'op':'pong','re':'gateway','time':1,'heads':{'lobby':9},'versions':{}}");
    api_live("lobby", 8, 9, 9);
    api_pass(500);
    ck_assert_ptr_null(api_sent(s_channel));
    ck_assert_str_eq(s_read(e), "8 9");
}

/* The log was slow: the answer ends before entries that came meanwhile, and so did the `pong` that tells of them. */
TEST(test_a_replay_that_ends_too_early) {
    exchange_t *e = s_stream(BODY, "Last-Event-ID: " EPOCH_TEXT ":1", 2);
    json_int_t id = s_expect_replay("after", 1);
    api_say(s_channel, "{'op':'pong','re':'gateway','time':1,'heads':{'lobby':3},'versions':{}}");
    api_deliver(s_channel, "lobby", ZR_FRAME_REPLAY, 1, 2, 2);
    s_replayed(id, 2, true, false);
    id = s_expect_replay("after", 2);
    api_deliver(s_channel, "lobby", ZR_FRAME_REPLAY, 2, 3, 3);
    s_replayed(id, 3, true, false);
    ck_assert_str_eq(s_read(e), "2 3");
    ck_assert_ptr_null(api_sent(s_channel));
}

/* What the log has forgotten meanwhile came after the position that was asked up to. */
TEST(test_a_replay_of_nothing_is_no_loss) {
    exchange_t *e = s_stream(BODY, "Last-Event-ID: " EPOCH_TEXT ":1", 1);
    api_say(s_channel, "{'op':'pong','re':'gateway','time':1,'heads':{'lobby':2},'versions':{}}");
    api_pass(250);
    json_int_t id = s_expect_replay("after", 1);
    s_replayed(id, 1, false, false);
    ck_assert_str_eq(s_read(e), "");
}

TEST(test_a_head_that_is_wrong_is_asked_for_once) {
    s_stream(BODY, "", 7);
    api_say(s_channel, "{'op':'pong','re':'gateway','time':1,'heads':{'lobby':100},'versions':{}}");
    api_pass(500);
    s_replayed(s_expect_replay("after", 7), 7, true, false);
    api_pass(5000);
    ck_assert_ptr_null(api_sent(s_channel));
}

TEST(test_losses_are_told_before_what_follows) {
    exchange_t *e = s_stream(BODY, "Last-Event-ID: " EPOCH_TEXT ":2\n", 44);
    json_int_t id = s_expect_replay("after", 2);
    api_deliver(s_channel, "lobby", ZR_FRAME_REPLAY, 40, 41, 44);
    s_replayed(id, 44, false, false);
    ck_assert_str_eq(s_read(e), "lost 41 42 43 44");
    ck_assert_has(api_body(e), "id: " EPOCH_TEXT ":40\nevent: lost\ndata: {\"room\":\"lobby\",\"after\":2,\"until\":40,"
                               "\"reason\":\"retention\"}\n\n");
}

TEST(test_what_is_gone_at_the_join_is_told_once) {
    exchange_t *e = api_request("GET", BODY, "Last-Event-ID: " EPOCH_TEXT ":2\n", "");
    s_channel = api_welcome();
    s_joined(44, 40);
    json_int_t id = s_expect_replay("after", 40);
    api_deliver(s_channel, "lobby", ZR_FRAME_REPLAY, 40, 41, 44);
    s_replayed(id, 44, true, false);
    ck_assert_str_eq(s_read(e), "lost 41 42 43 44");
}

TEST(test_a_position_of_another_epoch_is_void) {
    exchange_t *e = s_stream(BODY, "Last-Event-ID: 0000000000000001:500\n", 2);
    json_int_t id = s_expect_replay("after", 0);
    api_deliver(s_channel, "lobby", ZR_FRAME_REPLAY, 0, 1, 2);
    s_replayed(id, 2, true, false);
    ck_assert_str_eq(s_read(e), "lost 1 2");
    /* A client that hears the first block alone comes back with its old position. */
    ck_assert_has(api_body(e), "retry: 1000\nid: 0000000000000001:500\n\nid: " EPOCH_TEXT ":0\nevent: lost\ndata: "
                               "{\"room\":\"lobby\",\"after\":500,\"until\":0,\"reason\":\"epoch\"");
    e = s_stream(BODY "&after=500", "", 2);
    ck_assert_has(api_body(e), "\"after\":500,\"until\":0,\"reason\":\"position\"");
    s_expect_replay("after", 0);
}

/* --- Order of events at the beginning --- */

TEST(test_the_join_waits_for_both) {
    api_set_feeds(FEED_WAITS);
    exchange_t *e = api_request("GET", BODY, "", "");
    s_channel = api_welcome();
    ck_assert_ptr_null(api_sent(s_channel)); /* what comes after the join would be missed */
    api_feed_live();
    api_live("lobby", 0, 1, 1); /* not before the broker let it in */
    s_joined(1, 0);
    api_live("lobby", 1, 2, 2);
    ck_assert_str_eq(s_read(e), "2");
    api_set_feeds(FEED_FULL);
    e = api_request("GET", BODY, "", "");
    ck_assert_status(e, 503);
    ck_assert_has(api_body(e), "overloaded");
}

TEST(test_problems_before_the_stream_have_a_status) {
    exchange_t *e = api_request("GET", BODY, "", "");
    s_channel = api_welcome();
    json_int_t id = api_expect(s_channel, "join");
    api_say(s_channel, "{'op':'error','re':%d,'code':'forbidden','text':'no'}", (int)id);
    ck_assert_status(e, 403);
    ck_assert(api_channel_closed(s_channel));
    e = api_request("GET", BODY, "", "");
    api_expect(api_channel(), "hello");
    api_say(api_channel(), "{'op':'error','re':0,'code':'login-required','text':'no'}");
    ck_assert_status(e, 401);
    e = api_request("GET", BODY, "", "");
    api_pass(60250);
    ck_assert_status(e, 504);
    ck_assert_uint_eq(api_status(api_request("GET", BODY, "Last-Event-ID: 5\n", "")), 400);
    ck_assert_uint_eq(api_status(api_request("GET", "/v1/rooms/lobby/events?format=nick", "", "")), 400);
    api_set_live(false);
    ck_assert_uint_eq(api_status(api_request("GET", BODY, "", "")), 503);
    ck_assert_uint_eq(api_channels(), 0);
}

/* --- Slow clients --- */

TEST(test_a_slow_client_costs_no_memory_and_misses_nothing) {
    exchange_t *e = s_stream(BODY, "", 0);
    api_hold(e, 1001); /* beyond the queue */
    for (uint64_t seq = 1; seq <= 100; seq++)
        api_live("lobby", seq - 1, seq, seq);
    ck_assert_str_eq(s_read(e), "");
    ck_assert_ptr_null(api_sent(s_channel));
    api_hold(e, 501);
    api_live("lobby", 100, 101, 101);
    json_int_t id = s_expect_replay("after", 0); /* below the limit it reads again */
    api_deliver(s_channel, "lobby", ZR_FRAME_REPLAY, 0, 1, 60);
    api_hold(e, 1001);
    s_replayed(id, 60, true, true);
    ck_assert_ptr_null(api_sent(s_channel)); /* the next slice waits for the client */
    api_drain(e);
    id = s_expect_replay("after", 60);
    api_deliver(s_channel, "lobby", ZR_FRAME_REPLAY, 60, 61, 101);
    s_replayed(id, 101, true, false);
    api_live("lobby", 101, 102, 102);
    const char *all = s_read(e);
    ck_assert_has(all, "1 2 3 ");
    ck_assert_has(all, " 60 61 62 ");
    ck_assert_has(all, " 100 101 102");
}

TEST(test_a_stream_at_its_queue_takes_more) {
    exchange_t *e = s_stream(BODY, "", 0);
    api_hold(e, 1000);
    api_live("lobby", 0, 1, 1);
    ck_assert_str_eq(s_read(e), "1");
}

TEST(test_replays_wait_when_the_broker_says_so) {
    exchange_t *e = s_stream(BODY "&after=0", "", 1);
    json_int_t id = s_expect_replay("after", 0);
    api_say(s_channel, "{'op':'error','re':%d,'code':'rate-limited','text':'wait','wait':1000}", (int)id);
    api_pass(900);
    ck_assert_ptr_null(api_sent(s_channel));
    api_pass(250);
    id = s_expect_replay("after", 0);
    api_deliver(s_channel, "lobby", ZR_FRAME_REPLAY, 0, 1, 1);
    s_replayed(id, 1, true, false);
    ck_assert_str_eq(s_read(e), "1");
}

TEST(test_many_readers_get_the_same_bytes) {
    exchange_t *first = s_stream(BODY, "", 0), *second = s_stream(BODY, "", 0);
    exchange_t *json = s_stream("/v1/rooms/lobby/events", "", 0);
    api_clear_body(first);
    api_clear_body(second);
    api_live("lobby", 0, 1, 3);
    ck_assert_str_eq(s_read(first), "1 2 3");
    ck_assert_str_eq(api_body(first), strcpy((char[2000]){0}, api_body(second)));
    ck_assert_has(api_body(json), "data: {\"room\":\"lobby\",\"seq\":2,");
    exchange_t *metrics = api_request("GET", "/metrics", "", "");
    channel_t *asker = api_welcome();
    api_say(asker, "{'op':'error','re':%d,'code':'forbidden','text':'x'}", (int)api_expect(asker, "stats"));
    ck_assert_has(api_body(metrics), "zrelay_gateway_streams 3\n");
    ck_assert_has(api_body(metrics), "zrelay_gateway_stream_entries_total 9\n");
}

/* --- When the broker goes --- */

TEST(test_a_stream_outlives_the_broker) {
    exchange_t *e = s_stream(BODY, "", 0);
    api_live("lobby", 0, 1, 1);
    api_set_live(false);
    api_change(s_channel, CHANNEL_LOST, "");
    api_live("lobby", 1, 2, 2); /* the SUB may still bring something: it is not for those that have no session */
    api_set_live(true);
    api_change(s_channel, CHANNEL_OPEN, "");
    api_expect(s_channel, "hello");
    api_say(s_channel, WELCOME);
    s_joined(3, 0);
    json_int_t id = s_expect_replay("after", 1);
    api_deliver(s_channel, "lobby", ZR_FRAME_REPLAY, 1, 2, 3);
    s_replayed(id, 3, true, false);
    ck_assert_str_eq(s_read(e), "1 offline online 2 3");
}

TEST(test_a_broker_that_lost_its_log) {
    exchange_t *e = s_stream(BODY, "", 9);
    api_change(s_channel, CHANNEL_LOST, "");
    api_change(s_channel, CHANNEL_OPEN, "");
    api_expect(s_channel, "hello");
    api_say(s_channel, "{'op':'welcome','re':0,'epoch':'0000000000000002','nick':'x','resumed':false}");
    s_joined(0, 0);
    ck_assert_has(api_body(e), "id: 0000000000000002:0\nevent: lost\ndata: {\"room\":\"lobby\",\"after\":9,\"until\":0,"
                               "\"reason\":\"epoch\"}\n");
    api_live("lobby", 9, 10, 10); /* of the old epoch */
    ck_assert_str_eq(s_read(e), "offline lost online");
}

/* The client has no position that could be void before the last messages come. */
TEST(test_a_broker_that_lost_its_log_before_the_last_messages_came) {
    exchange_t *e = s_stream("/v1/rooms/lobby/events?last=2&format=body", "", 9);
    s_expect_replay("last", 2);
    api_change(s_channel, CHANNEL_LOST, "");
    api_change(s_channel, CHANNEL_OPEN, "");
    api_expect(s_channel, "hello");
    api_say(s_channel, "{'op':'welcome','re':0,'epoch':'0000000000000002','nick':'x','resumed':false}");
    s_joined(3, 0);
    s_expect_replay("last", 2);
    ck_assert_str_eq(s_read(e), "offline online");
}

TEST(test_a_heartbeat_finds_no_session) {
    s_stream(BODY, "", 0);
    api_say(s_channel, "{'op':'error','code':'no-session','text':'','re':'gateway'}");
    ck_assert_ptr_null(api_sent(s_channel)); /* the session ended: it begins anew on another channel */
    for (int i = 0; i < 10 && api_channel() == s_channel; i++)
        api_pass(250);
    s_channel = api_channel();
    api_expect(s_channel, "hello");
    api_say(s_channel, "{'op':'error','code':'no-session','text':''}"); /* of some other frame */
    ck_assert_ptr_null(api_sent(s_channel));
    api_say(s_channel, WELCOME);
    s_joined(0, 0);
}

TEST(test_a_refusal_for_now_is_tried_again) {
    exchange_t *e = s_stream(BODY, "", 0);
    api_change(s_channel, CHANNEL_ENDED, "silent"); /* an unknown word: for now */
    ck_assert_uint_eq(api_channels(), 1);
    channel_t *before = s_channel;
    for (int i = 0; i < 10 && api_channel() == before; i++)
        api_pass(250);
    s_channel = api_welcome();
    ck_assert_ptr_ne(s_channel, before);
    ck_assert(api_channel_closed(before));
    s_joined(0, 0);
    api_live("lobby", 0, 1, 1);
    ck_assert_str_eq(s_read(e), "offline online 1");
}

TEST(test_a_ban_ends_the_stream) {
    exchange_t *e = s_stream(BODY, "", 0);
    api_say(s_channel, "{'op':'bye','reason':'banned'}");
    ck_assert(api_ended(e));
    ck_assert_str_eq(s_read(e), "problem");
    ck_assert_has(api_body(e), "\"code\":\"forbidden\"");
    ck_assert(api_channel_closed(s_channel));
    api_live("lobby", 0, 1, 1);
    ck_assert_str_eq(s_read(e), "problem");
}

TEST(test_a_right_that_is_taken_ends_the_stream) {
    exchange_t *e = s_stream(BODY, "", 0);
    api_say(s_channel, "{'op':'left','room':'lobby','reason':'revoked','seq':0}");
    api_live("lobby", 0, 1, 1);
    ck_assert(api_ended(e));
    ck_assert_str_eq(s_read(e), "left");
}

TEST(test_private_rooms_come_by_the_session) {
    exchange_t *e = s_stream(BODY, "", 0), *other = s_stream(BODY, "", 0);
    api_deliver(s_channel, "lobby", 0, 0, 1, 2);
    ck_assert_str_eq(s_read(other), "1 2");
    ck_assert_str_eq(s_read(e), "");
}

TEST(test_idle_streams_show_that_they_live) {
    exchange_t *e = s_stream(BODY, "", 0);
    api_clear_body(e);
    api_pass(14750);
    ck_assert_str_eq(api_body(e), "");
    api_pass(250);
    ck_assert_str_eq(api_body(e), ": alive\n\n");
}

TEST(test_a_client_that_goes) {
    exchange_t *e = s_stream(BODY "&after=0", "", 5);
    api_gone(e); /* with a replay under way */
    ck_assert(api_channel_closed(s_channel));
    api_live("lobby", 5, 6, 6);
    api_pass(60000);
    e = api_request("GET", BODY, "", "");
    api_gone(e); /* before the session began */
    ck_assert_uint_eq(api_channels(), 0);
}

UNIT_SUITE_WITH("client.gateway.http.api.http_events", api_begin, api_end)
