/* The library against a scripted broker: a ROUTER and an XPUB in this process, moved by hand. */
#include "zrelay.h"

#include <dirent.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include "control.h"
#include "unit.h"
#include "wire.h"

#define EPOCH "00000000000000e1"
#define PATIENCE_MS 20000

/* The sockets are made in each test, since Check forks. */
typedef struct {
    void *context, *front, *back;
    char front_endpoint[64], back_endpoint[64];
    uint8_t route[16];
    size_t route_len;
    char frame[70000]; /* the last one received */
    size_t frame_len;
    zrelay_t *relay;
    zrelay_event_type_t types[4096]; /* of the events taken */
    size_t count;
    char body[256]; /* of the last entry */
    char why[256];  /* the last connection was lost */
    char code[64];
    uint64_t acked;
} stage_t;

static stage_t st;

static uint64_t s_clock(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void s_bind(void *socket, char *endpoint, size_t size) {
    int zero = 0;
    zmq_setsockopt(socket, ZMQ_LINGER, &zero, sizeof zero);
    ck_assert_int_eq(zmq_bind(socket, "tcp://127.0.0.1:*"), 0);
    ck_assert_int_eq(zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, endpoint, &size), 0);
}

static void s_open(void) {
    memset(&st, 0, sizeof st);
    st.context = zmq_ctx_new();
    st.front = zmq_socket(st.context, ZMQ_ROUTER);
    st.back = zmq_socket(st.context, ZMQ_XPUB);
    s_bind(st.front, st.front_endpoint, sizeof st.front_endpoint);
    s_bind(st.back, st.back_endpoint, sizeof st.back_endpoint);
    st.relay = zrelay_new(st.front_endpoint);
    ck_assert_ptr_nonnull(st.relay);
}

static void s_shut(void) {
    zrelay_destroy(st.relay);
    if (st.front)
        zmq_close(st.front);
    zmq_close(st.back);
    zmq_ctx_term(st.context);
}

/* One turn of the library; notes the event it brings. */
static bool s_turn(void) {
    const zrelay_event_t *event = zrelay_next(st.relay, 0);
    if (!event)
        return false;
    ck_assert_uint_lt(st.count, 4096);
    st.types[st.count++] = event->type;
    if (event->type == ZRELAY_ENTRY)
        snprintf(st.body, sizeof st.body, "%.*s", (int)event->body_len, (const char *)event->body);
    if (event->type == ZRELAY_DISCONNECTED)
        snprintf(st.why, sizeof st.why, "%s", event->text);
    if (event->type == ZRELAY_DISCONNECTED)
        snprintf(st.code, sizeof st.code, "%s", event->code ? event->code : "");
    if (event->type == ZRELAY_ACKED)
        st.acked = event->mid;
    return true;
}

/* Until an event of that type has come. */
static void s_until(zrelay_event_type_t type) {
    for (uint64_t end = s_clock() + PATIENCE_MS;;) {
        size_t before = st.count;
        if (s_turn()) {
            if (st.types[before] == type)
                return;
            continue;
        }
        ck_assert_msg(s_clock() < end, "event %d did not come", (int)type);
        struct pollfd fd = {zrelay_fd(st.relay), POLLIN, 0};
        poll(&fd, 1, zrelay_timeout(st.relay));
    }
}

/* The next frame that comes to the broker's front. */
static void s_receive(void) {
    for (uint64_t end = s_clock() + PATIENCE_MS;;) {
        int len = zmq_recv(st.front, st.route, sizeof st.route, ZMQ_DONTWAIT);
        if (len > 0) {
            st.route_len = (size_t)len;
            break;
        }
        ck_assert_msg(s_clock() < end, "no frame came");
        if (s_turn())
            continue;
        zmq_pollitem_t items[] = {{st.front, 0, ZMQ_POLLIN, 0}, {NULL, zrelay_fd(st.relay), ZMQ_POLLIN, 0}};
        int timeout = zrelay_timeout(st.relay);
        zmq_poll(items, 2, timeout < 0 || timeout > 1000 ? 1000 : timeout);
    }
    int len = zmq_recv(st.front, st.frame, sizeof st.frame - 1, 0);
    ck_assert_int_ge(len, 0);
    st.frame_len = (size_t)len;
    st.frame[len] = '\0';
    int more;
    size_t size = sizeof more;
    zmq_getsockopt(st.front, ZMQ_RCVMORE, &more, &size);
    ck_assert_int_eq(more, 0); /* one message is one frame */
}

