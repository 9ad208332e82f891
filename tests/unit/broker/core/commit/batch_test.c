#include "fixture.h"

TEST(test_what_comes_in_one_pass_leaves_in_one_frame) {
    fx_hello(B, "bob");
    fx_one(A, "r", 1, "a");
    fx_one(B, "r", 1, "b");
    fx_one(A, "s", 2, "c");
    fx_one(A, "r", 3, "d");
    fx_expect_silence(BACK); /* nothing before the pass ends */
    fx_run();
    const char *one = fx_text(BACK), *two = fx_text(BACK);
    ck_assert(strcmp(one, "s 0: 1/c") == 0 || strcmp(two, "s 0: 1/c") == 0);
    ck_assert(strcmp(one, "r 0: 1/a 2/b 3/d") == 0 || strcmp(two, "r 0: 1/a 2/b 3/d") == 0);
    fx_expect_silence(BACK);
    fx_expect_text(A, "ack 3 @3 memory"); /* one ack answers them all */
    fx_expect_silence(A);
    fx_expect_text(B, "ack 1 @2 memory");
}

TEST(test_ack_comes_after_the_entry) {
    fx_one(A, "r", 1, "a");
    fx_expect_silence(A);
    fx_run();
    fx_expect_text(A, "ack 1 @1 memory");
    size_t acked = fx.at;
    fx_expect_text(BACK, "r 0: 1/a");
    ck_assert_uint_lt(fx.at, acked);
}

TEST(test_frames_are_split_at_batch_bytes) {
    size_t entry = ZR_DELIVER_ENTRY_FIXED + 3 + 10, head = ZR_DELIVER_HEAD(1);
    for (size_t extra = 0; extra < 2; extra++) {
        fx_begin();
        fx.config.batch_bytes = head + 3 * entry - extra; /* with one byte less the third does not fit */
        fx_start();
        fx_hello(A, "ann");
        fx_pub("r");
        for (uint64_t mid = 1; mid <= 4; mid++)
            fx_add(mid, "0123456789");
        fx_send_now(A);
        fx_expect_text(BACK, extra ? "r 0: 1/0123456789 2/0123456789" : "r 0: 1/0123456789 2/0123456789 3/0123456789");
        fx_expect_text(BACK, extra ? "r 2: 3/0123456789 4/0123456789" : "r 3: 4/0123456789");
        fx_expect_silence(BACK);
        fx_expect_text(A, "ack 4 @4 memory");
    }
}

/* One pass with `count` entries of 1,000 bytes. */
static void s_backlog(uint64_t *mid, int count) {
    char body[1001] = "";
    memset(body, 'b', 1000);
    fx_pub("r");
    while (count-- > 0)
        fx_add(++*mid, body);
    fx_send_now(A);
}

/* The next live frame has as many of these entries as `bytes` hold. */
static void s_expect_full(size_t bytes) {
    size_t entries = 0, entry = ZR_DELIVER_ENTRY_FIXED + 3 + 1000;
    for (const char *at = fx_text(BACK); (at = strstr(at, "/<1000>")); at++)
        entries++;
    ck_assert_uint_eq(entries, (bytes - ZR_DELIVER_HEAD(1)) / entry);
}

TEST(test_frames_of_a_backlog_grow_up_to_batch_bytes) {
    uint64_t mid = 0;
    fx_begin();
    fx.config.batch_bytes = 64 << 10;
    fx_start();
    fx_hello(A, "ann");
    s_backlog(&mid, 230);
    s_expect_full(16 << 10);
    s_expect_full(32 << 10);
    s_expect_full(64 << 10);
    s_expect_full(64 << 10);
    fx_drop(BACK);
    s_backlog(&mid, 100); /* the next backlog begins where that ended */
    s_expect_full(64 << 10);
    fx_drop(BACK);
}

TEST(test_frames_of_a_quiet_room_are_small_again) {
    uint64_t mid = 0;
    fx_begin();
    fx.config.batch_bytes = 64 << 10;
    fx_start();
    fx_hello(A, "ann");
    s_backlog(&mid, 230);
    fx_drop(BACK);
    s_backlog(&mid, 1); /* 64k becomes 32k */
    s_backlog(&mid, 1);
    fx_drop(BACK);
    s_backlog(&mid, 100);
    s_expect_full(16 << 10);
    s_expect_full(32 << 10);
    fx_drop(BACK);
}

TEST(test_an_entry_that_is_too_large_for_a_batch_goes_alone) {
    fx_begin();
    fx.config.batch_bytes = 50;
    fx_start();
    fx_hello(A, "ann");
    fx_pub("r");
    char body[501] = "";
    memset(body, 'b', 500);
    fx_add(1, "a");
    fx_add(2, body);
    fx_add(3, "c");
    fx_send_now(A);
    fx_expect_texts(BACK, "r 0: 1/a", "r 1: 2/<500>", "r 2: 3/c");
}

TEST(test_a_later_pass_goes_on_where_the_last_one_ended) {
    for (uint64_t mid = 1; mid <= 100; mid++) {
        fx_one_now(A, "r", mid, "x");
    }
    ck_assert_uint_eq(fx_drop(BACK), 100); /* whose chain the fixture checked */
    fx_run();
    fx_expect_silence(BACK);
}

