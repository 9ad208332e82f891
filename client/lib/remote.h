/* What can be told of a broker's endpoint without connecting to it. Pure. */
#ifndef REMOTE_H
#define REMOTE_H

#include <stdbool.h>

/* Would libzmq take it for an address? The check is rough; libzmq checks more when it connects. */
bool remote_valid(const char *endpoint);

/* Does data sent to that endpoint stay on this machine? */
bool remote_is_local(const char *endpoint);

#endif
