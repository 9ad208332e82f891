/* See backlog.h. */
#include "backlog.h"

#include <stdlib.h>

#include "fatal.h"

void backlog_init(backlog_t *backlog, size_t descriptors) {
    backlog->places = fatal_calloc(descriptors * sizeof *backlog->places);
    backlog->size = descriptors;
}

void backlog_finish(backlog_t *backlog) {
    free(backlog->places);
    *backlog = (backlog_t){0};
}

/* --- The loop --- */

/* Messages may be taken before anybody hears that their connection was accepted: what is taken counts from the end of
 * the connection before. */
void backlog_open(backlog_t *backlog, int side, int fd, uint64_t socket) {
    if ((size_t)fd >= backlog->size)
        return;
    atomic_store(&backlog->places[fd].side, side);
    atomic_store(&backlog->places[fd].socket, socket);
    if ((size_t)fd >= atomic_load(&backlog->top))
        atomic_store(&backlog->top, (size_t)fd + 1);
}

void backlog_close(backlog_t *backlog, int fd) {
    if ((size_t)fd >= backlog->size)
        return;
    atomic_store(&backlog->places[fd].socket, 0);
    atomic_store(&backlog->places[fd].took, 0);
}

/* --- The guard --- */

/* What waited of the connection that is gone, or is not counted any more, waits no more. */
static void s_settle(backlog_t *backlog, backlog_place_t *place) {
    backlog->waiting[place->seen_side] -= place->read - place->done;
    backlog->uncounted -= place->uncounted;
    place->read = place->done = place->counted = place->seen = 0;
    place->uncounted = false;
}

static void s_meet(backlog_t *backlog, backlog_place_t *place) {
    uint64_t socket = atomic_load(&place->socket);
    if (place->seen == socket)
        return;
    s_settle(backlog, place);
    place->seen = socket;
    place->seen_side = atomic_load(&place->side);
    place->found_empty = atomic_load(&backlog->found_empty[place->seen_side]);
}

/* A frame costs less on the wire than what is reckoned, so nobody may save up. */
static void s_count(backlog_place_t *place, uint64_t took, uint64_t read) {
    uint64_t more = took > place->counted ? took - place->counted : 0;
    place->counted = took;
    place->read = read > place->read ? read : place->read;
    place->done = more < place->read - place->done ? place->done + more : place->read;
}

uint64_t backlog_meet(backlog_t *backlog, int fd) {
    backlog_place_t *place = &backlog->places[fd];
    s_meet(backlog, place);
    return atomic_load(&place->took);
}

bool backlog_look(backlog_t *backlog, int fd, uint64_t took, uint64_t read) {
    backlog_place_t *place = &backlog->places[fd];
    if (place->seen != atomic_load(&place->socket)) /* it has just ended */
        return false;
    int side = place->seen_side;
    const backlog_limits_t *limits = &backlog->limits[side];
    uint64_t empty = atomic_load(&backlog->found_empty[side]);
    uint64_t before = place->read, waited = place->read - place->done;
    s_count(place, took, read);
    uint64_t waits = place->read - place->done;
    backlog->waiting[side] += waits - waited;
    /* What had come before the loop found nothing to take, and was not taken, is no whole message. */
    bool was_empty = empty != place->found_empty;
    uint64_t incomplete = was_empty && before > place->done ? before - place->done : 0;
    place->found_empty = empty;
    return waits > limits->queue || incomplete > (took ? limits->part : limits->first);
}

void backlog_look_local(backlog_t *backlog, int fd) {
    backlog_place_t *place = &backlog->places[fd];
    s_meet(backlog, place);
    backlog->uncounted += !place->uncounted;
    place->uncounted = true;
}

void backlog_forget(backlog_t *backlog, int fd) {
    s_settle(backlog, &backlog->places[fd]);
}

void backlog_end(backlog_t *backlog, int fd) {
    backlog_place_t *place = &backlog->places[fd];
    place->ended = atomic_load(&place->socket);
    s_settle(backlog, place);
}

bool backlog_is_there(const backlog_t *backlog, int fd) {
    const backlog_place_t *place = &backlog->places[fd];
    uint64_t socket = atomic_load(&place->socket);
    return socket && socket != place->ended;
}

uint64_t backlog_waiting(const backlog_t *backlog, int fd) {
    return backlog->places[fd].read - backlog->places[fd].done;
}

int backlog_most(const backlog_t *backlog, int side) {
    if (backlog->waiting[side] <= backlog->limits[side].all)
        return -1;
    int found = -1;
    uint64_t most = BACKLOG_SMALL;
    for (size_t fd = 0; fd < atomic_load(&backlog->top); fd++)
        if (backlog->places[fd].seen_side == side && backlog_waiting(backlog, (int)fd) >= most) {
            most = backlog_waiting(backlog, (int)fd);
            found = (int)fd;
        }
    return found;
}

bool backlog_grew(backlog_t *backlog, uint64_t memory) {
    uint64_t waiting = backlog->waiting[0] + backlog->waiting[1], moved = atomic_load(&backlog->moved);
    bool quiet = waiting < BACKLOG_QUIET && backlog->uncounted == 0;
    uint64_t explained = BACKLOG_WEIGHT * waiting + BACKLOG_MOVED * (moved - backlog->memory_moved);
    bool grew = !quiet && memory > backlog->memory + BACKLOG_SLACK + explained;
    if (quiet || grew || memory < backlog->memory) {
        backlog->memory = memory;
        backlog->memory_moved = moved;
    }
    return grew;
}
