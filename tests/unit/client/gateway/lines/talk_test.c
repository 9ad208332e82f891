#include "fixture_talk.h"

#include <stdio.h>

#include "unanswered.h"

TEST(test_a_line_is_a_message_and_comes_back) {
    lines_enter();
    lines_say("hi\n");
    PUBLISHED("01", "000000026869");
    lines_entry(0, 1, "hi");
    HEARS("ann: hi\n");
    lines_entry(0, 1, "hi");
    HEARS("");
}

TEST(test_a_web_page_writes_nothing) {
    lines_enter();
    lines_say("POST / HTTP/1.1\nhi\n");
    HEARS("* this is no HTTP server; use the port of --http\n");
    ck_assert(lines_peer.closed);
    SENT("");
}

TEST(test_a_web_page_with_a_long_target_writes_nothing) {
    lines_enter();
    lines_say("POST /aaaaaaaaaaaaaaaaaaaaaaaaaaaaa HTTP/1.1\nhi\n");
    HEARS_PART("a line may have 20 bytes");
    ck_assert(lines_peer.closed);
    SENT("");
}

TEST(test_a_zeromq_client_writes_nothing) {
    lines_enter();
    talk_bytes(lines_talk, LIT("\xff\0\0\0\0\0\0\0\x01\x7f\x03{\n"), lines_stage.now);
    HEARS("* this port takes lines of text; a ZeroMQ client uses the port of the broker\n");
    ck_assert(lines_peer.closed);
    talk_end(lines_talk, lines_stage.now);
    SENT("");
}

TEST(test_later_lines_may_look_like_a_request) {
    lines_enter();
    lines_say("hi\n");
    PUBLISHED("01", "000000026869");
    lines_say("GET / HTTP/1.1\n");
    PUBLISHED("02", "0000000e474554202f20485454502f312e31");
    ck_assert(!lines_peer.closed);
}

TEST(test_input_waits_for_the_greeting) {
    ck_assert(talk_is_paused(lines_talk, lines_stage.now));
    lines_enter();
    ck_assert(!talk_is_paused(lines_talk, lines_stage.now));
}

TEST(test_history_comes_after_the_greeting) {
    SENT_PART("open");
    SENT_PART("hello");
    lines_welcome("ann");
    stage_tick(&lines_stage, 0);
    SENT_PART("join");
    lines_joined("lobby", 9);
    SENT("1 {\"op\":\"replay\",\"id\":\"replay\",\"room\":\"lobby\",\"last\":3}");
    stage_inner_frame(&lines_stage, 1, stage_entry("lobby", ZR_FRAME_REPLAY, 8, 9, "old"));
    lines_broker("{'op':'replayed','room':'lobby','seq':9,'complete':true,'more':false}");
    HEARS(GREETING "ann: old\n");
}

TEST(test_input_waits_for_the_history) {
    SENT_PART("open");
    SENT_PART("hello");
    lines_welcome("ann");
    stage_tick(&lines_stage, 0);
    SENT_PART("join");
    lines_joined("lobby", 9);
    SENT_PART("replay");
    HEARS(GREETING);
    ck_assert(talk_is_paused(lines_talk, lines_stage.now));
    lines_broker("{'op':'replayed','room':'lobby','seq':9,'complete':true,'more':false}");
    lines_say("/last 1\n");
    SENT_PART("\"last\":1");
}

TEST(test_a_last_line_without_its_end_counts) {
    lines_enter();
    lines_say("bye");
    SENT("");
    talk_end(lines_talk, lines_stage.now);
    PUBLISHED("01", "00000003627965");
    ck_assert(!lines_peer.closed);
    ck_assert_uint_eq(talk_due(lines_talk), lines_stage.now + TALK_LEAVE_MS);
    lines_ack(1, 1);
    ck_assert(!lines_peer.closed); /* its own message has not come back */
    lines_entry(0, 1, "bye");
    HEARS("ann: bye\n");
    talk_tick(lines_talk, lines_stage.now);
    ck_assert(lines_peer.closed);
    ck_assert_uint_eq(talk_due(lines_talk), UINT64_MAX);
}

