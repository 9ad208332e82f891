/* The functions of libc that stand in inflow_calls.c, on real descriptors. */
#include "inflow_calls.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "descriptor.h"
#include "unit.h"

enum { TURN = INFLOW_FRESH, PIECE = 8192 };

static const uint8_t GREETING[ZMTP_GREETING + 8] = "\xff\0\0\0\0\0\0\0\0\x7f\x03\0NULL";

/* A connection as libzmq would have it, and its peer. */
typedef struct {
    inflow_t inflow;
    int listener, peer, ours, poller;
} pair_t;

static void s_listen(pair_t *pair) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    pair->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(pair->listener, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(listen(pair->listener, 8), 0);
}

static void s_connect(pair_t *pair) {
    struct sockaddr_in address;
    socklen_t len = sizeof address;
    ck_assert_int_eq(getsockname(pair->listener, (struct sockaddr *)&address, &len), 0);
    pair->peer = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(connect(pair->peer, (struct sockaddr *)&address, len), 0);
    pair->ours = accept4(pair->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    ck_assert_int_ge(pair->ours, 0);
    struct epoll_event event = {.events = 0, .data.fd = pair->ours};
    ck_assert_int_eq(epoll_ctl(pair->poller, EPOLL_CTL_ADD, pair->ours, &event), 0);
    event.events = EPOLLIN;
    ck_assert_int_eq(epoll_ctl(pair->poller, EPOLL_CTL_MOD, pair->ours, &event), 0);
}

static void s_assert_change(change_kind_t kind, uint64_t connection, inflow_reason_t reason) {
    change_t change;
    ck_assert(inflow_calls_take_change(&change));
    ck_assert_int_eq(change.kind, kind);
    ck_assert_uint_eq(change.connection, connection);
    ck_assert_int_eq(change.reason, reason);
}

static void s_assert_no_change(void) {
    change_t change;
    ck_assert(!inflow_calls_take_change(&change));
}

static pair_t *s_open(int side) {
    pair_t *pair = calloc(1, sizeof *pair);
    inflow_init(&pair->inflow, 1024);
    for (int i = 0; i < INFLOW_SIDES; i++)
        pair->inflow.limits[i] = (inflow_limits_t){
            .first = 3 * TURN, .frame = 1 << 20, .part = 3 * TURN, .turn = TURN, .all = 10 * TURN, .frames = 100};
    pair->inflow.max_incomplete = 10 * TURN;
    inflow_calls_begin(&pair->inflow);
    inflow_calls_bind(side);
    pair->poller = epoll_create1(EPOLL_CLOEXEC);
    s_listen(pair);
    ck_assert_int_eq(inflow_calls_next_listener(0), pair->listener);
    ck_assert_int_eq(inflow_calls_next_listener(pair->listener + 1), -1);
    s_connect(pair);
    ck_assert_int_eq(inflow_side(&pair->inflow, pair->ours), side);
    s_assert_change(CHANGE_CAME, descriptor_handle(pair->ours), INFLOW_FINE);
    return pair;
}

static void s_remove(pair_t *pair) {
    ck_assert_int_eq(epoll_ctl(pair->poller, EPOLL_CTL_DEL, pair->ours, NULL), 0);
    ck_assert_int_eq(inflow_side(&pair->inflow, pair->ours), -1);
    close(pair->ours);
}

static void s_close(pair_t *pair) {
    s_remove(pair);
    epoll_ctl(pair->poller, EPOLL_CTL_DEL, pair->listener, NULL);
    close(pair->peer);
    close(pair->listener);
    close(pair->poller);
    inflow_calls_finish();
    inflow_finish(&pair->inflow);
    free(pair);
}

static void s_say(pair_t *pair, const void *data, size_t len) {
    ck_assert_int_eq(send(pair->peer, data, len, 0), (ssize_t)len);
}

static bool s_is_ready(pair_t *pair, int ms) {
    struct epoll_event event;
    return epoll_wait(pair->poller, &event, 1, ms) == 1;
}

/* The result of one recv, once the poller says that there are bytes. */
static ssize_t s_hear(pair_t *pair) {
    uint8_t data[PIECE];
    ck_assert(s_is_ready(pair, 10000));
    return recv(pair->ours, data, sizeof data, 0);
}

static void s_assert_parked(pair_t *pair) {
    eventfd_t count = 0;
    ck_assert_int_eq(s_hear(pair), -1);
    ck_assert_int_eq(errno, EAGAIN);
    ck_assert(!s_is_ready(pair, 0));
    ck_assert_int_eq(eventfd_read(inflow_calls_fd(), &count), 0);
}

/* A message of 2000 bytes: the turn's room is less. */
TEST(test_turn) {
    uint8_t data[2000] = "\x02\0\0\0\0\0\0\x07\xc7";
    pair_t *pair = s_open(INFLOW_FRONT);
    s_say(pair, GREETING, ZMTP_GREETING);
    ck_assert_int_eq(s_hear(pair), ZMTP_GREETING);
    s_say(pair, data, sizeof data);
    ck_assert_int_eq(s_hear(pair), TURN - ZMTP_GREETING);
    s_assert_parked(pair);
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.fd = pair->ours};
    ck_assert_int_eq(epoll_ctl(pair->poller, EPOLL_CTL_MOD, pair->ours, &event), 0); /* libzmq does not notice */
    ck_assert(!s_is_ready(pair, 0));
    inflow_calls_resume(INFLOW_BACK);
    ck_assert(!s_is_ready(pair, 0));
    inflow_end_turn(&pair->inflow, INFLOW_FRONT);
    inflow_calls_resume(INFLOW_FRONT);
    ck_assert_int_eq(s_hear(pair), TURN);
    s_close(pair);
}

