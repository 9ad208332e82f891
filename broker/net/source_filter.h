/* Has the kernel drop what comes from some addresses to a listener, so that nothing else needs to be done about it: to
 * accept a connection and close it costs a hundred times as much. A filter of the socket (Linux: SO_ATTACH_FILTER,
 * socket(7), bpf(4)); it needs no privilege. */
#ifndef SOURCE_FILTER_H
#define SOURCE_FILTER_H

#include <stdbool.h>
#include <stddef.h>

#include "addresses.h"

/* From now on packets of these `count` addresses (ADDRESSES_SHED_MAX at most), and of no others, are dropped that come to
 * the TCP socket `fd`; none: everything passes. Whoever asks for a connection then hears nothing, and asks again, in
 * TCP after a second. Connections that were accepted before are not concerned. false: errno tells why, and
 * everything passes. */
bool source_filter_set(int fd, const address_t *addresses, size_t count);

/* An accepted connection begins with its listener's filter, which would look at each of its packets. */
void source_filter_clear(int fd);

#endif
