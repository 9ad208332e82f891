#include "fixture.h"

/* hello with whatever members beside proto and client. */
static void s_hello(route_t route, unsigned client, const char *more) {
    fx_ask(route, "{'op':'hello','proto':1,'client':'%s'%s}", fx_client(client), more);
}

TEST(test_welcome_has_every_member) {
    fx_begin();
    fx.config.greeting = "hi";
    fx.config.server = "s";
    fx.config.peers = "tcp://b:1,tcp://c:1";
    fx_start();
    fx_ask(A, "{'op':'hello','proto':1,'client':'%s','nick':'ann','agent':'x 1','id':4,'new':[]}", fx_client(1));
    fx_expect(A, "{'op':'welcome','proto':1,'re':4,'epoch':'00000000000000e1','nick':'ann','resumed':false,"
                 "'back':'tcp://127.0.0.1:5571','heartbeat':5000,'level':'memory','time':1700000000000000,"
                 "'server':'s','greeting':'hi','peers':['tcp://b:1','tcp://c:1']}");
    ck_assert(zr_hex_valid(zr_span(fx_string("resume")), 32, 32));
    json_t *limits = json_pack("{si si si si si si sI}", "frame", 1048576, "control", 65536, "entries", 4096, "rooms",
        1000, "replays", 4, "body", 1048576 - 2 - 128 - 14 - 255 - 8 - 8, "window", (json_int_t)fx.config.window);
    ck_assert(json_equal(json_object_get(fx.last, "limits"), limits));
    json_decref(limits);
    ck_assert_uint_gt(fx_effect(EFFECT_WATCH), 0);
}

TEST(test_the_body_that_is_named_fits) {
    fx_begin();
    fx.config.max_frame = 500;
    fx_start();
    fx_hello(A, "ann");
    size_t body = (size_t)json_integer_value(json_object_get(json_object_get(fx.last, "limits"), "body"));
    zr_buffer_t out = {0};
    char room[129] = "";
    memset(room, 'r', 128);
    zr_publish_begin(&out, zr_span(room));
    zr_publish_add(&out, &(zr_publish_entry_t){.mid = 1,
                             .flags = ZR_ENTRY_EXPECT | ZR_ENTRY_TTL,
                             .ttl = 9,
                             .key = unit_fill('k', 255),
                             .body = unit_fill('b', body)});
    ck_assert_uint_eq(out.len, 500);
    fx_frame(A, zr_span_of(out.data, out.len));
    fx_run();
    fx_expect_text(A, "ack 1 @1 memory");
    zr_buffer_finish(&out);

    fx_begin();
    fx.config.max_frame = 300; /* nothing fits beside the longest names */
    fx_start();
    fx_hello(A, "ann");
    ck_assert_int_eq(json_integer_value(json_object_get(json_object_get(fx.last, "limits"), "body")), 0);
}

static int s_welcomed_window(route_t route, const char *nick) {
    fx_hello(route, nick);
    return (int)json_integer_value(json_object_get(json_object_get(fx.last, "limits"), "window"));
}

TEST(test_windows_share_what_may_wait) {
    enum { MIN = 64 << 10, WINDOW = 4 * MIN };
    fx_begin();
    fx.config.window = WINDOW;
    fx.config.max_waiting = 4 * WINDOW;
    fx_start();
    ck_assert_int_eq(s_welcomed_window(A, "ann"), WINDOW);
    ck_assert_int_eq(s_welcomed_window(B, "bob"), WINDOW);
    ck_assert_int_eq(s_welcomed_window(C, "cid"), 2 * WINDOW / 3);
    fx_begin();
    fx.config.window = WINDOW;
    fx.config.max_waiting = 1;
    fx_start();
    ck_assert_int_eq(s_welcomed_window(A, "ann"), MIN);
    fx_begin();
    fx.config.window = MIN / 2;
    fx.config.max_waiting = 1;
    fx_start();
    ck_assert_int_eq(s_welcomed_window(A, "ann"), MIN / 2);
}

