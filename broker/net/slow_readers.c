/* See slow_readers.h. */
#include "slow_readers.h"

void slow_readers_look(connection_t *one, unsigned round, uint64_t confirmed) {
    reading_t *reading = &one->reading;
    reading->compared = reading->round > 0 && reading->round + 1 == round;
    reading->got = confirmed - reading->confirmed;
    reading->stuck = reading->compared && reading->got == 0 ? reading->stuck + 1 : 0;
    reading->confirmed = confirmed;
    reading->round = round;
}

static bool s_is_compared(const connection_t *one, unsigned round) {
    return one->socket && !one->dropped && one->reading.compared && one->reading.round == round;
}

int slow_readers_next_stuck(const connections_t *connections, unsigned round, int fd) {
    for (; (size_t)fd < connections->size; fd++) {
        const connection_t *one = &connections->items[fd];
        if (s_is_compared(one, round) && one->reading.stuck >= SLOW_READERS_STUCK)
            return fd;
    }
    return -1;
}

int slow_readers_slowest(const connections_t *connections, unsigned round) {
    int slowest = -1;
    for (int fd = 0; (size_t)fd < connections->size; fd++)
        if (s_is_compared(&connections->items[fd], round) &&
            (slowest < 0 || connections->items[fd].reading.got < connections->items[slowest].reading.got))
            slowest = fd;
    return slowest;
}
