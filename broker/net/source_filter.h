/* Lets the kernel drop packets from some addresses to a listener. Accepting and closing a connection costs a hundred
 * times as much. It is a filter of the socket (Linux: SO_ATTACH_FILTER, socket(7), bpf(4)), and needs no privilege. */
#ifndef SOURCE_FILTER_H
#define SOURCE_FILTER_H

#include <stdbool.h>
#include <stddef.h>

#include "addresses.h"

/* From now on the TCP socket `fd` drops packets of these `count` addresses (at most ADDRESSES_SHED_MAX), and of no
 * others. With 0 everything passes. A peer that asks for a connection gets no answer, and TCP asks again after a
 * second. Connections accepted before are not affected. false: errno tells why, and everything passes. */
bool source_filter_set(int fd, const zr_address_t *addresses, size_t count);

/* Removes the filter that an accepted connection inherits from its listener: it would check each packet. */
void source_filter_clear(int fd);

#endif
