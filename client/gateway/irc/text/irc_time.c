/* See irc_time.h. */
#include "irc_time.h"

#include <stdio.h>
#include <time.h>

#define LAST_US 253402300799999999ULL /* the last one of the year 9999 */

void irc_time_write(char out[IRC_TIME_TEXT], uint64_t us) {
    us = us > LAST_US ? LAST_US : us;
    time_t seconds = (time_t)(us / 1000000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    size_t len = strftime(out, IRC_TIME_TEXT, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out + len, IRC_TIME_TEXT - len, ".%03uZ", (unsigned)(us / 1000 % 1000));
}

/* Takes `digits` digits off the text. */
static bool s_number(zr_span_t *text, unsigned digits, int *out) {
    *out = 0;
    for (unsigned i = 0; i < digits; i++) {
        if (i >= text->len || text->ptr[i] < '0' || text->ptr[i] > '9')
            return false;
        *out = 10 * *out + text->ptr[i] - '0';
    }
    *text = zr_span_of(text->ptr + digits, text->len - digits);
    return true;
}

static bool s_mark(zr_span_t *text, char mark) {
    if (text->len == 0 || text->ptr[0] != mark)
        return false;
    *text = zr_span_of(text->ptr + 1, text->len - 1);
    return true;
}

static bool s_fraction(zr_span_t *text, uint64_t *us) {
    uint64_t unit = 100000;
    int digit;
    *us = 0;
    if (!s_mark(text, '.'))
        return true;
    for (; unit > 0 && s_number(text, 1, &digit); unit /= 10)
        *us += (uint64_t)digit * unit;
    return unit < 100000;
}

bool irc_time_read(zr_span_t text, uint64_t *us) {
    struct tm tm = {0};
    uint64_t fraction;
    if (!s_number(&text, 4, &tm.tm_year) || !s_mark(&text, '-') || !s_number(&text, 2, &tm.tm_mon) ||
        !s_mark(&text, '-') || !s_number(&text, 2, &tm.tm_mday) || !s_mark(&text, 'T') ||
        !s_number(&text, 2, &tm.tm_hour) || !s_mark(&text, ':') || !s_number(&text, 2, &tm.tm_min) ||
        !s_mark(&text, ':') || !s_number(&text, 2, &tm.tm_sec) || !s_fraction(&text, &fraction) ||
        !s_mark(&text, 'Z') || text.len > 0)
        return false;
    if (tm.tm_year < 1970 || tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 || tm.tm_mday > 31 || tm.tm_hour > 23 ||
        tm.tm_min > 59 || tm.tm_sec > 60)
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    *us = (uint64_t)timegm(&tm) * 1000000 + fraction;
    return true;
}
