#include "fixture_talk.h"

#include <stdio.h>

#include "unanswered.h"

TEST(test_no_broker_at_the_beginning) {
    talk_destroy(lines_talk);
    uplink_down(lines_stage.uplink, "test", lines_stage.now);
    lines_peer.log[0] = '\0';
    lines_make(true);
    HEARS("* the broker is away; please wait\n");
    ck_assert(talk_is_paused(lines_talk, lines_stage.now));
}

TEST(test_a_login_is_another_session) {
    lines_enter();
    lines_say("hi\n/login bob secret\n");
    SENT_PART("6869");
    SENT(""); /* it waits for the answer */
    ck_assert(talk_is_paused(lines_talk, lines_stage.now));
    lines_ack(1, 1);
    SENT("1 {\"op\":\"bye\",\"id\":\"bye\"}");
    SENT_PART("\"user\":\"bob\",\"token\":\"secret\"");
    lines_welcome("bob");
    HEARS("* you are bob now\n");
    SENT_PART("join");
    lines_joined("lobby", 1);
    SENT_PART("replay"); /* what came meanwhile */
    lines_broker("{'op':'replayed','room':'lobby','seq':1,'complete':true,'more':false}");
    lines_say("x\n");
    PUBLISHED("01", "0000000178");
    talk_end(lines_talk, lines_stage.now);
    lines_ack(1, 2);
    ck_assert(!lines_peer.closed); /* its message has not come back */
    lines_entry(1, 2, "x");
    talk_tick(lines_talk, lines_stage.now);
    ck_assert(lines_peer.closed);
}

TEST(test_a_wrong_login_leaves_a_guest) {
    lines_enter();
    lines_say("/login bob wrong\n");
    SENT_PART("bye");
    SENT_PART("bob");
    lines_broker("{'op':'error','re':'hello','code':'login-failed','text':'unknown user'}");
    HEARS("* not logged in: unknown user\n");
    const char *hello = stage_next(&lines_stage);
    ck_assert_ptr_nonnull(strstr(hello, "\"nick\":\"ann\""));
    ck_assert_ptr_null(strstr(hello, "token"));
}

/* The broker had no place for its answer to hello. A login that waits is no such loss. */
TEST(test_a_welcome_that_is_lost) {
    static const char beat[] = "{'op':'error','code':'no-session','text':'','re':'gateway'}";
    SENT_PART("open");
    SENT_PART("hello");
    lines_broker("{'op':'queued','ahead':1}");
    lines_broker(beat);
    SENT("");
    lines_broker(beat);
    SENT_PART("hello");
    lines_welcome("ann");
    lines_broker(beat); /* of the session: it is lost */
    SENT_PART("hello");
}

/* Errors of the session before come while the new one begins. It has heartbeats all the same. */
TEST(test_late_errors_of_the_session_before) {
    SENT_PART("open");
    SENT_PART("hello");
    lines_welcome("ann");
    lines_broker("{'op':'error','code':'no-session','text':''}");
    SENT_PART("hello");
    lines_broker("{'op':'error','code':'no-session','text':''}");
    lines_broker("{'op':'error','re':'msg','code':'no-such-user','text':'no'}");
    SENT("");
    lines_broker("{'op':'error','code':'no-session','text':'','re':'gateway'}"); /* the answer is lost */
    SENT_PART("hello");
    lines_broker("{'op':'error','re':'hello','code':'rate-limited','text':'','wait':1000}"); /* it was not lost */
    SENT("");
    lines_welcome("ann");
    lines_broker("{'op':'error','code':'no-session','text':'','re':'gateway'}");
    SENT_PART("hello");
}

TEST(test_a_broker_that_wants_a_login) {
    SENT_PART("open");
    SENT_PART("hello");
    lines_broker("{'op':'error','re':'hello','code':'login-required','text':'log in'}");
    HEARS("* welcome, 192.0.2.1:4711; log in first, with /login USER TOKEN\n");
    lines_say("hi\n/who\n");
    HEARS("* not sent: log in first, with /login USER TOKEN\n* log in first, with /login USER TOKEN\n");
    SENT("");
    lines_say("/login bob secret\n");
    SENT_PART("\"user\":\"bob\"");
    lines_welcome("bob");
    stage_tick(&lines_stage, 0);
    lines_joined("lobby", 0);
    HEARS("* you are bob now\n* you are in lobby\n");
}

