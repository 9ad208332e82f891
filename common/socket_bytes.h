/* What the kernel knows of the bytes of a connection. It stands apart because the kernel's header, which
 * has all of tcp_info, and libc's header conflict. Broker and client use it to bound what libzmq holds. */
#ifndef SOCKET_BYTES_H
#define SOCKET_BYTES_H

#include <stdbool.h>
#include <stdint.h>

/* Bytes that this program has read since the connection stands. While bytes arrive all the time it may be a little less
 * than that. false: the kernel does not count, as on Unix sockets. */
bool socket_bytes_read(int fd, uint64_t *bytes);

/* Bytes that were sent and that the peer has confirmed since the connection stands. false: the kernel does not count. */
bool socket_bytes_confirmed(int fd, uint64_t *bytes);

/* Bytes that were sent and that the peer has not confirmed yet; of a Unix socket, not read yet. */
uint64_t socket_bytes_unsent(int fd);

/* Bytes that arrived and that this program has not read yet. */
uint64_t socket_bytes_unread(int fd);

#endif
