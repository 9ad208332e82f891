#include "talk.h"

#include <stdio.h>

#include "fixture_gateway.h"
#include "unanswered.h"
#include "unit.h"

static stage_t s_stage;
static talk_config_t s_config;
static talk_t *s_talk;

static struct {
    char log[65536];
    bool deaf, closed;
} s_peer;

static bool s_on_send(void *ctx, zr_blob_t *bytes, bool live) {
    size_t len = strlen(s_peer.log);
    (void)ctx;
    ck_assert(!s_peer.closed);
    if (live && s_peer.deaf)
        return false;
    snprintf(s_peer.log + len, sizeof s_peer.log - len, "%.*s", (int)zr_blob_len(bytes), (char *)zr_blob_data(bytes));
    return true;
}

static void s_on_close(void *ctx) {
    (void)ctx;
    ck_assert(!s_peer.closed);
    s_peer.closed = true;
}

#define HEARS(text)                                                                                                    \
    do {                                                                                                               \
        ck_assert_str_eq(s_peer.log, text);                                                                            \
        s_peer.log[0] = '\0';                                                                                          \
    } while (0)
#define HEARS_PART(part)                                                                                               \
    do {                                                                                                               \
        ck_assert_msg(strstr(s_peer.log, part), "%s", s_peer.log);                                                     \
        s_peer.log[0] = '\0';                                                                                          \
    } while (0)
#define SENT(text) ck_assert_str_eq(stage_next(&s_stage), text)
#define SENT_PART(part)                                                                                                \
    do {                                                                                                               \
        const char *sent = stage_next(&s_stage);                                                                       \
        ck_assert_msg(strstr(sent, part), "%s", sent);                                                                 \
    } while (0)

static void s_make(bool secure) {
    static const talk_calls_t calls = {s_on_send, s_on_close};
    ws_from_t from = {.address = "192.0.2.1", .secure = secure};
    s_talk = talk_new(&s_config, &from, 4711, &calls, NULL, s_stage.now);
    ck_assert_ptr_nonnull(s_talk);
}

static void s_say(const char *text) {
    ck_assert(!talk_is_paused(s_talk, s_stage.now));
    ck_assert_uint_eq(talk_bytes(s_talk, zr_span(text), s_stage.now), strlen(text));
}

static void s_broker(const char *json) {
    stage_inner(&s_stage, 1, json);
}

static void s_welcome(const char *nick) {
    char json[200];
    snprintf(json, sizeof json, "{'op':'welcome','epoch':'" STAGE_EPOCH "','resume':'feed','nick':'%s'}", nick);
    s_broker(json);
}

static void s_joined(const char *room, unsigned seq) {
    char json[100];
    snprintf(json, sizeof json, "{'op':'joined','room':'%s','seq':%u}", room, seq);
    s_broker(json);
}

static void s_ack(uint8_t upto, uint8_t seq) {
    uint8_t frame[] = {2, 1, 0, 0, 0, 0, 0, 0, 0, upto, 0, 0, 0, 0, 0, 0, 0, seq};
    stage_inner_frame(&s_stage, 1, zr_span_of(frame, sizeof frame));
}

static void s_entry(uint64_t prev, uint64_t seq, const char *body) {
    stage_back(&s_stage, stage_entry("lobby", 0, prev, seq, body));
}

#define GREETING "* welcome, 192.0.2.1:4711; you are ann in lobby; /help lists the commands\n"

static void s_enter(void) {
    SENT_PART("open");
    SENT_PART("\"op\":\"hello\"");
    s_welcome("ann");
    stage_tick(&s_stage, 0);
    SENT("1 {\"op\":\"join\",\"id\":\"join\",\"room\":\"lobby\"}");
    HEARS("");
    s_joined("lobby", 0);
    HEARS(GREETING);
    SENT("");
}

static void s_begin(void) {
    stage_begin(&s_stage, 100);
    memset(&s_peer, 0, sizeof s_peer);
    s_config = (talk_config_t){
        .host = &s_stage.host, .room = "lobby", .nick = true, .history = 3, .max_line = 20, .max_deliveries = 1000};
    stage_go_live(&s_stage);
    s_make(true);
}

static void s_end(void) {
    talk_destroy(s_talk);
    stage_end(&s_stage);
}

#define PUBLISHED(mid, body) SENT("1 01056c6f62627900000000000000" mid "0000" body)

