/* Logins with JWTs: the token alone names the user, and another one takes its place before it expires. */
#include "fixture_machine.h"

#define JWT "eyJhbGciOiJFZERTQSJ9.e30.c2ln"
#define NEWER "eyJhbGciOiJFZERTQSJ9.e31.c2ln"
#define CLIENT "hello proto=1 client=00000000000000000000000000000000"

static void s_begin(void) {
    fixture_init_with((machine_config_t){.token = JWT, .reconnect = true});
    SENT(CLIENT " token=" JWT);
}

static void s_welcome(bool resumed) {
    fixture_json("{'op':'welcome','re':%d,'proto':1,'epoch':'" EPOCH_1
                 "','nick':'carol','user':'carol','resume':'token',"
                 "'resumed':%s,'back':'tcp://back','heartbeat':5000,'level':'memory','limits':{}}",
        fixture_id(), resumed ? "true" : "false");
    if (!resumed)
        EVENT("connected " EPOCH_1 " carol");
}

TEST(test_a_live_session_is_renewed) {
    s_welcome(false);
    fixture_quiet();
    fixture_forget_sent();
    ck_assert_int_eq(machine_renew(b.machine, NEWER, b.now), 0);
    fixture_tick(0);
    SENT(CLIENT " nick=carol token=" NEWER); /* without `resume`: the session lives */
    s_welcome(true);
    NO_EVENT();
    NOTHING_SENT();
}

/* The session goes on when the broker does not take the new token. */
TEST(test_a_token_that_is_not_taken) {
    s_welcome(false);
    fixture_quiet();
    fixture_forget_sent();
    ck_assert_int_eq(machine_renew(b.machine, NEWER, b.now), 0);
    fixture_tick(0);
    SENT(CLIENT " nick=carol token=" NEWER);
    fixture_json("{'op':'error','re':%d,'code':'login-failed','text':'no'}", fixture_id());
    EVENT("refused login-failed - mid=0-0 request=0 seq=0");
    NO_EVENT();
    ck_assert_int_eq(machine_renew(b.machine, JWT, b.now), 0);
    fixture_tick(0);
    SENT(CLIENT " nick=carol token=" JWT);
}

/* While a hello is under way, the next one waits for its answer. */
TEST(test_two_tokens_at_once) {
    s_welcome(false);
    fixture_quiet();
    fixture_forget_sent();
    ck_assert_int_eq(machine_renew(b.machine, NEWER, b.now), 0);
    fixture_tick(0);
    SENT(CLIENT " nick=carol token=" NEWER);
    ck_assert_int_eq(machine_renew(b.machine, JWT, b.now), 0);
    fixture_tick(0);
    NOTHING_SENT();
    s_welcome(true);
    fixture_tick(0);
    SENT(CLIENT " nick=carol token=" JWT);
}

/* The session ended with its token: the program hears of it, and a hello asks at once on the same connection. */
TEST(test_a_token_that_expires) {
    s_welcome(false);
    fixture_quiet();
    fixture_forget_sent();
    fixture_json("{'op':'bye','reason':'token-expired'}");
    EVENT("disconnected token-expired [=]");
    SENT(CLIENT " nick=carol resume=token token=" JWT);
    fixture_json("{'op':'error','re':%d,'code':'login-failed','text':'expired'}", fixture_id());
    EVENT("refused login-failed - mid=0-0 request=0 seq=0");
    ck_assert_uint_gt(machine_due(b.machine), b.now);
    ck_assert_int_eq(machine_renew(b.machine, NEWER, b.now), 0); /* no need to wait any longer */
    ck_assert_uint_eq(machine_due(b.machine), b.now);
    fixture_wait();
    SENT(CLIENT " nick=carol resume=token token=" NEWER);
}

/* A meta goes along with each hello from then on. */
TEST(test_a_meta) {
    s_welcome(false);
    fixture_quiet();
    fixture_forget_sent();
    ck_assert_int_eq(machine_set_meta(b.machine, "{\"a\":1}", b.now), 0);
    fixture_tick(0);
    SENT(CLIENT " nick=carol token=" JWT " meta=object");
    s_welcome(true);
    NO_EVENT();
    fixture_no_session();
    EVENT("disconnected the broker does not know the session any more");
    SENT(CLIENT " nick=carol resume=token token=" JWT " meta=object");
    machine_close(b.machine, b.now);
    ck_assert_int_eq(machine_set_meta(b.machine, "{}", b.now), ZRELAY_ESTATE);
}

/* A nick that is in use takes the meta along that came with it: the meta is told again, under the old nick. */
TEST(test_a_meta_beside_a_nick_that_is_refused) {
    fixture_init_with((machine_config_t){.nick = "me", .reconnect = true});
    fixture_welcome();
    fixture_quiet();
    fixture_forget_sent();
    ck_assert_int_eq(machine_set_meta(b.machine, "{\"a\":1}", b.now), 0);
    ck_assert_int_eq(machine_rename(b.machine, "you", b.now), 0);
    fixture_tick(0);
    SENT(CLIENT " nick=you meta=object");
    fixture_json("{'op':'error','re':%d,'code':'nick-in-use','text':'taken'}", fixture_id());
    EVENT("refused nick-in-use - mid=0-0 request=0 seq=0");
    fixture_tick(0);
    SENT(CLIENT " nick=me meta=object");
}

/* What is given while a hello is under way goes with another one. */
TEST(test_a_meta_during_the_hello) {
    ck_assert_int_eq(machine_set_meta(b.machine, "{\"a\":1}", b.now), 0);
    NOTHING_SENT();
    s_welcome(false);
    fixture_quiet();
    fixture_forget_sent();
    fixture_tick(0);
    SENT(CLIENT " nick=carol token=" JWT " meta=object");
    s_welcome(true);
    fixture_tick(0);
    NOTHING_SENT();
}

TEST(test_a_meta_from_the_beginning) {
    fixture_init_with((machine_config_t){.meta = "{}"});
    SENT(CLIENT " meta=object");
}

TEST(test_nothing_is_renewed_after_the_end) {
    machine_close(b.machine, b.now);
    ck_assert_int_eq(machine_renew(b.machine, NEWER, b.now), ZRELAY_ESTATE);
}

UNIT_SUITE_WITH("client.lib.machine_queue", s_begin, fixture_finish)
