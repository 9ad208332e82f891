#include "bench_memory.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>

uint64_t bench_memory(uint64_t pid) {
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

void bench_memory_keep(void) {
#ifdef __GLIBC__
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    mallopt(M_MMAP_THRESHOLD, 32 << 20); /* the most that it takes */
    mallopt(M_TOP_PAD, 16 << 20);
#endif
}
