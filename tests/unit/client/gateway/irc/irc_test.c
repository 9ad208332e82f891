#include "fixture_irc.h"
#include "unit.h"

static scene_t s_scene;

static void s_begin(void) {
    scene_begin(&s_scene, true);
}

static void s_end(void) {
    scene_end(&s_scene);
}

TEST(test_a_client_registers_and_is_welcomed) {
    scene_play(&s_scene, "C: NICK ann\n"
                         "Z:\n"
                         "C: USER ann 0 * :Ann\n"
                         "B: 'op':'hello'\n"
                         "A: {'op':'welcome','re':1,'nick':'ann','epoch':'" SCENE_EPOCH "','resume':'abc'}\n"
                         "S: :irc.zrelay 001 ann :Welcome to zrelay, ann\n"
                         "S: :irc.zrelay 002 ann *\n"
                         "S: :irc.zrelay 003 ann *\n"
                         "S: :irc.zrelay 004 ann irc.zrelay *\n"
                         "S: :irc.zrelay 005 ann AWAYLEN=200 CASEMAPPING=ascii *\n"
                         "S: :irc.zrelay 005 ann *\n"
                         "S: :irc.zrelay 251 ann :There are 1 IRC clients on this gateway\n"
                         "S: :irc.zrelay 254 ann 0 *\n"
                         "S: :irc.zrelay 255 ann *\n"
                         "S: :irc.zrelay 265 ann 1 1 *\n"
                         "S: :irc.zrelay 266 ann 1 1 *\n"
                         "S: :irc.zrelay 422 ann *\n"
                         "Z:\n");
}
END_TEST

TEST(test_a_web_page_writes_nothing) {
    scene_play(&s_scene, "C: POST / HTTP/1.1\n"
                         "S: ERROR :This is no HTTP server\n"
                         "X:\n");
}

TEST(test_a_taken_nick_is_told_and_another_one_is_tried) {
    scene_play(&s_scene, "C: NICK ann\n"
                         "C: USER ann 0 * :Ann\n"
                         "B: 'nick':'ann'\n"
                         "A: {'op':'error','re':1,'code':'nick-in-use','text':'taken'}\n"
                         "S: :irc.zrelay 433 * ann :Nickname is already in use\n"
                         "C: NICK ann2\n"
                         "B: 'nick':'ann2'\n"
                         "A: {'op':'welcome','re':2,'nick':'ann2','epoch':'" SCENE_EPOCH "','resume':'abc'}\n"
                         "S: :irc.zrelay 001 ann2 *\n");
}
END_TEST

TEST(test_a_room_is_joined_read_and_left) {
    scene_register(&s_scene, NULL);
    scene_play(&s_scene,
        "C: JOIN #r\n"
        "Z:\n"
        "W: 10\n"
        "B: 'op':'join'\n"
        "A: {'op':'joined','re':2,'room':'r','seq':10,'oldest':0,'version':7,'count':2,'private':false}\n"
        "B: 'key':'topic'\n"
        "T: r 0 9 bob topic Hello there\n"
        "A: {'op':'ok','re':3,'room':'r','seq':10,'count':1,'next':9,'more':false}\n"
        "B: 'op':'who'\n"
        "A: {'op':'who','re':4,'room':'r','version':7,'users':[{'nick':'ann'},{'nick':'bob'}],'count':2,'more':false}\n"
        "S: :ann!~u@zrelay JOIN #r\n"
        "S: :irc.zrelay 332 ann #r :Hello there\n"
        "S: :irc.zrelay 333 ann #r bob :1700000009\n"
        "S: :irc.zrelay 353 ann = #r :ann bob\n"
        "S: :irc.zrelay 366 ann #r :End of NAMES list\n"
        "Z:\n"
        "E: r 10 11 bob hi\n"
        "S: :bob!~u@zrelay PRIVMSG #r :hi\n"
        "E: r 10 11 bob hi\n"
        "Z:\n"
        "P: r {'op':'presence','version':8,'joined':[{'nick':'cat'}],'left':[],'count':3}\n"
        "S: :cat!~u@zrelay JOIN #r\n"
        "P: r {'op':'presence','version':9,'joined':[{'nick':'dog','was':'cat'}],"
        "'left':[{'nick':'cat','reason':'renamed','to':'dog'}],'count':3}\n"
        "S: :cat!~u@zrelay NICK dog\n"
        "P: r {'op':'presence','version':10,'joined':[],'left':[{'nick':'dog','reason':'bye'}],'count':2}\n"
        "S: :dog!~u@zrelay QUIT :bye\n"
        "P: r {'op':'presence','version':11,'joined':[],'left':[{'nick':'bob','reason':'leave'}],'count':1}\n"
        "S: :bob!~u@zrelay PART #r\n"
        "C: PART #r :enough\n"
        "S: :ann!~u@zrelay PART #r :enough\n"
        "B: 'op':'leave'\n"
        "E: r 11 12 bob unheard\n"
        "Z:\n");
}
END_TEST

