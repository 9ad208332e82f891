/* What the kernel knows of the bytes that arrived on a connection. It stands apart because the kernel's header, which
 * has all of tcp_info, and libc's header conflict. Broker and client use it to bound what libzmq holds. */
#ifndef RECEIVED_H
#define RECEIVED_H

#include <stdbool.h>
#include <stdint.h>

/* Bytes that this program has read since the connection stands. While bytes arrive all the time it may be a little less
 * than that. false: the kernel does not count, as on Unix sockets. */
bool received_read(int fd, uint64_t *bytes);

/* Bytes that arrived and that this program has not read yet. */
uint64_t received_unread(int fd);

#endif
