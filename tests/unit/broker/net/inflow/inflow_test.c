#include "inflow.h"

#include <string.h>

#include "unit.h"

enum { FD = 7, OTHER = 8, FIRST = 1000, PART = 5000, TURN = 20000, ALL = 50000, FRAMES = 1000, INCOMPLETE = 8000 };
enum { MESSAGE = 102 }; /* bytes of s_message on the wire */
enum { COST = MESSAGE + INFLOW_FRAME };

static uint8_t NULL_GREETING[ZMTP_GREETING] = "\xff\0\0\0\0\0\0\0\0\x7f\x03\0NULL";
static uint8_t CURVE_GREETING[ZMTP_GREETING] = "\xff\0\0\0\0\0\0\0\0\x7f\x03\0CURVE";
static uint8_t READY[] = "\x04\x06\x05READY";
enum { READY_COST = 8 + INFLOW_FRAME };
static uint8_t MESSAGE_OF_100[MESSAGE] = "\0\x64";

static inflow_t s_inflow(void) {
    inflow_limits_t limits = {
        .first = FIRST, .frame = 1 << 24, .part = PART, .turn = TURN, .all = ALL, .frames = FRAMES};
    inflow_t all = {.limits = {limits, limits}, .max_incomplete = INCOMPLETE};
    inflow_init(&all, 100);
    return all;
}

static void s_connect(inflow_t *all, int side, int fd, uint8_t *greeting) {
    inflow_open(all, side, fd);
    ck_assert_int_eq(inflow_side(all, fd), side);
    ck_assert_int_eq(inflow_read(all, fd, greeting, ZMTP_GREETING), INFLOW_FINE);
    ck_assert_int_eq(inflow_read(all, fd, READY, sizeof READY - 1), INFLOW_FINE);
}

/* A message came in whole, and was taken, so what counts from now on begins with the next. */
static void s_meet(inflow_t *all, int side, int fd) {
    s_connect(all, side, fd, NULL_GREETING);
    ck_assert_int_eq(inflow_read(all, fd, MESSAGE_OF_100, MESSAGE), INFLOW_FINE);
    inflow_took(all, fd);
    inflow_end_turn(all, side);
}

static inflow_reason_t s_read(inflow_t *all, int fd, unsigned messages) {
    inflow_reason_t reason = INFLOW_FINE;
    for (unsigned i = 0; i < messages && reason == INFLOW_FINE; i++) {
        inflow_room(all, fd);
        reason = inflow_read(all, fd, MESSAGE_OF_100, MESSAGE);
    }
    return reason;
}

/* The beginning of a message that has no end here. */
static void s_begin(inflow_t *all, int fd) {
    static uint8_t large[] = "\x02\0\0\0\0\x01\0\0\0";
    inflow_room(all, fd);
    ck_assert_int_eq(inflow_read(all, fd, large, sizeof large - 1), INFLOW_FINE);
}
enum { BEGUN = 9 + INFLOW_FRAME };

static inflow_reason_t s_go_on(inflow_t *all, int fd, size_t bytes) {
    static uint8_t zeros[2 * PART];
    inflow_room(all, fd);
    return inflow_read(all, fd, zeros, bytes);
}

TEST(test_a_turn_of_one) {
    inflow_t all = s_inflow();
    s_meet(&all, INFLOW_FRONT, FD);
    ck_assert_uint_eq(inflow_room(&all, FD), TURN);
    ck_assert_int_eq(s_read(&all, FD, TURN / COST), INFLOW_FINE);
    ck_assert_uint_eq(inflow_room(&all, FD), TURN % COST);
    ck_assert_int_eq(s_read(&all, FD, 1), INFLOW_FINE);
    ck_assert_uint_eq(inflow_room(&all, FD), 0);
    inflow_end_turn(&all, INFLOW_BACK); /* another side's */
    ck_assert_uint_eq(inflow_room(&all, FD), 0);
    inflow_took(&all, FD);
    inflow_end_turn(&all, INFLOW_FRONT);
    ck_assert_uint_eq(inflow_room(&all, FD), TURN);
    inflow_finish(&all);
}

