/* See spare.h. */
#include "spare.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

bool spare_descriptors(int any) {
    int fds[SPARE_DESCRIPTORS], count = 0;
    while (count < SPARE_DESCRIPTORS && (fds[count] = fcntl(any, F_DUPFD_CLOEXEC, 0)) >= 0)
        count++;
    int code = errno;
    bool enough = count == SPARE_DESCRIPTORS;
    while (count > 0)
        close(fds[--count]);
    errno = code;
    return enough;
}

/* Lives until all are started. */
static void *s_live(void *lock) {
    pthread_mutex_lock(lock);
    pthread_mutex_unlock(lock);
    return NULL;
}

bool spare_threads(void) {
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_t threads[SPARE_THREADS];
    sigset_t all, before;
    int count = 0, code = 0;
    sigfillset(&all); /* signals are the program's */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_mutex_lock(&lock);
    while (count < SPARE_THREADS && (code = pthread_create(&threads[count], NULL, s_live, &lock)) == 0)
        count++;
    pthread_mutex_unlock(&lock);
    bool enough = count == SPARE_THREADS;
    while (count > 0)
        pthread_join(threads[--count], NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = code;
    return enough;
}