TEST(test_a_peer_without_its_room_is_waited_for) {
    lines_enter();
    lines_say("/nick bob\n");
    lines_welcome("bob"); /* it is another session */
    talk_end(lines_talk, lines_stage.now);
    ck_assert(!lines_peer.closed);
    lines_joined("lobby", 0);
    ck_assert(lines_peer.closed);
}

TEST(test_a_peer_that_ends_its_half_gets_its_answers_first) {
    static const struct {
        const char *line, *answer, *heard;
    } cases[] = {
        {"/who\n", "{'op':'who','re':'who','room':'lobby','users':[{'nick':'ann'}]}", "* in lobby: ann\n"},
        {"/who\n", "{'op':'error','re':'who','code':'forbidden','text':'no'}", "* no\n"},
        {"/msg bob psst\n", "{'op':'ok','re':'msg bob'}", "* told bob\n"},
        {"/msg eve psst\n", "{'op':'error','re':'msg eve','code':'no-such-user','text':'nobody here'}",
            "* eve: nobody here\n"},
        {"/nick eve\n", "{'op':'error','re':'nick','code':'nick-in-use','text':'eve is taken'}", "* eve is taken\n"},
        {"/nick eve\n",
            "{'op':'welcome','re':'nick','epoch':'" STAGE_EPOCH "','resume':'feed','nick':'eve','resumed':true}",
            "* you are eve now\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        lines_end();
        lines_begin();
        lines_enter();
        lines_say(cases[i].line);
        talk_end(lines_talk, lines_stage.now);
        ck_assert_msg(!lines_peer.closed, "closed before the answer to %s", cases[i].line);
        lines_broker(cases[i].answer);
        HEARS(cases[i].heard);
        ck_assert_msg(lines_peer.closed, "open after the answer to %s", cases[i].line);
    }
}

TEST(test_every_page_of_the_users_comes_before_the_end) {
    lines_enter();
    lines_say("/who\n");
    talk_end(lines_talk, lines_stage.now);
    lines_broker("{'op':'who','re':'who','room':'lobby','users':[{'nick':'ann'}],'more':true}");
    ck_assert(!lines_peer.closed);
    lines_broker("{'op':'who','re':'who','room':'lobby','users':[{'nick':'bob'}],'more':false}");
    HEARS("* in lobby: ann\n* in lobby: bob\n");
    ck_assert(lines_peer.closed);
}

TEST(test_a_peer_that_leaves_is_not_waited_for_for_ever) {
    lines_enter();
    lines_say("hi\n");
    talk_end(lines_talk, lines_stage.now);
    talk_tick(lines_talk, lines_stage.now + TALK_LEAVE_MS - 1);
    ck_assert(!lines_peer.closed);
    talk_tick(lines_talk, lines_stage.now + TALK_LEAVE_MS);
    ck_assert(lines_peer.closed);
    HEARS("* the broker did not confirm your last 1 lines\n");
}

TEST(test_quit_says_goodbye_and_the_room_sees_it_at_once) {
    lines_enter();
    lines_say("/quit\nunheard\n");
    HEARS("* goodbye\n");
    ck_assert(lines_peer.closed);
    SENT("");
    talk_destroy(lines_talk);
    lines_talk = NULL;
    SENT("1 {\"op\":\"bye\"}");
}

TEST(test_lines_end_as_the_peers_do) {
    lines_enter();
    lines_say("\r\n/who x\r\n");
    HEARS("* usage: /who               lists the users in this room\r\n");
    lines_entry(0, 1, "hi");
    HEARS("ann: hi\r\n");
}

TEST(test_a_telnet_client_gets_crlf) {
    lines_enter();
    lines_say("\xff\xfb\x1f");
    lines_entry(0, 1, "hi");
    HEARS("ann: hi\r\n");
}

TEST(test_the_longest_line) {
    lines_enter();
    lines_say("12345678901234567890\n");
    SENT_PART("3132333435363738393031323334353637383930");
    lines_say("123456789012345678901\nok\n");
    HEARS("* not sent: a line may have 20 bytes (limits/max-line); send it in parts\n");
    SENT_PART("6f6b");
}

TEST(test_a_line_must_be_utf8) {
    lines_enter();
    lines_say("\xfe\n");
    HEARS_PART("not UTF-8");
    SENT("");
}

UNIT_SUITE_WITH("client.gateway.lines.talk", lines_begin, lines_end)