TEST(test_a_gap_is_repaired_by_a_replay) {
    scene_register(&s_scene, NULL);
    scene_join(&s_scene, "r", 2);
    scene_play(&s_scene, "E: r 11 12 bob second\n"
                         "Z:\n"
                         "B: 'after':10\n"
                         "R: r 10 11 bob first\n"
                         "S: :bob!~u@zrelay PRIVMSG #r :first\n"
                         "R: r 11 12 bob second\n"
                         "S: :bob!~u@zrelay PRIVMSG #r :second\n"
                         "A: {'op':'replayed','re':5,'room':'r','seq':12,'count':2,'complete':true,'more':false}\n"
                         "Z:\n"
                         "E: r 12 13 bob third\n"
                         "S: :bob!~u@zrelay PRIVMSG #r :third\n");
}
END_TEST

TEST(test_messages_wait_for_a_broker_that_is_away) {
    scene_register(&s_scene, "echo-message");
    scene_join(&s_scene, "r", 2);
    uplink_down(s_scene.stage.uplink, "gone", s_scene.stage.now);
    scene_play(&s_scene,
        "S: :irc.zrelay NOTICE ann :the broker is away; what you write to channels is sent once it is back\n"
        "C: PRIVMSG #r :held\n"
        "C: TOPIC #r :no\n"
        "S: :irc.zrelay FAIL TOPIC BROKER_AWAY *\n"
        "Z:\n");
    stage_tick(&s_scene.stage, 10000);
    uplink_up(s_scene.stage.uplink, s_scene.stage.now);
    while (!strstr(stage_next(&s_scene.stage), "\"op\":\"hello\""))
        ;
    stage_front(&s_scene.stage,
        "{'op':'welcome','re':'hello','proto':1,'epoch':'" STAGE_EPOCH
        "','nick':'g','resume':'0123456789abcdef0123456789abcdef',"
        "'resumed':false,'back':'tcp://127.0.0.1:5571','heartbeat':5000,'level':'memory','time':1}");
    scene_play(&s_scene,
        "B: 'op':'open'\n"
        "B: 'resume':'abc'\n"
        "A: {'op':'welcome','re':5,'nick':'ann','epoch':'" SCENE_EPOCH "','resume':'abd'}\n"
        "S: :irc.zrelay NOTICE ann :the broker is back\n"
        "B: 'op':'join'\n"
        "B: 'text':'held'\n"
        "W: 10\n"
        "A: {'op':'joined','re':6,'room':'r','seq':11,'oldest':0,'version':20,'count':2,'private':false}\n"
        "B: 'op':'who'\n"
        "B: 'after':10\n"
        "A: {'op':'ack','re':'m1','room':'r','seq':12,'mid':1,'level':'memory'}\n"
        "R: r 10 11 bob missed\n"
        "S: :bob!~u@zrelay PRIVMSG #r :missed\n"
        "R: r 11 12 ann held\n"
        "S: :ann!~u@zrelay PRIVMSG #r :held\n"
        "A: {'op':'replayed','re':8,'room':'r','seq':12,'count':2,'complete':true,'more':false}\n"
        "A: "
        "{'op':'who','re':7,'room':'r','version':20,'users':[{'nick':'ann'},{'nick':'eve'}],'count':2,'more':false}\n"
        "S: :bob!~u@zrelay PART #r\n"
        "S: :eve!~u@zrelay JOIN #r\n"
        "Z:\n");
}
END_TEST

TEST(test_a_silent_client_is_pinged_and_then_disconnected) {
    s_scene.host.ping_ms = 4000;
    scene_register(&s_scene, NULL);
    scene_play(&s_scene, "W: 4000\n"
                         "S: PING :irc.zrelay\n"
                         "C: PONG irc.zrelay\n"
                         "W: 4000\n"
                         "S: PING :irc.zrelay\n"
                         "W: 4000\n"
                         "S: ERROR :Closing link: ping timeout\n"
                         "X:\n");
}
END_TEST

TEST(test_a_client_that_does_not_register_is_disconnected) {
    scene_play(
        &s_scene, "W: 29999\nZ:\nW: 1\nS: ERROR :Closing link: registration timed out; send NICK and USER\nX:\n");
}
END_TEST

static size_t s_pongs(void) {
    size_t count = 0;
    for (zr_span_t rest = zr_span_of(s_scene.heard.data, s_scene.heard.len); rest.len > 0;) {
        zr_span_t line = zr_span_cut(&rest, '\n');
        count += memmem(line.ptr, line.len, " PONG ", 6) != NULL;
    }
    return count;
}

static void s_ping_often(const char *tags) {
    char lines[800] = "";
    for (int i = 0; i < 20; i++) {
        strcat(lines, tags);
        strcat(lines, "PING x\r\n");
    }
    irc_bytes(s_scene.irc, zr_span(lines), s_scene.stage.now);
}

TEST(test_cr_and_lf_end_one_line) {
    s_scene.host.rate = 2;
    scene_register(&s_scene, NULL);
    s_ping_often("");
    ck_assert_uint_eq(s_pongs(), 8); /* NICK and USER were two of ten */
}
END_TEST

