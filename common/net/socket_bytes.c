/* See socket_bytes.h. */
#include "socket_bytes.h"

#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

enum { TRIES = 4 };

static bool s_info(int fd, struct tcp_info *info) {
    socklen_t len = sizeof *info;
    memset(info, 0, sizeof *info);
    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, &len) == 0;
}

bool socket_bytes_arrived(int fd, uint64_t *bytes) {
    struct tcp_info info;
    if (!s_info(fd, &info))
        return false;
    *bytes = info.tcpi_bytes_received;
    return true;
}

static uint64_t s_waiting(int fd, unsigned long direction) {
    int bytes = 0;
    return ioctl(fd, direction, &bytes) == 0 && bytes > 0 ? (uint64_t)bytes : 0;
}

/* Bytes that arrived and that this program has not read yet. */
static uint64_t s_unread(int fd) {
    return s_waiting(fd, SIOCINQ);
}

uint64_t socket_bytes_unsent(int fd) {
    return s_waiting(fd, SIOCOUTQ);
}

bool socket_bytes_confirmed(int fd, uint64_t *bytes) {
    struct tcp_info info;
    if (!s_info(fd, &info))
        return false;
    *bytes = info.tcpi_bytes_acked;
    return true;
}

/* The kernel tells in two answers how much arrived and how much of it is unread. Bytes that arrive between the two
 * would make the result too small, so both must be about the same moment. */
bool socket_bytes_read(int fd, uint64_t *bytes) {
    uint64_t before, after;
    if (!socket_bytes_arrived(fd, &after))
        return false;
    for (int i = 0; i < TRIES; i++) {
        before = after;
        uint64_t unread = s_unread(fd);
        *bytes = before > unread ? before - unread : 0;
        if (!socket_bytes_arrived(fd, &after))
            return false;
        if (before == after)
            break;
    }
    return true;
}
