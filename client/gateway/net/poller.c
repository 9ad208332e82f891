/* See poller.h. */
#include "poller.h"

#include <stdlib.h>
#include <unistd.h>

enum { BATCH = 256 };

struct poller {
    int epoll;
    int count, at; /* of the wait under way */
    struct epoll_event events[BATCH];
};

poller_t *poller_new(void) {
    poller_t *poller = calloc(1, sizeof *poller);
    if (poller && (poller->epoll = epoll_create1(EPOLL_CLOEXEC)) >= 0)
        return poller;
    free(poller);
    return NULL;
}

void poller_destroy(poller_t *poller) {
    if (!poller)
        return;
    close(poller->epoll);
    free(poller);
}

bool poller_add(poller_t *poller, int fd, uint32_t events, poll_source_t *source) {
    struct epoll_event event = {.events = events, .data.ptr = source};
    return epoll_ctl(poller->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

void poller_remove(poller_t *poller, int fd, poll_source_t *source) {
    epoll_ctl(poller->epoll, EPOLL_CTL_DEL, fd, NULL);
    for (int i = poller->at; i < poller->count; i++)
        if (poller->events[i].data.ptr == source)
            poller->events[i].data.ptr = NULL;
}

void poller_wait(poller_t *poller, int timeout_ms) {
    poller->count = epoll_wait(poller->epoll, poller->events, BATCH, timeout_ms);
    for (poller->at = 0; poller->at < poller->count;) {
        struct epoll_event event = poller->events[poller->at++];
        poll_source_t *source = event.data.ptr;
        if (source)
            source->ready(source->ctx, event.events);
    }
    poller->count = poller->at = 0;
}
