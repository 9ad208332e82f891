/* Log lines on stderr: time, level, text; or as JSON. For systemd's journal, which notes the time itself, a line begins with its
 * priority instead (sd-daemon(3)). No peer may cause more than a bounded number of lines: its events are
 * counted, and one line now and then tells the count (zr_log_pass). */
#ifndef ZR_LOGGER_H
#define ZR_LOGGER_H

#include <stdint.h>

#include "span.h"

/* These two are always written, whatever the level. ZR_LOG_ASKED: the operator asked for it. ZR_LOG_AUDIT: a peer was
 * let in, refused, granted rights or sent away, and by which operator. */
typedef enum { ZR_LOG_ASKED, ZR_LOG_AUDIT, ZR_LOG_ERROR, ZR_LOG_WARN, ZR_LOG_INFO, ZR_LOG_DEBUG } zr_log_level_t;

/* Default: ZR_LOG_INFO. */
void zr_log_set_level(zr_log_level_t level);

/* Lines are JSON objects with `time`, `level` and `text`. Default: plain text. */
void zr_log_set_json(bool json);

/* false when `name` is none of error, warn, info, debug. */
bool zr_log_level_from_name(const char *name, zr_log_level_t *level);

/* Its name, as zr_log_level_from_name takes it (static). */
const char *zr_log_level_name(zr_log_level_t level);

/* "<N>", the priority with which a line of that level begins on stderr; "" where stderr is not the journal. */
const char *zr_log_priority(zr_log_level_t level);

/* One line; control characters in it are escaped. errno is kept. */
void zr_log(zr_log_level_t level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Calls `tell` with each line of the audit, without a newline, from any thread that writes one. `time`: µs since 1970.
 * NULL: it is called no more, once those under way are done. */
void zr_log_follow_audit(void (*tell)(void *ctx, uint64_t time, zr_span_t line), void *ctx);

/* For lines that peers cause: passes at most ten of one `limit` per minute and then says how many it held back.
 * `now_ms` is any monotonic clock. A zeroed struct is ready. */
typedef struct {
    uint64_t window_ms;
    unsigned passed;
    unsigned held;
} zr_log_limit_t;
bool zr_log_pass(zr_log_limit_t *limit, uint64_t now_ms);

#endif
