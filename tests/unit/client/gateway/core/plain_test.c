#include "plain.h"
#include "unanswered.h"

#include <stdio.h>

#include "fixture_gateway.h"
#include "unit.h"

static stage_t s_stage;
static heard_t s_peer;
static plain_t *s_plain;

#define HEARS(text) ck_assert_str_eq(heard_take(&s_peer), text)
#define SENT(text) ck_assert_str_eq(stage_next(&s_stage), text)
#define SENT_PART(part)                                                                                                \
    do {                                                                                                               \
        const char *sent = stage_next(&s_stage);                                                                       \
        ck_assert_msg(strstr(sent, part), "%s", sent);                                                                 \
    } while (0)

static void s_make_as(const plain_wish_t *wish) {
    static const ws_from_t from = {.address = "192.0.2.1"};
    s_plain = plain_new(&s_stage.host, wish, &from, &heard_calls, &s_peer, s_stage.now);
    ck_assert_ptr_nonnull(s_plain);
}

static void s_make(form_t form) {
    s_make_as(&(plain_wish_t){.room = LIT("r"), .nick = LIT("ann"), .form = form});
}

static void s_say(const char *text) {
    plain_message(s_plain, true, zr_span(text), s_stage.now);
}

static void s_welcome(const char *epoch) {
    char json[200];
    snprintf(json, sizeof json, "{'op':'welcome','epoch':'%s','resume':'feed','nick':'ann'}", epoch);
    stage_inner(&s_stage, 1, json);
}

static void s_joined(unsigned seq) {
    char json[100];
    snprintf(json, sizeof json, "{'op':'joined','room':'r','seq':%u}", seq);
    stage_inner(&s_stage, 1, json);
}

static void s_live(void) {
    SENT_PART("open");
    SENT_PART("\"op\":\"hello\"");
    stage_tick(&s_stage, 0);
    s_welcome(STAGE_EPOCH);
    SENT("1 {\"op\":\"join\",\"id\":\"join\",\"room\":\"r\"}");
    s_joined(10);
    SENT("");
}

static void s_begin(void) {
    stage_begin(&s_stage, 100);
    s_peer = (heard_t){0};
    stage_go_live(&s_stage);
    s_make(FORM_BODY);
}

static void s_end(void) {
    plain_destroy(s_plain);
    stage_end(&s_stage);
}

TEST(test_messages_come_back) {
    s_live();
    s_say("hi");
    SENT("1 01017200000000000000010000000000026869");
    stage_back(&s_stage, stage_entry("r", 0, 10, 11, "hi"));
    stage_inner_frame(&s_stage, 1, LIT("\2\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\x0b"));
    HEARS("hi\n");
    stage_back(&s_stage, stage_entry("r", 0, 10, 11, "hi")); /* again: it has it */
    HEARS("");
}

static void s_expect_login(zr_span_t user, zr_span_t token, const char *members) {
    plain_destroy(s_plain);
    while (*stage_next(&s_stage))
        ;
    s_make_as(&(plain_wish_t){.room = LIT("r"), .user = user, .token = token});
    SENT_PART("open");
    SENT_PART(members);
}

TEST(test_a_user_and_a_signed_login) {
    s_expect_login(LIT("ann"), LIT("t0"), "\"user\":\"ann\",\"token\":\"t0\"}");
    s_expect_login(LIT(""), LIT("a.b.c"), "plain\",\"token\":\"a.b.c\"}");
    s_expect_login(LIT(""), LIT(""), "plain\"}");
}

TEST(test_joining_waits_for_welcome_and_topic) {
    SENT_PART("open");
    SENT_PART("hello");
    s_welcome(STAGE_EPOCH);
    SENT("");
    stage_tick(&s_stage, 0);
    SENT_PART("join");
}

TEST(test_the_first_message_comes_back_too) {
    s_say("early");
    SENT_PART("open");
    SENT_PART("hello");
    stage_tick(&s_stage, 0);
    s_welcome(STAGE_EPOCH);
    SENT_PART("join");
    SENT("");
    s_joined(10);
    SENT("1 01017200000000000000010000000000056561726c79");
    stage_back(&s_stage, stage_entry("r", 0, 10, 11, "early"));
    HEARS("early\n");
}

