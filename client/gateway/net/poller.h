/* The one epoll of the gateway. A source is told when its descriptor is ready; it may end itself or others meanwhile. */
#ifndef POLLER_H
#define POLLER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

typedef struct poller poller_t;

/* Embedded in its owner. `ready` gets epoll's events. */
typedef struct {
    void (*ready)(void *ctx, uint32_t events);
    void *ctx;
} poll_source_t;

/* NULL: `errno` says why. */
poller_t *poller_new(void);
void poller_destroy(poller_t *poller); /* NULL is accepted */

/* Watches `fd` for `events` (EPOLLIN, EPOLLET, …). The source must outlive that. False: `errno` says why. */
bool poller_add(poller_t *poller, int fd, uint32_t events, poll_source_t *source);

/* From its return on, the source is not told of anything, also in the wait that is under way. */
void poller_remove(poller_t *poller, int fd, poll_source_t *source);

/* Waits at most `timeout_ms` (-1: for ever), and tells each ready source once. */
void poller_wait(poller_t *poller, int timeout_ms);

#endif