/* Then connections of the front may say a little, those of the back nothing. */
TEST(test_a_turn_of_all) {
    for (int side = 0; side < INFLOW_SIDES; side++) {
        inflow_t all = s_inflow();
        for (int fd = FD; fd < FD + 4; fd++)
            s_meet(&all, side, fd);
        for (int fd = FD; fd < FD + 3; fd++)
            s_read(&all, fd, ALL / 3 / COST);
        ck_assert_uint_eq(inflow_room(&all, FD + 3), TURN);
        s_read(&all, FD, 3);
        ck_assert_uint_eq(inflow_room(&all, FD), 0);
        ck_assert_uint_eq(inflow_room(&all, FD + 3), side == INFLOW_FRONT ? INFLOW_ALWAYS : 0);
        inflow_close(&all, FD); /* what it sent still waits */
        ck_assert_uint_eq(inflow_room(&all, FD + 1), 0);
        inflow_end_turn(&all, side);
        ck_assert_uint_eq(inflow_room(&all, FD + 1), TURN);
        inflow_finish(&all);
    }
}

/* Frames cost time, however small they are. */
TEST(test_frames_of_all) {
    static uint8_t tiny[2 * FRAMES];
    inflow_t all = s_inflow();
    all.limits[INFLOW_FRONT].all = UINT32_MAX;
    s_meet(&all, INFLOW_FRONT, FD);
    s_meet(&all, INFLOW_FRONT, OTHER);
    s_connect(&all, INFLOW_FRONT, OTHER + 1, NULL_GREETING);
    ck_assert_int_eq(inflow_read(&all, FD, tiny, sizeof tiny - 4), INFLOW_FINE);
    ck_assert_uint_eq(inflow_room(&all, OTHER), TURN);
    ck_assert_uint_eq(inflow_room(&all, OTHER + 1), INFLOW_FRESH - ZMTP_GREETING - READY_COST);
    ck_assert_int_eq(inflow_read(&all, FD, tiny, 2), INFLOW_FINE);
    ck_assert_uint_eq(inflow_room(&all, OTHER), INFLOW_ALWAYS);
    ck_assert_int_eq(inflow_read(&all, OTHER, tiny, 2 * INFLOW_WAITING), INFLOW_FINE);
    ck_assert_uint_eq(inflow_room(&all, OTHER), 0); /* it has some waiting itself */
    inflow_took(&all, OTHER);
    ck_assert_uint_eq(inflow_room(&all, OTHER), INFLOW_ALWAYS);
    ck_assert(!inflow_is_served(&all, OTHER));
    for (unsigned i = 1; i < INFLOW_WAITING; i++)
        inflow_took(&all, OTHER);
    ck_assert(inflow_is_served(&all, OTHER)); /* nothing of it waits any more */
    ck_assert_uint_eq(inflow_room(&all, OTHER + 1), INFLOW_FRESH - ZMTP_GREETING - READY_COST); /* a newcomer */
    for (unsigned i = 1; i < INFLOW_FULL; i++)
        ck_assert_int_eq(inflow_read(&all, FD, tiny, sizeof tiny), INFLOW_FINE);
    ck_assert_uint_eq(inflow_room(&all, OTHER), 0);
    ck_assert_uint_eq(inflow_room(&all, OTHER + 1), 0);
    ck_assert(!inflow_is_served(&all, OTHER));
    inflow_end_turn(&all, INFLOW_FRONT);
    ck_assert_uint_eq(inflow_room(&all, OTHER), TURN);
    ck_assert_uint_eq(inflow_room(&all, OTHER + 1), INFLOW_FRESH);
    inflow_finish(&all);
}

TEST(test_incomplete) {
    inflow_t all = s_inflow();
    inflow_reason_t reason;
    s_meet(&all, INFLOW_FRONT, FD);
    s_begin(&all, FD);
    ck_assert_int_eq(s_go_on(&all, FD, PART - BEGUN), INFLOW_FINE);
    inflow_end_turn(&all, INFLOW_FRONT);
    ck_assert_int_eq(inflow_sweep(&all, &reason), -1);
    ck_assert_int_eq(s_go_on(&all, FD, 1), INFLOW_FINE); /* perhaps it completes the message */
    inflow_end_turn(&all, INFLOW_FRONT);
    ck_assert_int_eq(s_go_on(&all, FD, 1), INFLOW_INCOMPLETE);
    ck_assert(inflow_is_ending(&all, FD));
    inflow_close(&all, FD);
    ck_assert_uint_eq(all.incomplete, 0);
    inflow_finish(&all);
}

