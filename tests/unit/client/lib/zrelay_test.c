/* The library against a scripted broker: from hello to bye, and how long calls wait. */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <sys/time.h>
#include <zmq.h>

#include "fixture_stage.h"
#include "wire.h"

TEST(test_from_hello_to_a_live_entry) {
    stage_open();
    ck_assert_int_eq(zrelay_set_nick(stage.relay, "me"), 0);
    stage_welcome(5000);
    stage_join_a();
    stage_live(0, 1, "hi", 2);
    stage_until(ZRELAY_ENTRY);
    ck_assert_str_eq(stage.body, "hi");
    stage_shut();
}

TEST(test_large_frames_are_shared_and_arrive_whole) {
    char body[60000];
    memset(body, 'x', sizeof body);
    stage_open();
    stage_welcome(5000);
    stage_join_a();
    stage_live(0, 1, body, sizeof body);
    stage_until(ZRELAY_ENTRY);
    ck_assert_uint_eq(strlen(stage.body), sizeof stage.body - 1);
    ck_assert_int_eq(zrelay_publish(stage.relay, "a", body, sizeof body, NULL), 0);
    stage_receive();
    ck_assert_uint_eq(stage.frame_len, ZR_PUBLISH_HEAD(1) + ZR_PUBLISH_ENTRY_FIXED + sizeof body);
    ck_assert_mem_eq(stage.frame + stage.frame_len - sizeof body, body, sizeof body);
    stage_shut();
}

TEST(test_a_lone_message_goes_without_next) {
    stage_open();
    stage_welcome(5000);
    ck_assert_int_eq(zrelay_publish(stage.relay, "a", "1", 1, NULL), 0);
    zmq_pollitem_t item = {stage.front, 0, ZMQ_POLLIN, 0};
    ck_assert_int_eq(zmq_poll(&item, 1, STAGE_PATIENCE_MS), 1); /* and nothing else is called */
    stage_receive();
    ck_assert_int_eq(stage.frame[0], ZR_TYPE_PUBLISH);
    uint8_t ack[ZR_ACK_SIZE];
    zr_ack_write(ack, &(zr_ack_t){ZR_LEVEL_MEMORY, 1, 1});
    ck_assert_uint_eq(zrelay_unacked(stage.relay), 1);
    stage_send(ack, sizeof ack);
    stage_until(ZRELAY_ACKED);
    ck_assert_uint_eq(zrelay_unacked(stage.relay), 0);
    stage_shut();
}

TEST(test_poll_sleeps_until_there_is_something) {
    stage_open();
    stage_welcome(60000);
    stage_join_a();
    while (stage_turn())
        ;
    ck_assert_int_gt(zrelay_timeout(stage.relay), 1000);
    struct pollfd fd = {zrelay_fd(stage.relay), POLLIN, 0};
    int wakes = 0;
    while (poll(&fd, 1, 50) > 0) { /* what is left over from before ends */
        ck_assert_int_lt(wakes++, 1000);
        while (stage_turn())
            ;
    }
    for (uint64_t seq = 1; seq <= 50; seq++) {
        char body[8];
        stage_live(seq - 1, seq, body, (size_t)sprintf(body, "%" PRIu64, seq));
        stage_until(ZRELAY_ENTRY);
        ck_assert_str_eq(stage.body, body);
        zrelay_publish(stage.relay, "a", "x", 1, NULL); /* a send may swallow the edge */
    }
    stage_shut();
}

/* A pause that begins while nothing waits holds later messages back, and they go when it ends. */
TEST(test_a_pause_in_publishing) {
    stage_open();
    stage_welcome(60000);
    stage_answer("{'op':'error','code':'rate-limited','text':'slow','wait':300}");
    uint64_t request;
    ck_assert_int_eq(zrelay_ping(stage.relay, &request), 0);
    stage_answer("{'op':'pong','re':%d,'time':1,'heads':{}}", stage_expect("ping"));
    stage_until(ZRELAY_DONE); /* so it came */
    ck_assert_int_eq(zrelay_publish(stage.relay, "a", "1", 1, NULL), 0);
    ck_assert_int_ge(zrelay_timeout(stage.relay), 0);
    ck_assert_int_le(zrelay_timeout(stage.relay), 300);
    stage_receive();
    ck_assert_int_eq(stage.frame[0], 1);
    stage_shut();
}

