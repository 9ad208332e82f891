/* The broker's refusals: of hellos, nicks and keys, and sessions that are sent away. */
#include "fixture_machine.h"

static fixture_t b;

START_TEST(test_nick_in_use_waits_for_another) {
    fixture_init(&b);
    SENT(&b, HELLO);
    fixture_json(&b, "{'op':'error','re':%d,'code':'nick-in-use','text':'taken'}", fixture_id(&b));
    EVENT(&b, "refused nick-in-use - mid=0-0 request=0 seq=0");
    ck_assert_uint_eq(machine_due(b.machine), UINT64_MAX);
    NOTHING_SENT(&b);
    ck_assert_int_eq(machine_rename(b.machine, "you", b.now), 0);
    fixture_run(&b);
    SENT(&b, "hello proto=1 client=00000000000000000000000000000000 nick=you");
    NO_EVENT(&b);
    fixture_finish(&b);
}
END_TEST

START_TEST(test_a_name_the_broker_made_up_may_be_lost) {
    fixture_init_with(&b, (machine_config_t){.reconnect = true});
    fixture_welcome(&b); /* as "me" */
    fixture_no_session(&b);
    SENT(&b, HELLO " resume=token");
    fixture_json(&b, "{'op':'error','re':%d,'code':'nick-in-use','text':'taken'}", fixture_id(&b));
    EVENT(&b, "disconnected the broker does not know the session any more");
    NO_EVENT(&b);
    SENT(&b, "hello proto=1 client=00000000000000000000000000000000 resume=token");
    fixture_finish(&b);
}
END_TEST

START_TEST(test_hello_that_cannot_be_right_closes) {
    const char *codes[] = {"bad-proto", "bad-member", "bad-json", "one-of-the-future"};
    for (size_t i = 0; i < 4; i++) {
        char expected[100];
        fixture_init(&b);
        SENT(&b, HELLO);
        fixture_json(&b, "{'op':'error','re':%d,'code':'%s','text':'no'}", fixture_id(&b), codes[i]);
        sprintf(expected, "refused %s - mid=0-0 request=0 seq=0", codes[i]);
        EVENT(&b, expected);
        EVENT(&b, "closed");
        NO_EVENT(&b);
        fixture_actions_are(&b, "front disconnect ");
        ck_assert(machine_closed(b.machine));
        fixture_finish(&b);
    }
}
END_TEST

START_TEST(test_too_many_sessions_backs_off) {
    fixture_init(&b);
    SENT(&b, HELLO);
    fixture_json(&b, "{'op':'error','re':%d,'code':'too-many-sessions','text':'full'}", fixture_id(&b));
    EVENT(&b, "refused too-many-sessions - mid=0-0 request=0 seq=0");
    NO_EVENT(&b);
    fixture_actions_are(&b, "front disconnect ");
    b.now = machine_due(b.machine);
    fixture_tick(&b, 0);
    SENT(&b, HELLO);
    fixture_finish(&b);
}
END_TEST

/* Told each time, and tried again: what was banned may be let in again. Not as often as when the broker is away. */
START_TEST(test_who_is_not_let_in_tries_again_later) {
    static const char *const codes[] = {"login-failed", "login-required", "forbidden"};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        char expected[80];
        fixture_init(&b);
        b.dice = 0xfe; /* a draw near the end of the window would not fit into it by chance */
        SENT(&b, HELLO);
        b.actions[0] = '\0';
        fixture_json(&b, "{'op':'error','re':%d,'code':'%s','text':'no'}", fixture_id(&b), codes[i]);
        snprintf(expected, sizeof expected, "refused %s - mid=0-0 request=0 seq=0", codes[i]);
        EVENT(&b, expected);
        NO_EVENT(&b);
        fixture_actions_are(&b, "disconnect ");
        ck_assert_uint_gt(machine_due(b.machine), b.now + 100);
        ck_assert_uint_le(machine_due(b.machine), b.now + 6400);
        b.now = machine_due(b.machine);
        fixture_tick(&b, 0);
        SENT(&b, HELLO);
        fixture_finish(&b);
    }
}
END_TEST

