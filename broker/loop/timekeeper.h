/* The broker's time. It follows the clock of the machine. That clock may be wrong, and may be set at any moment. */
#ifndef TIMEKEEPER_H
#define TIMEKEEPER_H

#include <stdbool.h>
#include <stdint.h>

#include "logger.h"

typedef enum {
    TIME_GOES,  /* nothing happened */
    TIME_AHEAD, /* the clock was set ahead, by more than ZR_CLOCK_SLACK */
    TIME_BACK,  /* set back, by more than that; at the start: it is that much earlier than the log */
    TIME_LATE,  /* at the start: it is more than a day later than the log, which may be right */
    TIME_HELD,  /* at the start: one of these two came within the hour before, to the broker before this one */
    TIME_UNSET, /* it shows a time that cannot be */
} time_news_t;

typedef struct {
    uint64_t time, at;    /* µs: the time, and what the clock that only rises showed then */
    uint64_t before;      /* the time that was expected when the last news came */
    uint64_t doubt_until; /* of the clock that only rises */
    uint64_t hold;        /* the time (µs) at which the doubt ends, if the clock goes on as it does now */
    bool unset;
    zr_log_limit_t lines;
} timekeeper_t;

/* At the start. `newest`: time of the log's newest entry; 0: the log is empty. `hold`: that of the broker before; 0: its
 * clock was in no doubt. Pure, as timekeeper_look is: `clock` is the machine's (µs since 1970), `rising` the one that
 * only rises (µs). */
time_news_t timekeeper_begin(timekeeper_t *keeper, uint64_t newest, uint64_t hold, uint64_t clock, uint64_t rising);

/* Moves `keeper->time` on. That is the machine's clock, or, while it shows a time that cannot be, the time expected. */
time_news_t timekeeper_look(timekeeper_t *keeper, uint64_t clock, uint64_t rising);

/* A clock that is far ahead by mistake would have everything deleted for its age. So nothing is deleted for its age
 * within an hour of TIME_AHEAD and TIME_LATE, even if the broker starts again meanwhile. */
bool timekeeper_doubts(const timekeeper_t *keeper);

/* These two read the clocks. News are logged. */
void timekeeper_start(timekeeper_t *keeper, uint64_t newest, uint64_t hold);
uint64_t timekeeper_now(timekeeper_t *keeper);

#endif
