/* Publishing exactly once: packing, acks, refusals, resends, limits. */
#include "fixture_machine.h"
#include "machine_publish.h"

static void s_ack_of(zr_level_t level, uint64_t upto, uint64_t seq) {
    uint8_t ack[ZR_ACK_SIZE];
    zr_ack_write(ack, &(zr_ack_t){level, upto, seq});
    fixture_front(ack, sizeof ack);
}

static void s_ack(uint64_t upto, uint64_t seq) {
    s_ack_of(ZR_LEVEL_DISK, upto, seq);
}

static int s_put(const char *room) {
    return machine_publish(b.machine, room, NULL, 0, 0, "x", 1, NULL);
}

static int s_cas(void) {
    return machine_publish(b.machine, "a", "k", ZR_ENTRY_EXPECT, 7, "x", 1, NULL);
}

static void s_refuse(uint64_t mid, uint64_t upto, const char *code) {
    fixture_json("{'op':'error','code':'%s','text':'no','room':'a','mid':%" PRIu64 ",'upto':%" PRIu64 ",'seq':5}", code,
        mid, upto);
}

TEST(test_one_message_is_one_frame) {
    uint64_t mid = 0;
    ck_assert_int_eq(machine_publish(b.machine, "a", "k", 0, 0, "body", 4, &mid), 0);
    ck_assert_uint_eq(mid, 1);
    ck_assert(machine_eager(b.machine));
    fixture_run();
    ck_assert(!machine_eager(b.machine));
    ck_assert_uint_eq(b.sent_count, b.looked + 1);
    static const char expected[] = "\x01\x01"
                                   "a\0\0\0\0\0\0\0\x01\0\x01k\0\0\0\x04"
                                   "body";
    ck_assert_uint_eq(zr_blob_len(b.sent[b.looked]), sizeof expected - 1);
    ck_assert_mem_eq(zr_blob_data(b.sent[b.looked]), expected, sizeof expected - 1);
    s_ack(1, 40);
    EVENT("acked 1 2 40");
    ck_assert_uint_eq(machine_unacked(b.machine), 0);
}

TEST(test_what_is_published_meanwhile_shares_a_frame) {
    s_put("a");
    fixture_run();
    for (int i = 0; i < 3; i++) {
        s_put("a");
        ck_assert(!machine_eager(b.machine)); /* one is under way: company may come */
    }
    s_put("b");
    ck_assert(machine_eager(b.machine)); /* the frame before it is complete */
    s_put("a");
    SENTS("publish a 1", "publish a 2 3 4", "publish b 5", "publish a 6", "");
}

/* `count` messages of 1,000 bytes, then what is sent of them. Returns the size of the largest frame. */
static size_t s_backlog(int count) {
    char body[1000];
    size_t largest = 0;
    memset(body, 'x', sizeof body);
    fixture_forget_sent();
    for (int i = 0; i < count; i++)
        ck_assert_int_eq(machine_publish(b.machine, "a", NULL, 0, 0, body, sizeof body, NULL), 0);
    fixture_run();
    for (size_t i = b.looked; i < b.sent_count; i++)
        largest = zr_blob_len(b.sent[i]) > largest ? zr_blob_len(b.sent[i]) : largest;
    return largest;
}

/* A frame is full when another message does not fit. */
static void s_ck_full(size_t len, size_t limit) {
    ck_assert_uint_le(len, limit);
    ck_assert_uint_gt(len + ZR_PUBLISH_ENTRY_FIXED + 1000, limit);
}

TEST(test_frames_of_a_backlog_grow) {
    s_ck_full(s_backlog(17), 16 << 10);
    s_ack(17, 17);
    s_ck_full(s_backlog(40), 32 << 10); /* the last one had less than a fourth, but followed a full one */
    s_ack(57, 57);
    s_ck_full(s_backlog(2000), PACK_BYTES);
    s_ack(2057, 2057);
    s_ck_full(s_backlog(300), PACK_BYTES); /* the next backlog goes on so */
}

TEST(test_frames_of_a_quiet_publisher_are_small_again) {
    s_backlog(2000);
    s_ack(2000, 2000);
    for (uint64_t mid = 2001; mid <= 2010; mid++) {
        s_backlog(1);
        s_ack(mid, mid);
    }
    s_ck_full(s_backlog(17), 16 << 10);
}

