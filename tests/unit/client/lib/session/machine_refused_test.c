/* The broker's refusals: of hellos, nicks and keys, and sessions that are sent away. */
#include "fixture_machine.h"

TEST(test_nick_in_use_waits_for_another) {
    SENT(HELLO);
    fixture_json("{'op':'error','re':%d,'code':'nick-in-use','text':'taken'}", fixture_id());
    EVENT("refused nick-in-use - mid=0-0 request=0 seq=0");
    ck_assert_uint_eq(machine_due(b.machine), UINT64_MAX);
    NOTHING_SENT();
    ck_assert_int_eq(machine_rename(b.machine, "you", b.now), 0);
    SENT("hello proto=1 client=00000000000000000000000000000000 nick=you");
    NO_EVENT();
}

TEST(test_a_name_the_broker_made_up_may_be_lost) {
    fixture_init_with((machine_config_t){.reconnect = true});
    fixture_welcome(); /* as "me" */
    fixture_no_session();
    SENT(HELLO " resume=token");
    fixture_json("{'op':'error','re':%d,'code':'nick-in-use','text':'taken'}", fixture_id());
    EVENTS("disconnected the broker does not know the session any more", "");
    SENT("hello proto=1 client=00000000000000000000000000000000 resume=token");
}

/* The broker ended the session, and gave its nick to somebody else, before the hello with the new meta came. */
TEST(test_ones_own_nick_is_in_use) {
    static const char *const codes[] = {"nick-in-use", "bad-nick"};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        char expected[100];
        fixture_init();
        fixture_welcome();
        machine_set_meta(b.machine, "{\"a\":1}", b.now);
        fixture_wait();
        SENT(HELLO " meta=object");
        fixture_json("{'op':'error','re':%d,'code':'%s','text':'taken'}", fixture_id(), codes[i]);
        EVENTS("disconnected the session has ended", "");
        SENT(HELLO " resume=token meta=object");
        fixture_json("{'op':'error','re':%d,'code':'%s','text':'taken'}", fixture_id(), codes[i]);
        sprintf(expected, "refused %s - mid=0-0 request=0 seq=0", codes[i]);
        EVENT(expected);
        fixture_tick(RETRY_MAX_MS);
        fixture_quiet();
        ck_assert_int_eq(machine_rename(b.machine, "you", b.now), 0);
        SENT("hello proto=1 client=00000000000000000000000000000000 nick=you resume=token meta=object");
    }
}

TEST(test_hello_that_cannot_be_right_closes) {
    const char *codes[] = {"bad-proto", "bad-member", "bad-json", "one-of-the-future"};
    for (size_t i = 0; i < 4; i++) {
        char expected[100];
        fixture_init();
        SENT(HELLO);
        fixture_json("{'op':'error','re':%d,'code':'%s','text':'no'}", fixture_id(), codes[i]);
        sprintf(expected, "refused %s - mid=0-0 request=0 seq=0", codes[i]);
        EVENT(expected);
        EVENTS("closed", "");
        fixture_actions_are("front disconnect ");
        ck_assert(machine_closed(b.machine));
    }
}

TEST(test_too_many_sessions_backs_off) {
    SENT(HELLO);
    fixture_json("{'op':'error','re':%d,'code':'too-many-sessions','text':'full'}", fixture_id());
    EVENTS("refused too-many-sessions - mid=0-0 request=0 seq=0", "");
    fixture_actions_are("front disconnect ");
    fixture_wait();
    SENT(HELLO);
}

/* Told each time, and tried again: what was banned may be let in again. Not as often as when the broker is away. */
TEST(test_who_is_not_let_in_tries_again_later) {
    static const char *const codes[] = {"login-failed", "login-required", "forbidden"};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        char expected[80];
        fixture_init();
        b.dice = 0xfe; /* a draw near the end of the window would not fit into it by chance */
        SENT(HELLO);
        b.actions[0] = '\0';
        fixture_json("{'op':'error','re':%d,'code':'%s','text':'no'}", fixture_id(), codes[i]);
        snprintf(expected, sizeof expected, "refused %s - mid=0-0 request=0 seq=0", codes[i]);
        EVENT(expected);
        NO_EVENT();
        fixture_actions_are("disconnect ");
        ck_assert_uint_gt(machine_due(b.machine), b.now + 100);
        ck_assert_uint_le(machine_due(b.machine), b.now + 6400);
        fixture_wait();
        SENT(HELLO);
    }
}

