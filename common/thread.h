/* Shared by the store's two threads: how they begin, and how they tell the loop that there is an answer. */
#ifndef THREAD_H
#define THREAD_H

#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <unistd.h>

#include "fatal.h"

/* Starts `run(ctx)` with every signal blocked: signals are the loop's. */
static inline void thread_start(pthread_t *thread, void *(*run)(void *ctx), void *ctx) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    FATAL_UNLESS(pthread_create(thread, NULL, run, ctx) == 0);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* Makes the eventfd `fd` readable. It can only fail when its count is at the top, and then it is readable. */
static inline void thread_tell(int fd) {
    uint64_t one = 1;
    ssize_t written = write(fd, &one, sizeof one);
    (void)written;
}

#endif
