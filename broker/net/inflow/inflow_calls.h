/* Stands between libzmq's I/O threads and the kernel, and enforces the limits of inflow.h. libzmq itself cannot stop
 * reading a connection without the risk of an abort (sockets.c).
 *
 * Functions of this program stand in front of libc's, also for libzmq: recv, epoll_ctl, epoll_wait, accept4, listen,
 * clock_gettime and getpid. A connection that may not be read is parked: it leaves libzmq's epoll set, without libzmq
 * noticing, until it may. Its bytes wait in the kernel, and TCP makes the peer wait.
 *
 * Two of libzmq's habits cost system calls for each message, which are not needed: it waits until it may write after
 * each write, and it looks whether the process was forked. So the kernel hears only of connections that cannot be
 * written to, and getpid remembers its answer until a fork.
 *
 * A thread that has read something looks for the loop's answer for a moment before it sleeps (patience.h).
 *
 * For threads that have connections the monotonic clock stands still. So no timer of libzmq ends a connection. A peer
 * could else set timers, as heartbeats name a time to live, and let many readers leave at once. */
#ifndef INFLOW_CALLS_H
#define INFLOW_CALLS_H

#include "inflow.h"

/* From now on, for all of the process. `inflow` stays the caller's. Before the first socket is bound. */
void inflow_calls_begin(inflow_t *inflow);

/* Before the first socket is closed: libzmq's timers run again, as lingering needs one. */
void inflow_calls_start_time(void);

/* After the last socket is closed. Waits until libzmq is done with all listeners and connections, 3 s at most. */
void inflow_calls_finish(void);

/* Listeners that are bound from now on are those of `side`; -1: not watched. */
void inflow_calls_bind(int side);

/* Finds the first listener from descriptor `fd` on. Returns -1 if there is no listener. */
int inflow_calls_next_listener(int fd);

/* A descriptor (eventfd) that can be read when a connection was parked, or something happened to one. */
int inflow_calls_fd(void);

/* Connections of that side that wait for the end of the turn are read again. */
void inflow_calls_resume(int side);

/* The loop took a message that came by `fd`: a connection that waits for the end of the turn is read again, if that was
 * all that waited of it. */
void inflow_calls_took(int fd);

/* How many listeners and connections libzmq has. */
size_t inflow_calls_open(void);

/* Do readers wait to leave, or newcomers for that? */
bool inflow_calls_must_leave(void);

/* Is it a newcomer that waits for readers to leave? */
bool inflow_calls_is_arriving(uint64_t connection);

/* So many readers that wait to leave may do so. Newcomers that wait for that are read again. */
void inflow_calls_let_leave(unsigned leaves);

/* Ends the connections that inflow_sweep names, and newcomers that wait and whose peers are gone. */
void inflow_calls_sweep(void);

/* Ends a connection as descriptor_end and descriptor_reset do. libzmq reads nothing more of it: what it sent before
 * would else still be read. */
void inflow_calls_end(uint64_t connection);
void inflow_calls_reset(uint64_t connection);

typedef enum {
    CHANGE_CAME,  /* it was accepted; told before any message of it can be taken */
    CHANGE_ENDED, /* it is ended, for `reason` */
    CHANGE_GONE,  /* libzmq closes it; messages of it may still wait to be taken */
} change_kind_t;

typedef struct {
    uint64_t connection; /* its handle (descriptor.h) */
    change_kind_t kind;
    int side;
    inflow_reason_t reason;
} change_t;

/* What happened to connections, one thing a call, in order. After CHANGE_GONE call inflow_release. false: no more. */
bool inflow_calls_take_change(change_t *change);

#endif
