/* What a program does wrong, and what the system does not have: errors, and never the end of the process. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

#include "fixture_stage.h"

/* --- Why there is no event --- */

static void s_on_alarm(int signal) {
    (void)signal;
}

TEST(test_next_says_why_there_is_no_event) {
    stage_open();
    stage_welcome(60000);
    while (stage_turn())
        ;
    errno = 0;
    ck_assert_ptr_null(zrelay_next(stage.relay, 0));
    ck_assert_int_eq(errno, ETIMEDOUT);
    ck_assert_ptr_null(zrelay_next(stage.relay, 10));
    ck_assert_int_eq(errno, ETIMEDOUT);
    struct sigaction action = {.sa_handler = s_on_alarm};
    sigaction(SIGALRM, &action, NULL);
    struct itimerval timer = {.it_value = {.tv_usec = 20000}, .it_interval = {.tv_usec = 20000}};
    setitimer(ITIMER_REAL, &timer, NULL);
    ck_assert_ptr_null(zrelay_next(stage.relay, -1));
    ck_assert_int_eq(errno, EINTR);
    setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
    zrelay_close(stage.relay);
    stage_answer("{'op':'ok','re':%d}", stage_expect("bye"));
    stage_until(ZRELAY_CLOSED);
    ck_assert_ptr_null(zrelay_next(stage.relay, -1));
    ck_assert_int_eq(errno, ESHUTDOWN);
    ck_assert_ptr_null(zrelay_next(NULL, -1));
    ck_assert_int_eq(errno, EINVAL);
    stage_shut();
}

/* --- Arguments --- */

TEST(test_no_session_is_an_error) {
    errno = 0;
    ck_assert_ptr_null(zrelay_new("nonsense"));
    ck_assert_int_eq(errno, EINVAL);
    ck_assert_int_eq(zrelay_set_nick(NULL, "a"), ZRELAY_EINVAL);
    ck_assert_int_eq(zrelay_set_agent(NULL, "a"), ZRELAY_EINVAL);
    ck_assert_int_eq(zrelay_set_queue(NULL, 1, 1), ZRELAY_EINVAL);
    ck_assert_int_eq(zrelay_set_receive_queue(NULL, 65536), ZRELAY_EINVAL);
    ck_assert_int_eq(zrelay_set_reconnect(NULL, true), ZRELAY_EINVAL);
    ck_assert_int_eq(zrelay_set_packing(NULL, 1), ZRELAY_EINVAL);
    ck_assert_int_eq(zrelay_set_context(NULL, NULL), ZRELAY_EINVAL);
    ck_assert_int_eq(zrelay_set_curve(NULL, "", "", ""), ZRELAY_EINVAL);
    ck_assert_int_eq(zrelay_set_curve_file(NULL, "", "", NULL), ZRELAY_EINVAL);
    ck_assert_int_eq(zrelay_set_login(NULL, "a", "b"), ZRELAY_EINVAL);
    ck_assert_int_eq(zrelay_rename(NULL, "a"), ZRELAY_EINVAL);
    ck_assert_int_eq(zrelay_close(NULL), ZRELAY_EINVAL);
    ck_assert_int_eq(zrelay_reconnect(NULL), ZRELAY_EINVAL);
    ck_assert_int_eq(zrelay_join(NULL, "a", ZRELAY_FROM_NOW, 0), ZRELAY_EINVAL);
    ck_assert_int_eq(zrelay_leave(NULL, "a"), ZRELAY_EINVAL);
    ck_assert_int_eq(zrelay_publish(NULL, "a", "b", 1, NULL), ZRELAY_EINVAL);
    ck_assert_int_eq(zrelay_history(NULL, "a", 0, 0, 0, NULL), ZRELAY_EINVAL);
    ck_assert_int_eq(zrelay_ping(NULL, NULL), ZRELAY_EINVAL);
    ck_assert_uint_eq(zrelay_unacked(NULL), 0);
    ck_assert_int_eq(zrelay_fd(NULL), -1);
    ck_assert_int_eq(zrelay_timeout(NULL), -1);
    zrelay_destroy(NULL);
}

/* One of 0x80 bytes and more is too long for any name; the others are no UTF-8, or hold what no frame can. */
static const char *const s_bad[] = {NULL, "", "\xff", "a\xc3", "\xed\xa0\x80", "a b", "{", "\x01", "e\xcc\x81", NULL};
static char s_long[70000];

static const char *s_nth(size_t i) {
    return i == sizeof s_bad / sizeof *s_bad - 1 ? s_long : s_bad[i];
}

