#include "bench_process.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <sys/resource.h>

#include "cli.h"

enum {
    SESSION_FILES =
        8, /* of a session: two connections, an eventfd for each of four sockets, an epoll; and one to spare */
    OTHER_FILES = 100,
};

void bench_process_begin(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
#ifdef __GLIBC__
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    mallopt(M_MMAP_THRESHOLD, 32 << 20); /* the most that it takes */
    mallopt(M_TOP_PAD, 16 << 20);
#endif
}

uint64_t bench_process_sessions(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur <= OTHER_FILES)
        return 0;
    return (limit.rlim_cur - OTHER_FILES) / SESSION_FILES;
}

bool bench_process_fits(uint64_t sessions) {
    uint64_t most = bench_process_sessions();
    if (sessions > most)
        cli_say("%" PRIu64 " sessions are more than the %" PRIu64
                " that this process has file descriptors for (RLIMIT_NOFILE)",
            sessions, most);
    return sessions <= most;
}

uint64_t bench_process_memory(uint64_t pid) {
    char path[64], line[256];
    snprintf(path, sizeof path, "/proc/%" PRIu64 "/status", pid);
    FILE *file = fopen(path, "re");
    uint64_t kilobytes = 0;
    if (!file)
        return 0;
    while (fgets(line, sizeof line, file))
        if (sscanf(line, "VmRSS: %" SCNu64 " kB", &kilobytes) == 1)
            break;
    fclose(file);
    return kilobytes * 1024;
}
