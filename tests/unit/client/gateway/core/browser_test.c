#include "browser.h"

#include <stdio.h>

#include "fixture_gateway.h"
#include "unit.h"

static stage_t s_stage;
static heard_t s_peer;
static browser_t *s_browser;

static void s_make(browser_kind_t kind) {
    static const ws_from_t from = {.address = "192.0.2.1", .secure = true};
    s_browser = browser_new(&s_stage.host, kind, &from, &heard_calls, &s_peer, s_stage.now);
}

static void s_say(const char *json) {
    char text[1024];
    snprintf(text, sizeof text, "%s", json);
    unit_quotes(text);
    browser_message(s_browser, true, zr_span(text), s_stage.now);
}

#define HEARS(text) ck_assert_str_eq(heard_take(&s_peer), text)
#define HEARS_PART(part)                                                                                               \
    do {                                                                                                               \
        const char *heard = heard_take(&s_peer);                                                                       \
        ck_assert_msg(strstr(heard, part), "%s", heard);                                                               \
    } while (0)
#define SENT(text) ck_assert_str_eq(stage_next(&s_stage), text)

static void s_welcome(void) {
    s_say("{'op':'hello','proto':1,'client':'00112233445566778899aabbccddeeff'}");
    while (*stage_next(&s_stage))
        ;
    stage_inner(&s_stage, 1,
        "{'op':'welcome','back':'tcp://127.0.0.1:1','limits':{'frame':1048576,'control':1000,'rooms':1000}}");
    HEARS("{\"op\":\"welcome\",\"limits\":{\"frame\":65536,\"control\":1000,\"rooms\":4}}\n");
}

static void s_begin(void) {
    stage_begin(&s_stage, 100);
    s_peer = (heard_t){0};
    stage_go_live(&s_stage);
}

static void s_end(void) {
    browser_destroy(s_browser);
    stage_end(&s_stage);
}

TEST(test_frames_pass_both_ways) {
    s_make(BROWSER_BINARY);
    s_welcome();
    s_say(" \n{'op':'publish','room':'r','text':'x'}");
    SENT("1 {\"op\":\"publish\",\"room\":\"r\",\"text\":\"x\"}");
    browser_message(s_browser, false, LIT("\1\1r"), s_stage.now);
    SENT("1 010172");
    stage_inner(&s_stage, 1, "{'op':'ack','seq':1}");
    HEARS("{\"op\":\"ack\",\"seq\":1}\n");
    stage_inner_frame(&s_stage, 1, LIT("\2\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\2"));
    HEARS("0x020100000000000000010000000000000002\n");
    browser_message(s_browser, false, LIT("\5\0\0\0\1"), s_stage.now);
    SENT("1 0500000001");
    stage_inner_frame(&s_stage, 1, LIT("\6\0\0\0\1"));
    HEARS("0x0600000001\n");
    stage_inner_frame(&s_stage, 1, LIT("\4\0\0\0\1\0\1r"));
    HEARS("0x0400000001000172\n");
    stage_inner_frame(&s_stage, 1, LIT("r\1{\"op\":\"presence\"}"));
    HEARS("{\"op\":\"presence\"}\n");
    stage_inner_frame(&s_stage, 1, LIT("{\xff}"));
    HEARS("");
}

TEST(test_messages_that_are_none) {
    s_make(BROWSER_BINARY);
    s_welcome();
    s_say("");
    HEARS_PART("bad-json");
    s_say("[1]");
    HEARS_PART("bad-json");
    browser_message(s_browser, true, LIT("\1\1r"), s_stage.now);
    HEARS_PART("bad-json");
    browser_message(s_browser, false, LIT("{\"op\":\"ping\"}"), s_stage.now);
    HEARS_PART("bad-frame");
    browser_message(s_browser, false, LIT("\3\0\0\0\1{}"), s_stage.now); /* a trunk in a channel */
    HEARS_PART("bad-frame");
    browser_message(s_browser, false, LIT(""), s_stage.now);
    HEARS_PART("bad-frame");
    SENT("");
}

