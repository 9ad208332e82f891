/* See received.h. */
#include "received.h"

#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

bool received_total(int fd, uint64_t *bytes) {
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
