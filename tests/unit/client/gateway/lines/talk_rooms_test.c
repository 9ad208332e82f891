#include "fixture_talk.h"

#include <stdio.h>

#include "unanswered.h"

TEST(test_a_new_nick) {
    lines_enter();
    lines_say("/nick bob\nhi\n");
    SENT_PART("\"op\":\"hello\",\"id\":\"nick\"");
    SENT_PART("6869"); /* behind it, so it has the new name */
    lines_broker("{'op':'welcome','re':'nick','epoch':'" STAGE_EPOCH "','resume':'feed','nick':'bob','resumed':true}");
    SENT("");
    HEARS("* you are bob now\n");
    lines_say("/nick eve\n");
    lines_broker("{'op':'error','re':'nick','code':'nick-in-use','text':'eve is taken'}");
    HEARS("* eve is taken\n");
}

TEST(test_a_rename_waits_for_the_messages_before_it) {
    lines_enter();
    lines_say("hi\n");
    PUBLISHED("01", "000000026869");
    lines_say("/nick bob\n");
    SENT("");
    ck_assert(talk_is_paused(lines_talk, lines_stage.now)); /* the next line comes under the new nick */
    lines_ack(1, 1);
    SENT("");
    lines_entry(0, 1, "hi");
    HEARS("ann: hi\n");
    SENT_PART("\"op\":\"hello\",\"id\":\"nick\"");
    ck_assert(!talk_is_paused(lines_talk, lines_stage.now));
}

TEST(test_a_nick_that_is_gone_after_a_restart) {
    lines_enter();
    lines_broker("{'op':'error','code':'no-session','text':''}");
    SENT_PART("\"nick\":\"ann\",\"resume\":\"feed\"");
    lines_broker("{'op':'error','re':'hello','code':'nick-in-use','text':'taken'}");
    HEARS("* ann: taken; /nick NAME takes another name\n");
    const char *hello = stage_next(&lines_stage);
    ck_assert_ptr_nonnull(strstr(hello, "\"op\":\"hello\""));
    ck_assert_ptr_null(strstr(hello, "\"nick\""));
    lines_welcome("guest-1");
    HEARS("* you are guest-1 now\n");
}

TEST(test_another_room) {
    lines_enter();
    lines_say("/join lobby\n");
    HEARS("* you are in lobby already\n");
    lines_say("/join q\n");
    SENT("1 {\"op\":\"leave\",\"room\":\"lobby\"}");
    SENT("");
    ck_assert(talk_is_paused(lines_talk, lines_stage.now)); /* the next line is about the new room */
    stage_tick(&lines_stage, 0);
    SENT("1 {\"op\":\"join\",\"id\":\"join\",\"room\":\"q\"}");
    ck_assert(talk_is_paused(lines_talk, lines_stage.now));
    lines_joined("q", 0);
    HEARS("* you are in q\n");
    lines_say("hi\n");
    SENT("1 01017100000000000000010000000000026869");
    lines_entry(0, 1, "of the old room");
    HEARS("");
}

TEST(test_a_room_that_is_forbidden) {
    lines_enter();
    lines_say("/join q\n");
    stage_tick(&lines_stage, 0);
    SENT_PART("leave");
    SENT_PART("\"join\",\"room\":\"q\"");
    lines_broker("{'op':'error','re':'join','code':'forbidden','text':'not allowed'}");
    HEARS("* cannot enter q: not allowed; /join ROOM enters another\n");
    lines_say("hi\n/who\n");
    HEARS("* not sent: you are in no room; /join ROOM enters one\n* you are in no room; /join ROOM enters one\n");
    lines_say("/join lobby\n");
    SENT_PART("\"join\",\"room\":\"lobby\"");
}

TEST(test_the_first_room_is_forbidden) {
    SENT_PART("open");
    SENT_PART("hello");
    lines_welcome("ann");
    stage_tick(&lines_stage, 0);
    lines_broker("{'op':'error','re':'join','code':'forbidden','text':'not allowed'}");
    HEARS_PART("* welcome, 192.0.2.1:4711; you are ann, and cannot enter lobby: not allowed");
    ck_assert(!talk_is_paused(lines_talk, lines_stage.now));
}

TEST(test_a_right_is_taken) {
    lines_enter();
    lines_broker("{'op':'left','room':'other','reason':'revoked'}");
    HEARS("");
    lines_broker("{'op':'left','room':'lobby','reason':'revoked'}");
    HEARS("* you may not read lobby any more; /join ROOM enters another\n");
    lines_entry(0, 1, "secret");
    HEARS("");
    lines_say("/last\n");
    HEARS("* you are in no room; /join ROOM enters one\n");
}

TEST(test_a_kick) {
    lines_enter();
    lines_broker("{'op':'left','room':'lobby','reason':'kicked','text':'spam'}");
    HEARS("* an operator sent you out of lobby: spam; /join ROOM enters another\n");
}

