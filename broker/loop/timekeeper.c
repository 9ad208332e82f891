/* See timekeeper.h. */
#include "timekeeper.h"

#include <time.h>

#include "clock.h"

#define SECOND 1000000ULL /* µs */
#define HOUR (3600 * SECOND)
#define DAY (24 * HOUR)

/* This program is younger than the first, and will hardly be in use at the second. */
#define FIRST (1735689600 * SECOND) /* 2025-01-01 */
#define LAST (4102444800 * SECOND)  /* 2100-01-01 */

static bool s_can_be(uint64_t time) {
    return time >= FIRST && time < LAST;
}

/* The clock is in doubt for so much longer (µs). */
static void s_doubt(timekeeper_t *keeper, uint64_t time) {
    keeper->doubt_until = keeper->at + time;
    keeper->hold = keeper->time + time;
}

time_news_t timekeeper_begin(timekeeper_t *keeper, uint64_t newest, uint64_t hold, uint64_t clock, uint64_t rising) {
    *keeper = (timekeeper_t){.time = clock, .at = rising, .before = newest};
    if (!s_can_be(clock)) {
        keeper->time = s_can_be(newest) ? newest : FIRST;
        keeper->unset = true;
        return TIME_UNSET;
    }
    if (newest > clock + ZR_CLOCK_SLACK)
        return TIME_BACK;
    if (newest && clock > newest && clock - newest > DAY) {
        s_doubt(keeper, HOUR);
        return TIME_LATE;
    }
    if (hold <= clock || hold - clock > HOUR) /* more than an hour: it is of a clock that was set back since */
        return TIME_GOES;
    s_doubt(keeper, hold - clock);
    return TIME_HELD;
}

time_news_t timekeeper_look(timekeeper_t *keeper, uint64_t clock, uint64_t rising) {
    uint64_t expected = keeper->time + (rising - keeper->at);
    bool was_unset = keeper->unset;
    keeper->at = rising;
    keeper->unset = !s_can_be(clock);
    keeper->time = keeper->unset ? expected : clock;
    time_news_t news = TIME_GOES;
    if (keeper->unset && !was_unset)
        news = TIME_UNSET;
    else if (keeper->time > expected + ZR_CLOCK_SLACK)
        news = TIME_AHEAD;
    else if (expected > keeper->time + ZR_CLOCK_SLACK)
        news = TIME_BACK;
    if (news == TIME_AHEAD)
        s_doubt(keeper, HOUR);
    if (news == TIME_BACK)
        keeper->doubt_until = 0;
    if (news != TIME_GOES)
        keeper->before = expected;
    return news;
}

bool timekeeper_doubts(const timekeeper_t *keeper) {
    return keeper->at < keeper->doubt_until;
}

/* --- Clocks and lines --- */

enum { MOMENT_SIZE = 32 };

static void s_moment(uint64_t time, char out[MOMENT_SIZE]) {
    time_t seconds = (time_t)(time / SECOND);
    struct tm tm;
    if (!gmtime_r(&seconds, &tm) || !strftime(out, MOMENT_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm))
        out[0] = '\0';
}

static void s_tell(timekeeper_t *keeper, time_news_t news, uint64_t clock, bool start) {
    if (news == TIME_GOES || !zr_log_pass(&keeper->lines, keeper->at / 1000))
        return;
    char before[MOMENT_SIZE], now[MOMENT_SIZE];
    s_moment(news == TIME_UNSET ? keeper->time : keeper->before, before);
    s_moment(clock, now);
    switch (news) {
    case TIME_GOES:
        break;
    case TIME_AHEAD:
        zr_log(ZR_LOG_WARN,
            "the clock was set ahead, from %s to %s: new messages get the new time, and nothing is deleted for its "
            "age within the next hour; if the clock is wrong, set it before that",
            before, now);
        break;
    case TIME_BACK:
        if (start)
            zr_log(ZR_LOG_WARN,
                "the log has messages of %s, and the clock shows %s: new messages get the clock's time; if the clock "
                "is wrong, set it",
                before, now);
        else
            zr_log(ZR_LOG_WARN,
                "the clock was set back, from %s to %s: new messages get the new time, which is before that of "
                "older ones; if the clock is wrong, set it",
                before, now);
        break;
    case TIME_LATE:
        zr_log(ZR_LOG_INFO,
            "the log's newest message is of %s, and the clock shows %s: nothing is deleted for its age within the "
            "next hour; if the clock is wrong, set it before that",
            before, now);
        break;
    case TIME_HELD:
        s_moment(keeper->hold, before);
        zr_log(ZR_LOG_WARN,
            "the clock was in doubt before this start, and shows %s: nothing is deleted for its age until %s; if the "
            "clock is wrong, set it before that",
            now, before);
        break;
    case TIME_UNSET:
        zr_log(ZR_LOG_ERROR, "the clock shows %s, which cannot be: set it; until then the time goes on from %s", now,
            before);
        break;
    }
}

void timekeeper_start(timekeeper_t *keeper, uint64_t newest, uint64_t hold) {
    uint64_t clock = zr_time_us();
    time_news_t news = timekeeper_begin(keeper, newest, hold, clock, zr_boot_us());
    s_tell(keeper, news, clock, true);
}

uint64_t timekeeper_now(timekeeper_t *keeper) {
    uint64_t clock = zr_time_us();
    time_news_t news = timekeeper_look(keeper, clock, zr_boot_us());
    s_tell(keeper, news, clock, false);
    return keeper->time;
}