TEST(test_a_message_of_parts_ends_the_front) {
    stage_open();
    stage_welcome(5000);
    zmq_send(stage.front, stage.route, stage.route_len, ZMQ_SNDMORE);
    zmq_send(stage.front, "{\"op\":\"bye\",\"reason\":\"replaced\"}", 32, ZMQ_SNDMORE);
    zmq_send(stage.front, "{\"op\":\"bye\",\"reason\":\"replaced\"}", 32, 0);
    stage_until(ZRELAY_DISCONNECTED);
    ck_assert_str_eq(stage.why, "the connection to the broker broke");
    stage_welcome(5000);
    stage_shut();
}

TEST(test_a_message_of_parts_ends_the_back) {
    stage_open();
    stage_welcome(5000);
    stage_join_a();
    zmq_send(stage.back, "a\0x", 3, ZMQ_SNDMORE);
    zmq_send(stage.back, "y", 1, 0);
    stage_sync(); /* another SUB subscribes again */
    stage_answer("{'op':'joined','re':%d,'room':'a','seq':1,'oldest':0,'version':1,'count':1}", stage_expect("join"));
    stage_expect("replay"); /* and lost entries are asked for */
    stage_shut();
}

TEST(test_close_says_bye_and_ends) {
    stage_open();
    stage_welcome(5000);
    ck_assert_int_eq(zrelay_close(stage.relay), 0);
    stage_answer("{'op':'ok','re':%d}", stage_expect("bye"));
    stage_until(ZRELAY_CLOSED);
    ck_assert_ptr_null(zrelay_next(stage.relay, -1));
    ck_assert_int_eq(zrelay_timeout(stage.relay), -1);
    ck_assert_int_eq(zrelay_publish(stage.relay, "a", "x", 1, NULL), ZRELAY_ESTATE);
    stage_shut();
}

TEST(test_destroy_after_close_still_sends) {
    stage_open();
    stage_welcome(5000);
    zrelay_publish(stage.relay, "a", "1", 1, NULL);
    zrelay_publish(stage.relay, "a", "2", 1, NULL);
    zrelay_close(stage.relay);
    zrelay_destroy(stage.relay);
    stage.relay = zrelay_new(stage.front_endpoint); /* another, so that receiving turns something */
    stage_receive();
    ck_assert_int_eq(stage.frame[0], ZR_TYPE_PUBLISH);
    stage_shut();
}

static void s_on_alarm(int signal) {
    (void)signal;
}

TEST(test_a_signal_ends_waiting) {
    stage_open();
    stage_welcome(60000);
    while (stage_turn())
        ;
    struct sigaction action = {.sa_handler = s_on_alarm};
    sigaction(SIGALRM, &action, NULL);
    struct itimerval timer = {.it_value = {.tv_usec = 20000}, .it_interval = {.tv_usec = 20000}};
    setitimer(ITIMER_REAL, &timer, NULL);
    ck_assert_ptr_null(zrelay_next(stage.relay, -1));
    setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
    stage_shut();
}

TEST(test_next_waits_no_longer_than_it_may) {
    stage_open();
    uint64_t begin = stage_clock();
    ck_assert_ptr_null(zrelay_next(stage.relay, 0));
    ck_assert_ptr_null(zrelay_next(stage.relay, 30));
    ck_assert_uint_ge(stage_clock() - begin, 20);
    ck_assert_uint_lt(stage_clock() - begin, STAGE_PATIENCE_MS / 2);
    stage_shut();
}

/* A program that takes no event for long stays connected, and the event that it has stays as it was. */
TEST(test_keep_alive) {
    stage_open();
    stage_welcome(1000);
    stage_join_a();
    stage_live(0, 1, "hi", 2);
    const zrelay_event_t *event;
    while (!(event = zrelay_next(stage.relay, STAGE_PATIENCE_MS)) || event->type != ZRELAY_ENTRY)
        ck_assert_ptr_nonnull(event);
    for (int pings = 0; pings < 2;) {
        for (int i = 0; i < 100; i++)
            stage_answer("{'op':'direct','from':'ann','text':'%d','time':5}", i);
        zmq_pollitem_t item = {stage.front, 0, ZMQ_POLLIN, 0};
        while (zmq_poll(&item, 1, 10) == 0)
            zrelay_keep_alive(stage.relay);
        while (zmq_poll(&item, 1, 0) > 0) {
            stage_answer("{'op':'pong','re':%d,'time':1,'heads':{}}", stage_expect("ping"));
            pings++;
        }
    }
    ck_assert_int_eq((int)event->type, ZRELAY_ENTRY);
    ck_assert_str_eq(event->room, "a");
    ck_assert_span_eq(zr_span_of(event->body, event->body_len), zr_span("hi"));
    zrelay_keep_alive(NULL);
    stage_shut();
}

UNIT_SUITE("client.lib.zrelay")