TEST(test_users_of_the_room) {
    lines_enter();
    lines_say("/who\n");
    SENT("1 {\"op\":\"who\",\"id\":\"who\",\"room\":\"lobby\"}");
    lines_broker("{'op':'who','room':'lobby','users':[{'nick':'ann'},{'nick':'bob'}],'more':true}");
    HEARS("* in lobby: ann, bob\n");
    SENT("1 {\"op\":\"who\",\"id\":\"who\",\"room\":\"lobby\",\"after\":\"bob\"}");
    lines_broker("{'op':'who','room':'lobby','users':[],'more':false}");
    SENT("");
}

TEST(test_presence) {
    lines_enter();
    char frame[] = "lobby\1{'op':'presence','joined':[{'nick':'ann'},{'nick':'bob'}],'left':[]}";
    unit_quotes(frame);
    stage_back(&lines_stage, zr_span(frame));
    HEARS("* bob joined\n");
    stage_inner_frame(&lines_stage, 1, zr_span(frame)); /* of a private room */
    HEARS("* bob joined\n");
}

TEST(test_in_format_body_presence_is_not_told) {
    talk_destroy(lines_talk);
    stage_end(&lines_stage);
    stage_begin(&lines_stage, 1); /* one topic is enough */
    stage_go_live(&lines_stage);
    lines_config.nick = false;
    lines_make(true);
    lines_enter();
    lines_entry(0, 1, "hi");
    HEARS("hi\n");
}

TEST(test_direct_messages) {
    lines_enter();
    lines_say("/msg bob psst you\n");
    SENT("1 {\"op\":\"direct\",\"id\":\"msg bob\",\"to\":\"bob\",\"text\":\"psst you\"}");
    lines_broker("{'op':'ok','re':'msg bob'}");
    HEARS("* told bob\n");
    lines_broker("{'op':'error','re':'msg eve','code':'no-such-user','text':'nobody here'}");
    HEARS("* eve: nobody here\n");
    lines_broker("{'op':'direct','from':'bob','text':'yes'}");
    HEARS("*bob* yes\n");
}

TEST(test_the_last_messages_again) {
    lines_enter();
    lines_say("/last 2\n");
    SENT("1 {\"op\":\"replay\",\"id\":\"replay\",\"room\":\"lobby\",\"last\":2}");
    ck_assert(talk_is_paused(lines_talk, lines_stage.now)); /* until they are shown */
    lines_broker("{'op':'error','re':'replay','code':'too-many-replays','text':'too many'}");
    HEARS("* too many; try again\n");
    lines_say("/last\n");
    SENT("1 {\"op\":\"replay\",\"id\":\"replay\",\"room\":\"lobby\",\"last\":3}");
}

TEST(test_a_slow_peer_is_told_how_many_it_lost) {
    lines_enter();
    lines_peer.deaf = true;
    lines_entry(0, 1, "one");
    lines_peer.deaf = false;
    lines_entry(1, 2, "two"); /* it would come before the notice */
    lines_broker("{'op':'direct','from':'bob','text':'three'}");
    HEARS("");
    talk_drained(lines_talk, lines_stage.now);
    HEARS("* 3 messages were lost here: this connection did not read fast enough\n");
    lines_entry(2, 4, "four");
    HEARS("ann: four\n");
    talk_drained(lines_talk, lines_stage.now);
    HEARS("");
    lines_peer.deaf = true;
    lines_entry(4, 5, "five");
    talk_drained(lines_talk, lines_stage.now);
    HEARS("* 1 message was lost here: this connection did not read fast enough\n");
}

TEST(test_a_refused_message) {
    lines_enter();
    lines_say("a\nb\n");
    lines_broker("{'op':'error','room':'lobby','mid':1,'code':'forbidden','text':'you may not write here'}");
    HEARS("* not sent: you may not write here\n");
    talk_end(lines_talk, lines_stage.now);
    ck_assert(!lines_peer.closed);
    lines_ack(2, 0);
    ck_assert(lines_peer.closed);
}

TEST(test_the_broker_goes_and_comes_back) {
    lines_enter();
    lines_say("one\n");
    SENT_PART("6f6e65");
    uplink_down(lines_stage.uplink, "test", lines_stage.now);
    HEARS("* the broker is away; what you write is sent when it is back\n");
    lines_say("two\n/who\n");
    HEARS("* not connected to the broker yet; try again\n");
    lines_stage.now += 10000;
    stage_go_live(&lines_stage);
    SENT_PART("open");
    SENT_PART("\"resume\":\"feed\"");
    lines_welcome("ann");
    HEARS("* the broker is back\n");
    PUBLISHED("01", "000000036f6e65");
    PUBLISHED("02", "0000000374776f");
}

UNIT_SUITE_WITH("client.gateway.lines.talk_rooms", lines_begin, lines_end)
