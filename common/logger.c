/* Log lines on stderr, one write each so that the lines of several threads do not mix. Calls names.c to make them safe
 * to show. */
#include "logger.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "names.h"

enum { LINE_MAX_BYTES = 2048, LIMIT_LINES = 10, LIMIT_WINDOW_MS = 60000 };

static const char *const s_names[] = {
    [ZR_LOG_AUDIT] = "audit",
    [ZR_LOG_ERROR] = "error",
    [ZR_LOG_WARN] = "warn",
    [ZR_LOG_INFO] = "info",
    [ZR_LOG_DEBUG] = "debug",
};
enum { LEVELS = sizeof s_names / sizeof s_names[0] };

static atomic_int s_level = ZR_LOG_INFO;

void zr_log_set_level(zr_log_level_t level) {
    atomic_store_explicit(&s_level, (int)level, memory_order_relaxed);
}

bool zr_log_level_from_name(const char *name, zr_log_level_t *level) {
    for (int i = ZR_LOG_ERROR; i < LEVELS; i++)
        if (zr_span_equal(zr_span(name), zr_span(s_names[i]))) {
            *level = (zr_log_level_t)i;
            return true;
        }
    return false;
}

static void s_put_head(zr_buffer_t *line, zr_log_level_t level) {
    struct timespec now;
    struct tm utc;
    char stamp[32], head[64];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &utc);
    int len = snprintf(head, sizeof head, "%s.%03ldZ %-5s ", stamp, now.tv_nsec / 1000000, s_names[level]);
    zr_buffer_append(line, head, (size_t)len);
}

void zr_log(zr_log_level_t level, const char *format, ...) {
    if ((int)level > atomic_load_explicit(&s_level, memory_order_relaxed) || (unsigned)level >= LEVELS)
        return;
    int kept = errno; /* before anything else: the format may hold %m */
    char text[LINE_MAX_BYTES];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);

    zr_buffer_t line = {0};
    s_put_head(&line, level);
    if (len < 0)
        zr_escape(&line, zr_span(format));
    else if ((size_t)len < sizeof text)
        zr_escape(&line, zr_span_of(text, (size_t)len));
    else
        zr_escape(&line, zr_span_of(text, sizeof text - 1));
    if (len >= (int)sizeof text)
        zr_buffer_append(&line, "...", 3);
    zr_buffer_u8(&line, '\n');
    /* A log that cannot be written has nowhere to say so. */
    ssize_t written = write(STDERR_FILENO, line.data, line.len);
    (void)written;
    zr_buffer_finish(&line);
    errno = kept;
}

bool zr_log_pass(zr_log_limit_t *limit, uint64_t now_ms) {
    if (limit->passed == 0 || now_ms - limit->window_ms >= LIMIT_WINDOW_MS) {
        if (limit->held)
            zr_log(ZR_LOG_WARN, "held back %u lines like the next one", limit->held);
        *limit = (zr_log_limit_t){.window_ms = now_ms};
    }
    if (limit->passed < LIMIT_LINES) {
        limit->passed++;
        return true;
    }
    limit->held++;
    return false;
}
