/* The smallest relay over libzmq: each frame that comes to a ROUTER goes out of a PUB. It has no rooms, no order, no
 * acks and no log. The costs of zrelayd beyond it are zrelayd's own. Prints its endpoints; runs until it is killed. */
#include <stdio.h>
#include <stdlib.h>
#include <zmq.h>

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

int main(void) {
    char front_endpoint[64], back_endpoint[64];
    void *context = zmq_ctx_new();
    void *front = s_bind(context, ZMQ_ROUTER, front_endpoint, sizeof front_endpoint);
    void *back = s_bind(context, ZMQ_PUB, back_endpoint, sizeof back_endpoint);
    printf("pump listening on %s, back %s\n", front_endpoint, back_endpoint);
    fflush(stdout);
    zmq_msg_t message;
    zmq_msg_init(&message);
    for (;;) {
        if (zmq_msg_recv(&message, front, 0) < 0)
            continue;
        if (zmq_msg_more(&message)) /* the routing id */
            continue;
        zmq_msg_send(&message, back, 0);
    }
}
