#include "uplink.h"

#include <stdio.h>

#include "fixture_gateway.h"
#include "trunk_session.h"
#include "unit.h"

static stage_t s_stage;

typedef struct {
    char log[1024];
    channel_t *channel;
    bool closes; /* itself with the next change */
} end_t;

static void s_on_frame(void *ctx, zr_span_t inner) {
    end_t *end = ctx;
    size_t len = strlen(end->log);
    snprintf(end->log + len, sizeof end->log - len, "%.*s;", (int)inner.len, inner.ptr);
}

static void s_on_change(void *ctx, channel_change_t change, zr_span_t reason) {
    static const char *const names[] = {"open", "lost", "ended"};
    end_t *end = ctx;
    size_t len = strlen(end->log);
    snprintf(end->log + len, sizeof end->log - len, "%s %.*s;", names[change], (int)reason.len, reason.ptr);
    if (end->closes) {
        channel_close(end->channel);
        end->channel = NULL;
    }
}

static const channel_calls_t s_calls = {s_on_frame, s_on_change};

static void s_open(end_t *end) {
    end->channel = uplink_open(s_stage.uplink, "192.0.2.1", true, &s_calls, end);
}

static void s_heard(end_t *end, const char *expected) {
    ck_assert_str_eq(end->log, expected);
    end->log[0] = '\0';
}

static void s_sent(const char *expected) {
    ck_assert_str_eq(stage_next(&s_stage), expected);
}

static void s_begin(void) {
    stage_begin(&s_stage, 100);
}

static void s_end(void) {
    stage_end(&s_stage);
}

TEST(test_hello_first_and_only_when_connected) {
    uplink_tick(s_stage.uplink, s_stage.now);
    ck_assert_uint_eq(s_stage.fronts, 1);
    s_sent("");
    uplink_up(s_stage.uplink, s_stage.now);
    ck_assert_ptr_nonnull(strstr(stage_next(&s_stage), "\"op\":\"hello\""));
    uplink_up(s_stage.uplink, s_stage.now);
    s_sent("");
    ck_assert(!uplink_is_live(s_stage.uplink));
}

TEST(test_channels_open_close_and_carry_frames) {
    end_t a = {0}, b = {0};
    stage_go_live(&s_stage);
    s_open(&a);
    s_sent("0 {\"op\":\"open\",\"channel\":1,\"address\":\"192.0.2.1\",\"secure\":true}");
    ck_assert(channel_is_open(a.channel));
    channel_send(a.channel, LIT("{\"op\":\"hello\"}"));
    s_sent("1 {\"op\":\"hello\"}");
    s_open(&b);
    s_sent("0 {\"op\":\"open\",\"channel\":2,\"address\":\"192.0.2.1\",\"secure\":true}");
    stage_inner(&s_stage, 2, "{'op':'welcome'}");
    stage_inner(&s_stage, 7, "{'op':'stray'}");
    s_heard(&a, "");
    s_heard(&b, "{\"op\":\"welcome\"};");
    channel_close(a.channel);
    s_sent("0 {\"op\":\"close\",\"channel\":1}");
    stage_inner(&s_stage, 1, "{'op':'late'}");
    stage_front(&s_stage, "{'op':'close','channel':1}");
    s_sent("");
    channel_close(b.channel);
}

TEST(test_the_broker_sends_a_peer_away) {
    end_t a = {0}, b = {.closes = true};
    stage_go_live(&s_stage);
    s_open(&a);
    s_open(&b);
    stage_next(&s_stage);
    stage_next(&s_stage);
    stage_front(&s_stage, "{'op':'close','channel':1,'reason':'kicked'}");
    s_heard(&a, "ended kicked;");
    s_sent("0 {\"op\":\"close\",\"channel\":1}");
    channel_send(a.channel, LIT("{}"));
    s_sent("");
    channel_close(a.channel);
    s_sent(""); /* it is closed already */
    stage_front(&s_stage, "{'op':'error','code':'too-many-channels','text':'','channel':2}");
    s_heard(&b, "ended too-many-channels;");
    s_sent("");
}