/* A connection that says nothing more is found by the sweep. */
TEST(test_incomplete_and_silent) {
    inflow_t all = s_inflow();
    inflow_reason_t reason;
    s_meet(&all, INFLOW_FRONT, FD);
    s_begin(&all, FD);
    ck_assert_int_eq(s_go_on(&all, FD, PART), INFLOW_FINE);
    ck_assert_int_eq(inflow_sweep(&all, &reason), -1); /* in this turn it may still be taken */
    inflow_end_turn(&all, INFLOW_FRONT);
    ck_assert_int_eq(inflow_sweep(&all, &reason), FD);
    ck_assert_int_eq(reason, INFLOW_INCOMPLETE);
    ck_assert(inflow_is_ending(&all, FD));
    ck_assert_int_eq(inflow_sweep(&all, &reason), -1); /* once is enough */
    inflow_finish(&all);
}

TEST(test_before_the_first_message) {
    inflow_t all = s_inflow();
    s_connect(&all, INFLOW_FRONT, FD, NULL_GREETING);
    s_begin(&all, FD);
    ck_assert_int_eq(s_go_on(&all, FD, FIRST - ZMTP_GREETING - READY_COST - BEGUN), INFLOW_FINE);
    inflow_end_turn(&all, INFLOW_FRONT);
    ck_assert_int_eq(s_go_on(&all, FD, 1), INFLOW_FINE);
    inflow_end_turn(&all, INFLOW_FRONT);
    ck_assert_int_eq(s_go_on(&all, FD, 1), INFLOW_INCOMPLETE);
    inflow_finish(&all);
}

/* Each has less than one may have; the largest goes until all together are few enough. */
TEST(test_incomplete_of_all) {
    inflow_t all = s_inflow();
    inflow_reason_t reason;
    for (int i = 0; i < 3; i++) {
        s_meet(&all, i % INFLOW_SIDES, FD + i);
        s_begin(&all, FD + i);
        s_go_on(&all, FD + i, 3000 + (size_t)(i == 1));
    }
    inflow_end_turn(&all, INFLOW_FRONT);
    inflow_end_turn(&all, INFLOW_BACK);
    ck_assert_int_eq(inflow_sweep(&all, &reason), FD + 1);
    ck_assert_int_eq(reason, INFLOW_MOST);
    ck_assert_int_eq(inflow_sweep(&all, &reason), -1);
    ck_assert_uint_eq(all.incomplete, 2 * (3000 + BEGUN));
    inflow_end(&all, FD); /* it is ended for something else */
    ck_assert_uint_eq(all.incomplete, 3000 + BEGUN);
    inflow_close(&all, FD + 2);
    ck_assert_uint_eq(all.incomplete, 0);
    inflow_finish(&all);
}

/* A message is taken when the next one has begun, which goes on counting. */
TEST(test_taken_while_the_next_has_begun) {
    static uint8_t end_and_begin[] = "xx\x02\0\0\0\0\0\0\x07\xd0yyy";
    inflow_t all = s_inflow();
    s_meet(&all, INFLOW_FRONT, FD);
    ck_assert_int_eq(inflow_read(&all, FD, (uint8_t *)"\0\2", 2), INFLOW_FINE);
    ck_assert_int_eq(inflow_read(&all, FD, end_and_begin, sizeof end_and_begin - 1), INFLOW_FINE);
    inflow_took(&all, FD);
    inflow_end_turn(&all, INFLOW_FRONT);
    inflow_room(&all, FD);
    ck_assert_uint_eq(all.incomplete, 9 + 3 + INFLOW_FRAME);
    ck_assert_int_eq(s_go_on(&all, FD, 2000 - 3), INFLOW_FINE);
    inflow_took(&all, FD);
    ck_assert_uint_eq(all.incomplete, 0);
    inflow_finish(&all);
}