TEST(test_without_reconnect_who_is_not_let_in_ends) {
    fixture_init_with((machine_config_t){.nick = "me"});
    SENT(HELLO);
    fixture_json("{'op':'error','re':%d,'code':'login-required','text':'no'}", fixture_id());
    EVENT("refused login-required - mid=0-0 request=0 seq=0");
    fixture_event();
    EVENT("closed");
}

TEST(test_hello_too_often_waits_as_long_as_it_is_told) {
    SENT(HELLO);
    fixture_json("{'op':'error','re':%d,'code':'rate-limited','text':'slow','wait':3000}", fixture_id());
    EVENT("disconnected [unreachable] slow");
    fixture_actions_are("front disconnect ");
    ck_assert_uint_ge(machine_due(b.machine), b.now + 3000);
    fixture_tick(2999);
    NOTHING_SENT();
    fixture_wait();
    SENT(HELLO);
    /* A broker cannot send us away for good, and the program hears once that it is to wait. */
    fixture_json("{'op':'error','re':%d,'code':'rate-limited','text':'slow','wait':9007199254740991}", fixture_id());
    NO_EVENT();
    ck_assert_uint_eq(machine_due(b.machine), b.now + WAIT_MAX_MS);
}

static void s_log_in(void) {
    fixture_init_with((machine_config_t){.user = "ann", .token = "t", .reconnect = true});
    fixture_forget_sent();
}

/* The broker says every second that it will come to the login. */
TEST(test_a_login_that_is_queued_is_not_given_up) {
    s_log_in();
    for (unsigned i = 60; i > 0; i--) {
        fixture_tick(1000);
        fixture_json("{'op':'queued','ahead':%u}", i);
        ck_assert_uint_eq(machine_due(b.machine), b.now + 5000);
        char expected[16];
        sprintf(expected, "queued %u", i);
        EVENT(expected);
        fixture_json("{'op':'queued','ahead':%u}", i);
        NO_EVENT(); /* told once a second at most */
    }
    fixture_quiet();
    fixture_tick(5000); /* it says nothing more */
    fixture_actions_are("front disconnect ");
    EVENT("disconnected [unreachable] there is no answer: is that a broker, and does a firewall let you through?");
    fixture_json("{'op':'queued','ahead':1}"); /* of the connection before */
    NO_EVENT();
}

/* But not for ever, whatever a broker says. */
TEST(test_a_login_does_not_wait_for_ever) {
    s_log_in();
    uint64_t began = b.now;
    while (machine_due(b.machine) > b.now + 1000) {
        fixture_tick(1000);
        fixture_json("{'op':'queued'}");
        EVENT("queued 0");
    }
    ck_assert_uint_eq(machine_due(b.machine), began + QUEUED_MAX_MS);
    fixture_wait();
    fixture_actions_are("front disconnect ");
}

/* Without a login, or with a session, there is nothing to wait for. */
TEST(test_a_word_of_a_queue_that_fits_nothing) {
    fixture_json("{'op':'queued','ahead':1}");
    NO_EVENT();
    fixture_welcome();
    uint64_t due = machine_due(b.machine);
    fixture_json("{'op':'queued','ahead':1}");
    NO_EVENT();
    ck_assert_uint_eq(machine_due(b.machine), due);
}

TEST(test_a_login_that_is_to_come_again_later_is_told) {
    s_log_in();
    fixture_json("{'op':'error','re':1,'code':'rate-limited','text':'slow','wait':3000}");
    EVENT("queued 0");
    fixture_wait();
    SENT("hello proto=1 client=00000000000000000000000000000000 user=ann token=t");
}

TEST(test_another_nick_too_often_is_asked_for_later) {
    fixture_welcome();
    machine_rename(b.machine, "you", b.now);
    SENT("hello proto=1 client=00000000000000000000000000000000 nick=you");
    fixture_json("{'op':'error','re':%d,'code':'rate-limited','text':'slow','wait':300}", fixture_id());
    machine_rename(b.machine, "her", b.now); /* meanwhile */
    machine_publish(b.machine, "a", NULL, 0, 0, "1", 1, NULL);
    SENT("publish a 1"); /* nothing is lost, nothing waits */
    NO_EVENT();
    ck_assert_uint_eq(machine_due(b.machine), b.now + 300);
    fixture_tick(300);
    SENT("hello proto=1 client=00000000000000000000000000000000 nick=her");
}