TEST(test_a_line_is_a_message_and_comes_back) {
    s_enter();
    s_say("hi\n");
    PUBLISHED("01", "000000026869");
    s_entry(0, 1, "hi");
    HEARS("ann: hi\n");
    s_entry(0, 1, "hi");
    HEARS("");
}

TEST(test_a_web_page_writes_nothing) {
    s_enter();
    s_say("POST / HTTP/1.1\nhi\n");
    HEARS("* this is no HTTP server; use the port of --http\n");
    ck_assert(s_peer.closed);
    SENT("");
}

TEST(test_a_web_page_with_a_long_target_writes_nothing) {
    s_enter();
    s_say("POST /aaaaaaaaaaaaaaaaaaaaaaaaaaaaa HTTP/1.1\nhi\n");
    HEARS_PART("a line may have 20 bytes");
    ck_assert(s_peer.closed);
    SENT("");
}

TEST(test_later_lines_may_look_like_a_request) {
    s_enter();
    s_say("hi\n");
    PUBLISHED("01", "000000026869");
    s_say("GET / HTTP/1.1\n");
    PUBLISHED("02", "0000000e474554202f20485454502f312e31");
    ck_assert(!s_peer.closed);
}

TEST(test_input_waits_for_the_greeting) {
    ck_assert(talk_is_paused(s_talk, s_stage.now));
    s_enter();
    ck_assert(!talk_is_paused(s_talk, s_stage.now));
}

TEST(test_history_comes_after_the_greeting) {
    SENT_PART("open");
    SENT_PART("hello");
    s_welcome("ann");
    stage_tick(&s_stage, 0);
    SENT_PART("join");
    s_joined("lobby", 9);
    SENT("1 {\"op\":\"replay\",\"id\":\"replay\",\"room\":\"lobby\",\"last\":3}");
    stage_inner_frame(&s_stage, 1, stage_entry("lobby", ZR_FRAME_REPLAY, 8, 9, "old"));
    s_broker("{'op':'replayed','room':'lobby','seq':9,'complete':true,'more':false}");
    HEARS(GREETING "ann: old\n");
}

TEST(test_input_waits_for_the_history) {
    SENT_PART("open");
    SENT_PART("hello");
    s_welcome("ann");
    stage_tick(&s_stage, 0);
    SENT_PART("join");
    s_joined("lobby", 9);
    SENT_PART("replay");
    HEARS(GREETING);
    ck_assert(talk_is_paused(s_talk, s_stage.now));
    s_broker("{'op':'replayed','room':'lobby','seq':9,'complete':true,'more':false}");
    s_say("/last 1\n");
    SENT_PART("\"last\":1");
}

TEST(test_a_last_line_without_its_end_counts) {
    s_enter();
    s_say("bye");
    SENT("");
    talk_end(s_talk, s_stage.now);
    PUBLISHED("01", "00000003627965");
    ck_assert(!s_peer.closed);
    ck_assert_uint_eq(talk_due(s_talk), s_stage.now + TALK_LEAVE_MS);
    s_ack(1, 1);
    ck_assert(!s_peer.closed); /* its own message has not come back */
    s_entry(0, 1, "bye");
    HEARS("ann: bye\n");
    talk_tick(s_talk, s_stage.now);
    ck_assert(s_peer.closed);
    ck_assert_uint_eq(talk_due(s_talk), UINT64_MAX);
}

TEST(test_a_peer_without_its_room_is_waited_for) {
    s_enter();
    s_say("/nick bob\n");
    s_welcome("bob"); /* it is another session */
    talk_end(s_talk, s_stage.now);
    ck_assert(!s_peer.closed);
    s_joined("lobby", 0);
    ck_assert(s_peer.closed);
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
        s_end();
        s_begin();
        s_enter();
        s_say(cases[i].line);
        talk_end(s_talk, s_stage.now);
        ck_assert_msg(!s_peer.closed, "closed before the answer to %s", cases[i].line);
        s_broker(cases[i].answer);
        HEARS(cases[i].heard);
        ck_assert_msg(s_peer.closed, "open after the answer to %s", cases[i].line);
    }
}

TEST(test_every_page_of_the_users_comes_before_the_end) {
    s_enter();
    s_say("/who\n");
    talk_end(s_talk, s_stage.now);
    s_broker("{'op':'who','re':'who','room':'lobby','users':[{'nick':'ann'}],'more':true}");
    ck_assert(!s_peer.closed);
    s_broker("{'op':'who','re':'who','room':'lobby','users':[{'nick':'bob'}],'more':false}");
    HEARS("* in lobby: ann\n* in lobby: bob\n");
    ck_assert(s_peer.closed);
}