/* Only when the loop has taken all that came by the descriptor before. */
TEST(test_a_descriptor_is_used_again) {
    inflow_t all = s_inflow();
    ck_assert(inflow_is_free(&all, FD) && inflow_is_free(&all, 1000));
    s_connect(&all, INFLOW_BACK, FD, NULL_GREETING);
    ck_assert(!inflow_is_free(&all, FD));
    inflow_close(&all, FD);
    for (int i = 0; i < 3; i++)
        inflow_end_turn(&all, INFLOW_BACK);
    ck_assert(!inflow_is_free(&all, FD));
    inflow_release(&all, FD);
    inflow_end_turn(&all, INFLOW_FRONT);
    ck_assert(!inflow_is_free(&all, FD));
    inflow_end_turn(&all, INFLOW_BACK);
    ck_assert(inflow_is_free(&all, FD));
    inflow_release(&all, 1000);
    inflow_finish(&all);
}

/* A few a second are fine. libzmq answers each. */
TEST(test_heartbeats) {
    static uint8_t ping[] = "\x04\x07\x04PING\0\0";
    inflow_t all = s_inflow();
    s_connect(&all, INFLOW_FRONT, FD, NULL_GREETING);
    for (unsigned i = 0; i < INFLOW_PINGS_MAX; i++)
        ck_assert_int_eq(inflow_read(&all, FD, ping, sizeof ping - 1), INFLOW_FINE);
    inflow_forgive(&all);
    for (unsigned i = 0; i < INFLOW_PINGS; i++)
        ck_assert_int_eq(inflow_read(&all, FD, ping, sizeof ping - 1), INFLOW_FINE);
    ck_assert_int_eq(inflow_read(&all, FD, ping, sizeof ping - 1), INFLOW_HEARTBEATS);
    inflow_finish(&all);
}

/* So many frames of the connection in a turn; of these the loop takes some in that turn. */
static inflow_reason_t s_encrypted_turn(inflow_t *all, unsigned frames, unsigned taken) {
    static uint8_t frame[] = "\0\x01x";
    inflow_reason_t reason = INFLOW_FINE;
    inflow_end_turn(all, INFLOW_FRONT);
    inflow_room(all, FD);
    for (unsigned i = 0; i < frames && reason == INFLOW_FINE; i++)
        reason = inflow_read(all, FD, frame, 3);
    for (unsigned i = 0; i < taken; i++)
        inflow_took(all, FD);
    return reason;
}

/* Encrypted ones look like messages, which nobody gets. */
TEST(test_encrypted_heartbeats) {
    inflow_t all = s_inflow();
    s_connect(&all, INFLOW_FRONT, FD, CURVE_GREETING);
    for (unsigned turn = 0; turn < 100; turn++) { /* a message now and then does not help */
        ck_assert_int_eq(s_encrypted_turn(&all, 11, 1), INFLOW_FINE);
        inflow_forgive(&all);
    }
    ck_assert_int_eq(s_encrypted_turn(&all, INFLOW_HIDDEN_MAX + 1, 0), INFLOW_FINE);
    ck_assert_int_eq(s_encrypted_turn(&all, 1, 0), INFLOW_HEARTBEATS);
    inflow_finish(&all);
}

/* Messages on their way at the end of a turn are taken in the next. */
TEST(test_encrypted_messages_on_their_way) {
    inflow_t all = s_inflow();
    s_connect(&all, INFLOW_FRONT, FD, CURVE_GREETING);
    ck_assert_int_eq(s_encrypted_turn(&all, 900, 600), INFLOW_FINE);
    for (unsigned turn = 0; turn < 100; turn++)
        ck_assert_int_eq(s_encrypted_turn(&all, 900, turn % 2 ? 600 : 1200), INFLOW_FINE);
    inflow_finish(&all);
}

TEST(test_frames_that_are_too_large) {
    static uint8_t frame[] = "\x06\0\0\0\0\x01\0\0\x01";
    inflow_t all = s_inflow();
    s_connect(&all, INFLOW_FRONT, FD, NULL_GREETING);
    ck_assert_int_eq(inflow_read(&all, FD, frame, sizeof frame - 1), INFLOW_INCOMPLETE);
    inflow_finish(&all);
}