TEST(test_a_number_is_used_again_only_when_both_closed) {
    end_t a = {0};
    stage_go_live(&s_stage);
    s_open(&a);
    channel_close(a.channel);
    s_open(&a);
    stage_next(&s_stage);
    stage_next(&s_stage);
    s_sent("0 {\"op\":\"open\",\"channel\":2,\"address\":\"192.0.2.1\",\"secure\":true}");
    channel_close(a.channel);
}

TEST(test_a_loss_is_told_and_channels_open_again) {
    end_t a = {0}, b = {.closes = true};
    stage_go_live(&s_stage);
    s_open(&a);
    s_open(&b);
    while (*stage_next(&s_stage))
        ;
    uplink_down(s_stage.uplink, "gone", s_stage.now);
    s_heard(&a, "lost ;");
    s_heard(&b, "lost ;");
    ck_assert_uint_eq(s_stage.disconnects, 1);
    ck_assert(!channel_is_open(a.channel) && !uplink_is_live(s_stage.uplink));
    channel_send(a.channel, LIT("{}"));
    s_sent("");
    stage_tick(&s_stage, 1000); /* later than any first back-off */
    ck_assert_uint_eq(s_stage.fronts, 2);
    stage_go_live(&s_stage);
    s_heard(&a, "open ;");
    s_sent("0 {\"op\":\"open\",\"channel\":1,\"address\":\"192.0.2.1\",\"secure\":true}");
    s_sent("");
    channel_close(a.channel);
}

TEST(test_attempts_back_off) {
    uint64_t last = 0;
    for (int i = 0; i < 12; i++) {
        uplink_tick(s_stage.uplink, s_stage.now);
        uplink_down(s_stage.uplink, "refused", s_stage.now);
        uint64_t wait = uplink_due(s_stage.uplink) - s_stage.now;
        ck_assert_uint_le(wait, 5000);
        ck_assert(i < 8 || wait > 1000);
        s_stage.now += wait;
        last = wait;
    }
    ck_assert_uint_gt(last, 1000);
    ck_assert_uint_eq(s_stage.fronts, 12);
}

TEST(test_a_silent_broker_is_given_up) {
    stage_go_live(&s_stage);
    stage_tick(&s_stage, 15000);
    ck_assert(uplink_is_live(s_stage.uplink));
    stage_tick(&s_stage, 1);
    ck_assert(!uplink_is_live(s_stage.uplink));
}

TEST(test_any_frame_is_a_sign_of_life) {
    stage_go_live(&s_stage);
    for (int i = 0; i < 10; i++) {
        stage_tick(&s_stage, 5000);
        stage_front(&s_stage, "{'op':'pong','time':1,'heads':{},'versions':{}}");
    }
    ck_assert(uplink_is_live(s_stage.uplink));
}

TEST(test_sessions_get_heartbeats) {
    end_t a = {0}, b = {0};
    stage_go_live(&s_stage);
    s_open(&a);
    s_open(&b);
    channel_set_session(a.channel, true);
    while (s_stage.sent_count)
        stage_next(&s_stage);
    uplink_tick(s_stage.uplink, s_stage.now += 5000);
    ck_assert_uint_eq(s_stage.sent_count, 2); /* the trunk's, and that of a */
    zr_span_t inner;
    uint32_t number;
    ck_assert(zr_trunk_read(zr_span_of(zr_blob_data(s_stage.sent[1]), zr_blob_len(s_stage.sent[1])), &number, &inner));
    ck_assert_uint_eq(number, 1);
    ck_assert_span_eq(inner, LIT("{\"op\":\"ping\",\"id\":\"gateway\"}"));
    while (s_stage.sent_count)
        stage_next(&s_stage);
    channel_set_session(a.channel, false);
    stage_front(&s_stage, "{'op':'pong'}");
    uplink_tick(s_stage.uplink, s_stage.now += 5000);
    ck_assert_uint_eq(s_stage.sent_count, 1);
    channel_close(a.channel);
    channel_close(b.channel);
}