TEST(test_subscribed_once_it_is_live) {
    s_make(BROWSER_BINARY);
    s_welcome();
    s_say("{'op':'subscribe','id':1,'rooms':['a','b'],'presence':true}");
    HEARS("");
    stage_tick(&s_stage, 0);
    HEARS("{\"op\":\"subscribed\",\"rooms\":[\"a\",\"b\"],\"re\":1}\n");
    ck_assert_uint_eq(s_stage.topic_count, 4);
    s_say("{'op':'subscribe','rooms':['b']}");
    HEARS("{\"op\":\"subscribed\",\"rooms\":[\"b\"]}\n");
    s_say("{'op':'subscribe','id':'x','rooms':[]}");
    HEARS("{\"op\":\"subscribed\",\"rooms\":[],\"re\":\"x\"}\n");
    s_say("{'op':'\\u0073ubscribe','rooms':['b']}");
    HEARS("{\"op\":\"subscribed\",\"rooms\":[\"b\"]}\n");
    SENT("");
}

TEST(test_wrong_subscribes) {
    s_make(BROWSER_BINARY);
    s_say("{'op':'subscribe','id':1,'rooms':['a']}");
    HEARS_PART("no-session");
    s_welcome();
    static const char *const wrong[] = {"{'op':'subscribe'}", "{'op':'subscribe','rooms':'a'}",
        "{'op':'subscribe','rooms':[1]}", "{'op':'subscribe','rooms':['a b']}",
        "{'op':'subscribe','rooms':['a'],'presence':1}", "{'op':'subscribe','prefixes':[null]}",
        "{'op':'unsubscribe','rooms':7}"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        s_say(wrong[i]);
        HEARS_PART("bad-member");
    }
    s_say("{'op':'subscribe','rooms':['a','b','c','d']}");
    stage_tick(&s_stage, 0);
    HEARS_PART("subscribed");
    s_say("{'op':'subscribe','rooms':['e']}");
    HEARS_PART("too-many-joins");
    s_say("{'op':'unsubscribe','id':3,'rooms':['a']}");
    HEARS("{\"op\":\"ok\",\"re\":3}\n");
    s_say("{'op':'subscribe','rooms':['e']}");
    stage_tick(&s_stage, 0);
    HEARS_PART("subscribed");
}

/* Of a `subscribe` that is refused, the gateway keeps nothing. */
TEST(test_subscribe_to_all_or_none) {
    s_make(BROWSER_BINARY);
    s_welcome();
    s_say("{'op':'subscribe','rooms':['a']}");
    s_say("{'op':'subscribe','rooms':['a','b','c','d','e']}");
    stage_tick(&s_stage, 0);
    HEARS("{\"op\":\"error\",\"code\":\"too-many-joins\",\"text\":\"too many subscriptions here; unsubscribe from "
          "some\"}\n{\"op\":\"subscribed\",\"rooms\":[\"a\"]}\n");
    s_say("{'op':'subscribe','rooms':['x','y','z']}");
    stage_tick(&s_stage, 0);
    HEARS_PART("subscribed");
}

TEST(test_too_many_subscribes_wait) {
    s_make(BROWSER_BINARY);
    s_welcome();
    for (int i = 0; i < 16; i++) {
        s_say("{'op':'subscribe','rooms':['a']}");
        HEARS("");
    }
    s_say("{'op':'subscribe','rooms':['a']}");
    HEARS_PART("rate-limited");
}

static void s_subscribe_and_join(void) {
    s_say("{'op':'subscribe','rooms':['r'],'presence':true}");
    stage_tick(&s_stage, 0);
    s_say("{'op':'join','room':'r'}");
    HEARS("{\"op\":\"subscribed\",\"rooms\":[\"r\"]}\n");
    ck_assert_ptr_nonnull(strstr(stage_next(&s_stage), "{\"op\":\"join\",\"room\":\"r\""));
}