/* It goes on when all of its own was taken, though the turn of others lasts. */
TEST(test_a_connection_of_which_nothing_waits) {
    uint8_t messages[2 * INFLOW_WAITING] = {0};
    pair_t *pair = s_open(INFLOW_FRONT);
    s_say(pair, GREETING, ZMTP_GREETING);
    ck_assert_int_eq(s_hear(pair), ZMTP_GREETING);
    inflow_took(&pair->inflow, pair->ours);
    inflow_end_turn(&pair->inflow, INFLOW_FRONT);
    pair->inflow.frames[INFLOW_FRONT] = 100; /* of others */
    s_say(pair, messages, sizeof messages);
    ck_assert_int_eq(s_hear(pair), (ssize_t)sizeof messages);
    s_say(pair, messages, 2);
    s_assert_parked(pair);
    for (unsigned i = 0; i < INFLOW_WAITING; i++) {
        inflow_calls_took(pair->ours);
        ck_assert(!s_is_ready(pair, 0));
        inflow_took(&pair->inflow, pair->ours);
    }
    inflow_calls_took(pair->ours);
    ck_assert_int_eq(s_hear(pair), 2);
    s_close(pair);
}

TEST(test_close_while_parked) {
    uint8_t data[2000] = "\x02\0\0\0\0\0\0\x07\xc7";
    pair_t *pair = s_open(INFLOW_FRONT);
    s_say(pair, GREETING, ZMTP_GREETING);
    s_say(pair, data, sizeof data);
    while (s_hear(pair) > 0)
        ;
    s_close(pair);
    pair = s_open(INFLOW_FRONT); /* nothing is left of it */
    inflow_calls_resume(INFLOW_FRONT);
    s_close(pair);
}

TEST(test_leave) {
    pair_t *pair = s_open(INFLOW_BACK);
    s_say(pair, GREETING, ZMTP_GREETING);
    s_say(pair, "\x04\x06\x05READY", 8);
    for (ssize_t got = 0; got < ZMTP_GREETING + 8;)
        got += s_hear(pair);
    while (inflow_may_leave(&pair->inflow, pair->ours))
        ;
    shutdown(pair->peer, SHUT_WR);
    s_assert_parked(pair);
    ck_assert_uint_eq(pair->inflow.leaving, 1);
    inflow_calls_let_leave(inflow_let_leave(&pair->inflow, 0));
    ck_assert_uint_eq(pair->inflow.leaving, 0);
    ck_assert_int_eq(s_hear(pair), 0);
    s_close(pair);
}

static const uint8_t CURVE[ZMTP_GREETING + 8] = "\xff\0\0\0\0\0\0\0\0\x7f\x03\0CURVE";