TEST(test_heartbeats_of_many_come_a_few_at_a_time) {
    static end_t ends[450];
    stage_go_live(&s_stage);
    for (size_t i = 0; i < 450; i++) {
        s_open(&ends[i]);
        channel_set_session(ends[i].channel, true);
        while (s_stage.sent_count)
            stage_next(&s_stage);
    }
    s_stage.now += 5000;
    size_t total = 0;
    for (int turn = 0; turn < 3; turn++) {
        uplink_tick(s_stage.uplink, s_stage.now);
        size_t own = turn == 0; /* the trunk's */
        ck_assert_uint_le(s_stage.sent_count - own, 200);
        total += s_stage.sent_count - own;
        while (s_stage.sent_count)
            stage_next(&s_stage);
        ck_assert(turn == 2 || uplink_due(s_stage.uplink) == s_stage.now + 5);
        s_stage.now += 5;
    }
    ck_assert_uint_eq(total, 450);
    for (size_t i = 0; i < 450; i++)
        channel_close(ends[i].channel);
}

TEST(test_a_back_that_is_elsewhere_is_refused) {
    uplink_tick(s_stage.uplink, s_stage.now);
    uplink_up(s_stage.uplink, s_stage.now);
    stage_next(&s_stage);
    stage_front(&s_stage, "{'op':'welcome','re':'hello','epoch':'" STAGE_EPOCH
                          "','resume':'00','back':'tcp://192.0.2.1:1','heartbeat':5000}");
    ck_assert(!uplink_is_live(s_stage.uplink));
    ck_assert_uint_eq(s_stage.backs, 0);
}

TEST(test_without_the_right_it_tries_again_later) {
    end_t a = {0};
    stage_go_live(&s_stage);
    s_open(&a);
    stage_front(&s_stage, "{'op':'error','code':'forbidden','text':'no'}");
    ck_assert(!uplink_is_live(s_stage.uplink));
    s_heard(&a, "lost ;");
    channel_close(a.channel);
}

TEST(test_it_is_full_until_the_broker_has_read) {
    static char big[1 << 20];
    end_t a = {0};
    stage_go_live(&s_stage);
    s_open(&a);
    uint64_t sent = 0;
    while (!uplink_is_full(s_stage.uplink)) {
        channel_send(a.channel, zr_span_of(big, sizeof big));
        sent += sizeof big;
        ck_assert_uint_le(sent, ZR_TRUNK_WINDOW + 2 * sizeof big);
    }
    ck_assert_uint_gt(sent, ZR_TRUNK_WINDOW - sizeof big);
    json_int_t mark = 0;
    for (size_t i = 0; i < s_stage.sent_count; i++) {
        json_t *ping = json_loadb((const char *)zr_blob_data(s_stage.sent[i]), zr_blob_len(s_stage.sent[i]), 0, NULL);
        json_int_t id = json_integer_value(json_object_get(ping, "id"));
        mark = id ? id : mark;
        json_decref(ping);
    }
    ck_assert_int_gt(mark, 0);
    char pong[100];
    snprintf(pong, sizeof pong, "{'op':'pong','re':%lld}", (long long)mark + 1000000000);
    stage_front(&s_stage, pong); /* of bytes that were never sent */
    ck_assert(uplink_is_full(s_stage.uplink));
    snprintf(pong, sizeof pong, "{'op':'pong','re':%lld}", (long long)mark);
    stage_front(&s_stage, pong);
    ck_assert(!uplink_is_full(s_stage.uplink));
    channel_close(a.channel);
}

TEST(test_a_dealer_that_takes_nothing) {
    end_t a = {0};
    stage_go_live(&s_stage);
    s_stage.blocked = true;
    s_open(&a);
    channel_send(a.channel, LIT("{\"n\":1}"));
    ck_assert(uplink_is_blocked(s_stage.uplink) && uplink_is_full(s_stage.uplink));
    s_sent("");
    s_stage.blocked = false;
    channel_send(a.channel, LIT("{\"n\":2}")); /* not before what waits */
    uplink_tick(s_stage.uplink, s_stage.now);
    ck_assert(!uplink_is_blocked(s_stage.uplink));
    ck_assert_ptr_nonnull(strstr(stage_next(&s_stage), "open"));
    s_sent("1 {\"n\":1}");
    s_sent("1 {\"n\":2}");
    channel_close(a.channel);
}

static unsigned s_lives;

