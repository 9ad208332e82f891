#include "unanswered.h"

#include "fixture_gateway.h"
#include "unit.h"

static stage_t s_stage;
static channel_t *s_channel;
static unanswered_t s_unanswered;

static void s_on_frame(void *ctx, zr_span_t inner) {
    (void)ctx;
    (void)inner;
}

static void s_on_change(void *ctx, channel_change_t change, zr_span_t reason) {
    (void)ctx;
    (void)change;
    (void)reason;
}

static void s_begin(void) {
    static const channel_calls_t calls = {s_on_frame, s_on_change};
    stage_begin(&s_stage, 10);
    stage_go_live(&s_stage);
    s_channel = uplink_open(s_stage.uplink, "", true, &calls, NULL);
    stage_next(&s_stage);
    s_unanswered = (unanswered_t){0};
}

static void s_end(void) {
    unanswered_finish(&s_unanswered);
    channel_close(s_channel);
    stage_end(&s_stage);
}

static void s_add(const char *body) {
    ck_assert_ptr_nonnull(unanswered_add(&s_unanswered, LIT("r"), zr_span(body)));
}

#define SENT(text) ck_assert_str_eq(stage_next(&s_stage), text)

TEST(test_what_was_answered_is_not_sent_again) {
    s_add("a");
    s_add("b");
    s_add("c");
    unanswered_drop(&s_unanswered, 1);
    unanswered_send(&s_unanswered, s_channel);
    SENT("1 010172000000000000000200000000000162");
    SENT("1 010172000000000000000300000000000163");
    SENT("");
    unanswered_drop(&s_unanswered, 9);
    ck_assert_uint_eq(s_unanswered.count, 0);
    ck_assert_uint_eq(s_unanswered.bytes, 0);
    ck_assert_ptr_null(s_unanswered.items);
}

TEST(test_an_answer_out_of_order) {
    s_add("a");
    s_add("b");
    s_add("c");
    unanswered_drop_one(&s_unanswered, 2);
    unanswered_drop_one(&s_unanswered, 2);
    unanswered_drop_one(&s_unanswered, 0);
    unanswered_drop_one(&s_unanswered, 4);
    ck_assert_uint_eq(s_unanswered.count, 3);
    unanswered_send(&s_unanswered, s_channel);
    SENT("1 010172000000000000000100000000000161");
    SENT("1 010172000000000000000300000000000163");
    SENT("");
    unanswered_drop_one(&s_unanswered, 1);
    ck_assert_uint_eq(s_unanswered.count, 1); /* the second went with the first */
    unanswered_drop(&s_unanswered, 3);
    ck_assert_uint_eq(s_unanswered.bytes, 0);
}

TEST(test_full_by_number_and_by_bytes) {
    static char big[UNANSWERED_BYTES_MAX];
    for (int i = 1; i < UNANSWERED_MAX; i++)
        s_add("x");
    ck_assert(!unanswered_is_full(&s_unanswered));
    s_add("x");
    ck_assert(unanswered_is_full(&s_unanswered));
    unanswered_drop(&s_unanswered, 200);
    ck_assert(!unanswered_is_full(&s_unanswered));
    unanswered_add(&s_unanswered, LIT("r"), zr_span_of(big, sizeof big));
    ck_assert(unanswered_is_full(&s_unanswered));
}

TEST(test_full_by_the_bytes_of_all) {
    uint64_t all = UNANSWERED_ALL_MAX - 2;
    unanswered_t one = {.all = &all}, other = {.all = &all};
    unanswered_add(&one, LIT("r"), LIT(""));
    uint64_t size = one.bytes;
    ck_assert(unanswered_is_full(&other)); /* though it has none */
    unanswered_drop(&one, 1);
    ck_assert_uint_eq(all, UNANSWERED_ALL_MAX - 2);
    ck_assert(!unanswered_is_full(&other));
    all = UNANSWERED_ALL_MAX - 1 - size;
    unanswered_add(&one, LIT("r"), LIT(""));
    ck_assert(!unanswered_is_full(&other));
    unanswered_finish(&one);
    ck_assert_uint_eq(all, UNANSWERED_ALL_MAX - 1 - size);
}

TEST(test_ids_rise_over_thousands_of_messages) {
    for (uint64_t i = 1; i < 5000; i++) {
        s_add("x");
        ck_assert_uint_eq(s_unanswered.mid, i);
        if (i > 100)
            unanswered_drop(&s_unanswered, i - 100);
    }
    ck_assert_uint_eq(s_unanswered.count, 100);
    ck_assert_uint_lt(s_unanswered.size, 1000);
}

UNIT_SUITE_WITH("client.gateway.core.unanswered", s_begin, s_end)
