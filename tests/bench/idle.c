/* The memory of libzmq alone for an idle client. A process has a ROUTER and an XPUB and nothing else. Each client has a
 * DEALER and a SUB, subscribes to two topics and was answered three times. Prints how much the process grew for each,
 * as `zrelay bench connect` does. The memory of zrelayd beyond that is zrelayd's own. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

#include "bench_process.h"

enum { ANSWERS = 3, SIZE = 70, TOPIC = 24, AT_ONCE = 50, HOLD_S = 1 };

typedef struct {
    char front[64], back[64];
} endpoints_t;

static void s_die(const char *what) {
    fprintf(stderr, "idle: %s: %s\n", what, zmq_strerror(zmq_errno()));
    exit(EXIT_FAILURE);
}

static void *s_bind(void *context, int type, char *endpoint, size_t size) {
    void *socket = zmq_socket(context, type);
    int backlog = 4096;
    zmq_setsockopt(socket, ZMQ_BACKLOG, &backlog, sizeof backlog);
    if (zmq_bind(socket, "tcp://127.0.0.1:*") != 0 || zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, endpoint, &size) != 0)
        s_die("cannot bind");
    return socket;
}

static void s_serve(int tell) {
    endpoints_t endpoints;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    void *context = zmq_ctx_new();
    void *front = s_bind(context, ZMQ_ROUTER, endpoints.front, sizeof endpoints.front);
    void *back = s_bind(context, ZMQ_XPUB, endpoints.back, sizeof endpoints.back);
    if (write(tell, &endpoints, sizeof endpoints) != sizeof endpoints)
        s_die("cannot tell");
    zmq_pollitem_t items[] = {{front, 0, ZMQ_POLLIN, 0}, {back, 0, ZMQ_POLLIN, 0}};
    char route[8], text[SIZE];
    for (;;) {
        zmq_poll(items, 2, -1);
        while (zmq_recv(front, route, sizeof route, ZMQ_DONTWAIT) >= 0) {
            zmq_recv(front, text, sizeof text, 0);
            zmq_send(front, route, 5, ZMQ_SNDMORE);
            zmq_send(front, text, sizeof text, 0);
        }
        while (zmq_recv(back, text, sizeof text, ZMQ_DONTWAIT) >= 0)
            ;
    }
}

static void *s_open(void *context, const endpoints_t *endpoints, unsigned number) {
    static const char text[SIZE];
    char own[TOPIC + 1];
    void *dealer = zmq_socket(context, ZMQ_DEALER), *sub = zmq_socket(context, ZMQ_SUB);
    if (!dealer || !sub || zmq_connect(dealer, endpoints->front) != 0 || zmq_connect(sub, endpoints->back) != 0)
        s_die("cannot connect");
    snprintf(own, sizeof own, "%0*u", TOPIC, number);
    zmq_setsockopt(sub, ZMQ_SUBSCRIBE, "one room for all clients", TOPIC);
    zmq_setsockopt(sub, ZMQ_SUBSCRIBE, own, TOPIC);
    for (int i = 0; i < ANSWERS; i++)
        zmq_send(dealer, text, sizeof text, 0);
    return dealer;
}

static void s_await(void *dealer) {
    char text[SIZE];
    for (int i = 0; i < ANSWERS; i++)
        zmq_recv(dealer, text, sizeof text, 0);
}

int main(int argc, char *argv[]) {
    unsigned clients = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1000;
    int pipes[2];
    endpoints_t endpoints;
    pid_t server = pipe(pipes) == 0 ? fork() : -1;
    if (server == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        s_serve(pipes[1]);
    }
    if (server < 0 || read(pipes[0], &endpoints, sizeof endpoints) != sizeof endpoints)
        return EXIT_FAILURE;
    bench_process_begin(); /* here alone: the other is to allocate as any program does */
    if (clients == 0 || !bench_process_fits(clients))
        return EXIT_FAILURE;
    uint64_t before = bench_process_memory((uint64_t)server);
    void *context = zmq_ctx_new();
    void **dealers = calloc(clients, sizeof *dealers);
    zmq_ctx_set(context, ZMQ_MAX_SOCKETS, (int)(2 * clients + 10));
    for (unsigned i = 0; i < clients + AT_ONCE; i++) {
        if (i < clients)
            dealers[i] = s_open(context, &endpoints, i);
        if (i >= AT_ONCE)
            s_await(dealers[i - AT_ONCE]);
    }
    sleep(HOLD_S);
    uint64_t after = bench_process_memory((uint64_t)server);
    printf("idle: %u clients, %.1f KB a client in a bare ROUTER and XPUB\n", clients,
        (double)(after - before) / 1024 / clients);
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    return EXIT_SUCCESS;
}