/* Anything that an encrypted reader sends may be such that libzmq ends it. */
TEST(test_an_encrypted_reader_while_none_may_leave) {
    pair_t *pair = s_open(INFLOW_BACK);
    s_say(pair, CURVE, ZMTP_GREETING);
    ck_assert_int_eq(s_hear(pair), ZMTP_GREETING);
    s_say(pair, "\0\1x\0\1x", 6); /* as HELLO and INITIATE */
    ck_assert_int_eq(s_hear(pair), 6);
    while (inflow_may_leave(&pair->inflow, pair->ours))
        ;
    s_say(pair, "\0\1x", 3);
    s_assert_parked(pair);
    ck_assert(inflow_calls_must_leave());
    inflow_calls_let_leave(inflow_let_leave(&pair->inflow, 0));
    while (inflow_may_leave(&pair->inflow, pair->ours)) /* others took all places */
        ;
    ck_assert_int_eq(s_hear(pair), 3); /* it was let in, once */
    s_say(pair, "\0\1x", 3);
    s_assert_parked(pair);
    s_close(pair);
}

/* A newcomer that waits, and whose peer is gone before the handshake, frees its descriptor at once. */
TEST(test_a_newcomer_that_waits_and_goes) {
    pair_t *pair = s_open(INFLOW_BACK);
    uint64_t handle = descriptor_handle(pair->ours);
    pair->inflow.leaving = INFLOW_LEAVING;
    s_say(pair, GREETING, ZMTP_GREETING);
    s_assert_parked(pair);
    ck_assert(inflow_calls_is_arriving(handle));
    inflow_calls_sweep();
    ck_assert(inflow_calls_is_arriving(handle));
    close(pair->peer);
    inflow_calls_sweep();
    ck_assert(!inflow_calls_is_arriving(handle));
    ck_assert_int_eq(s_hear(pair), -1);
    ck_assert_int_eq(errno, ECONNRESET);
    pair->inflow.leaving = 0;
    pair->peer = -1;
    s_close(pair);
}

static struct timespec s_now(void) {
    struct timespec now;
    ck_assert_int_eq(clock_gettime(CLOCK_MONOTONIC, &now), 0);
    return now;
}

static bool s_passes(void) {
    const struct timespec before = s_now();
    for (int i = 0; i < 1000000; i++) {
        const struct timespec now = s_now();
        if (now.tv_sec != before.tv_sec || now.tv_nsec != before.tv_nsec)
            return true;
    }
    return false;
}

static void *s_watch(void *passes) {
    *(bool *)passes = s_passes();
    return NULL;
}

TEST(test_time_stands_still_where_connections_are) {
    pair_t *pair = s_open(INFLOW_BACK);
    ck_assert(!s_passes());
    pthread_t other;
    bool passes;
    ck_assert_int_eq(pthread_create(&other, NULL, s_watch, &passes), 0);
    ck_assert_int_eq(pthread_join(other, NULL), 0);
    ck_assert(passes);
    s_say(pair, GREETING, ZMTP_GREETING);
    struct epoll_event event;
    ck_assert_int_eq(epoll_wait(pair->poller, &event, 1, 1), 1); /* a timer's time would not come, so it waits on */
    inflow_calls_start_time();
    ck_assert(s_passes());
    s_close(pair);
    ck_assert(s_passes());
}

/* Its messages may wait to be taken, so the next connection gets another descriptor. */
TEST(test_a_descriptor_is_not_used_at_once) {
    pair_t *pair = s_open(INFLOW_BACK);
    int before = pair->ours;
    uint64_t handle = descriptor_handle(before);
    s_remove(pair);
    close(pair->peer);
    s_connect(pair);
    ck_assert_int_ne(pair->ours, before);
    s_assert_change(CHANGE_GONE, handle, INFLOW_FINE);
    s_assert_change(CHANGE_CAME, descriptor_handle(pair->ours), INFLOW_FINE);
    inflow_release(&pair->inflow, before);
    inflow_end_turn(&pair->inflow, INFLOW_BACK);
    s_remove(pair);
    close(pair->peer);
    s_connect(pair);
    ck_assert_int_eq(pair->ours, before);
    s_close(pair);
}