TEST(test_a_peer_that_leaves_is_not_waited_for_for_ever) {
    s_enter();
    s_say("hi\n");
    talk_end(s_talk, s_stage.now);
    talk_tick(s_talk, s_stage.now + TALK_LEAVE_MS - 1);
    ck_assert(!s_peer.closed);
    talk_tick(s_talk, s_stage.now + TALK_LEAVE_MS);
    ck_assert(s_peer.closed);
    HEARS("* the broker did not confirm your last 1 lines\n");
}

TEST(test_quit_says_goodbye_and_the_room_sees_it_at_once) {
    s_enter();
    s_say("/quit\nunheard\n");
    HEARS("* goodbye\n");
    ck_assert(s_peer.closed);
    SENT("");
    talk_destroy(s_talk);
    s_talk = NULL;
    SENT("1 {\"op\":\"bye\"}");
}

TEST(test_lines_end_as_the_peers_do) {
    s_enter();
    s_say("\r\n/who x\r\n");
    HEARS("* usage: /who               lists the users in this room\r\n");
    s_entry(0, 1, "hi");
    HEARS("ann: hi\r\n");
}

TEST(test_a_telnet_client_gets_crlf) {
    s_enter();
    s_say("\xff\xfb\x1f");
    s_entry(0, 1, "hi");
    HEARS("ann: hi\r\n");
}

TEST(test_the_longest_line) {
    s_enter();
    s_say("12345678901234567890\n");
    SENT_PART("3132333435363738393031323334353637383930");
    s_say("123456789012345678901\nok\n");
    HEARS("* not sent: a line may have 20 bytes (limits/max-line); send it in parts\n");
    SENT_PART("6f6b");
}

TEST(test_a_line_must_be_utf8) {
    s_enter();
    s_say("\xfe\n");
    HEARS_PART("not UTF-8");
    SENT("");
}

TEST(test_a_new_nick) {
    s_enter();
    s_say("/nick bob\nhi\n");
    SENT_PART("\"op\":\"hello\",\"id\":\"nick\"");
    SENT_PART("6869"); /* behind it, so it has the new name */
    s_broker("{'op':'welcome','re':'nick','epoch':'" STAGE_EPOCH "','resume':'feed','nick':'bob','resumed':true}");
    SENT("");
    HEARS("* you are bob now\n");
    s_say("/nick eve\n");
    s_broker("{'op':'error','re':'nick','code':'nick-in-use','text':'eve is taken'}");
    HEARS("* eve is taken\n");
}

TEST(test_a_rename_waits_for_the_messages_before_it) {
    s_enter();
    s_say("hi\n");
    PUBLISHED("01", "000000026869");
    s_say("/nick bob\n");
    SENT("");
    ck_assert(talk_is_paused(s_talk, s_stage.now)); /* the next line comes under the new nick */
    s_ack(1, 1);
    SENT("");
    s_entry(0, 1, "hi");
    HEARS("ann: hi\n");
    SENT_PART("\"op\":\"hello\",\"id\":\"nick\"");
    ck_assert(!talk_is_paused(s_talk, s_stage.now));
}

TEST(test_a_nick_that_is_gone_after_a_restart) {
    s_enter();
    s_broker("{'op':'error','code':'no-session','text':''}");
    SENT_PART("\"nick\":\"ann\",\"resume\":\"feed\"");
    s_broker("{'op':'error','re':'hello','code':'nick-in-use','text':'taken'}");
    HEARS("* ann: taken; /nick NAME takes another name\n");
    const char *hello = stage_next(&s_stage);
    ck_assert_ptr_nonnull(strstr(hello, "\"op\":\"hello\""));
    ck_assert_ptr_null(strstr(hello, "\"nick\""));
    s_welcome("guest-1");
    HEARS("* you are guest-1 now\n");
}

TEST(test_another_room) {
    s_enter();
    s_say("/join lobby\n");
    HEARS("* you are in lobby already\n");
    s_say("/join q\n");
    SENT("1 {\"op\":\"leave\",\"room\":\"lobby\"}");
    SENT("");
    ck_assert(talk_is_paused(s_talk, s_stage.now)); /* the next line is about the new room */
    stage_tick(&s_stage, 0);
    SENT("1 {\"op\":\"join\",\"id\":\"join\",\"room\":\"q\"}");
    ck_assert(talk_is_paused(s_talk, s_stage.now));
    s_joined("q", 0);
    HEARS("* you are in q\n");
    s_say("hi\n");
    SENT("1 01017100000000000000010000000000026869");
    s_entry(0, 1, "of the old room");
    HEARS("");
}