TEST(test_bad_requests) {
    static const struct {
        const char *json, *code;
    } cases[] = {
        {"{'op':'hello'}", "bad-member"},
        {"{'op':'hello','proto':'1','client':'%s'}", "bad-member"},
        {"{'op':'hello','proto':0,'client':'%s'}", "bad-proto"},
        {"{'op':'hello','proto':2,'client':'%s'}", "bad-proto"},
        {"{'op':'hello','proto':2}", "bad-proto"}, /* what another version needs is not ours to say */
        {"{'op':'hello','proto':1}", "bad-member"},
        {"{'op':'hello','proto':1,'client':'%.31s'}", "bad-member"},
        {"{'op':'hello','proto':1,'client':'%s0'}", "bad-member"},
        {"{'op':'hello','proto':1,'client':'0000000000000000000000000000000A'}", "bad-member"},
        {"{'op':'hello','proto':1,'client':'%s','nick':''}", "bad-nick"},
        {"{'op':'hello','proto':1,'client':'%s','nick':'a b'}", "bad-nick"},
        {"{'op':'hello','proto':1,'client':'%s','nick':'123456789012345678901234567890123'}", "bad-nick"},
        {"{'op':'hello','proto':1,'client':'%s','resume':1}", "bad-member"},
        {"{'op':'hello','proto':1,'client':'%s','id':[]}", "bad-member"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[256];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(text, sizeof text, cases[i].json, fx_client(1));
#pragma GCC diagnostic pop
        fx_refused(A, cases[i].code, "%s", text);
        ck_assert_uint_eq(relay_stats(fx.relay).sessions, 0);
    }
    fx_refused(A, "no-session", "{'op':'ping'}");
}

TEST(test_guests_get_names_of_their_own) {
    s_hello(A, 1, "");
    fx_expect(A, "{'op':'welcome'}");
    ck_assert(zr_span_starts(zr_span(fx_string("nick")), LIT("guest-")));
    char first[33];
    snprintf(first, sizeof first, "%s", fx_string("nick"));
    s_hello(B, 2, "");
    fx_expect(B, "{'op':'welcome'}");
    ck_assert_str_ne(fx_string("nick"), first);
}

TEST(test_a_nick_is_anybodys_first) {
    fx_hello(A, "ann");
    s_hello(B, 2, ",'nick':'ann'");
    fx_expect_error(B, "nick-in-use");
    fx_refused(B, "no-session", "{'op':'ping'}");
    fx_ask(A, "{'op':'bye'}");
    fx_hello(B, "ann");
}

TEST(test_renew_changes_the_nick_only) {
    fx_hello(A, "ann");
    fx_hello(B, "bob");
    fx_ask(A, "{'op':'join','room':'r'}");
    fx_drop(A);
    fx_tick();
    fx_drop(BACK);
    s_hello(A, 1, ",'nick':'bob'");
    fx_expect_error(A, "nick-in-use");
    s_hello(A, 2, "");
    fx_expect_error(A, "bad-member");
    s_hello(A, 1, ",'nick':'eve'");
    fx_expect(A, "{'op':'welcome','nick':'eve','resumed':true,'resume':'%s'}", fx.tokens[A]);
    fx_tick();
    fx_expect_text(BACK, "r! {\"count\":1,\"joined\":[{\"nick\":\"eve\",\"was\":\"ann\"}],\"left\":[{\"nick\":\"ann\","
                         "\"reason\":\"renamed\",\"to\":\"eve\"}],\"op\":\"presence\",\"room\":\"r\",\"version\":2}");
    s_hello(A, 1, "");
    fx_expect(A, "{'op':'welcome','nick':'eve'}");
    fx_hello(C, "ann"); /* it is free again */
    fx_one_now(A, "r", 1, "x");
    fx_ask(A, "{'op':'ping'}");
    fx_expect_text(A, "ack 1 @1 memory");
    fx_expect(A, "{'heads':{'r':1}}");
    ck_assert_uint_eq(fx_effect(EFFECT_UNWATCH), 0);
}

TEST(test_resume_moves_the_session_without_noise) {
    fx_hello(A, "ann");
    fx_ask(A, "{'op':'join','room':'r'}");
    fx_ask(A, "{'op':'ping'}");
    fx_tick();
    fx_drop_all(A, BACK);
    fx_resume(B, A, "ann");
    ck_assert_uint_eq(fx_effect(EFFECT_ALIVE), fx.sessions[A]);
    ck_assert_uint_eq(fx_effect(EFFECT_UNWATCH), 0);
    fx_tick();
    fx_expect_silent(BACK, A);
    fx_ask(B, "{'op':'ping'}"); /* still a member, and told all heads anew */
    fx_expect(B, "{'op':'pong','heads':{'r':0}}");
    fx_refused(A, "no-session", "{'op':'ping'}");
}

TEST(test_resume_with_another_nick) {
    fx_hello(A, "ann");
    fx_hello(B, "bob");
    s_hello(C, A, ",'nick':'eve','resume':'00000000000000000000000000000000'");
    fx_expect(A, "{'op':'bye','reason':'replaced'}");
    fx_expect(C, "{'op':'welcome','resumed':false}"); /* a wrong token is no error */
    char more[96];
    snprintf(more, sizeof more, ",'nick':'bob','resume':'%s'", fx_string("resume"));
    s_hello(D, A, more);
    fx_expect_error(D, "nick-in-use");
    fx_ask(C, "{'op':'ping'}"); /* nothing happened */
    fx_expect(C, "{'op':'pong'}");
    memcpy(strstr(more, "bob"), "dan", 3);
    s_hello(D, A, more);
    fx_expect(D, "{'op':'welcome','resumed':true,'nick':'dan'}");
    ck_assert_uint_eq(relay_stats(fx.relay).sessions, 2);
}

TEST(test_replaced) {
    fx_hello(A, "ann");
    uint64_t old = fx.sessions[A];
    fx_ask(A, "{'op':'join','room':'r'}");
    fx_drop(A);
    fx_tick();
    fx_drop(BACK);
    s_hello(B, A, ",'nick':'ann'"); /* its own nick is not in its way */
    fx_expect_text(A, "{\"op\":\"bye\",\"reason\":\"replaced\"}");
    fx_expect(B, "{'op':'welcome','nick':'ann','resumed':false}");
    ck_assert_uint_eq(fx_effect(EFFECT_UNWATCH), old);
    ck_assert_uint_ne(fx_effect(EFFECT_WATCH), 0);
    fx_tick();
    fx_expect(BACK, "{'op':'presence','left':[{'nick':'ann','reason':'replaced'}],'joined':[],'count':0}");
    fx_refused(A, "no-session", "{'op':'ping'}");
    ck_assert_uint_eq(relay_stats(fx.relay).sessions, 1);
}

TEST(test_route_lost_then_resumed) {
    fx_hello(A, "ann");
    fx_hello(B, "bob");
    fx_ask(A, "{'op':'join','room':'r'}");
    fx_drop(A);
    relay_route_lost(fx.relay, A);
    fx_refused(B, "no-such-user", "{'op':'direct','to':'ann','text':'x'}");
    fx_refused(A, "no-session", "{'op':'ping'}");
    fx_resume(A, A, "ann");
    fx_answer(A, "{'op':'ping'}", "{'op':'pong','heads':{'r':0}}");
}

TEST(test_what_follows_a_frame_that_was_lost_is_not_sent) {
    fx_hello(A, "ann");
    for (uint64_t mid = 1; mid <= 3; mid++) {
        fx_one_now(A, "r", mid, "x");
    }
    fx_drop(A);
    fx.deaf = A; /* takes one frame, not the next, and then would take more */
    fx.deaf_after = 1;
    fx_ask(A, "{'op':'replay','room':'r','after':0}");
    fx_expect_text(A, "replay r 0: 1/x");
    fx_expect_silence(A); /* above all no `replayed`, which would say that all is there */
    fx_refused(A, "no-session", "{'op':'ping'}");
}

TEST(test_authenticated_users_share_their_nick) {
    fx.users[A] = fx.users[B] = "ann";
    fx_hello(A, "whatever");
    fx_expect_silence(A);
    ck_assert_str_eq(fx_string("nick"), "ann");
    fx_hello(B, "ann");
    ck_assert_uint_eq(relay_stats(fx.relay).sessions, 2);
    s_hello(C, C, ",'nick':'ann'"); /* anonymous */
    fx_expect_error(C, "nick-in-use");
    fx_answer(A, "{'op':'join','room':'r'}", "{'op':'joined','count':1}");
    fx_answer(B, "{'op':'join','room':'r'}", "{'op':'joined','count':1}");
    fx_tick();
    fx_expect(BACK, "{'version':1,'joined':[{'nick':'ann'}],'left':[],'count':1}");
    fx_ask(A, "{'op':'bye'}");
    fx_tick();
    fx_expect_silence(BACK);
    fx_ask(B, "{'op':'leave','room':'r'}");
    fx_tick();
    fx_expect(BACK, "{'version':2,'joined':[],'left':[{'nick':'ann','reason':'leave'}],'count':0}");
}

TEST(test_a_session_is_resumed_by_its_own_user_only) {
    fx.users[A] = "ann";
    fx.users[B] = "bob";
    fx_hello(A, "ann");
    char more[96];
    snprintf(more, sizeof more, ",'resume':'%s'", fx.tokens[A]);
    s_hello(B, A, more); /* another user, with the token */
    fx_expect(B, "{'op':'welcome','resumed':false,'nick':'bob'}");
    snprintf(more, sizeof more, ",'resume':'%s'", fx_string("resume"));
    s_hello(C, A, more); /* nobody */
    fx_expect(C, "{'op':'welcome','resumed':false}");
    ck_assert_str_ne(fx_string("nick"), "bob");
    snprintf(more, sizeof more, ",'resume':'%s'", fx_string("resume"));
    fx.users[D] = "dan";
    s_hello(D, A, more); /* a user, with the resume token of an anonymous session */
    fx_expect(D, "{'op':'welcome','resumed':false,'nick':'dan'}");
}

TEST(test_a_user_whose_name_is_no_nick) {
    static const char *const users[] = {"a b", "123456789012345678901234567890123", "a\xFF"};
    for (size_t i = 0; i < 3; i++) {
        fx.users[A] = users[i];
        s_hello(A, A, "");
        fx_expect_error(A, "bad-nick");
    }
    ck_assert_uint_eq(relay_stats(fx.relay).sessions, 0);
}

UNIT_SUITE_WITH("broker.core.cmd_hello", fx_start, fx_finish)