TEST(test_a_small_window_holds_several_frames) {
    fixture_init();
    fixture_welcome_with(EPOCH_1, false, ",'limits':{'window':131072}");
    for (uint64_t mid = 60; mid <= 240; mid += 60) {
        ck_assert_uint_le(s_backlog(60), 131072 / PACK_WINDOWS);
        s_ack(mid, mid);
    }
    fixture_init();
    fixture_welcome_with(EPOCH_1, false, ",'limits':{'window':1000}");
    s_ck_full(s_backlog(17), 16 << 10); /* one always goes */
}

TEST(test_frames_are_bounded) {
    char large[PACK_BYTES + 1] = {0}; /* alone it may be larger */
    ck_assert_int_eq(machine_publish(b.machine, "a", NULL, 0, 0, large, sizeof large, NULL), 0);

    fixture_init();
    fixture_welcome_with(EPOCH_1, false, ",'limits':{'entries':3}");
    for (int i = 0; i < 4; i++)
        s_put("a");
    SENTS("publish a 1 2 3", "publish a 4");
}

TEST(test_a_program_may_want_small_frames) {
    fixture_init_with((machine_config_t){.reconnect = true, .pack = 2});
    fixture_welcome();
    for (int i = 0; i < 5; i++)
        s_put("a");
    SENTS("publish a 1 2", "publish a 3 4", "publish a 5", "");
}

TEST(test_no_more_under_way_than_the_window) {
    char body[600] = {0};
    fixture_init();
    fixture_welcome_with(EPOCH_1, false, ",'limits':{'window':1000,'entries':1}");
    for (int i = 0; i < 4; i++)
        machine_publish(b.machine, "a", NULL, 0, 0, body, i == 0 || i == 3 ? 600 : 300, NULL);
    SENTS("publish a 1", "publish a 2", "");
    ck_assert(!machine_eager(b.machine));
    s_ack(1, 1);
    SENTS("publish a 3", "");
    fixture_no_session(); /* on another connection nothing is under way */
    fixture_forget_sent();
    b.looked--;
    fixture_welcome_with(EPOCH_1, true, ",'limits':{'window':1}");
    SENT("publish a 2"); /* one always */
    NOTHING_SENT();
    s_ack(2, 2);
    SENT("publish a 3");
    s_ack(3, 3);
    SENT("publish a 4");
    s_ack(4, 4);
    ck_assert_uint_eq(b.machine->publish.flight, 0);
}

TEST(test_works_offline) {
    fixture_init();
    s_put("a");
    s_put("a");
    fixture_run();
    fixture_welcome();
    SENT("publish a 1 2");
}

TEST(test_takes_only_what_the_protocol_allows) {
    ck_assert_int_eq(s_put("a b"), ZRELAY_EINVAL);
    ck_assert_int_eq(s_put("a*"), ZRELAY_EINVAL);
    ck_assert_int_eq(s_put(NULL), ZRELAY_EINVAL);
    ck_assert_int_eq(machine_publish(b.machine, "a", "k k", 0, 0, "x", 1, NULL), ZRELAY_EINVAL);
    ck_assert_int_eq(machine_publish(b.machine, "a", "", 0, 0, "x", 1, NULL), ZRELAY_EINVAL);
    ck_assert_int_eq(machine_publish(b.machine, "a", NULL, ZR_ENTRY_DELETE, 0, "", 0, NULL), ZRELAY_EINVAL);
    ck_assert_int_eq(machine_publish(b.machine, "a", "k", ZR_ENTRY_DELETE, 0, "x", 1, NULL), ZRELAY_EINVAL);
    ck_assert_int_eq(machine_publish(b.machine, "a", NULL, 0, 0, NULL, 1, NULL), ZRELAY_EINVAL);
    ck_assert_int_eq(machine_publish(b.machine, "a", "k", ZR_ENTRY_EXPECT, 1ULL << 53, "x", 1, NULL), ZRELAY_EINVAL);
    ck_assert_int_eq(machine_publish(b.machine, "a", NULL, 0, 0, NULL, 0, NULL), 0);
    ck_assert_int_eq(machine_publish(b.machine, "a", "k", ZR_ENTRY_DELETE, 0, NULL, 0, NULL), 0);
    ck_assert_uint_eq(machine_unacked(b.machine), 2);
}