START_TEST(test_without_reconnect_who_is_not_let_in_ends) {
    fixture_init_with(&b, (machine_config_t){.nick = "me"});
    SENT(&b, HELLO);
    fixture_json(&b, "{'op':'error','re':%d,'code':'login-required','text':'no'}", fixture_id(&b));
    EVENT(&b, "refused login-required - mid=0-0 request=0 seq=0");
    fixture_event(&b);
    EVENT(&b, "closed");
    fixture_finish(&b);
}
END_TEST

START_TEST(test_hello_too_often_waits_as_long_as_it_is_told) {
    fixture_init(&b);
    SENT(&b, HELLO);
    fixture_json(&b, "{'op':'error','re':%d,'code':'rate-limited','text':'slow','wait':3000}", fixture_id(&b));
    NO_EVENT(&b);
    fixture_actions_are(&b, "front disconnect ");
    ck_assert_uint_ge(machine_due(b.machine), b.now + 3000);
    fixture_tick(&b, 2999);
    NOTHING_SENT(&b);
    b.now = machine_due(b.machine);
    fixture_tick(&b, 0);
    SENT(&b, HELLO);
    /* A broker cannot send us away for good. */
    fixture_json(
        &b, "{'op':'error','re':%d,'code':'rate-limited','text':'slow','wait':9007199254740991}", fixture_id(&b));
    ck_assert_uint_eq(machine_due(b.machine), b.now + WAIT_MAX_MS);
    fixture_finish(&b);
}
END_TEST

START_TEST(test_another_nick_too_often_is_asked_for_later) {
    fixture_init(&b);
    fixture_welcome(&b);
    machine_rename(b.machine, "you", b.now);
    fixture_run(&b);
    SENT(&b, "hello proto=1 client=00000000000000000000000000000000 nick=you");
    fixture_json(&b, "{'op':'error','re':%d,'code':'rate-limited','text':'slow','wait':300}", fixture_id(&b));
    machine_rename(b.machine, "her", b.now); /* meanwhile */
    machine_publish(b.machine, "a", NULL, 0, 0, "1", 1, NULL);
    fixture_run(&b);
    SENT(&b, "publish a 1"); /* nothing is lost, nothing waits */
    NO_EVENT(&b);
    ck_assert_uint_eq(machine_due(b.machine), b.now + 300);
    fixture_tick(&b, 300);
    SENT(&b, "hello proto=1 client=00000000000000000000000000000000 nick=her");
    fixture_finish(&b);
}
END_TEST

START_TEST(test_bye_names_its_reason_and_who_was_sent_away_waits_longer) {
    static const char *const reasons[] = {"kicked", "banned", "revoked", "flooding"};
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        char expected[80];
        fixture_init(&b);
        fixture_welcome(&b);
        b.dice = 0xfe;
        fixture_json(&b, "{'op':'bye','reason':'%s'}", reasons[i]);
        snprintf(expected, sizeof expected, "disconnected %s [=]", reasons[i]);
        EVENT(&b, expected);
        ck_assert_uint_gt(machine_due(b.machine), b.now + 100);
        ck_assert_uint_le(machine_due(b.machine), b.now + 6400);
        b.now = machine_due(b.machine);
        fixture_tick(&b, 0);
        SENT(&b, HELLO " resume=token");
        fixture_finish(&b);
    }
}
END_TEST

static void s_fail(front_failure_t failure) {
    machine_front_failed(b.machine, failure, b.now);
    fixture_run(&b);
}

