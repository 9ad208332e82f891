/* What the kernel knows of the bytes that came by a connection. On its own because the kernel's header, which tells all
 * of tcp_info, and libc's, which others include, do not go together. */
#ifndef RECEIVED_H
#define RECEIVED_H

#include <stdbool.h>
#include <stdint.h>

/* All that came since it was accepted. false: nobody counts, as on local sockets. */
bool received_total(int fd, uint64_t *bytes);

/* Those of them that nobody read yet. */
uint64_t received_unread(int fd);

#endif