TEST(test_only_members_hear) {
    s_make(BROWSER_JSON);
    s_welcome();
    s_say("{'op':'subscribe','rooms':['r'],'presence':true}");
    stage_tick(&s_stage, 0);
    HEARS_PART("subscribed");
    stage_back(&s_stage, stage_entry("r", 0, 0, 1, "one"));
    HEARS("");
    s_say("{'op':'join','room':'r'}");
    stage_back(&s_stage, stage_entry("r", 0, 1, 2, "two"));
    HEARS(""); /* until the broker answered */
    stage_inner(&s_stage, 1, "{'op':'joined','room':'r','seq':1}");
    HEARS("{\"op\":\"joined\",\"room\":\"r\",\"seq\":1}\n{\"op\":\"entries\",\"room\":\"r\",\"epoch\":\"" STAGE_EPOCH
          "\",\"prev\":1,\"entries\":[{\"seq\":2,\"time\":5,\"sender\":\"ann\",\"text\":\"two\"}]}\n");
    stage_back(&s_stage, stage_entry("r", 0, 2, 3, "three"));
    HEARS_PART("three");
    stage_inner(&s_stage, 1, "{'op':'left','room':'r','reason':'revoked','seq':3}");
    HEARS_PART("left");
    stage_back(&s_stage, stage_entry("r", 0, 3, 4, "four"));
    HEARS("");
}

TEST(test_what_ends_a_session_ends_hearing) {
    static const char *const ends[] = {"{'op':'bye','reason':'expired'}",
        "{'op':'error','code':'no-session','text':''}", "{'op':'welcome','limits':{}}"};
    s_make(BROWSER_BINARY);
    s_welcome();
    s_subscribe_and_join();
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        stage_inner(&s_stage, 1, "{'op':'welcome'}");
        s_say("{'op':'join','room':'r'}");
        stage_inner(&s_stage, 1, "{'op':'joined','room':'r'}");
        heard_take(&s_peer);
        stage_inner(&s_stage, 1, ends[i]);
        heard_take(&s_peer);
        stage_back(&s_stage, stage_entry("r", 0, 0, 1, "x"));
        HEARS("");
    }
}

TEST(test_leaving_ends_hearing_at_once) {
    s_make(BROWSER_BINARY);
    s_welcome();
    s_subscribe_and_join();
    stage_inner(&s_stage, 1, "{'op':'joined','room':'r'}");
    s_say("{'op':'leave','room':'r'}");
    SENT("1 {\"op\":\"leave\",\"room\":\"r\"}");
    heard_take(&s_peer);
    stage_back(&s_stage, stage_entry("r", 0, 0, 1, "x"));
    HEARS("");
}

TEST(test_so_many_frames_are_kept_for_a_join) {
    s_make(BROWSER_JSON);
    s_welcome();
    s_subscribe_and_join();
    for (uint64_t seq = 1; seq <= 70; seq++)
        stage_back(&s_stage, stage_entry("r", 0, seq - 1, seq, "x"));
    stage_inner(&s_stage, 1, "{'op':'joined','room':'r'}");
    const char *heard = heard_take(&s_peer);
    unsigned count = 0;
    for (const char *at = heard; (at = strstr(at, "\"entries\"")); at++)
        count++;
    ck_assert_uint_ge(count, 40); /* the log of the test holds fewer than 64 */
    ck_assert_uint_le(count, 128);
}

TEST(test_prefixes_wait_for_follow) {
    s_make(BROWSER_JSON);
    s_welcome();
    s_say("{'op':'subscribe','prefixes':['m/']}");
    stage_tick(&s_stage, 0);
    HEARS("{\"op\":\"subscribed\",\"prefixes\":[\"m/\"]}\n");
    stage_back(&s_stage, stage_entry("m/a", 0, 0, 1, "x"));
    HEARS("");
    s_say("{'op':'follow','id':1,'prefix':'m/'}");
    stage_inner(&s_stage, 1, "{'op':'ok','re':1,'prefix':'m/'}");
    HEARS_PART("ok");
    stage_back(&s_stage, stage_entry("m/a", 0, 1, 2, "y"));
    HEARS_PART("\"room\":\"m/a\"");
    stage_back(&s_stage, LIT("m/a\1{\"op\":\"presence\"}"));
    HEARS(""); /* presence was not asked for */
    s_say("{'op':'unfollow','id':2,'prefix':'m/'}");
    stage_back(&s_stage, stage_entry("m/a", 0, 2, 3, "z"));
    stage_inner(&s_stage, 1, "{'op':'ok','re':2,'prefix':'m/'}");
    stage_back(&s_stage, stage_entry("m/a", 0, 3, 4, "z"));
    HEARS("{\"op\":\"ok\",\"re\":2,\"prefix\":\"m/\"}\n");
}