static void s_on_feed(feed_reader_t *reader, delivery_t *delivery) {
    (void)reader;
    (void)delivery;
}

static void s_on_live(feed_reader_t *reader) {
    (void)reader;
    s_lives++;
}

TEST(test_a_sync_that_does_not_come) {
    feed_reader_t reader = {.frame = s_on_feed, .live = s_on_live};
    stage_go_live(&s_stage);
    s_lives = 0;
    feeds_join(s_stage.feeds, &reader, LIT("r\0"), s_stage.now);
    uplink_tick(s_stage.uplink, s_stage.now);
    char first[40];
    strcpy(first, s_stage.nonce);
    ck_assert_uint_eq(strlen(first), 16);
    uplink_tick(s_stage.uplink, s_stage.now += 2000);
    ck_assert_str_ne(first, s_stage.nonce); /* another one */
    uplink_tick(s_stage.uplink, s_stage.now += 2000);
    ck_assert_uint_eq(s_stage.backs, 2); /* another SUB */
    stage_tick(&s_stage, 0);
    ck_assert_uint_eq(s_lives, 1);
    ck_assert_str_eq(s_stage.nonce, "");
    ck_assert_uint_eq(s_stage.topic_count, 1);
    feeds_leave(&reader, s_stage.now);
}

TEST(test_a_sub_that_ended_is_made_anew) {
    feed_reader_t reader = {.frame = s_on_feed, .live = s_on_live};
    stage_go_live(&s_stage);
    s_lives = 0;
    feeds_join(s_stage.feeds, &reader, LIT("r\0"), s_stage.now);
    stage_tick(&s_stage, 0);
    uplink_back_down(s_stage.uplink, s_stage.now);
    stage_tick(&s_stage, 999);
    ck_assert_uint_eq(s_stage.backs, 1);
    stage_tick(&s_stage, 1);
    ck_assert_uint_eq(s_stage.backs, 2);
    stage_tick(&s_stage, 0);
    ck_assert_uint_eq(s_lives, 2);
    feeds_leave(&reader, s_stage.now);
}

static void s_tick(uint64_t ms) {
    s_stage.now += ms;
    uplink_tick(s_stage.uplink, s_stage.now);
}

TEST(test_of_several_brokers_the_next_one_follows_a_loss) {
    stage_end(&s_stage);
    stage_servers = "tcp://127.0.0.1:1,tcp://127.0.0.1:2";
    stage_begin(&s_stage, 100);
    stage_servers = NULL;
    s_tick(0);
    ck_assert_str_eq(s_stage.server, "tcp://127.0.0.1:1");
    uplink_unreachable(s_stage.uplink, "nobody", s_stage.now);
    s_tick(1000);
    ck_assert_str_eq(s_stage.server, "tcp://127.0.0.1:2");
    s_tick(4999);
    ck_assert_uint_eq(s_stage.disconnects, 1);
    s_tick(1); /* no connection in five seconds */
    ck_assert_uint_eq(s_stage.disconnects, 2);
    s_tick(1000);
    ck_assert_str_eq(s_stage.server, "tcp://127.0.0.1:1");
    uplink_up(s_stage.uplink, s_stage.now);
    stage_front(&s_stage, "{'op':'welcome','resume':'0123456789abcdef0123456789abcdef','back':'tcp://127.0.0.1:5571',"
                          "'heartbeat':5000,'peers':['tcp://127.0.0.1:3','tcp://192.0.2.1:1']}");
    ck_assert(uplink_is_live(s_stage.uplink));
    for (int i = 0; i < 2; i++) {
        uplink_down(s_stage.uplink, "gone", s_stage.now);
        s_tick(1000);
    }
    ck_assert_str_eq(s_stage.server, "tcp://127.0.0.1:3"); /* learned, unlike the one on another machine */
}

TEST(test_a_single_broker_that_cannot_be_reached_is_waited_for) {
    s_tick(0);
    uplink_unreachable(s_stage.uplink, "nobody", s_stage.now);
    s_tick(60000);
    ck_assert_uint_eq(s_stage.disconnects, 0);
    ck_assert_uint_eq(s_stage.fronts, 1);
}

UNIT_SUITE_WITH("client.gateway.uplink", s_begin, s_end)
