/* Makes every sync to the disk take longer: SLOW_SYNC_MS milliseconds more. To be loaded with LD_PRELOAD by
 * slow_disk.py. */
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

int fsync(int fd);
int fdatasync(int fd);

static int s_slow(const char *name, int fd) {
    const char *delay = getenv("SLOW_SYNC_MS");
    long ms = delay ? atol(delay) : 0;
    struct timespec wait = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&wait, NULL);
    int (*real)(int);
    *(void **)&real = dlsym(RTLD_NEXT, name);
    return real(fd);
}

int fsync(int fd) {
    return s_slow("fsync", fd);
}

int fdatasync(int fd) {
    return s_slow("fdatasync", fd);
}
