#include "when.h"

#include <string.h>
#include <time.h>

#include "options.h"

#define SECOND_US 1000000ULL

static bool s_span(const char *text, uint64_t *ms) {
    size_t len = strlen(text);
    return len > 0 && strchr("smhd", text[len - 1]) && zr_quantity_parse(text, zr_units_of_time, ms);
}

bool when_span(const char *text, uint64_t *out_ms) {
    uint64_t ms = 0;
    if (!s_span(text, &ms) || ms == 0)
        return false;
    *out_ms = ms;
    return true;
}

static bool s_age(const char *text, uint64_t now_us, uint64_t *out_us) {
    uint64_t ms;
    if (!s_span(text, &ms) || ms == UINT64_MAX)
        return false;
    *out_us = ms > now_us / 1000 ? 0 : now_us - ms * 1000;
    return true;
}

/* Exactly `digits` of them, from `min` to `max`; moves `*at` past them. */
static bool s_number(const char **at, int digits, int min, int max, int *out) {
    int value = 0;
    for (; digits > 0; digits--, ++*at) {
        if (**at < '0' || **at > '9')
            return false;
        value = value * 10 + (**at - '0');
    }
    *out = value;
    return value >= min && value <= max;
}

static bool s_char(const char **at, char c) {
    if (**at != c)
        return false;
    ++*at;
    return true;
}

static bool s_second(const char **at, int *second, int *micro) {
    int unit = 100000;
    if (!s_number(at, 2, 0, 60, second)) /* 60: a leap second */
        return false;
    if (!s_char(at, '.'))
        return true;
    if (**at < '0' || **at > '9')
        return false;
    for (; **at >= '0' && **at <= '9'; ++*at, unit /= 10)
        *micro += (**at - '0') * unit;
    return true;
}

static int s_days(int year, int month) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && leap);
}

static bool s_date(const char *text, uint64_t *out_us) {
    int year, month, day, hour = 0, minute = 0, second = 0, micro = 0;
    const char *at = text;
    if (!s_number(&at, 4, 1, 9999, &year) || !s_char(&at, '-') || !s_number(&at, 2, 1, 12, &month) ||
        !s_char(&at, '-') || !s_number(&at, 2, 1, s_days(year, month), &day))
        return false;
    if (s_char(&at, 'T') || s_char(&at, ' ')) {
        if (!s_number(&at, 2, 0, 23, &hour) || !s_char(&at, ':') || !s_number(&at, 2, 0, 59, &minute))
            return false;
        if (s_char(&at, ':') && !s_second(&at, &second, &micro))
            return false;
    }
    bool utc = s_char(&at, 'Z');
    if (*at)
        return false;
    struct tm tm = {.tm_year = year - 1900,
        .tm_mon = month - 1,
        .tm_mday = day,
        .tm_hour = hour,
        .tm_min = minute,
        .tm_sec = second,
        .tm_isdst = -1};
    time_t seconds = utc ? timegm(&tm) : mktime(&tm);
    *out_us = seconds < 0 ? 0 : (uint64_t)seconds * SECOND_US + (uint64_t)micro;
    return true;
}

bool when_parse(const char *text, uint64_t now_us, uint64_t *out_us) {
    return s_age(text, now_us, out_us) || s_date(text, out_us);
}