TEST(test_queue_is_full_at_its_limits) {
    fixture_init_with((machine_config_t){.reconnect = true, .queue_messages = 2});
    fixture_welcome();
    ck_assert_int_eq(s_put("a"), 0);
    ck_assert_int_eq(s_put("a"), 0);
    ck_assert_int_eq(s_put("a"), ZRELAY_EFULL);
    fixture_run();
    ck_assert_int_eq(s_put("a"), ZRELAY_EFULL);
    s_ack(1, 0);
    ck_assert_int_eq(s_put("a"), 0); /* frame or not: one is answered */
    ck_assert_int_eq(s_put("a"), ZRELAY_EFULL);

    char body[100 - ZR_PUBLISH_ENTRY_FIXED] = {0};
    fixture_init_with((machine_config_t){.reconnect = true, .queue_bytes = 300});
    fixture_welcome();
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(machine_publish(b.machine, "a", NULL, 0, 0, body, sizeof body, NULL), 0);
    ck_assert_int_eq(machine_publish(b.machine, "a", NULL, 0, 0, "", 0, NULL), ZRELAY_EFULL);
    char all[301 - ZR_PUBLISH_ENTRY_FIXED] = {0};
    ck_assert_int_eq(machine_publish(b.machine, "a", NULL, 0, 0, all, sizeof all, NULL), ZRELAY_ELARGE);
    fixture_run();
    s_ack(3, 0);
    ck_assert_uint_eq(b.machine->publish.bytes, 0);
    ck_assert_int_eq(machine_publish(b.machine, "a", NULL, 0, 0, all, sizeof all - 1, NULL), 0);
}

TEST(test_bodies_are_bounded_by_the_broker) {
    char body[2000] = {0};
    fixture_init();
    fixture_welcome_with(EPOCH_1, false, ",'limits':{'frame':2000,'body':1500}");
    ck_assert_int_eq(machine_publish(b.machine, "a", NULL, 0, 0, body, 1501, NULL), ZRELAY_ELARGE);
    ck_assert_int_eq(machine_publish(b.machine, "a", NULL, 0, 0, body, 1500, NULL), 0);
}

TEST(test_the_largest_body) {
    static const char *const limits[] = {
        ",'limits':{'frame':2000,'body':1500}", ",'limits':{'frame':1500,'body':1500}"};
    for (size_t i = 0; i < 2; i++)
        for (const char *key = NULL;; key = "key") {
            char body[2000] = {0};
            fixture_init();
            fixture_welcome_with(EPOCH_1, false, limits[i]);
            size_t most = machine_body_max(b.machine, zr_span("room"), zr_span(key));
            ck_assert_uint_eq(most, i == 0 ? 1500 : 1500 - 6 - 14 - (key ? 3 + 8 : 0));
            if (key)
                machine_set_ttl(b.machine, 5);
            ck_assert_int_eq(machine_publish(b.machine, "room", key, 0, 0, body, most + 1, NULL), ZRELAY_ELARGE);
            ck_assert_int_eq(machine_publish(b.machine, "room", key, 0, 0, body, most, NULL), 0);
            if (key)
                break;
        }
    fixture_init_with((machine_config_t){.queue_bytes = 100});
    ck_assert_uint_eq(machine_body_max(b.machine, zr_span("room"), zr_span(NULL)), 86);
}

/* The next value gets it, and that one alone. */
TEST(test_time_to_live) {
    ck_assert_int_eq(machine_set_ttl(b.machine, ZR_INT_MAX + 1), ZRELAY_EINVAL);
    ck_assert_int_eq(machine_set_ttl(b.machine, 5), 0);
    s_put("a");
    ck_assert_int_eq(machine_publish(b.machine, "a", "k", ZR_ENTRY_DELETE, 0, NULL, 0, NULL), 0);
    ck_assert_int_eq(machine_publish(b.machine, "a", "k k", 0, 0, "x", 1, NULL), ZRELAY_EINVAL);
    ck_assert_int_eq(machine_publish(b.machine, "a", "k", 0, 0, "x", 1, NULL), 0);
    ck_assert_int_eq(machine_publish(b.machine, "a", "k", 0, 0, "x", 1, NULL), 0);
    machine_set_ttl(b.machine, ZR_INT_MAX);
    ck_assert_int_eq(machine_publish(b.machine, "a", "k", ZR_ENTRY_EXPECT, 0, "x", 1, NULL), 0);
    machine_set_ttl(b.machine, 7);
    machine_set_ttl(b.machine, 0);
    ck_assert_int_eq(machine_publish(b.machine, "a", "k", 0, 0, "x", 1, NULL), 0);
    SENT("publish a 1 2 3~5 4 5~9007199254740991 6");
}

