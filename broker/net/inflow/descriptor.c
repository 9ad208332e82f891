/* See descriptor.h. */
#include "descriptor.h"

#include <stdbool.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

enum { DESCRIPTOR_BITS = 20 }; /* service.c: DESCRIPTORS_MAX */

uint64_t descriptor_handle(int fd) {
    struct stat about;
    if (fd < 0 || fd >> DESCRIPTOR_BITS || fstat(fd, &about) != 0 || !S_ISSOCK(about.st_mode))
        return 0;
    return (uint64_t)about.st_ino << DESCRIPTOR_BITS | (uint64_t)fd;
}

uint64_t descriptor_limit(void) {
    struct rlimit limit;
    bool known = getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
    return known ? (uint64_t)limit.rlim_cur : 0;
}

int descriptor_of(uint64_t handle) {
    return (int)(handle & ((1U << DESCRIPTOR_BITS) - 1));
}

/* Between the look and the end the descriptor may become another connection's. That peer then connects again. */
static void s_end(uint64_t handle, bool reset) {
    int fd = descriptor_of(handle);
    if (!handle || descriptor_handle(fd) != handle)
        return;
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    if (reset)
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    shutdown(fd, SHUT_RDWR);
}

void descriptor_end(uint64_t handle) {
    s_end(handle, false);
}

void descriptor_reset(uint64_t handle) {
    s_end(handle, true);
}
