/* The clock of a load generator at a steady rate. `zrelay bench` and the generators for other brokers (tests/bench) use
 * the same one, so that their latencies can be compared.
 *
 * A generator sleeps until its next message is due. A machine may wake it late. That delay belongs to the machine and
 * not to the broker, so latency counts from the wake-up then. Any other delay counts: a message that became due while
 * the generator published, or while a full queue held it up, counts from the moment when it was due. Lateness is
 * reported apart. */
#ifndef PACE_H
#define PACE_H

#include <stdint.h>

/* All times are nanoseconds of the monotonic clock. Zeroed but for `start` and `rate` it has not slept yet. */
typedef struct {
    uint64_t start;       /* when message 0 is due */
    uint64_t rate;        /* messages a second, at least 1 */
    uint64_t slept, woke; /* the last sleep that went on to its end */
} pace_t;

uint64_t pace_clock(void);

/* When message `number` is due, after the start. It does not drift or overflow within 500 years. */
uint64_t pace_offset(uint64_t rate, uint64_t number);

/* When message `number` is due. */
uint64_t pace_due(const pace_t *pace, uint64_t number);

/* How many messages are due at `now`. */
uint64_t pace_count(const pace_t *pace, uint64_t now);

/* The moment from which the latency of a message counts that was due at `due`. */
uint64_t pace_from(const pace_t *pace, uint64_t due);

/* Sleeps until `until`, by an absolute timer. Returns at once if that has passed. A signal may end it before. The caller
 * has set the timer slack of its thread to 1 ns (prctl), else each sleep is 50 µs too long. */
void pace_sleep(pace_t *pace, uint64_t until);

/* Pure: notes a sleep from `slept` to `woke` that was to end at `until`. For pace_sleep and tests. */
void pace_note(pace_t *pace, uint64_t slept, uint64_t until, uint64_t woke);

#endif
