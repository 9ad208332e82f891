/* See service.h. */
#include "service.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>
#ifdef HAVE_SYSTEMD
#include <systemd/sd-daemon.h>
#endif

#include "descriptors.h"
#include "hash.h"

enum { DESCRIPTORS_MAX = 1 << 20 };

void zr_service_fill_descriptors(void) {
    int fd;
    do
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

/* An interrupted poll would end the loops, so the signals go to a descriptor. */
static sigset_t s_signals(void) {
    static const int all[] = {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2};
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        sigaddset(&set, all[i]);
    return set;
}

void zr_service_block_signals(void) {
    sigset_t set = s_signals();
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_IGN);
}

bool zr_service_raise_descriptors(size_t needed, uint64_t *allowed, zr_error_t *error) {
    struct rlimit limit = {0};
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max < DESCRIPTORS_MAX ? limit.rlim_max : DESCRIPTORS_MAX;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    *allowed = limit.rlim_cur;
    return zr_descriptors_left(needed) ||
           zr_fail(
               error, "fewer than %zu file descriptors are left; raise the limit (ulimit -n, LimitNOFILE=)", needed);
}

void zr_service_seed(void) {
    uint8_t key[16];
    randombytes_buf(key, sizeof key);
    zr_hash_seed(key);
}

int zr_service_open_signals(zr_error_t *error) {
    sigset_t set = s_signals();
    int signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signals < 0)
        zr_fail(error, "cannot watch for signals: %s", strerror(errno));
    return signals;
}

unsigned zr_service_next_signal(int signals) {
    struct signalfd_siginfo info;
    return read(signals, &info, sizeof info) == (ssize_t)sizeof info ? info.ssi_signo : 0;
}

void zr_service_print_banner(char *banner) {
    puts(banner);
    fflush(stdout);
    clearerr(stdout);
    free(banner);
}

void zr_service_warn_descriptors(uint64_t allowed, uint64_t needed, uint64_t count, const char *what) {
    if (allowed < needed)
        zr_log(ZR_LOG_WARN,
            "%llu file descriptors are allowed, %llu %s need %llu: raise the limit (ulimit -n, LimitNOFILE=) or lower "
            "the other",
            (unsigned long long)allowed, (unsigned long long)count, what, (unsigned long long)needed);
}

void zr_service_notify(const char *state) {
#ifdef HAVE_SYSTEMD
    sd_notify(0, state);
#else
    (void)state;
#endif
}

bool zr_service_log_to(const char *path, zr_error_t *error) {
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
    if (fd < 0)
        return zr_fail(error, "cannot write the log to %s: %s", path, strerror(errno));
    bool ok = dup2(fd, STDERR_FILENO) >= 0 || zr_fail(error, "cannot write the log to %s: %s", path, strerror(errno));
    close(fd);
    return ok;
}

bool zr_service_begin_log(zr_log_level_t level, bool json, const char *path, zr_error_t *error) {
    zr_log_set_level(level);
    zr_log_set_json(json);
    return !path[0] || zr_service_log_to(path, error);
}

void zr_service_log_anew(const char *path, const char *setting) {
    zr_error_t error = {0};
    if (!path[0])
        zr_log(ZR_LOG_INFO, "SIGUSR2: there is no %s to open anew", setting);
    else if (zr_service_log_to(path, &error))
        zr_log(ZR_LOG_ASKED, "SIGUSR2: the log begins anew here");
    else
        zr_log(ZR_LOG_ERROR, "SIGUSR2: %s; the log goes on in the old file", error.text);
}

int zr_service_watchdog(uint64_t now) {
#ifdef HAVE_SYSTEMD
    static uint64_t period, due;
    static bool asked;
    if (!asked) {
        uint64_t us = 0;
        asked = true;
        period = sd_watchdog_enabled(0, &us) > 0 ? us / 2000 : 0;
    }
    if (period == 0)
        return -1;
    if (now >= due) {
        sd_notify(0, "WATCHDOG=1");
        due = now + period;
    }
    return (int)(due - now);
#else
    (void)now;
    return -1;
#endif
}

void zr_service_watchdog_wait(unsigned seconds) {
#ifdef HAVE_SYSTEMD
    uint64_t us = 0;
    if (sd_watchdog_enabled(0, &us) > 0)
        sd_notifyf(0, "WATCHDOG_USEC=%" PRIu64, seconds ? seconds * UINT64_C(1000000) : us);
#else
    (void)seconds;
#endif
}