TEST(test_ids_go_on_where_another_run_ended) {
    fixture_init_with((machine_config_t){.client = "0123456789abcdef0123456789abcdef", .reconnect = true});
    ck_assert_int_eq(machine_set_mid(b.machine, 8), 0);
    ck_assert_int_eq(machine_set_mid(b.machine, 7), ZRELAY_EINVAL);
    ck_assert_uint_eq(machine_unacked(b.machine), 0);
    s_put("a");
    fixture_run();
    SENT("hello proto=1 client=0123456789abcdef0123456789abcdef");
    b.looked--;
    fixture_welcome();
    SENT("publish a 8");
    ck_assert_uint_eq(machine_unacked(b.machine), 1);
    s_ack(8, 40);
    EVENT("acked 8 2 40");
    ck_assert_uint_eq(machine_unacked(b.machine), 0);
}

TEST(test_ids_may_be_left_out) {
    for (uint64_t mid = 1; mid <= 7; mid += 2) { /* 1, 3, 5, 7 */
        ck_assert_int_eq(machine_set_mid(b.machine, mid), 0);
        s_put("a");
    }
    fixture_run();
    ck_assert_uint_eq(machine_unacked(b.machine), 4);
    SENT("publish a 1 3 5 7");
    s_ack(3, 8);
    EVENT("acked 3 2 8");
    ck_assert_uint_eq(machine_unacked(b.machine), 2);
    s_refuse(4, 6, "store-failed"); /* only 5 was a message */
    EVENTS("refused store-failed a mid=5-5 request=0 seq=5", "");
    fixture_no_session();
    fixture_forget_sent();
    b.looked--;
    fixture_welcome_with(EPOCH_1, true, "");
    SENTS("publish a 7", "");
    s_ack(7, 9);
    ck_assert_uint_eq(machine_unacked(b.machine), 0);
    ck_assert_ptr_null(b.machine->publish.first);
    ck_assert_int_eq(machine_set_mid(b.machine, ZR_INT_MAX + 1), ZRELAY_EINVAL);
    ck_assert_int_eq(machine_set_mid(b.machine, ZR_INT_MAX), 0);
    ck_assert_int_eq(s_put("a"), 0);
    ck_assert_int_eq(s_put("a"), ZRELAY_ESTATE); /* there are no more */
}

TEST(test_sixty_four_compare_and_sets) {
    for (int i = 0; i < CAS_WINDOW; i++)
        ck_assert_int_eq(s_cas(), 0);
    ck_assert_int_eq(s_cas(), ZRELAY_EMANY);
    ck_assert_int_eq(s_put("a"), 0); /* others are not bounded by it */
    fixture_run();
    s_ack(1, 9);
    ck_assert_int_eq(s_cas(), 0);
    ck_assert_int_eq(s_cas(), ZRELAY_EMANY);
    s_refuse(10, 10, "conflict");
    ck_assert_int_eq(s_cas(), 0);
    ck_assert_int_eq(s_cas(), ZRELAY_EMANY);
}

TEST(test_acks_are_cumulative) {
    for (int i = 0; i < 4; i++)
        s_put("a");
    fixture_run();
    s_put("b");
    fixture_run();
    s_ack(3, 8);
    EVENT("acked 3 2 8");
    ck_assert_uint_eq(machine_unacked(b.machine), 2);
    s_ack(3, 8); /* again, and an older one: nothing new */
    s_ack(2, 7);
    NO_EVENT();
    s_ack(5, 9);
    EVENT("acked 5 2 9");
    ck_assert_uint_eq(machine_unacked(b.machine), 0);
    ck_assert_ptr_null(b.machine->publish.first);
}

