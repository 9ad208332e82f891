/* See slow_readers.h. */
#include "slow_readers.h"

#include <stdlib.h>
#include <string.h>

#include "fatal.h"

void slow_readers_finish(slow_readers_t *readers) {
    free(readers->items);
    *readers = (slow_readers_t){0};
}

void slow_readers_begin(slow_readers_t *readers) {
    readers->round++;
}

static slow_reader_t *s_at(slow_readers_t *readers, int fd) {
    size_t size = readers->size;
    if ((size_t)fd >= size) {
        readers->size = 2 * ((size_t)fd + 1);
        readers->items = fatal_realloc(readers->items, readers->size * sizeof *readers->items);
        memset(readers->items + size, 0, (readers->size - size) * sizeof *readers->items);
    }
    return &readers->items[fd];
}

void slow_readers_look(slow_readers_t *readers, int fd, uint64_t socket, uint64_t confirmed) {
    slow_reader_t *one = s_at(readers, fd);
    one->compared = one->socket == socket && one->round + 1 == readers->round;
    one->got = confirmed - one->confirmed;
    one->stuck = one->compared && one->got == 0 ? one->stuck + 1 : 0;
    one->socket = socket;
    one->confirmed = confirmed;
    one->round = readers->round;
}

static bool s_is_compared(const slow_readers_t *readers, const slow_reader_t *one) {
    return one->socket && one->compared && one->round == readers->round;
}

int slow_readers_next_stuck(const slow_readers_t *readers, int fd) {
    for (; (size_t)fd < readers->size; fd++)
        if (s_is_compared(readers, &readers->items[fd]) && readers->items[fd].stuck >= SLOW_READERS_STUCK)
            return fd;
    return -1;
}

void slow_readers_drop(slow_readers_t *readers, int fd) {
    readers->items[fd].compared = false;
}

int slow_readers_slowest(const slow_readers_t *readers) {
    int slowest = -1;
    for (size_t fd = 0; fd < readers->size; fd++)
        if (s_is_compared(readers, &readers->items[fd]) &&
            (slowest < 0 || readers->items[fd].got < readers->items[slowest].got))
            slowest = (int)fd;
    return slowest;
}
