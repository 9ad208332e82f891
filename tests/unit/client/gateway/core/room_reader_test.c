#include "room_reader.h"

#include <stdio.h>

#include "control.h"
#include "fixture_gateway.h"
#include "unit.h"

static stage_t s_stage;
static channel_t *s_channel;
static room_reader_t s_reader;
static char s_log[512];
static unsigned s_losses;
static bool s_busy, s_deaf;

static bool s_give(void *ctx, delivery_t *delivery, uint64_t after) {
    zr_deliver_reader_t entries;
    zr_entry_t entry;
    (void)ctx;
    if (s_deaf)
        return false;
    zr_deliver_read(&entries, delivery->frame);
    while (zr_deliver_next(&entries, &entry)) {
        size_t len = strlen(s_log);
        if (entry.seq > after)
            snprintf(s_log + len, sizeof s_log - len, "%.*s;", (int)entry.body.len, entry.body.ptr);
    }
    return true;
}

static bool s_ready(void *ctx) {
    (void)ctx;
    return !s_busy;
}

static void s_lost(void *ctx) {
    (void)ctx;
    s_losses++;
}

static const room_reader_calls_t s_calls = {s_give, s_ready, s_lost};

static json_t *s_json(const char *text) {
    char json[300];
    json_t *object = NULL;
    snprintf(json, sizeof json, "%s", text);
    unit_quotes(json);
    ck_assert_int_eq(zr_control_read(zr_span(json), &object), ZR_OK);
    return object;
}

/* What the broker says on the channel. */
static void s_on_frame(void *ctx, zr_span_t inner) {
    delivery_t delivery;
    (void)ctx;
    if (delivery_begin(&delivery, inner)) {
        room_reader_take(&s_reader, &delivery);
        delivery_finish(&delivery);
    }
}

static void s_on_change(void *ctx, channel_change_t change, zr_span_t reason) {
    (void)ctx;
    (void)change;
    (void)reason;
}

static void s_begin(void) {
    static const channel_calls_t calls = {s_on_frame, s_on_change};
    stage_begin(&s_stage, 1);
    stage_go_live(&s_stage);
    s_channel = uplink_open(s_stage.uplink, "", true, &calls, NULL);
    stage_next(&s_stage);
    s_reader = (room_reader_t){.channel = s_channel};
    s_log[0] = '\0';
    s_losses = 0;
    s_busy = s_deaf = false;
}

static void s_end(void) {
    room_reader_finish(&s_reader, s_stage.now);
    channel_close(s_channel);
    stage_end(&s_stage);
}

static void s_read_room(const char *room, unsigned history) {
    ck_assert(room_reader_begin(&s_reader, s_stage.feeds, zr_span(room), history, &s_calls, NULL, s_stage.now));
}

static bool s_joined(const char *room, unsigned seq) {
    char text[100];
    snprintf(text, sizeof text, "{'op':'joined','room':'%s','seq':%u}", room, seq);
    json_t *object = s_json(text);
    bool first = room_reader_joined(&s_reader, object);
    json_decref(object);
    return first;
}

static void s_replayed(const char *members) {
    char text[200];
    snprintf(text, sizeof text, "{'op':'replayed','room':'r',%s}", members);
    json_t *object = s_json(text);
    room_reader_replayed(&s_reader, object);
    json_decref(object);
}

static void s_replay(uint64_t prev, uint64_t seq, const char *body) {
    stage_inner_frame(&s_stage, 1, stage_entry("r", ZR_FRAME_REPLAY, prev, seq, body));
}

static void s_live(uint64_t prev, uint64_t seq, const char *body) {
    stage_back(&s_stage, stage_entry("r", 0, prev, seq, body));
}

#define SENT(text) ck_assert_str_eq(stage_next(&s_stage), text)
#define JOINS SENT("1 {\"op\":\"join\",\"id\":\"join\",\"room\":\"r\"}")
#define REPLAYS(what) SENT("1 {\"op\":\"replay\",\"id\":\"replay\",\"room\":\"r\"," what "}")
#define HEARD(text)                                                                                                    \
    do {                                                                                                               \
        ck_assert_str_eq(s_log, text);                                                                                 \
        s_log[0] = '\0';                                                                                               \
    } while (0)

static void s_start(unsigned history) {
    s_read_room("r", history);
    room_reader_welcome(&s_reader, 0xe1);
    SENT("");
    stage_tick(&s_stage, 0);
    JOINS;
}

TEST(test_without_history_it_begins_at_the_head) {
    s_start(0);
    ck_assert(s_joined("r", 10));
    SENT("");
    s_live(10, 11, "eleven");
    s_live(10, 11, "again");
    HEARD("eleven;");
    ck_assert(!s_joined("r", 11));
}