TEST(test_a_join_of_json_subscribes_first) {
    s_make(BROWSER_JSON);
    s_welcome();
    s_say("{'op':'join','room':'r'}");
    s_say("{'op':'publish','room':'r','text':'x'}");
    ck_assert(browser_is_paused(s_browser));
    SENT("");
    stage_tick(&s_stage, 0);
    ck_assert(!browser_is_paused(s_browser));
    SENT("1 {\"op\":\"join\",\"room\":\"r\",\"id\":\"gateway join 1\"}");
    SENT("1 {\"op\":\"publish\",\"room\":\"r\",\"text\":\"x\"}");
    ck_assert_uint_eq(s_stage.topic_count, 2); /* with its presence */
    s_say("{'op':'join','room':'silent','presence':false}");
    s_say("{'op':'join','room':'third','presence':false}");
    stage_tick(&s_stage, 0);
    stage_tick(&s_stage, 0);
    SENT("1 {\"op\":\"join\",\"room\":\"silent\",\"presence\":false,\"id\":\"gateway join 2\"}");
    SENT("1 {\"op\":\"join\",\"room\":\"third\",\"presence\":false,\"id\":\"gateway join 3\"}");
    ck_assert_uint_eq(s_stage.topic_count, 4);
    HEARS("");
    s_say("{'op':'leave','room':'r'}");
    SENT("1 {\"op\":\"leave\",\"room\":\"r\"}");
}

/* Else refused joins would use up the subscriptions of a script. */
TEST(test_a_refused_join_of_json_unsubscribes) {
    s_make(BROWSER_JSON);
    s_welcome();
    for (int i = 0; i < 20; i++) {
        char join[80];
        snprintf(join, sizeof join, "{'op':'join','id':7,'room':'r%d','presence':false}", i);
        s_say(join);
        stage_tick(&s_stage, 0);
        ck_assert_ptr_nonnull(strstr(stage_next(&s_stage), "\"join\""));
        stage_inner(&s_stage, 1, "{'op':'error','code':'bad-member','re':8,'text':''}"); /* of another request */
        HEARS("{\"op\":\"error\",\"code\":\"bad-member\",\"re\":8,\"text\":\"\"}\n");
        stage_inner(&s_stage, 1,
            i < 19 ? "{'op':'error','code':'forbidden','re':7,'text':''}" : "{'op':'joined','re':7,'room':'r19'}");
        HEARS(i < 19 ? "{\"op\":\"error\",\"code\":\"forbidden\",\"re\":7,\"text\":\"\"}\n"
                     : "{\"op\":\"joined\",\"re\":7,\"room\":\"r19\"}\n");
    }
}

/* The broker hears an id, so that its answer says which join it is about; the peer hears none. */
TEST(test_a_refused_join_of_json_without_an_id_unsubscribes) {
    s_make(BROWSER_JSON);
    s_welcome();
    for (int i = 1; i <= 20; i++) {
        char join[80], answer[120], expected[120];
        bool last = i == 20;
        snprintf(join, sizeof join, "{'op':'join','room':'r%d','presence':false}", i);
        s_say(join);
        stage_tick(&s_stage, 0);
        snprintf(expected, sizeof expected, "\"room\":\"r%d\",\"presence\":false,\"id\":\"gateway join %d\"", i, i);
        ck_assert_ptr_nonnull(strstr(stage_next(&s_stage), expected));
        snprintf(answer, sizeof answer,
            last ? "{'op':'joined','re':'gateway join %d','room':'r20'}"
                 : "{'op':'error','code':'forbidden','re':'gateway join %d','text':''}",
            i);
        stage_inner(&s_stage, 1, answer);
        HEARS(last ? "{\"op\":\"joined\",\"room\":\"r20\"}\n"
                   : "{\"op\":\"error\",\"code\":\"forbidden\",\"text\":\"\"}\n");
    }
    stage_back(&s_stage, stage_entry("r20", 0, 0, 1, "x"));
    HEARS_PART("\"x\"");
    s_say("{'op':'join','id':{},'room':'s'}"); /* the broker says what is wrong with it */
    stage_tick(&s_stage, 0);
    ck_assert_ptr_nonnull(strstr(stage_next(&s_stage), "\"id\":{}"));
}