/* Text of a direct message, a reason and a prefix may be more than names may, so some of these are good. */
static void s_ask_all(zrelay_t *relay, const char *text) {
    zrelay_join(relay, text, ZRELAY_FROM_NOW, 0);
    zrelay_leave(relay, text);
    zrelay_rename(relay, text);
    zrelay_publish(relay, text, "x", 1, NULL);
    zrelay_set(relay, "a", text, "x", 1, NULL);
    zrelay_delete(relay, "a", text, NULL);
    zrelay_compare_and_set(relay, "a", text, 0, "x", 1, NULL);
    zrelay_history(relay, text, 0, 0, 0, NULL);
    zrelay_state(relay, text, NULL, NULL);
    zrelay_state(relay, "a", text, NULL);
    zrelay_who(relay, text, NULL);
    zrelay_rooms(relay, text, NULL);
    zrelay_direct(relay, text, "x", NULL);
    zrelay_direct(relay, "a", text, NULL);
    zrelay_admin(relay, text, "a", NULL, NULL);
    zrelay_admin(relay, "kick", text, NULL, NULL);
    zrelay_admin(relay, "ban", "a", text, NULL);
}

TEST(test_bad_texts_are_errors) {
    memset(s_long, 'x', sizeof s_long - 1);
    stage_open();
    stage_welcome(60000);
    for (size_t i = 0; i < sizeof s_bad / sizeof *s_bad; i++) {
        s_ask_all(stage.relay, s_nth(i));
        ck_assert_int_eq(zrelay_join(stage.relay, s_nth(i), ZRELAY_FROM_NOW, 0), ZRELAY_EINVAL);
        ck_assert_int_eq(zrelay_publish(stage.relay, s_nth(i), "x", 1, NULL), ZRELAY_EINVAL);
        ck_assert_int_eq(zrelay_who(stage.relay, s_nth(i), NULL), ZRELAY_EINVAL);
        while (stage_turn()) /* frames of good ones are written */
            ;
    }
    stage_shut();
}

TEST(test_bad_numbers_are_errors) {
    stage_open();
    zrelay_t *relay = stage.relay;
    ck_assert_int_eq(zrelay_set_queue(relay, SIZE_MAX, SIZE_MAX), 0);
    ck_assert_int_eq(zrelay_set_packing(relay, SIZE_MAX), 0);
    stage_welcome(60000);
    ck_assert_int_eq(zrelay_publish(relay, "a", NULL, 1, NULL), ZRELAY_EINVAL);
    ck_assert_int_eq(zrelay_publish(relay, "a", "x", SIZE_MAX, NULL), ZRELAY_ELARGE);
    ck_assert_int_eq(zrelay_publish(relay, "a", "x", (size_t)UINT32_MAX + 1, NULL), ZRELAY_ELARGE);
    ck_assert_int_eq(zrelay_compare_and_set(relay, "a", "k", 0, NULL, 1, NULL), ZRELAY_EINVAL);
    ck_assert_int_eq(zrelay_compare_and_set(relay, "a", "k", UINT64_MAX, "x", 1, NULL), ZRELAY_EINVAL);
    ck_assert_int_eq(zrelay_join(relay, "a", -1, 0), ZRELAY_EINVAL);
    ck_assert_int_eq(zrelay_join(relay, "a", INT_MAX, 0), ZRELAY_EINVAL);
    ck_assert_int_eq(zrelay_join(relay, "a", ZRELAY_FROM_AFTER, UINT64_MAX), ZRELAY_EINVAL);
    ck_assert_int_eq(zrelay_history(relay, "a", UINT64_MAX, 0, 0, NULL), ZRELAY_EINVAL);
    ck_assert_int_eq(zrelay_history(relay, "a", 0, UINT64_MAX, 0, NULL), ZRELAY_EINVAL);
    zrelay_history(relay, "a", 0, 0, UINT64_MAX, NULL);
    for (int i = 0; i < 100; i++)
        stage_turn();
    stage_shut();
}

/* --- A key file --- */

TEST(test_a_key_file_is_loaded) {
    char server[41], server_secret[41], public_key[41], secret_key[41], folder[] = "/tmp/zrelay-XXXXXX", path[64];
    const char *why = "";
    ck_assert_int_eq(zmq_curve_keypair(server, server_secret) + zmq_curve_keypair(public_key, secret_key), 0);
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/me_secret", folder);
    stage_open_curve(server_secret);
    ck_assert_int_eq(zrelay_set_curve_file(stage.relay, server, path, &why), ZRELAY_EFILE);
    ck_assert_ptr_nonnull(strstr(why, path));
    FILE *file = fopen(path, "w");
    ck_assert_int_eq(fchmod(fileno(file), 0644), 0);
    fprintf(file, "curve\n    public-key = \"%s\"\n    secret-key = \"%s\"\n", public_key, secret_key);
    fclose(file);
    ck_assert_int_eq(zrelay_set_curve_file(stage.relay, server, path, &why), ZRELAY_EFILE);
    ck_assert_ptr_nonnull(strstr(why, "chmod 600"));
    ck_assert_int_eq(zrelay_set_curve_file(stage.relay, server, path, NULL), ZRELAY_EFILE);
    chmod(path, 0600);
    ck_assert_int_eq(zrelay_set_curve_file(stage.relay, "short", path, &why), ZRELAY_EINVAL);
    ck_assert_ptr_null(why);
    ck_assert_int_eq(zrelay_set_curve_file(stage.relay, server, NULL, &why), ZRELAY_EINVAL);
    ck_assert_int_eq(zrelay_set_curve_file(stage.relay, server, path, &why), 0);
    ck_assert_ptr_null(why);
    stage_welcome(5000); /* over an encrypted connection */
    ck_assert_int_eq(zrelay_set_curve_file(stage.relay, server, path, &why), ZRELAY_ESTATE);
    unlink(path);
    rmdir(folder);
    stage_shut();
}

