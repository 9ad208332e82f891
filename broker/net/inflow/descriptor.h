/* A connection's handle: the inode of its socket above its file descriptor. The kernel counts inodes up and gives
 * descriptors out again, so a handle tells a connection from a later one with the same descriptor. */
#ifndef DESCRIPTOR_H
#define DESCRIPTOR_H

#include <stdint.h>

/* The handle of the socket that has descriptor `fd` now; 0 when no socket has it. Thread-safe. */
uint64_t descriptor_handle(int fd);

/* How many descriptors this process may have; 0: nobody knows. */
uint64_t descriptor_limit(void);

/* The descriptor in a handle. */
int descriptor_of(uint64_t handle);

/* Shuts the connection down in both directions, if it still exists; libzmq then closes it. Thread-safe. */
void descriptor_end(uint64_t handle);

/* The same, and a reset tells the peer, as a peer that goes on sending would not notice the end for a while. Data still
 * to be sent to it is lost. */
void descriptor_reset(uint64_t handle);

#endif