TEST(test_a_room_that_is_forbidden) {
    s_enter();
    s_say("/join q\n");
    stage_tick(&s_stage, 0);
    SENT_PART("leave");
    SENT_PART("\"join\",\"room\":\"q\"");
    s_broker("{'op':'error','re':'join','code':'forbidden','text':'not allowed'}");
    HEARS("* cannot enter q: not allowed; /join ROOM enters another\n");
    s_say("hi\n/who\n");
    HEARS("* not sent: you are in no room; /join ROOM enters one\n* you are in no room; /join ROOM enters one\n");
    s_say("/join lobby\n");
    SENT_PART("\"join\",\"room\":\"lobby\"");
}

TEST(test_the_first_room_is_forbidden) {
    SENT_PART("open");
    SENT_PART("hello");
    s_welcome("ann");
    stage_tick(&s_stage, 0);
    s_broker("{'op':'error','re':'join','code':'forbidden','text':'not allowed'}");
    HEARS_PART("* welcome, 192.0.2.1:4711; you are ann, and cannot enter lobby: not allowed");
    ck_assert(!talk_is_paused(s_talk, s_stage.now));
}

TEST(test_a_right_is_taken) {
    s_enter();
    s_broker("{'op':'left','room':'other','reason':'revoked'}");
    HEARS("");
    s_broker("{'op':'left','room':'lobby','reason':'revoked'}");
    HEARS("* you may not read lobby any more; /join ROOM enters another\n");
    s_entry(0, 1, "secret");
    HEARS("");
    s_say("/last\n");
    HEARS("* you are in no room; /join ROOM enters one\n");
}

TEST(test_a_kick) {
    s_enter();
    s_broker("{'op':'left','room':'lobby','reason':'kicked','text':'spam'}");
    HEARS("* an operator sent you out of lobby: spam; /join ROOM enters another\n");
}

TEST(test_users_of_the_room) {
    s_enter();
    s_say("/who\n");
    SENT("1 {\"op\":\"who\",\"id\":\"who\",\"room\":\"lobby\"}");
    s_broker("{'op':'who','room':'lobby','users':[{'nick':'ann'},{'nick':'bob'}],'more':true}");
    HEARS("* in lobby: ann, bob\n");
    SENT("1 {\"op\":\"who\",\"id\":\"who\",\"room\":\"lobby\",\"after\":\"bob\"}");
    s_broker("{'op':'who','room':'lobby','users':[],'more':false}");
    SENT("");
}

TEST(test_presence) {
    s_enter();
    char frame[] = "lobby\1{'op':'presence','joined':[{'nick':'ann'},{'nick':'bob'}],'left':[]}";
    unit_quotes(frame);
    stage_back(&s_stage, zr_span(frame));
    HEARS("* bob joined\n");
    stage_inner_frame(&s_stage, 1, zr_span(frame)); /* of a private room */
    HEARS("* bob joined\n");
}

TEST(test_in_format_body_presence_is_not_told) {
    talk_destroy(s_talk);
    stage_end(&s_stage);
    stage_begin(&s_stage, 1); /* one topic is enough */
    stage_go_live(&s_stage);
    s_config.nick = false;
    s_make(true);
    s_enter();
    s_entry(0, 1, "hi");
    HEARS("hi\n");
}

TEST(test_direct_messages) {
    s_enter();
    s_say("/msg bob psst you\n");
    SENT("1 {\"op\":\"direct\",\"id\":\"msg bob\",\"to\":\"bob\",\"text\":\"psst you\"}");
    s_broker("{'op':'ok','re':'msg bob'}");
    HEARS("* told bob\n");
    s_broker("{'op':'error','re':'msg eve','code':'no-such-user','text':'nobody here'}");
    HEARS("* eve: nobody here\n");
    s_broker("{'op':'direct','from':'bob','text':'yes'}");
    HEARS("*bob* yes\n");
}

TEST(test_the_last_messages_again) {
    s_enter();
    s_say("/last 2\n");
    SENT("1 {\"op\":\"replay\",\"id\":\"replay\",\"room\":\"lobby\",\"last\":2}");
    ck_assert(talk_is_paused(s_talk, s_stage.now)); /* until they are shown */
    s_broker("{'op':'error','re':'replay','code':'too-many-replays','text':'too many'}");
    HEARS("* too many; try again\n");
    s_say("/last\n");
    SENT("1 {\"op\":\"replay\",\"id\":\"replay\",\"room\":\"lobby\",\"last\":3}");
}

