/* See inflow_calls.h: what libzmq's poller waits for. */
#include <pthread.h>
#include <utlist.h>

#include "inflow_state.h"

/* libzmq asks for EPOLLOUT at each write. It takes that back once it is told that it may write and has nothing more:
 * three system calls for each frame, in vain. So the kernel hears of changes only when the thread waits. Before that,
 * the thread is told once that it may write, which is nearly always so. If it wants EPOLLOUT still, the kernel hears of
 * it. These are the connections of this thread that have changes. */
static _Thread_local place_t *s_changed;

void inflow_change_later(place_t *place) {
    if (!(place->event.events & EPOLLOUT))
        place->tried = false;
    if (place->changed)
        return;
    place->changed = true;
    DL_APPEND2(s_changed, place, prev_changed, next_changed);
}

void inflow_forget_change(place_t *place) {
    if (!place->changed)
        return;
    place->changed = place->tried = false;
    DL_DELETE2(s_changed, place, prev_changed, next_changed);
}

/* Is libzmq to be told that it may write there? */
static bool s_try(place_t *place) {
    bool wants = place->event.events & ~place->told & EPOLLOUT;
    if (place->parked || place->tried || !wants)
        return false;
    return place->tried = true;
}

/* Changes of connections that wait for nothing new are forgotten. The others are told to the kernel, or tried: returns
 * the events of these. */
int inflow_take_changes(struct epoll_event *events, int most) {
    int count = 0;
    place_t *place, *next;
    if (!s_changed)
        return 0;
    pthread_mutex_lock(&inflow_calls.mutex);
    if (!inflow_calls.inflow)
        s_changed = NULL; /* they are gone with all connections */
    DL_FOREACH_SAFE2(s_changed, place, next, next_changed) {
        if (count < most && s_try(place)) {
            events[count++] = (struct epoll_event){.events = EPOLLOUT, .data = place->event.data};
            continue;
        }
        if (!place->parked && place->event.events != place->told)
            inflow_tell_kernel(place, EPOLL_CTL_MOD);
        inflow_forget_change(place);
    }
    pthread_mutex_unlock(&inflow_calls.mutex);
    return count;
}
