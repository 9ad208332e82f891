/* What the kernel knows of the bytes that arrived on a connection. It stands apart because the kernel's header, which
 * has all of tcp_info, and libc's header conflict. Broker and client use it to bound what libzmq holds. */
#ifndef RECEIVED_H
#define RECEIVED_H

#include <stdbool.h>
#include <stdint.h>

/* All bytes since the connection stands. false: the kernel does not count, as on Unix sockets. */
bool received_total(int fd, uint64_t *bytes);

/* Those of them that no program has read yet. */
uint64_t received_unread(int fd);

#endif
