/* See received.h. */
#include "received.h"

#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

enum { TRIES = 4 };

static bool s_total(int fd, uint64_t *bytes) {
    struct tcp_info info = {0};
    socklen_t len = sizeof info;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0)
        return false;
    *bytes = info.tcpi_bytes_received;
    return true;
}

uint64_t received_unread(int fd) {
    int unread = 0;
    return ioctl(fd, SIOCINQ, &unread) == 0 && unread > 0 ? (uint64_t)unread : 0;
}

/* The kernel tells in two answers how much arrived and how much of it is unread. What arrives between the two would pass
 * for less that was read, so both must be about the same moment. */
bool received_read(int fd, uint64_t *bytes) {
    uint64_t before, after;
    if (!s_total(fd, &after))
        return false;
    for (int i = 0; i < TRIES; i++) {
        before = after;
        uint64_t unread = received_unread(fd);
        *bytes = before > unread ? before - unread : 0;
        if (!s_total(fd, &after))
            return false;
        if (before == after)
            break;
    }
    return true;
}
