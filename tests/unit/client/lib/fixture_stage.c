/* See fixture_stage.h. */
#include "fixture_stage.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <zmq.h>

#include "control.h"
#include "wire.h"

#define EPOCH "00000000000000e1"

stage_t stage;

uint64_t stage_clock(void) {
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

void stage_open_curve(const char *secret_key) {
    int one = 1;
    memset(&stage, 0, sizeof stage);
    stage.context = zmq_ctx_new();
    stage.front = zmq_socket(stage.context, ZMQ_ROUTER);
    stage.back = zmq_socket(stage.context, ZMQ_XPUB);
    void *sockets[] = {stage.front, stage.back};
    for (int i = 0; secret_key && i < 2; i++) {
        zmq_setsockopt(sockets[i], ZMQ_CURVE_SERVER, &one, sizeof one);
        zmq_setsockopt(sockets[i], ZMQ_CURVE_SECRETKEY, secret_key, 41);
    }
    s_bind(stage.front, stage.front_endpoint, sizeof stage.front_endpoint);
    s_bind(stage.back, stage.back_endpoint, sizeof stage.back_endpoint);
    stage.relay = zrelay_new(stage.front_endpoint);
    ck_assert_ptr_nonnull(stage.relay);
}

void stage_open(void) {
    stage_open_curve(NULL);
}

void stage_shut(void) {
    zrelay_destroy(stage.relay);
    if (stage.front)
        zmq_close(stage.front);
    zmq_close(stage.back);
    zmq_ctx_term(stage.context);
}

void stage_stop_front(void) {
    zmq_close(stage.front);
    stage.front = NULL;
}

void stage_start_front(void) {
    int zero = 0;
    stage.front = zmq_socket(stage.context, ZMQ_ROUTER);
    zmq_setsockopt(stage.front, ZMQ_LINGER, &zero, sizeof zero);
    for (uint64_t end = stage_clock() + STAGE_PATIENCE_MS; zmq_bind(stage.front, stage.front_endpoint) != 0;)
        ck_assert_uint_lt(stage_clock(), end); /* the old socket closes in its own time */
}

bool stage_turn(void) {
    const zrelay_event_t *event = zrelay_next(stage.relay, 0);
    if (!event)
        return false;
    ck_assert_uint_lt(stage.count, 4096);
    stage.types[stage.count++] = event->type;
    if (event->type == ZRELAY_ENTRY)
        snprintf(stage.body, sizeof stage.body, "%.*s", (int)event->body_len, (const char *)event->body);
    if (event->type == ZRELAY_DISCONNECTED)
        snprintf(stage.why, sizeof stage.why, "%s", event->text);
    if (event->type == ZRELAY_DISCONNECTED)
        snprintf(stage.code, sizeof stage.code, "%s", event->code ? event->code : "");
    return true;
}

void stage_until(zrelay_event_type_t type) {
    for (uint64_t end = stage_clock() + STAGE_PATIENCE_MS;;) {
        size_t before = stage.count;
        if (stage_turn()) {
            if (stage.types[before] == type)
                return;
            continue;
        }
        ck_assert_msg(stage_clock() < end, "event %d did not come", (int)type);
        struct pollfd fd = {zrelay_fd(stage.relay), POLLIN, 0};
        poll(&fd, 1, zrelay_timeout(stage.relay));
    }
}

void stage_receive(void) {
    for (uint64_t end = stage_clock() + STAGE_PATIENCE_MS;;) {
        int len = zmq_recv(stage.front, stage.route, sizeof stage.route, ZMQ_DONTWAIT);
        if (len > 0) {
            stage.route_len = (size_t)len;
            break;
        }
        ck_assert_msg(stage_clock() < end, "no frame came");
        if (stage_turn())
            continue;
        zmq_pollitem_t items[] = {{stage.front, 0, ZMQ_POLLIN, 0}, {NULL, zrelay_fd(stage.relay), ZMQ_POLLIN, 0}};
        int timeout = zrelay_timeout(stage.relay);
        zmq_poll(items, 2, timeout < 0 || timeout > 1000 ? 1000 : timeout);
    }
    int len = zmq_recv(stage.front, stage.frame, sizeof stage.frame - 1, 0);
    ck_assert_int_ge(len, 0);
    stage.frame_len = (size_t)len;
    stage.frame[len] = '\0';
    int more;
    size_t size = sizeof more;
    zmq_getsockopt(stage.front, ZMQ_RCVMORE, &more, &size);
    ck_assert_int_eq(more, 0); /* one message is one frame */
}

int stage_expect(const char *op) {
    json_t *object;
    stage_receive();
    ck_assert_msg(zr_control_read(zr_span_of(stage.frame, stage.frame_len), &object) == ZR_OK, "not control");
    ck_assert_str_eq(json_string_value(json_object_get(object, "op")), op);
    int id = (int)json_integer_value(json_object_get(object, "id"));
    json_decref(object);
    return id;
}

void stage_send(const void *data, size_t len) {
    zmq_send(stage.front, stage.route, stage.route_len, ZMQ_SNDMORE);
    zmq_send(stage.front, data, len, 0);
}

void stage_answer(const char *format, ...) {
    char text[2048];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    unit_quotes(text);
    stage_send(text, (size_t)len);
}

void stage_welcome(int heartbeat) {
    int id = stage_expect("hello");
    stage_answer("{'op':'welcome','re':%d,'epoch':'" EPOCH "','nick':'me','resume':'t','resumed':false,'back':'%s',"
                 "'heartbeat':%d,'limits':{'entries':%d,'window':1000000000}}",
        id, stage.back_endpoint, heartbeat, 2);
    stage_until(ZRELAY_CONNECTED);
}

void stage_sync(void) {
    for (uint64_t end = stage_clock() + STAGE_PATIENCE_MS;;) {
        uint8_t topic[256];
        int len = zmq_recv(stage.back, topic, sizeof topic, ZMQ_DONTWAIT);
        if (len > 2 && topic[0] == 1 && topic[1] == 0xff) {
            char answer[300];
            memcpy(answer, topic + 1, (size_t)len - 1);
            int more = sprintf(answer + len - 1, "{\"op\":\"synced\",\"epoch\":\"" EPOCH "\"}");
            zmq_send(stage.back, answer, (size_t)(len - 1 + more), 0);
            return;
        }
        ck_assert_msg(stage_clock() < end, "no subscription came");
        if (len < 0 && !stage_turn()) {
            zmq_pollitem_t items[] = {{stage.back, 0, ZMQ_POLLIN, 0}, {NULL, zrelay_fd(stage.relay), ZMQ_POLLIN, 0}};
            zmq_poll(items, 2, 100);
        }
    }
}

void stage_live(uint64_t prev, uint64_t seq, const void *body, size_t len) {
    zr_buffer_t out = {0};
    zr_deliver_begin(&out, zr_span("a"), 0, 0xe1, prev);
    zr_deliver_add(&out, &(zr_entry_t){.seq = seq, .sender = zr_span("ann"), .body = zr_span_of(body, len)});
    zmq_send(stage.back, out.data, out.len, 0);
    zr_buffer_finish(&out);
}

void stage_join_a(void) {
    ck_assert_int_eq(zrelay_join(stage.relay, "a", ZRELAY_FROM_NOW, 0), 0);
    stage_sync();
    stage_answer("{'op':'joined','re':%d,'room':'a','seq':0,'oldest':0,'version':1,'count':1}", stage_expect("join"));
    stage_until(ZRELAY_JOINED);
}
