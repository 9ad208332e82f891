#include "signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

static int s_pipe[2] = {-1, -1};
static volatile sig_atomic_t s_stop;
static volatile sig_atomic_t s_child;
static volatile sig_atomic_t s_resize;
static volatile sig_atomic_t s_suspend;

static void s_handle(int number) {
    int saved = errno;
    if (number == SIGCHLD)
        s_child = 1;
    else if (number == SIGWINCH)
        s_resize = 1;
    else if (number == SIGTSTP)
        s_suspend = 1;
    else if (number != SIGUSR1 && number != SIGUSR2 && s_stop < 100)
        s_stop = s_stop + 1;
    /* A full pipe is as good: it is readable. */
    if (write(s_pipe[1], "", 1) < 0)
        errno = saved;
    errno = saved;
}

static void s_catch(int number) {
    struct sigaction action = {.sa_handler = s_handle, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(number, &action, NULL);
}

/* A signal that the parent process had ignored (nohup, a background job) stays ignored. */
static void s_catch_unless_ignored(int number) {
    struct sigaction old;
    if (sigaction(number, NULL, &old) == 0 && old.sa_handler != SIG_IGN)
        s_catch(number);
}

bool signals_open(void) {
    if (s_pipe[0] < 0 && pipe2(s_pipe, O_CLOEXEC | O_NONBLOCK) != 0)
        return false;
    signal(SIGPIPE, SIG_IGN);
    if (getpid() == 1) /* of a container: the kernel ends its orphans wholly, unless a command wants to hear of them */
        signal(SIGCHLD, SIG_IGN);
    s_catch_unless_ignored(SIGINT);
    s_catch_unless_ignored(SIGQUIT);
    s_catch_unless_ignored(SIGHUP);
    s_catch(SIGTERM);
    s_catch_unless_ignored(SIGUSR1); /* not ignored, which commands that are run would inherit */
    s_catch_unless_ignored(SIGUSR2);
    return true;
}

void signals_want_child(void) {
    s_catch(SIGCHLD);
}

void signals_want_terminal(void) {
    s_catch(SIGWINCH);
    s_catch_unless_ignored(SIGTSTP);
}

int signals_fd(void) {
    return s_pipe[0];
}

void signals_drain(void) {
    char bytes[64];
    while (read(s_pipe[0], bytes, sizeof bytes) > 0)
        ;
}

int signals_stop(void) {
    return s_stop;
}

static bool s_took(volatile sig_atomic_t *flag) {
    bool was = *flag;
    *flag = 0;
    return was;
}

bool signals_took_child(void) {
    return s_took(&s_child);
}

bool signals_took_resize(void) {
    return s_took(&s_resize);
}

bool signals_took_suspend(void) {
    return s_took(&s_suspend);
}