TEST(test_bye_names_its_reason_and_who_was_sent_away_waits_longer) {
    static const char *const reasons[] = {"kicked", "banned", "revoked", "flooding"};
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        char expected[80];
        fixture_init();
        fixture_welcome();
        b.dice = 0xfe;
        fixture_json("{'op':'bye','reason':'%s'}", reasons[i]);
        snprintf(expected, sizeof expected, "disconnected %s [=]", reasons[i]);
        EVENT(expected);
        ck_assert_uint_gt(machine_due(b.machine), b.now + 100);
        ck_assert_uint_le(machine_due(b.machine), b.now + 6400);
        fixture_wait();
        SENT(HELLO " resume=token");
    }
}

static void s_fail(front_failure_t failure) {
    machine_front_failed(b.machine, failure, b.now);
    fixture_run();
}

TEST(test_a_key_that_is_refused_is_told_once_and_tried_again) {
    fixture_init_with((machine_config_t){.nick = "me", .reconnect = true, .encrypted = true});
    s_fail(FRONT_REFUSED);
    EVENT("disconnected [refused] the broker does not know this key, or it is banned");
    fixture_down(); /* which libzmq tells too */
    NO_EVENT();
    b.looked = b.sent_count;
    fixture_actions_are("front disconnect ");
    for (uint64_t window = 200; window < 20000; window *= 2) {
        ck_assert_uint_le(machine_due(b.machine), b.now + window);
        fixture_wait();
        s_fail(FRONT_REFUSED);
        NO_EVENT();
    }
    /* Something else is news. */
    fixture_wait();
    s_fail(FRONT_HANDSHAKE);
    EVENT("disconnected [handshake] the connection ended before it was encrypted: the server's key may not be the "
          "one given, or it does not encrypt there");
    /* After a session, so is the same. */
    fixture_wait();
    b.looked = b.sent_count - 1;
    fixture_up();
    fixture_welcome();
    fixture_json("{'op':'bye','reason':'banned'}");
    EVENT("disconnected banned [=]");
    fixture_wait();
    s_fail(FRONT_REFUSED);
    EVENT("disconnected [refused] the broker does not know this key, or it is banned");
}

TEST(test_one_side_encrypts) {
    s_fail(FRONT_MECHANISM);
    EVENT("disconnected [mechanism] the broker takes encrypted connections only: its public key is needed");
    fixture_init_with((machine_config_t){.nick = "me", .reconnect = true, .encrypted = true});
    s_fail(FRONT_MECHANISM);
    EVENT("disconnected [mechanism] the broker does not encrypt at this endpoint");
    fixture_init();
    s_fail(FRONT_REFUSED);
    EVENT("disconnected [refused] the broker refuses this connection");
}

TEST(test_without_reconnect_a_refused_key_ends) {
    fixture_init_with((machine_config_t){.nick = "me", .encrypted = true});
    s_fail(FRONT_REFUSED);
    EVENTS("disconnected [refused] the broker does not know this key, or it is banned", "closed");
    s_fail(FRONT_REFUSED);
    NO_EVENT();
}

/* libzmq goes on trying, so nothing changes but that the program knows. */
TEST(test_a_broker_that_cannot_be_reached_is_told_once) {
    uint64_t due = machine_due(b.machine);
    for (int i = 0; i < 2; i++)
        machine_front_unreachable(b.machine, "nothing listens there", b.now);
    fixture_run();
    EVENTS("disconnected [unreachable] nothing listens there", "");
    ck_assert_uint_eq(machine_due(b.machine), due);
    fixture_up();
    fixture_welcome();
    machine_front_unreachable(b.machine, "too late", b.now);
    fixture_run();
    NO_EVENT();
    fixture_init_with((machine_config_t){.nick = "me"}); /* which does not try again */
    machine_front_unreachable(b.machine, "nothing listens there", b.now);
    fixture_run();
    EVENTS("disconnected [unreachable] nothing listens there", "closed");
}

/* Whatever keeps a session from beginning, the program hears of it. */
TEST(test_a_broker_that_does_not_answer_is_told_once) {
    for (int i = 0; i < 3; i++) {
        fixture_tick(5000);
        if (i == 0)
            EVENT("disconnected [unreachable] there is no answer: is that a broker, and does a firewall let you "
                  "through?");
        NO_EVENT();
        fixture_wait();
    }
    fixture_init();
    fixture_up();
    fixture_down();
    EVENT("disconnected [unreachable] the connection ended before the broker answered");
    NO_EVENT();
    fixture_init_with((machine_config_t){.nick = "me"}); /* which does not try again */
    fixture_tick(5000);
    EVENTS("disconnected [unreachable] there is no answer: is that a broker, and does a firewall let you through?",
        "closed");
}

UNIT_SUITE_WITH("client.lib.machine_refused", fixture_init, fixture_finish)
