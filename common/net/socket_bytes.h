/* The kernel's counts of a connection's bytes. They have a file of their own because the kernel's header, which has all
 * of tcp_info, and libc's header conflict. Broker and client use it to bound the bytes that libzmq holds. */
#ifndef SOCKET_BYTES_H
#define SOCKET_BYTES_H

#include <stdbool.h>
#include <stdint.h>

/* Bytes that this program has read since the connection was made. While bytes keep arriving, the result may be a little
 * too small. false: the kernel does not count, as on Unix sockets. */
bool socket_bytes_read(int fd, uint64_t *bytes);

/* Bytes that arrived since the connection was made, read or not. false: the kernel does not count. */
bool socket_bytes_arrived(int fd, uint64_t *bytes);

/* Bytes that were sent and that the peer has confirmed since the connection stands. false: the kernel does not count. */
bool socket_bytes_confirmed(int fd, uint64_t *bytes);

/* Bytes that were sent and that the peer has not confirmed yet; of a Unix socket, not read yet. */
uint64_t socket_bytes_unsent(int fd);

#endif