TEST(test_a_slow_peer_is_told_how_many_it_lost) {
    s_enter();
    s_peer.deaf = true;
    s_entry(0, 1, "one");
    s_peer.deaf = false;
    s_entry(1, 2, "two"); /* it would come before the notice */
    s_broker("{'op':'direct','from':'bob','text':'three'}");
    HEARS("");
    talk_drained(s_talk, s_stage.now);
    HEARS("* 3 messages were lost here: this connection did not read fast enough\n");
    s_entry(2, 4, "four");
    HEARS("ann: four\n");
    talk_drained(s_talk, s_stage.now);
    HEARS("");
    s_peer.deaf = true;
    s_entry(4, 5, "five");
    talk_drained(s_talk, s_stage.now);
    HEARS("* 1 message was lost here: this connection did not read fast enough\n");
}

TEST(test_a_refused_message) {
    s_enter();
    s_say("a\nb\n");
    s_broker("{'op':'error','room':'lobby','mid':1,'code':'forbidden','text':'you may not write here'}");
    HEARS("* not sent: you may not write here\n");
    talk_end(s_talk, s_stage.now);
    ck_assert(!s_peer.closed);
    s_ack(2, 0);
    ck_assert(s_peer.closed);
}

TEST(test_the_broker_goes_and_comes_back) {
    s_enter();
    s_say("one\n");
    SENT_PART("6f6e65");
    uplink_down(s_stage.uplink, "test", s_stage.now);
    HEARS("* the broker is away; what you write is sent when it is back\n");
    s_say("two\n/who\n");
    HEARS("* not connected to the broker yet; try again\n");
    s_stage.now += 10000;
    stage_go_live(&s_stage);
    SENT_PART("open");
    SENT_PART("\"resume\":\"feed\"");
    s_welcome("ann");
    HEARS("* the broker is back\n");
    PUBLISHED("01", "000000036f6e65");
    PUBLISHED("02", "0000000374776f");
}

TEST(test_no_broker_at_the_beginning) {
    talk_destroy(s_talk);
    uplink_down(s_stage.uplink, "test", s_stage.now);
    s_peer.log[0] = '\0';
    s_make(true);
    HEARS("* the broker is away; please wait\n");
    ck_assert(talk_is_paused(s_talk, s_stage.now));
}

TEST(test_a_login_is_another_session) {
    s_enter();
    s_say("hi\n/login bob secret\n");
    SENT_PART("6869");
    SENT(""); /* it waits for the answer */
    ck_assert(talk_is_paused(s_talk, s_stage.now));
    s_ack(1, 1);
    SENT("1 {\"op\":\"bye\",\"id\":\"bye\"}");
    SENT_PART("\"user\":\"bob\",\"token\":\"secret\"");
    s_welcome("bob");
    HEARS("* you are bob now\n");
    SENT_PART("join");
    s_joined("lobby", 1);
    SENT_PART("replay"); /* what came meanwhile */
    s_broker("{'op':'replayed','room':'lobby','seq':1,'complete':true,'more':false}");
    s_say("x\n");
    PUBLISHED("01", "0000000178");
    talk_end(s_talk, s_stage.now);
    s_ack(1, 2);
    ck_assert(!s_peer.closed); /* its message has not come back */
    s_entry(1, 2, "x");
    talk_tick(s_talk, s_stage.now);
    ck_assert(s_peer.closed);
}

TEST(test_a_wrong_login_leaves_a_guest) {
    s_enter();
    s_say("/login bob wrong\n");
    SENT_PART("bye");
    SENT_PART("bob");
    s_broker("{'op':'error','re':'hello','code':'login-failed','text':'unknown user'}");
    HEARS("* not logged in: unknown user\n");
    const char *hello = stage_next(&s_stage);
    ck_assert_ptr_nonnull(strstr(hello, "\"nick\":\"ann\""));
    ck_assert_ptr_null(strstr(hello, "token"));
}

TEST(test_a_broker_that_wants_a_login) {
    SENT_PART("open");
    SENT_PART("hello");
    s_broker("{'op':'error','re':'hello','code':'login-required','text':'log in'}");
    HEARS("* welcome, 192.0.2.1:4711; log in first, with /login USER TOKEN\n");
    s_say("hi\n/who\n");
    HEARS("* not sent: log in first, with /login USER TOKEN\n* log in first, with /login USER TOKEN\n");
    SENT("");
    s_say("/login bob secret\n");
    SENT_PART("\"user\":\"bob\"");
    s_welcome("bob");
    stage_tick(&s_stage, 0);
    s_joined("lobby", 0);
    HEARS("* you are bob now\n* you are in lobby\n");
}

