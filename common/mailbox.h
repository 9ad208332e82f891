/* Threads, and the queue by which one hands things to another. The queue has a descriptor that can be read while
 * something is in it. So its taker can wait for it alone, or together with other descriptors. */
#ifndef ZR_MAILBOX_H
#define ZR_MAILBOX_H

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "fatal.h"

/* Starts `run(ctx)` with every signal blocked: signals are the loop's. */
static inline void zr_thread_start(pthread_t *thread, void *(*run)(void *ctx), void *ctx) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    FATAL_UNLESS(pthread_create(thread, NULL, run, ctx) == 0);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* The first member of what is handed over. */
typedef struct zr_mail {
    struct zr_mail *next;
    int kind; /* as putter and taker agree */
} zr_mail_t;

typedef struct {
    int fd;
    atomic_bool ended;
    pthread_mutex_t mutex; /* of the rest */
    zr_mail_t *first, **end;
} zr_mailbox_t;

static inline void zr_mailbox_init(zr_mailbox_t *box) {
    *box = (zr_mailbox_t){.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), .end = &box->first};
    FATAL_UNLESS(box->fd >= 0);
    pthread_mutex_init(&box->mutex, NULL);
}

/* What is still in it is the caller's to take before. */
static inline void zr_mailbox_finish(zr_mailbox_t *box) {
    close(box->fd);
    pthread_mutex_destroy(&box->mutex);
}

/* Wakes the taker. It can only fail when the count is at the top, and then the descriptor can be read all the same. */
static inline void zr_mailbox_wake(zr_mailbox_t *box) {
    (void)!eventfd_write(box->fd, 1);
}

/* Hands over the mail; from any thread. */
static inline void zr_mailbox_put(zr_mailbox_t *box, zr_mail_t *mail) {
    mail->next = NULL;
    pthread_mutex_lock(&box->mutex);
    *box->end = mail;
    box->end = &mail->next;
    zr_mailbox_wake(box);
    pthread_mutex_unlock(&box->mutex);
}

static inline zr_mail_t *zr_mailbox_take_some(zr_mailbox_t *box, bool all) {
    eventfd_t count;
    pthread_mutex_lock(&box->mutex);
    zr_mail_t *mail = box->first;
    box->first = mail && !all ? mail->next : NULL;
    if (!box->first) {
        box->end = &box->first;
        if (!box->ended)
            (void)!eventfd_read(box->fd, &count);
    }
    pthread_mutex_unlock(&box->mutex);
    return mail;
}

/* The oldest; the caller's. NULL: nothing. */
static inline zr_mail_t *zr_mailbox_take(zr_mailbox_t *box) {
    return zr_mailbox_take_some(box, false);
}

/* All there is now, as a list, the oldest first; the caller's. */
static inline zr_mail_t *zr_mailbox_take_all(zr_mailbox_t *box) {
    return zr_mailbox_take_some(box, true);
}

/* The taker is to end. From now on the descriptor can always be read. */
static inline void zr_mailbox_end(zr_mailbox_t *box) {
    pthread_mutex_lock(&box->mutex);
    box->ended = true;
    zr_mailbox_wake(box);
    pthread_mutex_unlock(&box->mutex);
}

/* Waits until somebody puts, wakes or ends; with `wait` false it does not. Returns false when the taker is to end. */
static inline bool zr_mailbox_wait(zr_mailbox_t *box, bool wait) {
    struct pollfd ready = {.fd = box->fd, .events = POLLIN};
    if (wait && !box->ended)
        FATAL_UNLESS(poll(&ready, 1, -1) >= 0 || errno == EINTR);
    return !box->ended;
}

#endif