/* A control frame with that op; gives its id. */
static int s_expect(const char *op) {
    json_t *object;
    s_receive();
    ck_assert_msg(zr_control_read(zr_span_of(st.frame, st.frame_len), &object) == ZR_OK, "not control");
    ck_assert_str_eq(json_string_value(json_object_get(object, "op")), op);
    int id = (int)json_integer_value(json_object_get(object, "id"));
    json_decref(object);
    return id;
}

static void s_send(const void *data, size_t len) {
    zmq_send(st.front, st.route, st.route_len, ZMQ_SNDMORE);
    zmq_send(st.front, data, len, 0);
}

static void s_answer(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void s_answer(const char *format, ...) {
    char text[2048];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    for (char *c = text; *c; c++)
        if (*c == '\'')
            *c = '"';
    s_send(text, (size_t)len);
}

static void s_welcome(int heartbeat) {
    int id = s_expect("hello");
    s_answer("{'op':'welcome','re':%d,'epoch':'" EPOCH "','nick':'me','resume':'t','resumed':false,'back':'%s',"
             "'heartbeat':%d,'limits':{'entries':%d,'window':1000000000}}",
        id, st.back_endpoint, heartbeat, 2);
    s_until(ZRELAY_CONNECTED);
}

/* Subscriptions come, the last of them for the sync, which is answered. */
static void s_sync(void) {
    for (uint64_t end = s_clock() + PATIENCE_MS;;) {
        uint8_t topic[256];
        int len = zmq_recv(st.back, topic, sizeof topic, ZMQ_DONTWAIT);
        if (len > 2 && topic[0] == 1 && topic[1] == 0xff) {
            char answer[300];
            memcpy(answer, topic + 1, (size_t)len - 1);
            int more = sprintf(answer + len - 1, "{\"op\":\"synced\",\"epoch\":\"" EPOCH "\"}");
            zmq_send(st.back, answer, (size_t)(len - 1 + more), 0);
            return;
        }
        ck_assert_msg(s_clock() < end, "no subscription came");
        if (len < 0 && !s_turn()) {
            zmq_pollitem_t items[] = {{st.back, 0, ZMQ_POLLIN, 0}, {NULL, zrelay_fd(st.relay), ZMQ_POLLIN, 0}};
            zmq_poll(items, 2, 100);
        }
    }
}

static void s_live(uint64_t prev, uint64_t seq, const void *body, size_t len) {
    zr_buffer_t out = {0};
    zr_deliver_begin(&out, zr_span("a"), 0, 0xe1, prev);
    zr_deliver_add(&out, &(zr_entry_t){.seq = seq, .sender = zr_span("ann"), .body = zr_span_of(body, len)});
    zmq_send(st.back, out.data, out.len, 0);
    zr_buffer_finish(&out);
}

static void s_join_a(void) {
    ck_assert_int_eq(zrelay_join(st.relay, "a", ZRELAY_FROM_NOW, 0), 0);
    s_sync();
    s_answer("{'op':'joined','re':%d,'room':'a','seq':0,'oldest':0,'version':1,'count':1}", s_expect("join"));
    s_until(ZRELAY_JOINED);
}

START_TEST(test_from_hello_to_a_live_entry) {
    s_open();
    ck_assert_int_eq(zrelay_set_nick(st.relay, "me"), 0);
    s_welcome(5000);
    s_join_a();
    s_live(0, 1, "hi", 2);
    s_until(ZRELAY_ENTRY);
    ck_assert_str_eq(st.body, "hi");
    s_shut();
}
END_TEST

START_TEST(test_large_frames_are_shared_and_arrive_whole) {
    char body[60000];
    memset(body, 'x', sizeof body);
    s_open();
    s_welcome(5000);
    s_join_a();
    s_live(0, 1, body, sizeof body);
    s_until(ZRELAY_ENTRY);
    ck_assert_uint_eq(strlen(st.body), sizeof st.body - 1);
    ck_assert_int_eq(zrelay_publish(st.relay, "a", body, sizeof body, NULL), 0);
    s_receive();
    ck_assert_uint_eq(st.frame_len, ZR_PUBLISH_HEAD(1) + ZR_PUBLISH_ENTRY_FIXED + sizeof body);
    ck_assert_mem_eq(st.frame + st.frame_len - sizeof body, body, sizeof body);
    s_shut();
}
END_TEST

START_TEST(test_a_lone_message_goes_without_next) {
    s_open();
    s_welcome(5000);
    ck_assert_int_eq(zrelay_publish(st.relay, "a", "1", 1, NULL), 0);
    zmq_pollitem_t item = {st.front, 0, ZMQ_POLLIN, 0};
    ck_assert_int_eq(zmq_poll(&item, 1, PATIENCE_MS), 1); /* and nothing else is called */
    s_receive();
    ck_assert_int_eq(st.frame[0], ZR_TYPE_PUBLISH);
    uint8_t ack[ZR_ACK_SIZE];
    zr_ack_write(ack, &(zr_ack_t){ZR_LEVEL_MEMORY, 1, 1});
    ck_assert_uint_eq(zrelay_unacked(st.relay), 1);
    s_send(ack, sizeof ack);
    s_until(ZRELAY_ACKED);
    ck_assert_uint_eq(zrelay_unacked(st.relay), 0);
    s_shut();
}
END_TEST

START_TEST(test_poll_sleeps_until_there_is_something) {
    s_open();
    s_welcome(60000);
    s_join_a();
    while (s_turn())
        ;
    ck_assert_int_gt(zrelay_timeout(st.relay), 1000);
    struct pollfd fd = {zrelay_fd(st.relay), POLLIN, 0};
    int wakes = 0;
    while (poll(&fd, 1, 50) > 0) { /* what is left over from before ends */
        ck_assert_int_lt(wakes++, 50);
        while (s_turn())
            ;
    }
    for (uint64_t seq = 1; seq <= 50; seq++) {
        char body[8];
        s_live(seq - 1, seq, body, (size_t)sprintf(body, "%" PRIu64, seq));
        s_until(ZRELAY_ENTRY);
        ck_assert_str_eq(st.body, body);
        zrelay_publish(st.relay, "a", "x", 1, NULL); /* a send may swallow the edge */
    }
    s_shut();
}
END_TEST

START_TEST(test_never_blocks_when_the_broker_does_not_read) {
    enum { QUEUE = 20000 };
    s_open();
    ck_assert_int_eq(zrelay_set_queue(st.relay, QUEUE, 64 << 20), 0);
    s_welcome(60000);
    char body[1000] = {0};
    uint64_t mid = 0, expected = 1;
    int code;
    while ((code = zrelay_publish(st.relay, "a", body, sizeof body, &mid)) == 0)
        ck_assert_uint_le(mid, QUEUE);
    ck_assert_int_eq(code, ZRELAY_EFULL);
    ck_assert_uint_eq(zrelay_unacked(st.relay), QUEUE);
    while (s_turn())
        ;
    while (expected <= QUEUE) { /* then it reads, and everything comes, in order */
        zr_publish_reader_t reader;
        zr_publish_entry_t entry;
        size_t count;
        uint64_t first, last;
        s_receive();
        ck_assert_int_eq(zr_publish_read(&reader, zr_span_of(st.frame, st.frame_len), &count, &first, &last), ZR_OK);
        while (zr_publish_next(&reader, &entry))
            ck_assert_uint_eq(entry.mid, expected++);
    }
    uint8_t ack[ZR_ACK_SIZE];
    zr_ack_write(ack, &(zr_ack_t){ZR_LEVEL_DISK, QUEUE, 1});
    s_send(ack, sizeof ack);
    s_until(ZRELAY_ACKED);
    ck_assert_int_eq(zrelay_publish(st.relay, "a", body, sizeof body, &mid), 0);
    s_shut();
}
END_TEST

START_TEST(test_silence_makes_sockets_anew_and_the_descriptor_stays) {
    s_open();
    int fd = zrelay_fd(st.relay);
    s_welcome(500);
    uint8_t route[16];
    memcpy(route, st.route, sizeof route);
    s_until(ZRELAY_DISCONNECTED); /* pings are not answered */
    do
        s_receive();
    while (!strstr(st.frame, "hello"));
    ck_assert_mem_ne(route, st.route, st.route_len); /* another connection */
    ck_assert_ptr_nonnull(strstr(st.frame, "\"resume\":\"t\""));
    ck_assert_int_eq(zrelay_fd(st.relay), fd);
    s_shut();
}
END_TEST

/* The broker's end goes, and comes back at the same port. */
static void s_stop_front(void) {
    zmq_close(st.front);
    st.front = NULL;
}

static void s_start_front(void) {
    int zero = 0;
    st.front = zmq_socket(st.context, ZMQ_ROUTER);
    zmq_setsockopt(st.front, ZMQ_LINGER, &zero, sizeof zero);
    for (uint64_t end = s_clock() + PATIENCE_MS; zmq_bind(st.front, st.front_endpoint) != 0;)
        ck_assert_uint_lt(s_clock(), end); /* the old socket closes in its own time */
}

static size_t s_count(zrelay_event_type_t type) {
    size_t count = 0;
    for (size_t i = 0; i < st.count; i++)
        count += st.types[i] == type;
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
START_TEST(test_a_broken_connection_is_told_at_once) {
    enum { HOUR_MS = 3600000 };
    int before = 0;
    uint8_t ack[ZR_ACK_SIZE];
    s_open();
    int fd = zrelay_fd(st.relay);
    s_welcome(HOUR_MS);
    s_join_a();
    for (size_t times = 1; times <= 5; times++) {
        s_stop_front();
        s_until(ZRELAY_DISCONNECTED);
        ck_assert_str_eq(st.why, "the connection to the broker broke");
        uint64_t mid;
        ck_assert_int_eq(zrelay_publish(st.relay, "a", "1", 1, &mid), 0);
        s_start_front();
        s_welcome(HOUR_MS);
        ck_assert_ptr_nonnull(strstr(st.frame, "\"resume\":\"t\""));
        s_receive();
        ck_assert_int_eq(st.frame[0], ZR_TYPE_PUBLISH); /* not before the hello, though it is older */
        zr_ack_write(ack, &(zr_ack_t){ZR_LEVEL_MEMORY, mid, times});
        s_send(ack, sizeof ack);
        s_until(ZRELAY_ACKED);
        s_sync();
        s_expect("join");
        ck_assert_uint_eq(s_count(ZRELAY_DISCONNECTED), times);
        ck_assert_int_eq(zrelay_fd(st.relay), fd);
        if (times == 1)
            before = s_descriptors();
    }
    for (uint64_t end = s_clock() + PATIENCE_MS; s_descriptors() > before;) /* libzmq closes behind our back */
        ck_assert_uint_lt(s_clock(), end);
    s_shut();
}
END_TEST

START_TEST(test_a_bye_and_the_end_of_its_connection_are_one_loss) {
    s_open();
    s_welcome(3600000);
    int linger = PATIENCE_MS;
    zmq_setsockopt(st.front, ZMQ_LINGER, &linger, sizeof linger);
    s_answer("{'op':'bye','reason':'shutdown'}");
    s_stop_front();
    s_until(ZRELAY_DISCONNECTED);
    ck_assert_str_eq(st.why, "shutdown");
    s_start_front();
    s_welcome(3600000);
    ck_assert_uint_eq(s_count(ZRELAY_DISCONNECTED), 1);
    s_shut();
}
END_TEST

START_TEST(test_without_reconnect_a_broken_connection_ends_it) {
    s_open();
    zrelay_set_reconnect(st.relay, false);
    s_welcome(3600000);
    s_stop_front();
    s_until(ZRELAY_CLOSED);
    ck_assert_uint_eq(s_count(ZRELAY_DISCONNECTED), 1);
    ck_assert_int_eq(zrelay_timeout(st.relay), -1);
    s_shut();
}
END_TEST

START_TEST(test_multipart_is_not_taken) {
    s_open();
    s_welcome(5000);
    zmq_send(st.front, st.route, st.route_len, ZMQ_SNDMORE);
    zmq_send(st.front, "{\"op\":\"bye\",\"reason\":\"replaced\"}", 32, ZMQ_SNDMORE);
    zmq_send(st.front, "{\"op\":\"bye\",\"reason\":\"replaced\"}", 32, 0);
    s_answer("{'op':'direct','from':'ann','text':'x','time':1}");
    s_until(ZRELAY_DIRECT);
    s_shut();
}
END_TEST

START_TEST(test_close_says_bye_and_ends) {
    s_open();
    s_welcome(5000);
    ck_assert_int_eq(zrelay_close(st.relay), 0);
    s_answer("{'op':'ok','re':%d}", s_expect("bye"));
    s_until(ZRELAY_CLOSED);
    ck_assert_ptr_null(zrelay_next(st.relay, -1));
    ck_assert_int_eq(zrelay_timeout(st.relay), -1);
    ck_assert_int_eq(zrelay_publish(st.relay, "a", "x", 1, NULL), ZRELAY_ESTATE);
    s_shut();
}
END_TEST

START_TEST(test_destroy_after_close_still_sends) {
    s_open();
    s_welcome(5000);
    zrelay_publish(st.relay, "a", "1", 1, NULL);
    zrelay_publish(st.relay, "a", "2", 1, NULL);
    zrelay_close(st.relay);
    zrelay_destroy(st.relay);
    st.relay = zrelay_new(st.front_endpoint); /* another, so that receiving turns something */
    s_receive();
    ck_assert_int_eq(st.frame[0], ZR_TYPE_PUBLISH);
    s_shut();
}
END_TEST

/* Both are watched, so that the broken connection of each is told; the context is whole when they are gone. */
START_TEST(test_sessions_may_share_a_context) {
    s_open();
    ck_assert_int_eq(zrelay_set_context(st.relay, NULL), ZRELAY_EINVAL);
    ck_assert_int_eq(zrelay_set_context(st.relay, st.context), 0);
    ck_assert_int_eq(zrelay_set_context(st.relay, st.context), 0);
    zrelay_t *first = st.relay;
    s_welcome(60000);
    st.relay = zrelay_new(st.front_endpoint);
    ck_assert_int_eq(zrelay_set_context(st.relay, st.context), 0);
    s_welcome(60000);
    ck_assert_int_eq(zrelay_publish(st.relay, "a", "1", 1, NULL), 0);
    s_receive();
    ck_assert_int_eq(st.frame[0], ZR_TYPE_PUBLISH);
    zmq_close(st.front);
    st.front = NULL;
    s_until(ZRELAY_DISCONNECTED);
    zrelay_destroy(st.relay);
    st.relay = first;
    s_until(ZRELAY_DISCONNECTED);
    s_shut(); /* ends only when no socket is left */
}
END_TEST

static void s_on_alarm(int signal) {
    (void)signal;
}

START_TEST(test_a_signal_ends_waiting) {
    s_open();
    s_welcome(60000);
    while (s_turn())
        ;
    struct sigaction action = {.sa_handler = s_on_alarm};
    sigaction(SIGALRM, &action, NULL);
    struct itimerval timer = {.it_value = {.tv_usec = 20000}, .it_interval = {.tv_usec = 20000}};
    setitimer(ITIMER_REAL, &timer, NULL);
    ck_assert_ptr_null(zrelay_next(st.relay, -1));
    setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
    s_shut();
}
END_TEST

START_TEST(test_next_waits_no_longer_than_it_may) {
    s_open();
    uint64_t begin = s_clock();
    ck_assert_ptr_null(zrelay_next(st.relay, 0));
    ck_assert_ptr_null(zrelay_next(st.relay, 30));
    ck_assert_uint_ge(s_clock() - begin, 20);
    ck_assert_uint_lt(s_clock() - begin, PATIENCE_MS / 2);
    s_shut();
}
END_TEST

START_TEST(test_endpoints) {
    const char *bad[] = {"", "tcp://", "tcp://host", "tcp://:1", "tcp://host:", "tcp://host:*", "tcp://host:0",
        "tcp://host:65536", "tcp://host:12x", "host:1", "udp://host:1", "ipc://"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(!zrelay_new(bad[i]), "%s", bad[i]);
    ck_assert_ptr_null(zrelay_new(NULL));
    const char *good[] = {"tcp://127.0.0.1:1", "tcp://[::1]:65535", "tcp://a.example:5570", "ipc:///run/x"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        zrelay_t *relay = zrelay_new(good[i]);
        ck_assert_msg(relay, "%s", good[i]);
        zrelay_destroy(relay);
    }
    zrelay_destroy(NULL);
}
END_TEST

START_TEST(test_options_before_the_start) {
    zrelay_t *relay = zrelay_new("tcp://127.0.0.1:1");
    char agent[66];
    memset(agent, 'x', sizeof agent);
    agent[65] = '\0';
    ck_assert_int_eq(zrelay_set_nick(relay, "a b"), ZRELAY_EINVAL);
    ck_assert_int_eq(zrelay_set_nick(relay, NULL), ZRELAY_EINVAL);
    ck_assert_int_eq(zrelay_set_agent(relay, agent), ZRELAY_EINVAL);
    agent[64] = '\0';
    ck_assert_int_eq(zrelay_set_agent(relay, agent), 0);
    ck_assert_int_eq(zrelay_set_queue(relay, 0, 1), ZRELAY_EINVAL);
    ck_assert_int_eq(zrelay_set_receive_queue(relay, 0), ZRELAY_EINVAL);
    ck_assert_int_eq(zrelay_set_receive_queue(relay, 5), 0);
    ck_assert_int_eq(zrelay_set_reconnect(relay, false), 0);
    ck_assert_int_eq(zrelay_set_packing(relay, 1), 0);
    ck_assert_uint_eq(zrelay_unacked(relay), 0);
    ck_assert_int_eq(zrelay_join(relay, "a", ZRELAY_FROM_NOW, 0), 0); /* starts it */
    ck_assert_int_eq(zrelay_set_nick(relay, "a"), ZRELAY_ESTATE);
    ck_assert_int_eq(zrelay_set_agent(relay, "a"), ZRELAY_ESTATE);
    ck_assert_int_eq(zrelay_set_queue(relay, 1, 1), ZRELAY_ESTATE);
    ck_assert_int_eq(zrelay_set_receive_queue(relay, 5), ZRELAY_ESTATE);
    ck_assert_int_eq(zrelay_set_reconnect(relay, true), ZRELAY_ESTATE);
    ck_assert_int_eq(zrelay_set_packing(relay, 0), ZRELAY_ESTATE);
    ck_assert_int_eq(zrelay_set_context(relay, relay), ZRELAY_ESTATE);
    ck_assert_int_eq(zrelay_set(relay, "a", NULL, "x", 1, NULL), ZRELAY_EINVAL);
    ck_assert_int_eq(zrelay_delete(relay, "a", NULL, NULL), ZRELAY_EINVAL);
    zrelay_destroy(relay);
}
END_TEST

START_TEST(test_words) {
    ck_assert_str_eq(zrelay_version(), ZRELAY_VERSION);
    for (int code = 0; code >= ZRELAY_EMANY; code--)
        ck_assert_str_ne(zrelay_strerror(code), zrelay_strerror(-99));
}
END_TEST

/* --- Encryption --- */

typedef struct {
    char public_key[41], secret_key[41];
} pair_t;

static pair_t s_pair(void) {
    pair_t pair;
    ck_assert_int_eq(zmq_curve_keypair(pair.public_key, pair.secret_key), 0);
    return pair;
}

/* A stage whose broker has that key, or none; without ZAP it takes every client's. */
static void s_open_curve(const pair_t *server) {
    int one = 1;
    memset(&st, 0, sizeof st);
    st.context = zmq_ctx_new();
    st.front = zmq_socket(st.context, ZMQ_ROUTER);
    st.back = zmq_socket(st.context, ZMQ_XPUB);
    void *sockets[] = {st.front, st.back};
    for (int i = 0; server && i < 2; i++) {
        zmq_setsockopt(sockets[i], ZMQ_CURVE_SERVER, &one, sizeof one);
        zmq_setsockopt(sockets[i], ZMQ_CURVE_SECRETKEY, server->secret_key, 41);
    }
    s_bind(st.front, st.front_endpoint, sizeof st.front_endpoint);
    s_bind(st.back, st.back_endpoint, sizeof st.back_endpoint);
    st.relay = zrelay_new(st.front_endpoint);
}

START_TEST(test_both_sockets_are_encrypted) {
    pair_t server = s_pair(), client = s_pair();
    s_open_curve(&server);
    ck_assert_int_eq(zrelay_set_curve(st.relay, server.public_key, client.public_key, client.secret_key), 0);
    s_welcome(5000);
    s_join_a(); /* waits for `synced` over SUB */
    s_live(0, 1, "1", 1);
    s_until(ZRELAY_ENTRY);
    s_shut();
}
END_TEST

/* Told once, and not in a tight loop: libzmq alone would try seven times a second, for ever. */
START_TEST(test_another_server_key) {
    pair_t server = s_pair(), other = s_pair(), client = s_pair();
    s_open_curve(&server);
    ck_assert_int_eq(zrelay_set_curve(st.relay, other.public_key, client.public_key, client.secret_key), 0);
    s_until(ZRELAY_DISCONNECTED);
    ck_assert_str_eq(st.code, "handshake");
    ck_assert_ptr_nonnull(strstr(st.why, "the server's key may not be the one given"));
    s_shut();
}
END_TEST

START_TEST(test_one_side_encrypts) {
    pair_t server = s_pair(), client = s_pair();
    s_open_curve(&server);
    s_until(ZRELAY_DISCONNECTED);
    ck_assert_str_eq(st.code, "mechanism");
    ck_assert_ptr_nonnull(strstr(st.why, "encrypted connections only"));
    s_shut();
    s_open_curve(NULL);
    ck_assert_int_eq(zrelay_set_curve(st.relay, server.public_key, client.public_key, client.secret_key), 0);
    s_until(ZRELAY_DISCONNECTED);
    ck_assert_ptr_nonnull(strstr(st.why, "does not encrypt")); /* whichever end notices first */
    s_shut();
}
END_TEST

START_TEST(test_keys_and_tokens_that_are_none) {
    pair_t server = s_pair(), client = s_pair(), other = s_pair();
    zrelay_t *relay = zrelay_new("tcp://127.0.0.1:1");
    char token[258];
    memset(token, 'x', sizeof token);
    token[257] = '\0';
    const char *public_key = client.public_key, *secret_key = client.secret_key;
    ck_assert_int_eq(zrelay_set_curve(relay, NULL, public_key, secret_key), ZRELAY_EINVAL);
    ck_assert_int_eq(zrelay_set_curve(relay, "short", public_key, secret_key), ZRELAY_EINVAL);
    ck_assert_int_eq(zrelay_set_curve(relay, server.public_key, NULL, secret_key), ZRELAY_EINVAL);
    ck_assert_int_eq(zrelay_set_curve(relay, server.public_key, public_key, NULL), ZRELAY_EINVAL);
    ck_assert_int_eq(zrelay_set_curve(relay, server.public_key, public_key, other.secret_key), ZRELAY_EINVAL);
    ck_assert_int_eq(zrelay_set_login(relay, "a b", "x"), ZRELAY_EINVAL);
    ck_assert_int_eq(zrelay_set_login(relay, NULL, "x"), ZRELAY_EINVAL);
    ck_assert_int_eq(zrelay_set_login(relay, "ann", NULL), ZRELAY_EINVAL);
    ck_assert_int_eq(zrelay_set_login(relay, "ann", ""), ZRELAY_EINVAL);
    ck_assert_int_eq(zrelay_set_login(relay, "ann", "\xff"), ZRELAY_EINVAL);
    ck_assert_int_eq(zrelay_set_login(relay, "ann", token), ZRELAY_EINVAL);
    ck_assert_int_eq(zrelay_set_login(relay, "ann", token + 1), 0);
    ck_assert_int_eq(
        zrelay_set_curve(relay, server.public_key, public_key, secret_key), ZRELAY_EINVAL); /* one of both */
    zrelay_ping(relay, NULL);                                                               /* starts it */
    ck_assert_int_eq(zrelay_set_login(relay, "ann", "x"), ZRELAY_ESTATE);
    ck_assert_int_eq(zrelay_set_curve(relay, server.public_key, public_key, secret_key), ZRELAY_ESTATE);
    zrelay_destroy(relay);

    static const struct {
        const char *server;
        int gives;
    } cases[] = {{"tcp://127.0.0.1:1", 0}, {"tcp://127.1.2.3:1", 0}, {"tcp://[::1]:1", 0}, {"tcp://localhost:1", 0},
        {"ipc:///run/x", 0}, {"tcp://10.0.0.1:1", ZRELAY_EINVAL}, {"tcp://127.example:1", ZRELAY_EINVAL},
        {"tcp://[::12]:1", ZRELAY_EINVAL}, {"tcp://relay.example:1", ZRELAY_EINVAL}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        relay = zrelay_new(cases[i].server); /* the token would be seen on its way */
        ck_assert_msg(zrelay_set_login(relay, "ann", "x") == cases[i].gives, "%s", cases[i].server);
        zrelay_destroy(relay);
    }
}
END_TEST

/* A pause that begins while nothing waits is kept by what is published then, and what waits goes when it ends. */
START_TEST(test_a_pause_in_publishing) {
    s_open();
    s_welcome(60000);
    s_answer("{'op':'error','code':'rate-limited','text':'slow','wait':300}");
    uint64_t request;
    ck_assert_int_eq(zrelay_ping(st.relay, &request), 0);
    s_answer("{'op':'pong','re':%d,'time':1,'heads':{}}", s_expect("ping"));
    s_until(ZRELAY_DONE); /* so it came */
    ck_assert_int_eq(zrelay_publish(st.relay, "a", "1", 1, NULL), 0);
    ck_assert_int_ge(zrelay_timeout(st.relay), 0);
    ck_assert_int_le(zrelay_timeout(st.relay), 300);
    s_receive();
    ck_assert_int_eq(st.frame[0], 1);
    s_shut();
}
END_TEST

UNIT_MAIN("client.lib.zrelay", test_from_hello_to_a_live_entry, test_large_frames_are_shared_and_arrive_whole,
    test_a_lone_message_goes_without_next, test_poll_sleeps_until_there_is_something,
    test_never_blocks_when_the_broker_does_not_read, test_silence_makes_sockets_anew_and_the_descriptor_stays,
    test_a_broken_connection_is_told_at_once, test_a_bye_and_the_end_of_its_connection_are_one_loss,
    test_without_reconnect_a_broken_connection_ends_it, test_multipart_is_not_taken, test_close_says_bye_and_ends,
    test_destroy_after_close_still_sends, test_sessions_may_share_a_context, test_a_signal_ends_waiting,
    test_next_waits_no_longer_than_it_may, test_endpoints, test_options_before_the_start, test_words,
    test_both_sockets_are_encrypted, test_another_server_key, test_one_side_encrypts,
    test_keys_and_tokens_that_are_none, test_a_pause_in_publishing)