TEST(test_what_follows_a_hello_of_json_waits_for_the_answer) {
    s_make(BROWSER_JSON);
    stage_next(&s_stage);
    s_say("{'op':'hello','nick':'in use'}");
    ck_assert_ptr_nonnull(strstr(stage_next(&s_stage), "hello"));
    s_say("{'op':'hello','nick':'ann'}");
    s_say("{'op':'join','room':'r'}");
    s_say("{'op':'publish','room':'r','text':'x'}");
    ck_assert(browser_is_paused(s_browser));
    SENT("");
    stage_inner(&s_stage, 1, "{'op':'queued','ahead':1}");
    SENT("");
    stage_inner(&s_stage, 1, "{'op':'error','code':'nick-in-use','text':''}");
    ck_assert_ptr_nonnull(strstr(stage_next(&s_stage), "\"ann\""));
    SENT("");
    stage_inner(&s_stage, 1, "{'op':'welcome','limits':{}}");
    SENT(""); /* until the room is live */
    stage_tick(&s_stage, 0);
    SENT("1 {\"op\":\"join\",\"room\":\"r\",\"id\":\"gateway join 1\"}");
    SENT("1 {\"op\":\"publish\",\"room\":\"r\",\"text\":\"x\"}");
    ck_assert(!browser_is_paused(s_browser));
}

/* The broker had no place for its answer to hello. A login that waits is no such loss. */
TEST(test_a_welcome_that_is_lost) {
    static const char beat[] = "{'op':'error','code':'no-session','text':'','re':'gateway'}";
    s_make(BROWSER_JSON);
    stage_next(&s_stage);
    s_say("{'op':'hello','nick':'ann'}");
    ck_assert_ptr_nonnull(strstr(stage_next(&s_stage), "hello"));
    stage_inner(&s_stage, 1, "{'op':'queued','ahead':1}");
    HEARS("{\"op\":\"queued\",\"ahead\":1}\n");
    stage_inner(&s_stage, 1, beat);
    SENT("");
    stage_inner(&s_stage, 1, beat);
    ck_assert_ptr_nonnull(strstr(stage_next(&s_stage), "hello"));
    HEARS("");
    stage_inner(&s_stage, 1, "{'op':'error','code':'nick-in-use','text':''}");
    stage_inner(&s_stage, 1, beat);
    SENT(""); /* it was answered */
}

TEST(test_a_script_that_comes_while_the_broker_is_away) {
    uplink_down(s_stage.uplink, "gone", s_stage.now);
    s_make(BROWSER_JSON);
    HEARS("{\"op\":\"broker\",\"state\":\"away\"}\n");
    s_say("{'op':'hello','nick':'ann'}");
    s_say("{'op':'join','room':'r'}");
    ck_assert(browser_is_paused(s_browser));
    while (*stage_next(&s_stage))
        ;
    stage_tick(&s_stage, 1000);
    stage_go_live(&s_stage);
    ck_assert_ptr_nonnull(strstr(stage_next(&s_stage), "open"));
    ck_assert_ptr_nonnull(strstr(stage_next(&s_stage), "hello"));
    stage_inner(&s_stage, 1, "{'op':'welcome','limits':{}}");
    stage_tick(&s_stage, 0);
    SENT("1 {\"op\":\"join\",\"room\":\"r\",\"id\":\"gateway join 1\"}");
}

