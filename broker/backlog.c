/* See backlog.h. */
#include "backlog.h"

#include <stdlib.h>
#include <string.h>

#include "fatal.h"

void backlog_finish(backlog_t *backlog) {
    free(backlog->places);
    *backlog = (backlog_t){0};
}

static void s_grow(backlog_t *backlog, size_t index) {
    size_t size = backlog->size ? backlog->size : 64;
    while (size <= index)
        size *= 2;
    backlog->places = fatal_realloc(backlog->places, size * sizeof *backlog->places);
    memset(backlog->places + backlog->size, 0, (size - backlog->size) * sizeof *backlog->places);
    backlog->size = size;
}

void backlog_open(backlog_t *backlog, int side, int fd, uint64_t socket) {
    if ((size_t)fd >= backlog->size)
        s_grow(backlog, (size_t)fd);
    backlog_place_t *place = &backlog->places[fd];
    /* Frames may be taken before anybody hears that their connection was accepted, so they count; if they were another
     * one's, this one has an advantage until it is looked at. */
    *place = (backlog_place_t){
        .socket = socket, .side = side, .took = place->took, .found_empty = backlog->found_empty[side]};
}

void backlog_close(backlog_t *backlog, int fd) {
    backlog->places[fd].socket = 0;
}

bool backlog_suspects(const backlog_t *backlog, int fd, uint64_t read) {
    const backlog_place_t *place = &backlog->places[fd];
    return read > place->done + backlog->limits[place->side].part;
}

bool backlog_look(backlog_t *backlog, int fd, uint64_t read) {
    backlog_place_t *place = &backlog->places[fd];
    const backlog_limits_t *limits = &backlog->limits[place->side];
    bool was_empty = backlog->found_empty[place->side] != place->found_empty;
    bool spoke = place->took > 0;
    uint64_t before = place->read;
    place->read = read > before ? read : before;
    place->done = place->took < place->read - place->done ? place->done + place->took : place->read;
    place->took = 0;
    place->found_empty = backlog->found_empty[place->side];
    if (was_empty && spoke) {
        place->done = place->read; /* heartbeats of ZMTP and the like never come up here: they are forgiven */
        return false;
    }
    return (was_empty && before > place->done + limits->part) || place->read > place->done + limits->queue;
}
