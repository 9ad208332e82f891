/* Brokers that do not read or say nothing, connections that break, and the time after them. */
#include <dirent.h>
#include <zmq.h>

#include "fixture_stage.h"
#include "wire.h"

TEST(test_never_blocks_when_the_broker_does_not_read) {
    enum { QUEUE = 20000 };
    stage_open();
    ck_assert_int_eq(zrelay_set_queue(stage.relay, QUEUE, 64 << 20), 0);
    stage_welcome(60000);
    char body[1000] = {0};
    uint64_t mid = 0, expected = 1;
    int code;
    while ((code = zrelay_publish(stage.relay, "a", body, sizeof body, &mid)) == 0)
        ck_assert_uint_le(mid, QUEUE);
    ck_assert_int_eq(code, ZRELAY_EFULL);
    ck_assert_uint_eq(zrelay_unacked(stage.relay), QUEUE);
    while (stage_turn())
        ;
    while (expected <= QUEUE) { /* then it reads, and everything comes, in order */
        zr_publish_reader_t reader;
        zr_publish_entry_t entry;
        size_t count;
        uint64_t first, last;
        stage_receive();
        ck_assert_int_eq(
            zr_publish_read(&reader, zr_span_of(stage.frame, stage.frame_len), &count, &first, &last), ZR_OK);
        while (zr_publish_next(&reader, &entry))
            ck_assert_uint_eq(entry.mid, expected++);
    }
    uint8_t ack[ZR_ACK_SIZE];
    zr_ack_write(ack, &(zr_ack_t){ZR_LEVEL_DISK, QUEUE, 1});
    stage_send(ack, sizeof ack);
    stage_until(ZRELAY_ACKED);
    ck_assert_int_eq(zrelay_publish(stage.relay, "a", body, sizeof body, &mid), 0);
    stage_shut();
}

TEST(test_silence_makes_sockets_anew_and_the_descriptor_stays) {
    stage_open();
    int fd = zrelay_fd(stage.relay);
    stage_welcome(500);
    uint8_t route[16];
    memcpy(route, stage.route, sizeof route);
    stage_until(ZRELAY_DISCONNECTED); /* pings are not answered */
    do
        stage_receive();
    while (!strstr(stage.frame, "hello"));
    ck_assert_mem_ne(route, stage.route, stage.route_len); /* another connection */
    ck_assert_ptr_nonnull(strstr(stage.frame, "\"resume\":\"t\""));
    ck_assert_int_eq(zrelay_fd(stage.relay), fd);
    stage_shut();
}

static size_t s_count(zrelay_event_type_t type) {
    size_t count = 0;
    for (size_t i = 0; i < stage.count; i++)
        count += stage.types[i] == type;
    return count;
}

static int s_descriptors(void) {
    int count = 0;
    DIR *folder = opendir("/proc/self/fd");
    ck_assert_ptr_nonnull(folder);
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

/* Heartbeats are an hour apart: that the connection broke, the descriptor alone can tell. */
TEST(test_a_broken_connection_is_told_at_once) {
    enum { HOUR_MS = 3600000, TIMES = 5 };
    int before = 0;
    uint8_t ack[ZR_ACK_SIZE];
    stage_open();
    int fd = zrelay_fd(stage.relay);
    stage_welcome(HOUR_MS);
    stage_join_a();
    for (size_t times = 1; times <= TIMES; times++) {
        stage_stop_front();
        stage_until(ZRELAY_DISCONNECTED);
        ck_assert_str_eq(stage.why, "the connection to the broker broke");
        uint64_t mid;
        ck_assert_int_eq(zrelay_publish(stage.relay, "a", "1", 1, &mid), 0);
        stage_start_front();
        stage_welcome(HOUR_MS);
        ck_assert_ptr_nonnull(strstr(stage.frame, "\"resume\":\"t\""));
        stage_receive();
        ck_assert_int_eq(stage.frame[0], ZR_TYPE_PUBLISH); /* not before the hello, though it is older */
        zr_ack_write(ack, &(zr_ack_t){ZR_LEVEL_MEMORY, mid, times});
        stage_send(ack, sizeof ack);
        stage_until(ZRELAY_ACKED);
        stage_sync();
        stage_expect("join");
        ck_assert_uint_eq(s_count(ZRELAY_DISCONNECTED), times);
        ck_assert_int_eq(zrelay_fd(stage.relay), fd);
        if (times == 1)
            before = s_descriptors();
    }
    /* A leak would be one each time, at least. Fewer may have been opened late the first time; libzmq closes late too. */
    for (uint64_t end = stage_clock() + STAGE_PATIENCE_MS; s_descriptors() >= before + TIMES - 1;)
        ck_assert_uint_lt(stage_clock(), end);
    stage_shut();
}

TEST(test_a_bye_and_the_end_of_its_connection_are_one_loss) {
    stage_open();
    stage_welcome(3600000);
    int linger = STAGE_PATIENCE_MS;
    zmq_setsockopt(stage.front, ZMQ_LINGER, &linger, sizeof linger);
    stage_answer("{'op':'bye','reason':'shutdown'}");
    stage_stop_front();
    stage_until(ZRELAY_DISCONNECTED);
    ck_assert_str_eq(stage.why, "shutdown");
    stage_start_front();
    stage_welcome(3600000);
    ck_assert_uint_eq(s_count(ZRELAY_DISCONNECTED), 1);
    stage_shut();
}

TEST(test_without_reconnect_a_broken_connection_ends_it) {
    stage_open();
    zrelay_set_reconnect(stage.relay, false);
    stage_welcome(3600000);
    stage_stop_front();
    stage_until(ZRELAY_CLOSED);
    ck_assert_uint_eq(s_count(ZRELAY_DISCONNECTED), 1);
    ck_assert_int_eq(zrelay_timeout(stage.relay), -1);
    stage_shut();
}

/* Both are watched, so that the broken connection of each is told; the context is whole when they are gone. */
TEST(test_sessions_may_share_a_context) {
    stage_open();
    ck_assert_int_eq(zrelay_set_context(stage.relay, NULL), ZRELAY_EINVAL);
    ck_assert_int_eq(zrelay_set_context(stage.relay, stage.context), 0);
    ck_assert_int_eq(zrelay_set_context(stage.relay, stage.context), 0);
    zrelay_t *first = stage.relay;
    stage_welcome(60000);
    stage.relay = zrelay_new(stage.front_endpoint);
    ck_assert_int_eq(zrelay_set_context(stage.relay, stage.context), 0);
    stage_welcome(60000);
    ck_assert_int_eq(zrelay_publish(stage.relay, "a", "1", 1, NULL), 0);
    stage_receive();
    ck_assert_int_eq(stage.frame[0], ZR_TYPE_PUBLISH);
    zmq_close(stage.front);
    stage.front = NULL;
    stage_until(ZRELAY_DISCONNECTED);
    zrelay_destroy(stage.relay);
    stage.relay = first;
    stage_until(ZRELAY_DISCONNECTED);
    stage_shut(); /* ends only when no socket is left */
}

UNIT_SUITE("client.lib.zrelay_broken")
