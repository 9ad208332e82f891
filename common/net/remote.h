/* What can be told of a broker's endpoint without connecting to it. Pure. */
#ifndef REMOTE_H
#define REMOTE_H

#include <jansson.h>
#include <stdbool.h>

#include "servers.h"

/* Would libzmq take it for an address? The check is rough; libzmq checks more when it connects. */
bool remote_valid(const char *endpoint);

/* Does data sent to that endpoint stay on this machine? */
bool remote_is_local(const char *endpoint);

/* Reads "A,B,C", each of which must be valid. `*local`: all are local. NULL: done. Else a static sentence about what is
 * wrong. */
const char *remote_read(zr_servers_t *servers, const char *list, bool *local);

/* Learns `welcome.peers`, a JSON array or NULL, instead of those learned before. The rules are those for the back (back.h):
 * a broker is not trusted to send us just anywhere. */
void remote_learn(zr_servers_t *servers, const json_t *peers);

#endif
