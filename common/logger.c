/* Log lines on stderr, one write each so that the lines of several threads do not mix. Calls names.c to make them safe
 * to show. */
#include "logger.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "names.h"

enum { LINE_MAX_BYTES = 2048, LIMIT_LINES = 10, LIMIT_WINDOW_MS = 60000 };

static const struct {
    const char *name, *priority; /* syslog(3)'s */
} s_levels[] = {
    [ZR_LOG_ASKED] = {"info", "<6>"},
    [ZR_LOG_AUDIT] = {"audit", "<5>"},
    [ZR_LOG_ERROR] = {"error", "<3>"},
    [ZR_LOG_WARN] = {"warn", "<4>"},
    [ZR_LOG_INFO] = {"info", "<6>"},
    [ZR_LOG_DEBUG] = {"debug", "<7>"},
};
enum { LEVELS = sizeof s_levels / sizeof s_levels[0] };

static atomic_int s_level = ZR_LOG_INFO;

void zr_log_set_level(zr_log_level_t level) {
    atomic_store_explicit(&s_level, (int)level, memory_order_relaxed);
}

bool zr_log_level_from_name(const char *name, zr_log_level_t *level) {
    for (int i = ZR_LOG_ERROR; i < LEVELS; i++)
        if (zr_span_equal(zr_span(name), zr_span(s_levels[i].name))) {
            *level = (zr_log_level_t)i;
            return true;
        }
    return false;
}

const char *zr_log_level_name(zr_log_level_t level) {
    return s_levels[level].name;
}

/* systemd names the stream that it reads (systemd.exec(5)). It may not be ours: children inherit the variable, and stderr
 * may lead elsewhere by now. */
static bool s_is_journal(void) {
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long device, inode;
    struct stat about;
    return stream && sscanf(stream, "%20llu:%20llu", &device, &inode) == 2 && fstat(STDERR_FILENO, &about) == 0 &&
           about.st_dev == device && about.st_ino == inode;
}

const char *zr_log_priority(zr_log_level_t level) {
    return s_is_journal() ? s_levels[level].priority : "";
}

static atomic_bool s_json;

void zr_log_set_json(bool json) {
    atomic_store_explicit(&s_json, json, memory_order_relaxed);
}

/* Makes `line`, whose text begins at `head`, the JSON object; the time is there also in the journal. */
static void s_make_json(zr_buffer_t *line, size_t head, zr_log_level_t level) {
    struct timespec now;
    struct tm utc;
    char stamp[32];
    zr_buffer_t json = {0};
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &utc);
    zr_buffer_printf(&json, "%s{\"time\":\"%s.%03ldZ\",\"level\":\"%s\",\"text\":\"", zr_log_priority(level), stamp,
        now.tv_nsec / 1000000, s_levels[level].name);
    for (size_t i = head; i < line->len; i++) { /* control characters are escaped already */
        if (line->data[i] == '"' || line->data[i] == '\\')
            zr_buffer_u8(&json, '\\');
        zr_buffer_u8(&json, line->data[i]);
    }
    zr_buffer_printf(&json, "\"}");
    zr_buffer_finish(line);
    *line = json;
}

static void s_put_head(zr_buffer_t *line, zr_log_level_t level) {
    struct timespec now;
    struct tm utc;
    char stamp[32];
    const char *priority = zr_log_priority(level), *name = s_levels[level].name;
    if (priority[0]) {
        zr_buffer_printf(line, "%s%-5s ", priority, name);
        return;
    }
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &utc);
    zr_buffer_printf(line, "%s.%03ldZ %-5s ", stamp, now.tv_nsec / 1000000, name);
}

static struct {
    pthread_mutex_t mutex;
    void (*tell)(void *ctx, uint64_t time, zr_span_t line);
    void *ctx;
} s_audit = {.mutex = PTHREAD_MUTEX_INITIALIZER};

void zr_log_follow_audit(void (*tell)(void *ctx, uint64_t time, zr_span_t line), void *ctx) {
    pthread_mutex_lock(&s_audit.mutex);
    s_audit.tell = tell;
    s_audit.ctx = ctx;
    pthread_mutex_unlock(&s_audit.mutex);
}

static void s_tell_audit(zr_span_t line) {
    pthread_mutex_lock(&s_audit.mutex);
    if (s_audit.tell)
        s_audit.tell(s_audit.ctx, zr_time_us(), line);
    pthread_mutex_unlock(&s_audit.mutex);
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
    size_t head = line.len;
    if (len < 0)
        zr_escape(&line, zr_span(format));
    else if ((size_t)len < sizeof text)
        zr_escape(&line, zr_span_of(text, (size_t)len));
    else
        zr_escape(&line, zr_span_of(text, sizeof text - 1));
    if (len >= (int)sizeof text)
        zr_buffer_append(&line, "...", 3);
    if (level == ZR_LOG_AUDIT)
        s_tell_audit(zr_span_of(line.data + head, line.len - head));
    if (atomic_load_explicit(&s_json, memory_order_relaxed))
        s_make_json(&line, head, level);
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