TEST(test_no_token_in_the_clear) {
    talk_destroy(lines_talk);
    stage_end(&lines_stage);
    stage_begin(&lines_stage, 100);
    stage_go_live(&lines_stage);
    lines_make(false);
    lines_enter();
    lines_say("/login bob secret\n");
    HEARS_PART("tokens are taken only");
    SENT("");
}

TEST(test_a_peer_that_is_sent_away) {
    lines_enter();
    stage_front(&lines_stage, "{'op':'close','channel':1,'reason':'kicked'}");
    HEARS("* the broker sends you away: kicked\n");
    ck_assert(lines_peer.closed);
}

TEST(test_an_ended_session_begins_anew) {
    lines_enter();
    lines_broker("{'op':'bye','reason':'expired'}");
    SENT_PART("hello");
    lines_broker("{'op':'bye','reason':'banned'}");
    HEARS("* the broker ended your session: banned\n");
    ck_assert(lines_peer.closed);
}

TEST(test_the_rates_of_the_broker) {
    lines_enter();
    lines_broker("{'op':'error','code':'rate-limited','text':'','wait':250}");
    ck_assert(talk_is_paused(lines_talk, lines_stage.now));
    ck_assert(talk_is_paused(lines_talk, lines_stage.now + 249));
    ck_assert(!talk_is_paused(lines_talk, lines_stage.now + 250));
}

TEST(test_a_flood_is_taken_in_turns) {
    static char text[3 * UNANSWERED_MAX];
    lines_enter();
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = i % 2 ? '\n' : 'x';
    zr_span_t left = zr_span_of(text, sizeof text);
    size_t taken = talk_bytes(lines_talk, left, lines_stage.now);
    ck_assert_uint_eq(taken, 2 * TALK_TURN);
    size_t all = taken;
    while (!talk_is_paused(lines_talk, lines_stage.now))
        all += talk_bytes(lines_talk, zr_span_of(text + all, sizeof text - all), lines_stage.now);
    ck_assert_uint_eq(all, 2 * UNANSWERED_MAX);
    lines_ack(200, 200);
    ck_assert(!talk_is_paused(lines_talk, lines_stage.now));
}

TEST(test_a_line_costs_as_many_deliveries_as_its_room_has_readers) {
    static feed_reader_t others[400];
    uint8_t topic[FEED_TOPIC_MAX];
    size_t len = feed_topic(LIT("lobby"), false, topic);
    lines_enter();
    for (size_t i = 0; i < 399; i++) {
        others[i] = (feed_reader_t){0};
        feeds_join(lines_stage.feeds, &others[i], zr_span_of(topic, len), lines_stage.now);
    }
    lines_say("one\n");
    lines_say("two\n");
    lines_say("three\n"); /* 1200 of 1000 */
    ck_assert(talk_is_paused(lines_talk, lines_stage.now));
    ck_assert(talk_is_paused(lines_talk, lines_stage.now + 699));
    ck_assert(!talk_is_paused(lines_talk, lines_stage.now + 700));
    ck_assert(!talk_is_paused(lines_talk, lines_stage.now + 100000)); /* a second's worth at most */
    lines_stage.now += 100000;
    lines_say("1\n2\n3\n");
    ck_assert(talk_is_paused(lines_talk, lines_stage.now));
    for (size_t i = 0; i < 399; i++)
        feeds_leave(&others[i], lines_stage.now);
}

TEST(test_too_many_topics) {
    talk_destroy(lines_talk);
    stage_end(&lines_stage);
    stage_begin(&lines_stage, 1);
    static const talk_calls_t calls = {lines_on_send, lines_on_close};
    ws_from_t from = {.address = "192.0.2.1"};
    ck_assert_ptr_null(talk_new(&lines_config, &from, 0, &calls, NULL, lines_stage.now));
    lines_talk = NULL;
}

TEST(test_help_names_every_command) {
    lines_enter();
    lines_say("/help\n");
    static const char *const words[] = {"/nick", "/join", "/who", "/msg", "/last", "/login", "/help", "/quit"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        ck_assert_ptr_nonnull(strstr(lines_peer.log, words[i]));
}

TEST(test_the_gateway_stops) {
    lines_enter();
    talk_stopping(lines_talk);
    HEARS("* the gateway stops; connect again later\n");
}

UNIT_SUITE_WITH("client.gateway.lines.talk_session", lines_begin, lines_end)