TEST(test_parts) {
    static uint8_t part[] = "\x01\0";
    inflow_t all = s_inflow();
    s_connect(&all, INFLOW_BACK, FD, NULL_GREETING);
    ck_assert_int_eq(inflow_read(&all, FD, part, 2), INFLOW_PARTS);
    ck_assert(inflow_is_ending(&all, FD));
    inflow_finish(&all);
}

/* libzmq's heartbeats on an encrypted reader: a few a second are forgiven, and no more. */
TEST(test_forgiven) {
    static uint8_t ping[42] = "\0\x28";
    inflow_t all = s_inflow();
    for (int fd = FD; fd <= OTHER; fd++) {
        s_connect(&all, INFLOW_BACK, fd, CURVE_GREETING);
        inflow_took(&all, fd);
    }
    inflow_reason_t slow = INFLOW_FINE, fast = INFLOW_FINE;
    for (unsigned second = 0; second < 1000; second++) {
        inflow_end_turn(&all, INFLOW_BACK);
        for (unsigned tenth = 0; tenth < 10; tenth++)
            inflow_forgive(&all);
        inflow_room(&all, FD);
        inflow_room(&all, OTHER);
        slow = slow ? slow : inflow_read(&all, FD, ping, sizeof ping);
        for (unsigned i = 0; i < 2; i++)
            fast = fast ? fast : inflow_read(&all, OTHER, ping, sizeof ping);
    }
    ck_assert_int_eq(slow, INFLOW_FINE);
    ck_assert_int_eq(fast, INFLOW_INCOMPLETE);
    inflow_finish(&all);
}

static unsigned s_leave(inflow_t *all) {
    unsigned left = 0;
    while (left < 1000 && inflow_may_leave(all, FD))
        left++;
    return left;
}

/* So many that the walks over all topics are not longer than a moment. */
TEST(test_leaves) {
    inflow_t all = s_inflow();
    s_connect(&all, INFLOW_FRONT, OTHER, NULL_GREETING);
    inflow_open(&all, INFLOW_BACK, FD);
    ck_assert_uint_eq(s_leave(&all), 1000); /* XPUB does not know it before its handshake */
    s_connect(&all, INFLOW_BACK, FD, NULL_GREETING);
    ck_assert_uint_eq(s_leave(&all), INFLOW_LEAVES);
    ck_assert_uint_eq(inflow_let_leave(&all, INFLOW_TOPICS / 4), 3);
    ck_assert_uint_eq(s_leave(&all), 3);
    inflow_let_leave(&all, 100 * INFLOW_TOPICS);
    ck_assert_uint_eq(s_leave(&all), 1);
    inflow_let_leave(&all, 0);
    inflow_limit_leaves(&all, INFLOW_TOPICS / 2); /* meanwhile there are topics */
    ck_assert_uint_eq(s_leave(&all), 1);
    inflow_limit_leaves(&all, 0); /* it gives none */
    ck_assert_uint_eq(s_leave(&all), 0);
    inflow_let_leave(&all, INFLOW_TOPICS / 4);
    ck_assert(!inflow_left_unasked(&all, FD)); /* it had not subscribed */
    inflow_took(&all, FD);
    ck_assert(inflow_left_unasked(&all, FD));
    ck_assert_uint_eq(s_leave(&all), 1);
    ck_assert(inflow_may_leave(&all, OTHER)); /* no reader */
    inflow_finish(&all);
}

TEST(test_descriptors_that_are_no_connections) {
    inflow_t all = s_inflow();
    inflow_reason_t reason;
    inflow_open(&all, INFLOW_FRONT, 100);
    inflow_open(&all, INFLOW_FRONT, -1);
    for (int fd = -1; fd <= 100; fd += 101) {
        ck_assert_int_eq(inflow_side(&all, fd), -1);
        ck_assert_uint_eq(inflow_room(&all, fd), SIZE_MAX);
        ck_assert_int_eq(inflow_read(&all, fd, MESSAGE_OF_100, MESSAGE), INFLOW_FINE);
        ck_assert(inflow_may_leave(&all, fd) && !inflow_is_ending(&all, fd));
        inflow_took(&all, fd);
        inflow_close(&all, fd);
    }
    ck_assert_int_eq(inflow_sweep(&all, &reason), -1);
    inflow_finish(&all);
}

UNIT_SUITE("broker.inflow")
