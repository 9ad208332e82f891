/* Finds out at which address of an endpoint something listens, or why at none, in a thread of its own: names are looked
 * up, and connections tried, without letting the program wait.
 *
 * A name may have several addresses (localhost has ::1 and 127.0.0.1), and the broker may listen at one of them only.
 * They are tried as in RFC 8305: one after another, the next one after DIAL_NEXT_MS, or at once when the one before
 * failed. A connection that was made is closed again, as libzmq makes its own. */
#ifndef DIAL_H
#define DIAL_H

#include <stdbool.h>

enum {
    DIAL_NEXT_MS = 250,
    DIAL_LONGEST_MS = 5000, /* until those that do not answer count as unreachable */
    DIAL_AGAIN_MS = 1000,   /* until the addresses are tried again */
    DIAL_ADDRESSES = 16,    /* of a name that are tried */
    DIAL_ENDPOINT = 80,     /* bytes of an endpoint with a number for its host, with its zero byte */
    DIAL_WHY = 160,         /* bytes of a reason, with its zero byte */
};

typedef struct dial dial_t;

/* What was found, in the dial's thread. `endpoint`: the one to connect to, with a number for its host. NULL: none can be
 * reached; `why` says why not, in a few words. Both are the dial's. */
typedef void dial_done_fn(void *ctx, const char *endpoint, const char *why);

typedef enum {
    DIAL_UNTIL_REACHED, /* goes on until an address is found. A name's only address, or the last one left, is not tried */
    DIAL_ONCE,          /* tries each address once */
} dial_mode_t;

/* Is the endpoint's host a name? Only then is dialling needed before connecting. */
bool dial_is_name(const char *endpoint);

/* Dials a tcp or ipc endpoint. `done(ctx, …)` is called after each round. NULL: out of memory or threads. */
dial_t *dial_begin(const char *endpoint, dial_mode_t mode, dial_done_fn *done, void *ctx);

/* Gives the dial up or frees it. When it returns, `done` is not running, and will not be called. NULL is accepted. */
void dial_end(dial_t *dial);

#endif