TEST(test_history_comes_first) {
    s_start(3);
    ck_assert(s_joined("r", 10));
    REPLAYS("\"last\":3");
    s_live(10, 11, "live");
    s_replay(7, 8, "eight");
    s_replay(8, 10, "ten");
    s_replayed("'seq':10,'complete':true,'more':false");
    HEARD("eight;ten;");
    REPLAYS("\"after\":10");
    s_replay(10, 11, "live");
    s_replayed("'seq':11,'complete':true,'more':false");
    HEARD("live;");
    s_live(11, 12, "twelve");
    HEARD("twelve;");
    ck_assert_uint_eq(s_losses, 0);
}

TEST(test_an_empty_room_has_no_history) {
    s_start(3);
    s_joined("r", 0);
    SENT("");
    s_live(0, 1, "one");
    HEARD("one;");
}

TEST(test_less_history_than_wanted_is_no_loss) {
    s_start(3);
    s_joined("r", 10);
    REPLAYS("\"last\":3");
    s_replayed("'seq':10,'complete':false,'more':false");
    ck_assert_uint_eq(s_losses, 0);
}

TEST(test_a_refused_history_is_asked_for_again) {
    s_start(3);
    s_joined("r", 10);
    REPLAYS("\"last\":3");
    room_reader_refused(&s_reader);
    json_t *pong = s_json("{'op':'pong','heads':{}}");
    room_reader_pong(&s_reader, pong);
    json_decref(pong);
    REPLAYS("\"last\":3");
}

TEST(test_a_loss_is_told) {
    s_start(0);
    s_joined("r", 10);
    s_live(15, 16, "sixteen");
    REPLAYS("\"after\":10");
    s_replay(15, 16, "sixteen");
    s_replayed("'seq':16,'count':1,'complete':false,'more':false");
    HEARD("sixteen;");
    ck_assert_uint_eq(s_losses, 1);
}

/* What the log has forgotten meanwhile came after the position that was asked up to. */
TEST(test_a_replay_of_nothing_is_no_loss) {
    s_start(0);
    s_joined("r", 10);
    s_live(11, 12, "twelve");
    REPLAYS("\"after\":10");
    s_replayed("'seq':10,'count':0,'complete':false,'more':false");
    ck_assert_uint_eq(s_losses, 0);
    REPLAYS("\"after\":10");
}

TEST(test_another_room_is_not_read) {
    s_start(0);
    ck_assert(!s_joined("other", 99));
    ck_assert(!s_reader.joined);
    ck_assert(s_joined("r", 10));
    stage_inner_frame(&s_stage, 1, stage_entry("other", 0, 10, 11, "other"));
    stage_inner_frame(&s_stage, 1, stage_entry("r", 0, 10, 11, "private"));
    HEARD("private;");
}

TEST(test_a_new_room_after_the_old_one) {
    s_start(0);
    s_joined("r", 10);
    room_reader_finish(&s_reader, s_stage.now);
    s_live(10, 11, "unread");
    HEARD("");
    s_read_room("r", 0);
    JOINS;
    s_joined("r", 11);
    s_live(11, 12, "read");
    HEARD("read;");
}

TEST(test_too_many_topics) {
    room_reader_t other = {.channel = s_channel};
    s_read_room("r", 0);
    ck_assert(!room_reader_begin(&other, s_stage.feeds, LIT("q"), 0, &s_calls, NULL, s_stage.now));
    room_reader_finish(&other, s_stage.now);
}

TEST(test_what_was_full_is_replayed) {
    s_start(0);
    s_joined("r", 10);
    s_deaf = true;
    s_live(10, 11, "eleven");
    s_deaf = false;
    s_live(11, 12, "twelve");
    HEARD("");
    SENT("");
    s_busy = true;
    room_reader_drained(&s_reader);
    SENT("");
    s_busy = false;
    room_reader_drained(&s_reader);
    REPLAYS("\"after\":10");
}

TEST(test_showing_the_last_ones_again) {
    s_start(0);
    ck_assert(!room_reader_show(&s_reader, 2));
    s_joined("r", 10);
    ck_assert(room_reader_show(&s_reader, 2));
    ck_assert(!room_reader_show(&s_reader, 2));
    REPLAYS("\"last\":2");
    s_live(10, 11, "eleven");
    s_replay(8, 9, "nine");
    s_replay(9, 10, "ten");
    s_replayed("'seq':10,'complete':true,'more':false");
    HEARD("nine;ten;");
    REPLAYS("\"after\":10");
}

TEST(test_another_epoch_is_all_new) {
    s_start(0);
    s_joined("r", 10);
    room_reader_part(&s_reader);
    room_reader_welcome(&s_reader, 0xe1);
    JOINS;
    s_joined("r", 10);
    SENT("");
    room_reader_welcome(&s_reader, 0xe2);
    JOINS;
    s_joined("r", 2);
    REPLAYS("\"after\":0");
}

UNIT_SUITE_WITH("client.gateway.core.room_reader", s_begin, s_end)