/* --- What the system does not have --- */

/* The number that the next descriptor gets. */
static rlim_t s_next_fd(void) {
    int fd = dup(STDIN_FILENO);
    ck_assert_int_ge(fd, 0);
    close(fd);
    return (rlim_t)fd;
}

static void s_limit(int resource, rlim_t value) {
    struct rlimit limit;
    getrlimit(resource, &limit);
    limit.rlim_cur = value;
    ck_assert_int_eq(setrlimit(resource, &limit), 0);
}

/* Connects, works for a moment, and ends. */
static void s_attempt(int expected) {
    errno = 0;
    zrelay_t *relay = zrelay_new("tcp://127.0.0.1:1");
    if (!relay) {
        ck_assert_int_eq(errno, expected);
        return;
    }
    ck_assert_int_eq(zrelay_ping(relay, NULL), 0);
    const zrelay_event_t *event = zrelay_next(relay, STAGE_PATIENCE_MS);
    ck_assert_int_eq(event->type, ZRELAY_DISCONNECTED);
    ck_assert_str_eq(event->code, "unreachable");
    zrelay_destroy(relay);
}

TEST(test_any_number_of_descriptors) {
    struct rlimit before;
    getrlimit(RLIMIT_NOFILE, &before);
    rlim_t next = s_next_fd();
    for (rlim_t spare = 0; spare < 32; spare++) {
        s_limit(RLIMIT_NOFILE, next + spare);
        s_attempt(EMFILE);
    }
    s_limit(RLIMIT_NOFILE, before.rlim_cur);
}

TEST(test_connects_when_there_are_descriptors_again) {
    stage_open();
    struct rlimit before;
    getrlimit(RLIMIT_NOFILE, &before);
    s_limit(RLIMIT_NOFILE, s_next_fd() + 10);
    zrelay_ping(stage.relay, NULL);
    stage_until(ZRELAY_DISCONNECTED);
    ck_assert_str_eq(stage.code, "unreachable");
    ck_assert_str_eq(stage.why, strerror(EMFILE));
    s_limit(RLIMIT_NOFILE, before.rlim_cur);
    stage_welcome(60000);
    stage_shut();
}

TEST(test_a_context_without_a_socket_left) {
    stage_open();
    void *context = zmq_ctx_new();
    zmq_ctx_set(context, ZMQ_MAX_SOCKETS, 1);
    ck_assert_int_eq(zrelay_set_context(stage.relay, context), 0);
    zrelay_ping(stage.relay, NULL);
    stage_until(ZRELAY_DISCONNECTED);
    ck_assert_str_eq(stage.code, "unreachable");
    stage_shut();
    zmq_ctx_term(context);
}

/* Root has as many as it likes, so it becomes somebody else first. */
TEST(test_any_number_of_threads) {
    if (getuid() == 0)
        ck_assert(setgroups(0, NULL) == 0 && setgid(65534) == 0 && setuid(65534) == 0);
    struct rlimit before;
    getrlimit(RLIMIT_NPROC, &before);
    for (rlim_t threads = 1; threads < 8; threads++) {
        s_limit(RLIMIT_NPROC, threads);
        s_attempt(EAGAIN);
    }
    s_limit(RLIMIT_NPROC, before.rlim_cur);
}

/* --- Fork --- */

/* In the child. The number of the first thing that is wrong. */
static int s_in_child(void) {
    zrelay_t *relay = stage.relay;
    uint64_t mid;
    if (zrelay_publish(relay, "a", "x", 1, &mid) != ZRELAY_ESTATE || zrelay_close(relay) != ZRELAY_ESTATE ||
        zrelay_join(relay, "b", ZRELAY_FROM_NOW, 0) != ZRELAY_ESTATE || zrelay_set_nick(relay, "b") != ZRELAY_ESTATE)
        return 1;
    if (zrelay_next(relay, -1) || errno != ESHUTDOWN || zrelay_fd(relay) != -1 || zrelay_timeout(relay) != -1)
        return 2;
    zrelay_destroy(relay);
    relay = zrelay_new("tcp://127.0.0.1:1");
    zrelay_ping(relay, NULL);
    const zrelay_event_t *event = zrelay_next(relay, STAGE_PATIENCE_MS);
    if (!event || event->type != ZRELAY_DISCONNECTED)
        return 3;
    zrelay_destroy(relay);
    return 0;
}

TEST(test_a_forked_child_cannot_use_it) {
    stage_open();
    stage_welcome(60000);
    stage_join_a();
    pid_t child = fork();
    if (child == 0)
        _exit(s_in_child());
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    stage_live(0, 1, "hi", 2);
    stage_until(ZRELAY_ENTRY);
    stage_shut();
}

UNIT_SUITE("client.lib.zrelay_limits")