TEST(test_refusals) {
    for (int i = 0; i < 6; i++)
        s_put("a");
    fixture_run();
    s_refuse(3, 4, "too-many-keys");
    EVENT("refused too-many-keys a mid=3-4 request=0 seq=5");
    ck_assert_uint_eq(machine_unacked(b.machine), 4);
    s_refuse(2, 5, "too-many-keys"); /* overlaps: only what is not answered yet */
    EVENTS("refused too-many-keys a mid=2-2 request=0 seq=5", "refused too-many-keys a mid=5-5 request=0 seq=5", "");
    ck_assert_uint_eq(machine_unacked(b.machine), 2);
    s_ack(1, 3);
    EVENT("acked 1 2 3");
    ck_assert_uint_eq(machine_unacked(b.machine), 1); /* 2 to 5 are answered too */
    ck_assert_uint_eq(b.machine->publish.answered, 5);
    s_refuse(6, 6, "too-many-keys");
    EVENT("refused too-many-keys a mid=6-6 request=0 seq=5");
    ck_assert_uint_eq(machine_unacked(b.machine), 0);
    ck_assert_ptr_null(b.machine->publish.first);
}

TEST(test_conflict_names_where_the_value_stands) {
    s_cas();
    fixture_run();
    s_refuse(1, 1, "conflict");
    EVENT("refused conflict a mid=1-1 request=0 seq=5");
}

TEST(test_resends_what_is_unanswered_in_order_before_anything_new) {
    s_put("a");
    fixture_run();
    s_put("a");
    s_put("b");
    fixture_run();
    s_ack(1, 1);
    fixture_no_session();
    s_put("b");
    fixture_run();
    fixture_tick(100);
    fixture_forget_sent();
    b.looked--;
    fixture_welcome_with(EPOCH_1, true, "");
    SENTS("publish a 2", "publish b 3", "publish b 4", "");
    s_ack(4, 4);
    ck_assert_uint_eq(machine_unacked(b.machine), 0);
}

TEST(test_a_resend_is_the_same_bytes) {
    s_put("a");
    fixture_run();
    zr_blob_t *first = b.sent[b.sent_count - 1];
    fixture_no_session();
    fixture_welcome_with(EPOCH_2, false, ""); /* another log as well: ids stay valid */
    ck_assert_ptr_ne(b.sent[b.sent_count - 1], first);
    ck_assert(zr_span_equal(fixture_span(b.sent[b.sent_count - 1]), fixture_span(first)));
}

/* A broker that has forgotten this client would store what was answered once more: acked twice, or against its own
 * refusal. */
TEST(test_a_resend_leaves_out_what_is_answered) {
    for (int i = 0; i < 5; i++)
        s_put("a");
    fixture_run();
    s_ack(1, 1);
    s_refuse(3, 3, "too-many-keys");
    fixture_reconnect(EPOCH_2, false, "");
    SENT("publish a 2 4 5");
    s_ack(5, 9);
    ck_assert_uint_eq(machine_unacked(b.machine), 0);
    ck_assert_uint_eq(b.machine->publish.bytes, 0);
}

TEST(test_a_refusal_that_comes_again_is_told_once) {
    s_put("a");
    s_cas();
    fixture_run();
    s_refuse(2, 2, "conflict");
    EVENT("refused conflict a mid=2-2 request=0 seq=5");
    s_refuse(2, 2, "outcome-unknown");
    NO_EVENT();
}

TEST(test_smaller_limits_after_a_reconnect) {
    char body[3000] = {0};
    fixture_init();
    for (int i = 0; i < 3; i++)
        machine_publish(b.machine, "a", NULL, 0, 0, body, 400, NULL);
    machine_publish(b.machine, "a", NULL, 0, 0, body, sizeof body, NULL);
    s_put("a");
    fixture_run();
    fixture_welcome_with(EPOCH_1, false, ",'limits':{'frame':1024}");
    EVENTS("connected " EPOCH_1 " me", "refused too-large a mid=4-4 request=0 seq=0");
    SENTS("publish a 1 2", "publish a 3 5", "");
    s_ack(5, 9);
    ck_assert_uint_eq(machine_unacked(b.machine), 0);
    ck_assert_uint_eq(b.machine->publish.bytes, 0);
}