TEST(test_a_hello_of_json_is_completed) {
    s_make(BROWSER_JSON);
    stage_next(&s_stage);
    s_say("{'op':'hello','nick':'ann'}");
    const char *sent = stage_next(&s_stage);
    ck_assert_ptr_nonnull(strstr(sent, "\"proto\":1"));
    ck_assert_ptr_nonnull(strstr(sent, "\"client\":\""));
    stage_inner(&s_stage, 1, "{'op':'error','code':'bad-nick','text':''}");
    s_say("{'op':'hello','proto':2,'client':'x'}");
    SENT("1 {\"op\":\"hello\",\"proto\":2,\"client\":\"x\"}");
}

TEST(test_pongs_of_the_gateway_tell_only_news) {
    s_make(BROWSER_BINARY);
    s_welcome();
    stage_inner(&s_stage, 1, "{'op':'pong','re':'gateway','time':1,'heads':{},'versions':{}}");
    HEARS("");
    stage_inner(&s_stage, 1, "{'op':'pong','re':'gateway','time':1,'heads':{'r':3},'versions':{}}");
    HEARS("{\"op\":\"pong\",\"time\":1,\"heads\":{\"r\":3},\"versions\":{}}\n");
    stage_inner(&s_stage, 1, "{'op':'pong','re':7,'time':1,'heads':{},'versions':{}}");
    HEARS("{\"op\":\"pong\",\"re\":7,\"time\":1,\"heads\":{},\"versions\":{}}\n");
}

TEST(test_live_frames_are_dropped_and_answers_not) {
    s_make(BROWSER_JSON);
    s_welcome();
    s_subscribe_and_join();
    stage_inner(&s_stage, 1, "{'op':'joined','room':'r'}");
    heard_take(&s_peer);
    s_peer.deaf = true;
    stage_back(&s_stage, stage_entry("r", 0, 0, 1, "lost"));
    stage_inner_frame(&s_stage, 1, stage_entry("private", 0, 0, 1, "lost"));
    HEARS("");
    stage_inner_frame(&s_stage, 1, stage_entry("r", ZR_FRAME_REPLAY, 0, 1, "replayed"));
    HEARS_PART("replayed");
    stage_inner_frame(&s_stage, 1, stage_entry("r", ZR_FRAME_STATE, 0, 1, "value"));
    HEARS_PART("value");
}

TEST(test_the_broker_goes_and_comes_back) {
    s_make(BROWSER_BINARY);
    s_welcome();
    uplink_down(s_stage.uplink, "gone", s_stage.now);
    HEARS("{\"op\":\"broker\",\"state\":\"away\"}\n");
    s_say("{'op':'ping','id':5}");
    HEARS_PART("\"code\":\"no-session\",\"text\":\"the broker is away; say hello when it is back\",\"re\":5");
    stage_tick(&s_stage, 1000);
    stage_go_live(&s_stage);
    HEARS("{\"op\":\"broker\",\"state\":\"back\"}\n{\"op\":\"error\",\"code\":\"no-session\",\"text\":\"the broker is "
          "back; say hello\"}\n");
    uplink_down(s_stage.uplink, "gone", s_stage.now);
    s_say("{'op':'hello','nick':'old'}");
    s_say("{'op':'hello','nick':'new'}");
    while (*stage_next(&s_stage))
        ;
    stage_tick(&s_stage, 2000);
    stage_go_live(&s_stage);
    ck_assert_ptr_nonnull(strstr(stage_next(&s_stage), "open"));
    ck_assert_ptr_nonnull(strstr(stage_next(&s_stage), "\"new\""));
    SENT("");
}

TEST(test_being_sent_away) {
    s_make(BROWSER_BINARY);
    s_welcome();
    stage_front(&s_stage, "{'op':'close','channel':1,'reason':'banned'}");
    ck_assert_uint_eq(s_peer.closed, WS_POLICY);
    ck_assert_str_eq(s_peer.reason, "banned");
    s_say("{'op':'ping'}");
    HEARS("");
}

TEST(test_limits_of_the_broker_pass) {
    s_make(BROWSER_BINARY);
    stage_front(&s_stage, "{'op':'error','code':'too-many-channels','text':'','channel':1}");
    ck_assert_uint_eq(s_peer.closed, WS_LATER);
}

UNIT_SUITE_WITH("client.gateway.browser", s_begin, s_end)
