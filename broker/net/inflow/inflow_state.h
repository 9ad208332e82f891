/* What the files of inflow_calls.h share: what libzmq asked of the kernel for each connection, and which connections
 * wait. For these files only. */
#ifndef INFLOW_STATE_H
#define INFLOW_STATE_H

#include <stdatomic.h>
#include <sys/epoll.h>

#include "inflow_calls.h"

/* Queues of parked connections. The first ones, one for each side, wait for the end of its turn. LEAVING waits until it
 * may leave, ARRIVING until others have left. */
enum { LEAVING = INFLOW_SIDES, ARRIVING, QUEUES };

/* What libzmq's poller asked of the kernel for a descriptor. */
typedef struct place {
    int listens; /* the side that it listens for, and 1 */
    int poller;  /* the epoll set's descriptor */
    struct epoll_event event;
    uint32_t told; /* the events that the kernel knows of */
    bool changed;  /* `event` may be another: it is in the list of the poller's thread, */
    bool tried;    /* and the thread was told that it may write */
    struct place *prev_changed, *next_changed;
    uint64_t connection; /* its handle */
    bool let_in;         /* although others wait to leave */
    bool may_leave;      /* libzmq was told of its end */
    _Atomic bool parked;
    int queue;
    struct place *prev, *next;
} place_t;

typedef struct {
    inflow_t *inflow; /* NULL: not begun */
    place_t *places;  /* by descriptor */
    int binding;      /* side, and 1 */
    _Atomic bool closing;
    int wake;
    pthread_mutex_t mutex; /* over the rest */
    place_t *parked[QUEUES];
    _Atomic int waiting[QUEUES]; /* in each; written with the mutex */
    size_t open;                 /* listeners and connections that libzmq has */
    struct {
        change_t *items;
        size_t first, count, size;
        _Atomic size_t left; /* to be taken */
    } changes;
} inflow_calls_t;

extern inflow_calls_t inflow_calls;

/* Is it a connection of libzmq that inflow counts? */
bool inflow_is_watched(int fd);

/* The descriptor of a place. */
int inflow_fd(const place_t *place);

/* The kernel's own epoll_ctl. */
int inflow_epoll_ctl(int poller, int op, int fd, struct epoll_event *event);

/* Parks a connection: it leaves the poller's set until it may be read again. Returns what recv returns when nothing can
 * be read now. Takes the mutex. */
ssize_t inflow_park(int fd, int queue);

/* --- With the mutex --- */

/* The loop is to hear of it (inflow_calls_take_change). */
void inflow_tell(int fd, change_kind_t kind, inflow_reason_t reason);

/* Tells the kernel, by this operation of epoll_ctl, the events that libzmq wants. */
int inflow_tell_kernel(place_t *place, int op);

/* Takes it off its queue. It does not return to the poller's set. */
void inflow_unpark(place_t *place);

/* A reset tells the peer: a peer that goes on sending would not notice the end for a while. */
void inflow_end_now(int fd, inflow_reason_t reason);

/* --- In the thread of the poller --- */

/* libzmq wants other events of a connection: the kernel hears of it when the thread waits, if it must at all. With the
 * mutex, as inflow_forget_change. */
void inflow_change_later(place_t *place);
void inflow_forget_change(place_t *place);

/* Tells the kernel what changed. Returns how many `events` libzmq is to be told at once, that it may write. Takes the
 * mutex if there are changes. */
int inflow_take_changes(struct epoll_event *events, int most);

#endif