/* libzmq found a fault in what the reader sent, and ends it without having asked. */
TEST(test_a_reader_that_libzmq_ends) {
    pair_t *pair = s_open(INFLOW_BACK);
    s_say(pair, GREETING, ZMTP_GREETING);
    s_say(pair, "\x04\x06\x05READY\0\1\1", 11);
    for (ssize_t got = 0; got < ZMTP_GREETING + 11;)
        got += s_hear(pair);
    inflow_took(&pair->inflow, pair->ours);
    uint64_t handle = descriptor_handle(pair->ours);
    unsigned leaves = pair->inflow.leaves;
    s_remove(pair);
    s_assert_change(CHANGE_ENDED, handle, INFLOW_BROKEN);
    s_assert_change(CHANGE_GONE, handle, INFLOW_FINE);
    ck_assert_uint_eq(pair->inflow.leaves, leaves - 1);
    close(pair->peer);
    s_connect(pair);
    s_close(pair);
}

TEST(test_parts) {
    pair_t *pair = s_open(INFLOW_FRONT);
    s_say(pair, GREETING, ZMTP_GREETING);
    s_say(pair, "\x01\0", 2);
    ssize_t got;
    while ((got = s_hear(pair)) > 0)
        ;
    ck_assert_int_eq(got, -1);
    ck_assert_int_eq(errno, ECONNRESET);
    s_assert_change(CHANGE_ENDED, descriptor_handle(pair->ours), INFLOW_PARTS);
    s_assert_no_change();
    s_say(pair, "\0\0", 2);
    ck_assert_int_eq(s_hear(pair), -1); /* whatever comes now */
    s_close(pair);
}

TEST(test_sweep) {
    uint8_t data[TURN] = "\x02\0\0\0\0\0\0\x07\xc7";
    pair_t *pair = s_open(INFLOW_FRONT);
    pair->inflow.limits[INFLOW_FRONT].first = TURN / 2;
    s_say(pair, GREETING, ZMTP_GREETING);
    s_say(pair, data, sizeof data);
    while (s_hear(pair) > 0)
        ;
    inflow_end_turn(&pair->inflow, INFLOW_FRONT);
    inflow_calls_sweep();
    s_assert_change(CHANGE_ENDED, descriptor_handle(pair->ours), INFLOW_INCOMPLETE);
    inflow_calls_resume(INFLOW_FRONT);
    ck_assert_int_eq(s_hear(pair), -1);
    s_close(pair);
}

TEST(test_others_are_let_be) {
    int ends[2];
    uint8_t data[8];
    pair_t *pair = s_open(INFLOW_FRONT);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    ck_assert_int_eq(send(ends[0], "\x01\0\x01\0", 4, 0), 4);
    ck_assert_int_eq(recv(ends[1], data, sizeof data, 0), 4);
    close(ends[0]);
    ck_assert_int_eq(recv(ends[1], data, sizeof data, 0), 0);
    close(ends[1]);
    s_close(pair);
}

/* The events that the kernel knows for the connection; 0: it is not in the set. */
static unsigned s_kernel_knows(const pair_t *pair) {
    char path[64], line[256];
    unsigned events = 0, found = 0;
    int fd;
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", pair->poller);
    FILE *file = fopen(path, "re");
    ck_assert_ptr_nonnull(file);
    while (fgets(line, sizeof line, file))
        if (sscanf(line, "tfd: %d events: %x", &fd, &events) == 2 && fd == pair->ours)
            found = events & (EPOLLIN | EPOLLOUT);
    fclose(file);
    return found;
}

static void s_want(pair_t *pair, uint32_t events) {
    struct epoll_event event = {.events = events, .data.fd = pair->ours};
    ck_assert_int_eq(epoll_ctl(pair->poller, EPOLL_CTL_MOD, pair->ours, &event), 0);
}

/* What the next wait tells at once, if anything. */
static uint32_t s_told(pair_t *pair) {
    struct epoll_event event = {0};
    return epoll_wait(pair->poller, &event, 1, 0) == 1 && event.data.fd == pair->ours ? event.events : 0;
}

TEST(test_a_write_that_is_done_at_once_costs_the_kernel_nothing) {
    pair_t *pair = s_open(INFLOW_FRONT);
    ck_assert_uint_eq(s_told(pair), 0);
    for (int i = 0; i < 3; i++) {
        s_want(pair, EPOLLIN | EPOLLOUT);
        ck_assert_uint_eq(s_told(pair), EPOLLOUT);
        s_want(pair, EPOLLIN);
        ck_assert_uint_eq(s_kernel_knows(pair), EPOLLIN);
    }
    ck_assert_uint_eq(s_told(pair), 0);
    ck_assert_uint_eq(s_kernel_knows(pair), EPOLLIN);
    s_close(pair);
}

