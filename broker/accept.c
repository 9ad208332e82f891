/* libzmq 4.3.4 aborts the process when the accept of a local socket fails with EMFILE (ipc_listener.cpp): an account of
 * this machine could end the broker by opening connections. This function stands in front of libc's, also for libzmq.
 * EAGAIN makes libzmq try again later; until then the loop has ended the connections that are too many (gate.h). */
#include <errno.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

__attribute__((visibility("default"), used)) int accept4(int fd, struct sockaddr *address, socklen_t *len, int flags) {
    long accepted = syscall(SYS_accept4, fd, address, len, flags);
    if (accepted < 0 && errno == EMFILE)
        errno = EAGAIN;
    return (int)accepted;
}
