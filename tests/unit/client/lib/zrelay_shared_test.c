/* Sessions that share a context have one I/O thread together. */
#include <dirent.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

#include "fixture_stage.h"

enum { SESSIONS = 8, LIBZMQ = 2 /* its threads of a context: I/O, and one that closes sockets */ };

static int s_threads(void) {
    int count = 0;
    DIR *folder = opendir("/proc/self/task");
    ck_assert_ptr_nonnull(folder);
    for (struct dirent *entry; (entry = readdir(folder));)
        count += entry->d_name[0] != '.';
    closedir(folder);
    return count;
}

/* Threads end some time after they were joined. */
static void s_await_threads(int count) {
    for (uint64_t end = stage_clock() + STAGE_PATIENCE_MS; s_threads() != count;)
        ck_assert_msg(stage_clock() < end, "%d threads, and not %d", s_threads(), count);
}

/* Until the broker has a hello of each of them. */
static void s_await_hellos(zrelay_t **relays, size_t count) {
    for (size_t hellos = 0; hellos < count;) {
        for (size_t i = 0; i < count; i++)
            zrelay_next(relays[i], 1);
        zmq_pollitem_t item = {stage.front, 0, ZMQ_POLLIN, 0};
        while (zmq_poll(&item, 1, 0) > 0) {
            stage_receive();
            hellos += memmem(stage.frame, stage.frame_len, "\"hello\"", 7) != NULL;
        }
    }
}

static void s_open_all(zrelay_t **relays, bool shared) {
    for (size_t i = 0; i < SESSIONS; i++) {
        relays[i] = zrelay_new(stage.front_endpoint);
        ck_assert_ptr_nonnull(relays[i]);
        if (shared)
            ck_assert_int_eq(zrelay_share_context(relays[i]), 0);
    }
}

static void s_destroy_all(zrelay_t **relays) {
    for (size_t i = 0; i < SESSIONS; i++)
        zrelay_destroy(relays[i]);
}

TEST(test_sessions_share_threads) {
    zrelay_t *relays[SESSIONS];
    stage_open(); /* its own session keeps the library's guard alive */
    int before = s_threads();
    s_open_all(relays, true);
    ck_assert_int_eq(s_threads(), before); /* none before the first socket */
    s_await_hellos(relays, SESSIONS);
    ck_assert_int_eq(s_threads(), before + LIBZMQ);
    s_destroy_all(relays);
    s_open_all(relays, true); /* the context is still there */
    s_await_hellos(relays, SESSIONS);
    ck_assert_int_eq(s_threads(), before + LIBZMQ);
    s_destroy_all(relays);
    stage_shut();
}

TEST(test_others_have_their_own) {
    zrelay_t *relays[SESSIONS];
    stage_open();
    int before = s_threads();
    s_open_all(relays, false);
    s_await_hellos(relays, SESSIONS);
    ck_assert_int_eq(s_threads(), before + SESSIONS * LIBZMQ);
    s_destroy_all(relays);
    stage_shut();
}

TEST(test_the_context_ends_with_the_last_session) {
    zrelay_t *relays[SESSIONS];
    stage_open();
    zrelay_destroy(stage.relay);
    stage.relay = NULL;
    int before = s_threads();
    s_open_all(relays, true);
    s_await_hellos(relays, SESSIONS);
    s_destroy_all(relays);
    s_await_threads(before);
    stage_shut();
}

TEST(test_a_forked_child_has_a_context_of_its_own) {
    zrelay_t *relays[SESSIONS];
    int code;
    stage_open();
    s_open_all(relays, true);
    s_await_hellos(relays, SESSIONS);
    pid_t child = fork();
    if (child == 0) {
        for (size_t i = 0; i < SESSIONS; i++)
            zrelay_destroy(relays[i]);
        zrelay_t *relay = zrelay_new(stage.front_endpoint);
        if (!relay || zrelay_share_context(relay) != 0)
            _exit(1);
        zrelay_next(relay, 100); /* connects, by threads of its own */
        int threads = s_threads();
        zrelay_destroy(relay);
        _exit(threads == 1 + 1 + LIBZMQ ? 0 : 10 + threads); /* and the guard */
    }
    ck_assert_int_eq(waitpid(child, &code, 0), child);
    ck_assert_int_eq(code, 0);
    s_destroy_all(relays);
    stage_shut();
}

TEST(test_when_it_can_be_chosen) {
    stage_open();
    ck_assert_int_eq(zrelay_share_context(NULL), ZRELAY_EINVAL);
    ck_assert_int_eq(zrelay_share_context(stage.relay), 0);
    ck_assert_int_eq(zrelay_share_context(stage.relay), 0);
    zrelay_ping(stage.relay, NULL);
    ck_assert_int_eq(zrelay_share_context(stage.relay), ZRELAY_ESTATE); /* the session has begun */
    stage_shut();
}

UNIT_SUITE("client.lib.zrelay_shared")