TEST(test_acks_nobody_waits_for_are_malformed) {
    s_put("a");
    s_ack(1, 1); /* not even sent */
    fixture_run();
    s_ack(2, 1);
    s_ack(UINT64_MAX, 1);
    fixture_front("\x02\x01", 2);
    fixture_front("\x02\x07\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x01", ZR_ACK_SIZE);
    s_refuse(2, 2, "conflict");
    s_refuse(1, 2, "conflict");
    s_refuse(1, 0, "conflict");
    ck_assert_uint_eq(b.machine->malformed, 8);
    ck_assert_uint_eq(machine_unacked(b.machine), 1);
    NO_EVENT();
}

TEST(test_an_ack_between_reconnect_and_resend) {
    s_put("a");
    fixture_run();
    s_put("b");
    fixture_run();
    fixture_no_session();
    s_ack(1, 1); /* was under way */
    fixture_forget_sent();
    b.looked--;
    fixture_welcome_with(EPOCH_1, true, "");
    SENT("publish b 2");
}

TEST(test_acks_become_one_when_nobody_takes_them) {
    for (uint64_t i = 1; i <= EVENTS_MERGE + 10; i++) {
        s_put("a");
        fixture_run();
        s_ack_of(i == EVENTS_MERGE + 5 ? ZR_LEVEL_MEMORY : ZR_LEVEL_DISK, i, i);
    }
    for (uint64_t i = 1; i < EVENTS_MERGE - 1; i++) /* the event taken last still has its place */
        ck_assert_uint_eq(machine_event(b.machine)->mid, i);
    EVENT("acked 1034 1 1034"); /* one of them was not on disk */
    NO_EVENT();
}

TEST(test_publishing_pauses_when_it_is_told_to) {
    ck_assert_int_eq(s_put("a"), 0);
    SENT("publish a 1");
    fixture_json("{'op':'error','code':'rate-limited','text':'slow','wait':700}");
    ck_assert_int_eq(s_put("a"), 0);
    ck_assert_int_eq(s_put("b"), 0);
    ck_assert(!machine_eager(b.machine));
    fixture_run();
    s_ack(1, 1); /* answers go on meanwhile */
    EVENT("acked 1 2 1");
    ck_assert_uint_eq(machine_due(b.machine), b.now + 700);
    fixture_tick(600);
    NOTHING_SENT();
    fixture_json("{'op':'error','code':'rate-limited','text':'slow'}"); /* and again; 100 ms if it does not say */
    fixture_tick(99);
    NOTHING_SENT();
    fixture_tick(1);
    SENTS("publish a 2", "publish b 3");
    NO_EVENT(); /* nothing was refused */
    ck_assert_uint_eq(machine_unacked(b.machine), 2);
}

/* It is the broker that needs the rest, so what is resent waits too. */
TEST(test_a_pause_outlives_the_connection) {
    ck_assert_int_eq(s_put("a"), 0);
    SENT("publish a 1");
    fixture_json("{'op':'error','code':'rate-limited','text':'slow','wait':9000000}");
    fixture_no_session();
    fixture_event();
    fixture_welcome_with(EPOCH_1, true, "");
    EVENT("connected " EPOCH_1 " me resumed");
    NOTHING_SENT();
    uint64_t end = b.now + WAIT_MAX_MS; /* the longest there is; pings go on meanwhile */
    while (b.now < end) {
        uint64_t due = machine_due(b.machine);
        ck_assert_uint_gt(due, b.now);
        b.now = due;
        if (b.now < end)
            fixture_tick(0);
        while (b.looked < b.sent_count)
            ck_assert_str_eq(fixture_sent(), "ping");
        if (b.now < end)
            fixture_json("{'op':'pong','time':1,'heads':{}}");
    }
    ck_assert_uint_eq(b.now, end);
    machine_tick(b.machine, b.now);
    fixture_run();
    const char *sent = fixture_sent();
    ck_assert_str_eq(strcmp(sent, "ping") == 0 ? fixture_sent() : sent, "publish a 1");
}

static void s_begin(void) {
    fixture_init();
    fixture_welcome();
}

UNIT_SUITE_WITH("client.lib.machine_publish", s_begin, fixture_finish)
