/* Sets the time of day of a program: to be loaded with LD_PRELOAD. The file that TEST_CLOCK names holds the seconds
 * (a native int64_t) by which the clock is wrong, and may be changed at any moment. The clocks that only rise stay. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *s_wrong;

__attribute__((constructor)) static void s_open(void) {
    const char *name = getenv("TEST_CLOCK");
    int fd = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *page = mmap(NULL, sizeof *s_wrong, PROT_READ, MAP_SHARED, fd, 0);
    if (page != MAP_FAILED)
        s_wrong = page;
    close(fd);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
    int failed = real(clock, now);
    if (!failed && s_wrong && clock == CLOCK_REALTIME)
        now->tv_sec += *s_wrong;
    return failed;
}

time_t time(time_t *out) {
    struct timespec now = {0, 0};
    clock_gettime(CLOCK_REALTIME, &now);
    if (out)
        *out = now.tv_sec;
    return now.tv_sec;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    (void)zone;
    struct timespec exact = {0, 0};
    clock_gettime(CLOCK_REALTIME, &exact);
    *now = (struct timeval){exact.tv_sec, exact.tv_nsec / 1000};
    return 0;
}
