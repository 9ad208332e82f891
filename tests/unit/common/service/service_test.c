#include "service.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "fixture_dir.h"

TEST(test_signals_come_by_the_descriptor) {
    static const int all[] = {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2};
    zr_error_t error = {0};
    zr_service_block_signals();
    int signals = zr_service_open_signals(&error);
    ck_assert_int_ge(signals, 0);
    ck_assert_uint_eq(zr_service_next_signal(signals), 0);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        ck_assert_int_eq(raise(all[i]), 0);
        ck_assert_uint_eq(zr_service_next_signal(signals), (unsigned)all[i]);
    }
    ck_assert_int_eq(raise(SIGPIPE), 0); /* ignored */
    ck_assert_uint_eq(zr_service_next_signal(signals), 0);
    close(signals);
}

TEST(test_closed_standard_descriptors_are_filled) {
    close(STDIN_FILENO);
    zr_service_fill_descriptors();
    int next = open("/dev/null", O_RDONLY);
    ck_assert_int_gt(next, STDERR_FILENO);
    ck_assert_int_ge(fcntl(STDIN_FILENO, F_GETFD), 0);
    close(next);
}

TEST(test_the_limit_of_descriptors_is_raised) {
    struct rlimit limit = {.rlim_cur = 64, .rlim_max = 96};
    uint64_t allowed = 0;
    zr_error_t error = {0};
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    ck_assert(zr_service_raise_descriptors(40, &allowed, &error));
    ck_assert_uint_eq(allowed, 96);
    limit = (struct rlimit){.rlim_cur = 20, .rlim_max = 20};
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    ck_assert(!zr_service_raise_descriptors(40, &allowed, &error));
    dir_assert_error(&error, "fewer than 40 file descriptors are left; raise the limit");
}

/* Whether it logs a line, on stderr. */
static bool s_warns(uint64_t allowed, uint64_t needed) {
    int ends[2], saved = dup(STDERR_FILENO);
    char text[512] = "";
    ck_assert_int_eq(pipe2(ends, O_NONBLOCK), 0);
    dup2(ends[1], STDERR_FILENO);
    zr_service_warn_descriptors(allowed, needed, 7, "sessions (limits/max-sessions)");
    dup2(saved, STDERR_FILENO);
    bool warned = read(ends[0], text, sizeof text - 1) > 0;
    ck_assert(!warned || strstr(text, "7 sessions (limits/max-sessions) need"));
    close(ends[0]);
    close(ends[1]);
    close(saved);
    return warned;
}

TEST(test_too_few_descriptors_are_told) {
    ck_assert(!s_warns(100, 100));
    ck_assert(s_warns(99, 100));
}

#ifdef HAVE_SYSTEMD
/* A socket that stands for systemd. */
static int s_systemd(void) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    dir_begin();
    snprintf(address.sun_path, sizeof address.sun_path, "%s", dir_path("notify"));
    int at = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    ck_assert_int_eq(bind(at, (const struct sockaddr *)&address, sizeof address), 0);
    setenv("NOTIFY_SOCKET", address.sun_path, 1);
    return at;
}

static void s_end(int at) {
    close(at);
    dir_end();
}

/* NULL: nothing was told. */
static const char *s_told(int at) {
    static char text[32];
    memset(text, 0, sizeof text);
    return recv(at, text, sizeof text - 1, 0) > 0 ? text : NULL;
}

TEST(test_systemd_is_told) {
    int at = s_systemd();
    zr_service_notify("READY=1");
    ck_assert_str_eq(s_told(at), "READY=1");
    s_end(at);
}

TEST(test_the_watchdog_hears_at_half_of_its_time) {
    int at = s_systemd();
    setenv("WATCHDOG_USEC", "10000000", 1);
    ck_assert_int_eq(zr_service_watchdog(1000), 5000);
    ck_assert_str_eq(s_told(at), "WATCHDOG=1");
    ck_assert_int_eq(zr_service_watchdog(5999), 1);
    ck_assert_ptr_null(s_told(at));
    ck_assert_int_eq(zr_service_watchdog(6000), 5000);
    ck_assert_str_eq(s_told(at), "WATCHDOG=1");
    s_end(at);
}

TEST(test_the_watchdog_waits_while_the_program_starts_anew) {
    int at = s_systemd();
    setenv("WATCHDOG_USEC", "10000000", 1);
    zr_service_watchdog_wait(60);
    ck_assert_str_eq(s_told(at), "WATCHDOG_USEC=60000000");
    zr_service_watchdog_wait(0);
    ck_assert_str_eq(s_told(at), "WATCHDOG_USEC=10000000");
    s_end(at);
}

TEST(test_nothing_is_due_without_a_watchdog) {
    int at = s_systemd();
    zr_service_watchdog_wait(60);
    ck_assert_int_eq(zr_service_watchdog(1000), -1);
    ck_assert_ptr_null(s_told(at));
    s_end(at);
}
#endif

UNIT_SUITE("common.service")
