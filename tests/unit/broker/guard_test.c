#include "guard.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "descriptor.h"
#include "unit.h"

enum { PIECE = 64 << 10, ROOM = 4 << 20 };

typedef struct {
    int ours, peer;
} pair_t;

static pair_t s_pair(void) {
    pair_t pair;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    ck_assert(bind(listener, (struct sockaddr *)&address, len) == 0 && listen(listener, 1) == 0);
    ck_assert(getsockname(listener, (struct sockaddr *)&address, &len) == 0);
    pair.peer = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert(connect(pair.peer, (struct sockaddr *)&address, len) == 0);
    pair.ours = accept(listener, NULL, NULL);
    close(listener);
    return pair;
}

/* The peer sends, and somebody reads but takes nothing: true when the connection ended before so many bytes came. */
static bool s_pour(pair_t pair, size_t bytes) {
    static char piece[PIECE];
    for (size_t sent = 0; sent < bytes; sent += PIECE) {
        if (send(pair.peer, piece, PIECE, MSG_NOSIGNAL) != PIECE)
            return true;
        for (ssize_t left = PIECE, got; left > 0; left -= got)
            if ((got = recv(pair.ours, piece, (size_t)left, 0)) <= 0)
                return true;
    }
    return false;
}

static guard_ended_t s_await(guard_t *guard) {
    guard_ended_t ended;
    while (!guard_take(guard, &ended))
        poll(NULL, 0, 1);
    return ended;
}

static void s_open(backlog_t *backlog, int side, int fd) {
    backlog_open(backlog, side, fd, descriptor_handle(fd));
}

START_TEST(test_a_peer_that_is_ahead) {
    backlog_t backlog = {.limits = {{ROOM, ROOM, ROOM, 100 * ROOM}, {0}}};
    backlog_init(&backlog, 1024);
    guard_t *guard = guard_new(&backlog);
    pair_t good = s_pair(), bad = s_pair();
    s_open(&backlog, 0, good.ours);
    s_open(&backlog, 0, bad.ours);
    ck_assert(!s_pour(good, ROOM / 2));
    bool ended = false;
    while (!ended)
        ended = s_pour(bad, PIECE);
    guard_ended_t told = s_await(guard);
    ck_assert_uint_eq(told.connection, descriptor_handle(bad.ours));
    ck_assert_int_eq(told.reason, GUARD_AHEAD);
    ck_assert(!s_pour(good, ROOM / 4));
    guard_destroy(guard);
    guard_destroy(NULL);
    backlog_finish(&backlog);
}
END_TEST

/* Each may have it, but not all at once. */
START_TEST(test_too_much_in_all) {
    backlog_t backlog = {.limits = {{ROOM, ROOM, ROOM, ROOM}, {0}}};
    backlog_init(&backlog, 1024);
    guard_t *guard = guard_new(&backlog);
    pair_t less = s_pair(), most = s_pair();
    s_open(&backlog, 0, less.ours);
    s_open(&backlog, 0, most.ours);
    s_pour(less, ROOM / 4);
    s_pour(most, ROOM - PIECE);
    guard_ended_t told = s_await(guard);
    ck_assert_uint_eq(told.connection, descriptor_handle(most.ours));
    ck_assert_int_eq(told.reason, GUARD_MOST);
    ck_assert(!s_pour(less, PIECE));
    guard_destroy(guard);
    backlog_finish(&backlog);
}
END_TEST

/* Another connection has the descriptor by now: it is let be. */
START_TEST(test_handles) {
    pair_t pair = s_pair();
    uint64_t handle = descriptor_handle(pair.ours);
    ck_assert_int_eq(descriptor_of(handle), pair.ours);
    ck_assert_uint_eq(descriptor_handle(-1), 0);
    ck_assert_uint_eq(descriptor_handle(1 << 20), 0);
    descriptor_end(handle + ((uint64_t)1 << 20));
    descriptor_reset(0);
    ck_assert(!s_pour(pair, PIECE));
    descriptor_end(handle);
    ck_assert(s_pour(pair, PIECE));
}
END_TEST

UNIT_MAIN("broker.guard", test_a_peer_that_is_ahead, test_too_much_in_all, test_handles)