TEST(test_a_write_that_is_not_done_waits_in_the_kernel) {
    static uint8_t much[1 << 20];
    pair_t *pair = s_open(INFLOW_FRONT);
    while (send(pair->ours, much, sizeof much, MSG_DONTWAIT) > 0)
        ;
    s_want(pair, EPOLLIN | EPOLLOUT);
    ck_assert_uint_eq(s_told(pair), EPOLLOUT); /* a try, */
    ck_assert_uint_eq(s_told(pair), 0);        /* and no more: it is full */
    ck_assert_uint_eq(s_kernel_knows(pair), EPOLLIN | EPOLLOUT);
    ck_assert_uint_eq(s_told(pair), 0);
    while (recv(pair->peer, much, sizeof much, 0) > 0 && !s_told(pair))
        ;
    ck_assert_uint_eq(s_told(pair), EPOLLOUT);
    s_want(pair, EPOLLIN);
    ck_assert_uint_eq(s_told(pair), 0);
    ck_assert_uint_eq(s_kernel_knows(pair), EPOLLIN);
    s_close(pair);
}

TEST(test_a_try_hides_nothing_that_came) {
    pair_t *pair = s_open(INFLOW_FRONT);
    s_say(pair, GREETING, ZMTP_GREETING);
    ck_assert(s_is_ready(pair, 10000));
    s_want(pair, EPOLLIN | EPOLLOUT);
    ck_assert_uint_eq(s_told(pair), EPOLLOUT);
    s_want(pair, EPOLLIN);
    ck_assert_uint_eq(s_told(pair), EPOLLIN);
    s_close(pair);
}

TEST(test_changes_of_a_parked_connection) {
    uint8_t data[2000] = "\x02\0\0\0\0\0\0\x07\xc7";
    pair_t *pair = s_open(INFLOW_FRONT);
    s_say(pair, GREETING, ZMTP_GREETING);
    ck_assert_int_eq(s_hear(pair), ZMTP_GREETING);
    s_say(pair, data, sizeof data);
    ck_assert_int_eq(s_hear(pair), TURN - ZMTP_GREETING);
    s_want(pair, EPOLLIN | EPOLLOUT); /* it is parked before the thread waits */
    ck_assert_int_eq(recv(pair->ours, data, sizeof data, 0), -1);
    ck_assert(!s_is_ready(pair, 0));
    ck_assert_uint_eq(s_kernel_knows(pair), 0);
    s_want(pair, EPOLLIN);
    inflow_end_turn(&pair->inflow, INFLOW_FRONT);
    inflow_calls_resume(INFLOW_FRONT); /* before the thread waits again */
    ck_assert_uint_eq(s_kernel_knows(pair), EPOLLIN);
    ck_assert_int_eq(s_hear(pair), TURN);
    s_close(pair);
}

TEST(test_a_connection_that_ends_with_a_change) {
    pair_t *pair = s_open(INFLOW_FRONT);
    s_want(pair, EPOLLIN | EPOLLOUT);
    s_close(pair);
    pair = s_open(INFLOW_FRONT); /* most likely with the same descriptors */
    ck_assert(!s_is_ready(pair, 0));
    s_want(pair, EPOLLIN | EPOLLOUT);
    ck_assert(s_is_ready(pair, 0));
    s_close(pair);
}

TEST(test_getpid_follows_a_fork) {
    int code;
    pid_t ours = getpid();
    ck_assert_int_eq(ours, (pid_t)syscall(SYS_getpid));
    ck_assert_int_eq(getpid(), ours);
    pid_t child = fork();
    if (child == 0)
        _exit(getpid() == (pid_t)syscall(SYS_getpid) && getpid() != ours ? 0 : 1);
    ck_assert_int_eq(waitpid(child, &code, 0), child);
    ck_assert_int_eq(code, 0);
    ck_assert_int_eq(getpid(), ours);
}

UNIT_SUITE("broker.inflow_calls")