START_TEST(test_a_key_that_is_refused_is_told_once_and_tried_again) {
    fixture_init_with(&b, (machine_config_t){.nick = "me", .reconnect = true, .encrypted = true});
    s_fail(FRONT_REFUSED);
    EVENT(&b, "disconnected [refused] the broker does not know this key, or it is banned");
    fixture_down(&b); /* which libzmq tells too */
    NO_EVENT(&b);
    b.looked = b.sent_count;
    fixture_actions_are(&b, "front disconnect ");
    for (uint64_t window = 200; window < 20000; window *= 2) {
        ck_assert_uint_le(machine_due(b.machine), b.now + window);
        b.now = machine_due(b.machine);
        fixture_tick(&b, 0);
        s_fail(FRONT_REFUSED);
        NO_EVENT(&b);
    }
    /* Something else is news. */
    b.now = machine_due(b.machine);
    fixture_tick(&b, 0);
    s_fail(FRONT_HANDSHAKE);
    EVENT(&b, "disconnected [handshake] the connection ended before it was encrypted: the server's key may not be the "
              "one given, or it does not encrypt there");
    /* After a session, so is the same. */
    b.now = machine_due(b.machine);
    fixture_tick(&b, 0);
    b.looked = b.sent_count - 1;
    fixture_up(&b);
    fixture_welcome(&b);
    fixture_json(&b, "{'op':'bye','reason':'banned'}");
    EVENT(&b, "disconnected banned [=]");
    b.now = machine_due(b.machine);
    fixture_tick(&b, 0);
    s_fail(FRONT_REFUSED);
    EVENT(&b, "disconnected [refused] the broker does not know this key, or it is banned");
    fixture_finish(&b);
}
END_TEST

START_TEST(test_one_side_encrypts) {
    fixture_init(&b);
    s_fail(FRONT_MECHANISM);
    EVENT(&b, "disconnected [mechanism] the broker takes encrypted connections only: its public key is needed");
    fixture_finish(&b);
    fixture_init_with(&b, (machine_config_t){.nick = "me", .reconnect = true, .encrypted = true});
    s_fail(FRONT_MECHANISM);
    EVENT(&b, "disconnected [mechanism] the broker does not encrypt at this endpoint");
    fixture_finish(&b);
    fixture_init(&b);
    s_fail(FRONT_REFUSED);
    EVENT(&b, "disconnected [refused] the broker refuses this connection");
    fixture_finish(&b);
}
END_TEST

START_TEST(test_without_reconnect_a_refused_key_ends) {
    fixture_init_with(&b, (machine_config_t){.nick = "me", .encrypted = true});
    s_fail(FRONT_REFUSED);
    EVENT(&b, "disconnected [refused] the broker does not know this key, or it is banned");
    EVENT(&b, "closed");
    s_fail(FRONT_REFUSED);
    NO_EVENT(&b);
    fixture_finish(&b);
}
END_TEST

/* libzmq goes on trying, so nothing changes but that the program knows. */
START_TEST(test_a_broker_that_cannot_be_reached_is_told_once) {
    fixture_init(&b);
    uint64_t due = machine_due(b.machine);
    for (int i = 0; i < 2; i++)
        machine_front_unreachable(b.machine, "nothing listens there", b.now);
    fixture_run(&b);
    EVENT(&b, "disconnected [unreachable] nothing listens there");
    NO_EVENT(&b);
    ck_assert_uint_eq(machine_due(b.machine), due);
    fixture_up(&b);
    fixture_welcome(&b);
    machine_front_unreachable(b.machine, "too late", b.now);
    fixture_run(&b);
    NO_EVENT(&b);
    fixture_finish(&b);
    fixture_init_with(&b, (machine_config_t){.nick = "me"}); /* which does not try again */
    machine_front_unreachable(b.machine, "nothing listens there", b.now);
    fixture_run(&b);
    EVENT(&b, "disconnected [unreachable] nothing listens there");
    EVENT(&b, "closed");
    fixture_finish(&b);
}
END_TEST

UNIT_MAIN("client.lib.machine_refused", test_nick_in_use_waits_for_another, test_a_name_the_broker_made_up_may_be_lost,
    test_hello_that_cannot_be_right_closes, test_too_many_sessions_backs_off, test_who_is_not_let_in_tries_again_later,
    test_without_reconnect_who_is_not_let_in_ends, test_hello_too_often_waits_as_long_as_it_is_told,
    test_another_nick_too_often_is_asked_for_later, test_bye_names_its_reason_and_who_was_sent_away_waits_longer,
    test_a_broker_that_cannot_be_reached_is_told_once,
    test_a_key_that_is_refused_is_told_once_and_tried_again, test_one_side_encrypts,
    test_without_reconnect_a_refused_key_ends)