/* Times of the entries of the next published frame, in microseconds after the start. */
static const char *s_times(void) {
    static char text[128];
    text[0] = 0;
    for (size_t i = 0; i < fx.seen_count; i++) {
        if (fx.seen[i].taken || fx.seen[i].kind != EFFECT_SEND || fx.seen[i].route != BACK)
            continue;
        zr_deliver_reader_t reader;
        zr_entry_t entry;
        zr_blob_t *frame = fx.seen[i].frame;
        ck_assert(zr_deliver_read(&reader, zr_span_of(zr_blob_data(frame), zr_blob_len(frame))));
        while (zr_deliver_next(&reader, &entry))
            snprintf(
                text + strlen(text), sizeof text - strlen(text), "%lld ", (long long)(entry.time - 1700000000000000));
        break;
    }
    fx_drop(BACK);
    return text;
}

TEST(test_times_do_not_go_back) {
    fx.now += 50;
    fx_one(A, "r", 1, "a");
    fx.now -= 40;
    fx_one_now(A, "r", 2, "b");
    ck_assert_str_eq(s_times(), "50 50 ");
    fx_one_now(A, "r", 3, "c");
    ck_assert_str_eq(s_times(), "50 ");
    fx_one(A, "s", 4, "d"); /* each room has its own time */
    fx_run();
    ck_assert_str_eq(s_times(), "10 ");
    fx.now += 100;
    fx_one_now(A, "r", 5, "e");
    ck_assert_str_eq(s_times(), "110 ");
}

/* The clock was years ahead, and is set right: times follow it, and do not stand still for years. */
TEST(test_times_follow_a_clock_that_is_set_back) {
    const uint64_t minute = 60 * 1000000, year = 365 * 24 * 60 * minute;
    fx.now += 10 * year;
    fx_one_now(A, "r", 1, "a");
    fx_drop(BACK);
    fx.now -= minute;
    fx_one_now(A, "r", 2, "b");
    fx.now += minute;
    fx_one_now(A, "r", 3, "c");
    ck_assert_str_eq(s_times(), "315360000000000 ");
    fx.now -= 10 * year;
    fx_one_now(A, "r", 4, "d");
    ck_assert_str_eq(s_times(), "0 ");
    fx.now += minute + 7;
    fx_one_now(A, "r", 5, "e");
    ck_assert_str_eq(s_times(), "60000007 ");
}

TEST(test_an_expected_entry_has_an_ack_of_its_own) {
    fx_pub("r");
    fx_add(1, "a");
    fx_add_key(2, "k", "b");
    fx_add_expect(3, "k", 2, "c");
    fx_add_expect(4, "k", 3, "d");
    fx_add(5, "e");
    fx_add(6, "f");
    fx_send_now(A);
    fx_expect_text(BACK, "r 0: 1/a 2/k=b 3/k=c 4/k=d 5/e 6/f");
    fx_expect_texts(A, "ack 2 @2 memory", "ack 3 @3 memory", "ack 4 @4 memory", "ack 6 @6 memory", "");
}

TEST(test_an_ack_never_goes_back) {
    fx_one(A, "r", 1, "a");
    fx_one(A, "r", 2, "b");
    fx_one(A, "r", 1, "a"); /* an impatient resend, before the answer */
    fx_run();
    fx_expect_texts(A, "ack 2 @2 memory", "");
    fx_expect_text(BACK, "r 0: 1/a 2/b");
    fx_one_now(A, "r", 1, "a");
    fx_expect_text(A, "ack 1 @0 memory");
}

TEST(test_an_answer_in_json_stands_between_acks) {
    fx_one(A, "r", 1, "a");
    fx_say(A, "{'op':'publish','room':'r','text':'b','mid':2,'id':7}");
    fx_one_now(A, "r", 3, "c");
    fx_expect_texts(A, "ack 1 @1 memory",
        "{\"level\":\"memory\",\"mid\":2,\"op\":\"ack\",\"re\":7,\"room\":\"r\",\"seq\":2}", "ack 3 @3 memory");
}

TEST(test_ends_with_a_pass_under_way) {
    fx_begin();
    fx.late = true;
    fx_start();
    fx_hello(A, "ann");
    fx_one(A, "r", 1, "a");
    fx_say(A, "{'op':'publish','room':'r','text':'b'}");
    fx_run();
    fx_one(A, "r", 2, "c");
    fx_say(A,
        "{'op':'replay','room':'r','after':0,'id':'x'}"); /* the broker ends with all of it under way, and nothing leaks */
}

TEST(test_no_answer_on_another_connection) {
    fx_say(A, "{'op':'publish','room':'r','text':'x','mid':1,'id':7}");
    fx_say(B, "{'op':'hello','proto':1,'client':'%s','resume':'%s'}", fx_client(A), fx.tokens[A]);
    fx_say(B, "{'op':'publish','room':'r','text':'x','mid':1,'id':7}"); /* asked again, under the same id */
    fx_run();
    fx_expect(B, "{'op':'welcome','resumed':true}");
    fx_expect(B, "{'op':'ack','mid':1,'re':7,'seq':0}");
    fx_expect_silent(B, A);
}

static void s_begin(void) {
    fx_start();
    fx_hello(A, "ann");
}

UNIT_SUITE_WITH("broker.core.batch", s_begin, fx_finish)
