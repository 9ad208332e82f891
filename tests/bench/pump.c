/* The smallest relay over libzmq: each frame that comes to a ROUTER goes out of a PUB. It has no rooms, no order, no
 * acks and no log. The costs of zrelayd beyond it are zrelayd's own. Prints its endpoints; runs until it is killed.
 *
 * With "one-thread" the relay runs in libzmq's I/O thread, before that waits. So no thread of the pump wakes another,
 * and the difference shows what such a wake-up costs.
 * Usage: pump [one-thread] */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include <zmq.h>

enum { BATCH = 1000 };

static void *s_front, *s_back;
static atomic_bool s_one_thread;

static void *s_bind(void *context, int type, char *endpoint, size_t size) {
    void *socket = zmq_socket(context, type);
    int zero = 0;
    zmq_setsockopt(socket, ZMQ_SNDHWM, &zero, sizeof zero);
    zmq_setsockopt(socket, ZMQ_RCVHWM, &zero, sizeof zero);
    if (zmq_bind(socket, "tcp://127.0.0.1:*") != 0 || zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, endpoint, &size) != 0) {
        fprintf(stderr, "pump: %s\n", zmq_strerror(zmq_errno()));
        exit(EXIT_FAILURE);
    }
    return socket;
}

/* False: nothing was there. */
static bool s_relay(zmq_msg_t *message, int flags) {
    if (zmq_msg_recv(message, s_front, flags) < 0)
        return false;
    if (!zmq_msg_more(message)) /* else it is the routing id */
        zmq_msg_send(message, s_back, 0);
    return true;
}

static bool s_is_io_thread(void) {
    static _Thread_local enum { UNKNOWN, YES, NO } is;
    char name[16] = "";
    if (is == UNKNOWN && pthread_getname_np(pthread_self(), name, sizeof name) == 0)
        is = strstr(name, "/IO/") ? YES : NO;
    return is == YES;
}

/* libzmq calls this one. */
__attribute__((visibility("default"), used)) int epoll_wait(
    int poller, struct epoll_event *events, int most, int timeout) {
    zmq_msg_t message;
    if (atomic_load(&s_one_thread) && s_is_io_thread()) {
        zmq_msg_init(&message);
        for (int i = 0; i < BATCH && s_relay(&message, ZMQ_DONTWAIT); i++)
            ;
        zmq_msg_close(&message);
    }
    return epoll_pwait(poller, events, most, timeout, NULL);
}

int main(int argc, char *argv[]) {
    char front_endpoint[64], back_endpoint[64];
    void *context = zmq_ctx_new();
    s_front = s_bind(context, ZMQ_ROUTER, front_endpoint, sizeof front_endpoint);
    s_back = s_bind(context, ZMQ_PUB, back_endpoint, sizeof back_endpoint);
    atomic_store(&s_one_thread, argc > 1 && strcmp(argv[1], "one-thread") == 0);
    printf("pump listening on %s, back %s\n", front_endpoint, back_endpoint);
    fflush(stdout);
    while (atomic_load(&s_one_thread))
        pause();
    zmq_msg_t message;
    zmq_msg_init(&message);
    for (;;)
        s_relay(&message, 0);
}