TEST(test_an_open_batch_makes_other_lines_no_cheaper) {
    s_scene.host.rate = 2;
    scene_register(&s_scene, "batch draft/multiline");
    scene_play(&s_scene, "C: BATCH +1 draft/multiline #r\n");
    s_ping_often("");
    ck_assert_uint_eq(s_pongs(), 5); /* as many of ten came before */
}
END_TEST

TEST(test_a_batch_without_the_capability_makes_no_line_cheaper) {
    s_scene.host.rate = 2;
    scene_register(&s_scene, "batch draft/multiline");
    scene_play(&s_scene, "C: BATCH +1 draft/multiline #r\nC: CAP REQ :-draft/multiline\nS: :irc.zrelay CAP *\n");
    s_ping_often("@batch=1 ");
    ck_assert_uint_eq(s_pongs(), 4);
}
END_TEST

/* Its PONG is not read either. */
TEST(test_a_client_that_is_not_read_has_no_ping_timeout) {
    scene_register(&s_scene, NULL);
    for (int i = 0; i < 64; i++)
        scene_play(&s_scene, "C: PRIVMSG #r :x\n");
    ck_assert(irc_is_paused(s_scene.irc, s_scene.stage.now));
    for (int i = 0; i < 5; i++)
        scene_play(&s_scene, "W: 60000\n");
    ck_assert(!s_scene.closed);
}
END_TEST

TEST(test_lines_beyond_the_rate_wait) {
    char lines[8000] = "";
    s_scene.host.rate = 2;
    scene_register(&s_scene, NULL);
    for (int i = 0; i < 20; i++)
        strcat(lines, "PING x\r\n");
    size_t taken = irc_bytes(s_scene.irc, zr_span(lines), s_scene.stage.now);
    ck_assert_uint_lt(taken, strlen(lines));
    ck_assert(irc_is_paused(s_scene.irc, s_scene.stage.now));
    ck_assert(!irc_is_paused(s_scene.irc, s_scene.stage.now + 500));
}
END_TEST

TEST(test_lines_that_are_too_long_or_no_text_are_told) {
    char line[8000];
    scene_register(&s_scene, NULL);
    memset(line, 'x', sizeof line);
    line[sizeof line - 2] = '\r';
    line[sizeof line - 1] = '\n';
    irc_bytes(s_scene.irc, zr_span_of(line, sizeof line), s_scene.stage.now);
    scene_play(&s_scene, "S: :irc.zrelay 417 ann :Input line was too long\n"
                         "C: PRIVMSG #r :\xff\n"
                         "S: :irc.zrelay FAIL PRIVMSG INVALID_UTF8 *\n"
                         "Z:\n");
}
END_TEST

TEST(test_a_line_may_come_in_parts) {
    scene_register(&s_scene, NULL);
    irc_bytes(s_scene.irc, zr_span("PI"), s_scene.stage.now);
    irc_bytes(s_scene.irc, zr_span("NG "), s_scene.stage.now);
    irc_bytes(s_scene.irc, zr_span("x\nPING y\n"), s_scene.stage.now);
    scene_play(&s_scene, "S: :irc.zrelay PONG irc.zrelay :x\nS: :irc.zrelay PONG irc.zrelay :y\nZ:\n");
}
END_TEST

TEST(test_one_that_is_kicked_is_told) {
    scene_register(&s_scene, NULL);
    scene_play(&s_scene, "A: {'op':'bye','reason':'kicked'}\nS: ERROR :Closing link: kicked\nX:\n");
}
END_TEST

TEST(test_what_follows_a_hello_waits_for_its_answer) {
    scene_play(&s_scene, "C: NICK ann\nC: USER ann 0 * :Ann\nB: 'op':'hello'\n");
    ck_assert_uint_eq(irc_bytes(s_scene.irc, zr_span("NICK eve\n"), s_scene.stage.now), 0);
    scene_play(&s_scene, "A: {'op':'error','re':1,'code':'nick-in-use','text':'taken'}\nS: :irc.zrelay 433 * ann *\n"
                         "C: NICK eve\nB: 'nick':'eve'\n");
}
END_TEST

TEST(test_nothing_is_said_to_one_that_quit) {
    scene_register(&s_scene, NULL);
    scene_join(&s_scene, "r", 2);
    scene_play(&s_scene, "C: MONITOR + eve\nS: *\nC: QUIT\nS: ERROR *\nX:\nE: r 10 11 bob late\n"
                         "P: r {'op':'presence','version':8,'joined':[{'nick':'cat'}],'left':[],'count':3}\nZ:\n");
    irc_people_come(s_scene.host.people, zr_span("eve"), false);
    irc_drained(s_scene.irc, s_scene.stage.now);
    irc_tick(s_scene.irc, s_scene.stage.now);
    scene_play(&s_scene, "Z:\n");
    irc_people_go(s_scene.host.people, zr_span("eve"), false);
}
END_TEST

UNIT_SUITE_WITH("client.gateway.irc.irc", s_begin, s_end)