TEST(test_a_gap_is_filled) {
    s_live();
    stage_back(&s_stage, stage_entry("r", 0, 12, 13, "13"));
    SENT("1 {\"op\":\"replay\",\"id\":\"replay\",\"room\":\"r\",\"after\":10}");
    HEARS("");
    stage_back(&s_stage, stage_entry("r", 0, 13, 14, "14"));
    SENT(""); /* one replay at a time */
    stage_inner_frame(&s_stage, 1, stage_entry("r", ZR_FRAME_REPLAY, 10, 12, "12"));
    stage_inner_frame(&s_stage, 1, stage_entry("r", ZR_FRAME_REPLAY, 12, 13, "13"));
    stage_inner(&s_stage, 1, "{'op':'replayed','room':'r','seq':13,'complete':true,'more':false}");
    HEARS("12\n13\n");
    SENT("1 {\"op\":\"replay\",\"id\":\"replay\",\"room\":\"r\",\"after\":13}"); /* 14 came meanwhile */
    stage_inner_frame(&s_stage, 1, stage_entry("r", ZR_FRAME_REPLAY, 13, 14, "14"));
    stage_inner(&s_stage, 1, "{'op':'replayed','room':'r','seq':14,'complete':true,'more':false}");
    HEARS("14\n");
    SENT("");
}

TEST(test_a_lost_last_entry_shows_in_a_pong) {
    s_live();
    stage_inner(&s_stage, 1, "{'op':'pong','re':'gateway','heads':{'r':11},'versions':{}}");
    SENT("1 {\"op\":\"replay\",\"id\":\"replay\",\"room\":\"r\",\"after\":10}");
}

TEST(test_an_entry_before_the_answer_to_join) {
    SENT_PART("open");
    SENT_PART("hello");
    stage_tick(&s_stage, 0);
    s_welcome(STAGE_EPOCH);
    SENT_PART("join");
    stage_back(&s_stage, stage_entry("r", 0, 10, 11, "early"));
    s_joined(10);
    SENT("1 {\"op\":\"replay\",\"id\":\"replay\",\"room\":\"r\",\"after\":10}");
}

TEST(test_entries_of_another_log_are_not_given) {
    s_live();
    zr_buffer_t frame = {0};
    zr_deliver_begin(&frame, LIT("r"), 0, 99, 10);
    zr_deliver_add(&frame, &(zr_entry_t){.seq = 11, .sender = LIT("x"), .body = LIT("x")});
    stage_back(&s_stage, zr_span_of(frame.data, frame.len));
    zr_buffer_finish(&frame);
    HEARS("");
    s_welcome("00000000000000e2"); /* the broker has a new log */
    SENT_PART("join");
    s_joined(3);
    SENT("1 {\"op\":\"replay\",\"id\":\"replay\",\"room\":\"r\",\"after\":0}");
}

TEST(test_a_slow_peer_gets_the_rest_later) {
    s_live();
    s_peer.deaf = s_peer.busy = true;
    stage_back(&s_stage, stage_entry("r", 0, 10, 11, "11"));
    stage_back(&s_stage, stage_entry("r", 0, 11, 12, "12"));
    SENT("");
    s_peer.deaf = s_peer.busy = false;
    plain_drained(s_plain, s_stage.now);
    SENT("1 {\"op\":\"replay\",\"id\":\"replay\",\"room\":\"r\",\"after\":10}");
    stage_inner_frame(&s_stage, 1, stage_entry("r", ZR_FRAME_REPLAY, 10, 11, "11"));
    s_peer.busy = true;
    stage_inner(&s_stage, 1, "{'op':'replayed','room':'r','seq':11,'complete':true,'more':true}");
    SENT(""); /* until there is room for more */
    s_peer.busy = false;
    plain_drained(s_plain, s_stage.now);
    SENT("1 {\"op\":\"replay\",\"id\":\"replay\",\"room\":\"r\",\"after\":11}");
    HEARS("11\n");
}

