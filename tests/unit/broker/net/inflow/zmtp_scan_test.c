#include "zmtp_scan.h"

#include <string.h>

#include "unit.h"

static uint8_t NULL_GREETING[ZMTP_GREETING] = "\xff\0\0\0\0\0\0\0\0\x7f\x03\0NULL";
static uint8_t CURVE_GREETING[ZMTP_GREETING] = "\xff\0\0\0\0\0\0\0\0\x7f\x03\0CURVE";

static zmtp_scan_t s_greeted(uint8_t *greeting) {
    zmtp_scan_t scan = {0};
    zmtp_seen_t seen = zmtp_scan(&scan, greeting, ZMTP_GREETING);
    ck_assert_uint_eq(seen.bytes, ZMTP_GREETING);
    ck_assert_uint_eq(seen.frames, 0);
    ck_assert(!seen.parts && !scan.shook);
    return scan;
}

static void s_assert(zmtp_seen_t seen, size_t bytes, size_t frames, bool parts) {
    ck_assert_uint_eq(seen.bytes, bytes);
    ck_assert_uint_eq(seen.frames, frames);
    ck_assert_int_eq(seen.parts, parts);
}

/* A command, an empty message, a short one, a long one, and one that says that more follow. */
static uint8_t FRAMES[] = "\x04\x05\x04PONG"
                          "\0\0"
                          "\0\x03"
                          "abc"
                          "\x02\0\0\0\0\0\0\0\x04"
                          "four"
                          "\x01\x01x";
enum { COMMAND = 7, MESSAGES = 2 + 5 + 13 + 3, ALL = COMMAND + MESSAGES };

TEST(test_frames) {
    zmtp_scan_t scan = s_greeted(NULL_GREETING);
    zmtp_seen_t seen = zmtp_scan(&scan, FRAMES, COMMAND);
    s_assert(seen, 0, 0, false);
    ck_assert_uint_eq(seen.heartbeats, 1);
    ck_assert(scan.shook);
    s_assert(zmtp_scan(&scan, FRAMES + COMMAND, MESSAGES - 3), MESSAGES - 3, 3, false);
    s_assert(zmtp_scan(&scan, FRAMES + ALL - 3, 3), 3, 1, true);
}

/* However the bytes are cut into pieces, they come to the same. */
TEST(test_pieces) {
    uint8_t all[ZMTP_GREETING + ALL];
    memcpy(all, NULL_GREETING, ZMTP_GREETING);
    memcpy(all + ZMTP_GREETING, FRAMES, ALL);
    for (size_t piece = 1; piece <= sizeof all; piece++) {
        zmtp_scan_t scan = {0};
        zmtp_seen_t sum = {0};
        for (size_t at = 0; at < sizeof all; at += piece) {
            zmtp_seen_t seen = zmtp_scan(&scan, all + at, at + piece < sizeof all ? piece : sizeof all - at);
            sum.bytes += seen.bytes;
            sum.frames += seen.frames;
            sum.parts = sum.parts || seen.parts;
        }
        s_assert(sum, ZMTP_GREETING + MESSAGES, 4, true);
    }
}

/* An encrypted frame cannot be told from a command, and does not show whether more parts follow. */
TEST(test_encrypted) {
    zmtp_scan_t scan = s_greeted(CURVE_GREETING);
    ck_assert(scan.opaque);
    s_assert(zmtp_scan(&scan, FRAMES, COMMAND), COMMAND, 1, false);
}

/* Commands that libzmq hands on as messages, and such as only begin like a heartbeat. */
TEST(test_other_commands) {
    static uint8_t commands[] = "\x04\x0b\x09SUBSCRIBEa"
                                "\x04\x05\x04QING"
                                "\x05\x05\x04PONG"
                                "\x04\x00";
    enum { SUBSCRIBE = 13, QING = 7, PONG = 7, EMPTY = 2 };
    zmtp_scan_t scan = s_greeted(NULL_GREETING);
    s_assert(zmtp_scan(&scan, commands, SUBSCRIBE), SUBSCRIBE, 1, false);
    s_assert(zmtp_scan(&scan, commands + SUBSCRIBE, QING), QING, 1, false);
    zmtp_seen_t seen = zmtp_scan(&scan, commands + SUBSCRIBE + QING, PONG);
    s_assert(seen, 0, 0, true);
    ck_assert_uint_eq(seen.heartbeats, 1);
    ck_assert(!seen.malformed);
    seen = zmtp_scan(&scan, commands + SUBSCRIBE + QING + PONG, EMPTY);
    s_assert(seen, EMPTY, 1, false);
    ck_assert(seen.malformed);
}

/* libzmq refuses a command whose name is longer than the command. */
TEST(test_malformed_commands) {
    static uint8_t longest[] = "\x04\x05\x04PONG", longer[] = "\x04\x05\x05PONG", alone[] = "\x04\x01\x01";
    zmtp_scan_t scan = s_greeted(NULL_GREETING);
    ck_assert(!zmtp_scan(&scan, longest, sizeof longest - 1).malformed);
    ck_assert(zmtp_scan(&scan, longer, sizeof longer - 1).malformed);
    ck_assert(zmtp_scan(&scan, alone, sizeof alone - 1).malformed);
    scan = s_greeted(CURVE_GREETING);
    ck_assert(!zmtp_scan(&scan, longer, sizeof longer - 1).malformed); /* a name cannot be seen there */
}

/* The bytes of a frame that has begun, but not those of a heartbeat. */
TEST(test_begun) {
    zmtp_scan_t scan = s_greeted(NULL_GREETING);
    for (size_t i = 0; i < COMMAND; i++) {
        zmtp_scan(&scan, FRAMES + i, 1);
        ck_assert_uint_eq(scan.begun, 0);
    }
    zmtp_scan(&scan, FRAMES + COMMAND, 2 + 4);
    ck_assert_uint_eq(scan.begun, 4);
    zmtp_scan(&scan, FRAMES + COMMAND + 6, 1);
    ck_assert_uint_eq(scan.begun, 0);
    zmtp_scan(&scan, FRAMES + COMMAND + 7, 9 + 3);
    ck_assert_uint_eq(scan.begun, 9 + 3);
}

/* For a peer with a time to live libzmq walks all timers at each message. */
TEST(test_pings_lose_their_time_to_live) {
    static uint8_t ping[] = "\x04\x08\x04PING\xab\xcdx";
    zmtp_scan_t scan = s_greeted(NULL_GREETING);
    for (size_t at = 0; at < sizeof ping - 1; at++)
        zmtp_scan(&scan, ping + at, 1);
    ck_assert_mem_eq(ping, "\x04\x08\x04PING\0\0x", sizeof ping - 1);
}

TEST(test_sizes_without_end) {
    static uint8_t frame[] = "\x02\xff\xff\xff\xff\xff\xff\xff\xff"
                             "abc";
    zmtp_scan_t scan = s_greeted(NULL_GREETING);
    s_assert(zmtp_scan(&scan, frame, sizeof frame - 1), sizeof frame - 1, 1, false);
    s_assert(zmtp_scan(&scan, FRAMES, ALL), ALL, 0, false); /* still of the same frame */
}

UNIT_SUITE("broker.zmtp_scan")