TEST(test_no_token_in_the_clear) {
    talk_destroy(s_talk);
    stage_end(&s_stage);
    stage_begin(&s_stage, 100);
    stage_go_live(&s_stage);
    s_make(false);
    s_enter();
    s_say("/login bob secret\n");
    HEARS_PART("tokens are taken only");
    SENT("");
}

TEST(test_a_peer_that_is_sent_away) {
    s_enter();
    stage_front(&s_stage, "{'op':'close','channel':1,'reason':'kicked'}");
    HEARS("* the broker sends you away: kicked\n");
    ck_assert(s_peer.closed);
}

TEST(test_an_ended_session_begins_anew) {
    s_enter();
    s_broker("{'op':'bye','reason':'expired'}");
    SENT_PART("hello");
    s_broker("{'op':'bye','reason':'banned'}");
    HEARS("* the broker ended your session: banned\n");
    ck_assert(s_peer.closed);
}

TEST(test_the_rates_of_the_broker) {
    s_enter();
    s_broker("{'op':'error','code':'rate-limited','text':'','wait':250}");
    ck_assert(talk_is_paused(s_talk, s_stage.now));
    ck_assert(talk_is_paused(s_talk, s_stage.now + 249));
    ck_assert(!talk_is_paused(s_talk, s_stage.now + 250));
}

TEST(test_a_flood_is_taken_in_turns) {
    static char text[3 * UNANSWERED_MAX];
    s_enter();
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = i % 2 ? '\n' : 'x';
    zr_span_t left = zr_span_of(text, sizeof text);
    size_t taken = talk_bytes(s_talk, left, s_stage.now);
    ck_assert_uint_eq(taken, 2 * TALK_TURN);
    size_t all = taken;
    while (!talk_is_paused(s_talk, s_stage.now))
        all += talk_bytes(s_talk, zr_span_of(text + all, sizeof text - all), s_stage.now);
    ck_assert_uint_eq(all, 2 * UNANSWERED_MAX);
    s_ack(200, 200);
    ck_assert(!talk_is_paused(s_talk, s_stage.now));
}

TEST(test_a_line_costs_as_many_deliveries_as_its_room_has_readers) {
    static feed_reader_t others[400];
    uint8_t topic[FEED_TOPIC_MAX];
    size_t len = feed_topic(LIT("lobby"), false, topic);
    s_enter();
    for (size_t i = 0; i < 399; i++) {
        others[i] = (feed_reader_t){0};
        feeds_join(s_stage.feeds, &others[i], zr_span_of(topic, len), s_stage.now);
    }
    s_say("one\n");
    s_say("two\n");
    s_say("three\n"); /* 1200 of 1000 */
    ck_assert(talk_is_paused(s_talk, s_stage.now));
    ck_assert(talk_is_paused(s_talk, s_stage.now + 699));
    ck_assert(!talk_is_paused(s_talk, s_stage.now + 700));
    ck_assert(!talk_is_paused(s_talk, s_stage.now + 100000)); /* a second's worth at most */
    s_stage.now += 100000;
    s_say("1\n2\n3\n");
    ck_assert(talk_is_paused(s_talk, s_stage.now));
    for (size_t i = 0; i < 399; i++)
        feeds_leave(&others[i], s_stage.now);
}

TEST(test_too_many_topics) {
    talk_destroy(s_talk);
    stage_end(&s_stage);
    stage_begin(&s_stage, 1);
    static const talk_calls_t calls = {s_on_send, s_on_close};
    ws_from_t from = {.address = "192.0.2.1"};
    ck_assert_ptr_null(talk_new(&s_config, &from, 0, &calls, NULL, s_stage.now));
    s_talk = NULL;
}

TEST(test_help_names_every_command) {
    s_enter();
    s_say("/help\n");
    static const char *const words[] = {"/nick", "/join", "/who", "/msg", "/last", "/login", "/help", "/quit"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        ck_assert_ptr_nonnull(strstr(s_peer.log, words[i]));
}

TEST(test_the_gateway_stops) {
    s_enter();
    talk_stopping(s_talk);
    HEARS("* the gateway stops; connect again later\n");
}

UNIT_SUITE_WITH("client.gateway.lines.talk", s_begin, s_end)