TEST(test_unanswered_messages_are_sent_again) {
    s_live();
    s_say("one");
    s_say("two");
    SENT("1 01017200000000000000010000000000036f6e65");
    SENT("1 010172000000000000000200000000000374776f");
    stage_inner_frame(&s_stage, 1, LIT("\2\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\x0b"));
    uplink_down(s_stage.uplink, "gone", s_stage.now);
    s_say("three"); /* while the broker is away */
    stage_tick(&s_stage, 1000);
    while (*stage_next(&s_stage))
        ;
    stage_go_live(&s_stage);
    SENT_PART("open");
    SENT_PART("\"resume\":\"feed\"");
    stage_tick(&s_stage, 0);
    s_welcome(STAGE_EPOCH);
    SENT("1 010172000000000000000200000000000374776f");
    SENT("1 01017200000000000000030000000000057468726565");
    SENT_PART("join");
    s_joined(12);
    SENT("1 {\"op\":\"replay\",\"id\":\"replay\",\"room\":\"r\",\"after\":10}");
}

TEST(test_it_is_not_read_while_much_is_unanswered) {
    s_live();
    for (int i = 0; i < UNANSWERED_MAX; i++) {
        ck_assert(!plain_is_paused(s_plain, s_stage.now));
        s_say("x");
        stage_next(&s_stage);
    }
    ck_assert(plain_is_paused(s_plain, s_stage.now));
    s_say("more of the same read");
    stage_inner_frame(&s_stage, 1, LIT("\2\1\0\0\0\0\0\0\0\x80\0\0\0\0\0\0\0\1"));
    ck_assert(!plain_is_paused(s_plain, s_stage.now));
    static char big[UNANSWERED_BYTES_MAX];
    plain_message(s_plain, false, zr_span_of(big, sizeof big), s_stage.now);
    ck_assert(plain_is_paused(s_plain, s_stage.now));
}

TEST(test_a_pause_that_the_broker_asks_for) {
    s_live();
    stage_inner(&s_stage, 1, "{'op':'error','code':'rate-limited','text':'','wait':250}");
    ck_assert(plain_is_paused(s_plain, s_stage.now));
    ck_assert(plain_is_paused(s_plain, s_stage.now + 249));
    ck_assert(!plain_is_paused(s_plain, s_stage.now + 250));
    ck_assert_uint_eq(s_peer.closed, 0);
}

TEST(test_faults_are_told_in_the_close) {
    s_live();
    s_say("x");
    stage_inner(&s_stage, 1, "{'op':'error','code':'forbidden','text':'no right','room':'r','mid':1}");
    ck_assert_uint_eq(s_peer.closed, WS_POLICY);
    ck_assert_str_eq(s_peer.reason, "forbidden: no right");
    s_say("y");
    stage_back(&s_stage, stage_entry("r", 0, 10, 11, "z"));
    HEARS("");
}

TEST(test_a_session_that_ended_begins_anew) {
    s_live();
    stage_inner(&s_stage, 1, "{'op':'error','code':'no-session','text':''}");
    SENT_PART("hello");
    stage_inner(&s_stage, 1, "{'op':'error','code':'no-session','text':''}");
    SENT(""); /* an answer to what was under way */
    s_welcome(STAGE_EPOCH);
    SENT_PART("join");
    stage_inner(&s_stage, 1, "{'op':'bye','reason':'expired'}");
    SENT_PART("hello");
    stage_inner(&s_stage, 1, "{'op':'bye','reason':'kicked'}");
    ck_assert_str_eq(s_peer.reason, "kicked");
}

/* The broker had no place for its answer to hello. A login that waits is no such loss. */
TEST(test_a_welcome_that_is_lost) {
    static const char beat[] = "{'op':'error','code':'no-session','text':'','re':'gateway'}";
    SENT_PART("open");
    SENT_PART("hello");
    stage_inner(&s_stage, 1, "{'op':'queued','ahead':1}");
    stage_inner(&s_stage, 1, beat);
    SENT("");
    stage_inner(&s_stage, 1, beat);
    SENT_PART("hello");
}

TEST(test_a_full_broker_is_tried_later) {
    stage_inner(&s_stage, 1, "{'op':'error','re':'hello','code':'too-many-sessions','text':'full'}");
    ck_assert_uint_eq(s_peer.closed, WS_LATER);
}

UNIT_SUITE_WITH("client.gateway.plain", s_begin, s_end)
