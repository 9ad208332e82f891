/* Log lines on stderr: time, level, text. Nothing a peer does may write more than a bounded number of lines: what peers
 * cause is counted, and told in one line now and then (zr_log_pass). */
#ifndef ZR_LOGGER_H
#define ZR_LOGGER_H

#include <stdint.h>

#include "span.h"

/* ZR_LOG_AUDIT: who was let in, refused, granted or sent away, and by whom; always written, whatever the level. */
typedef enum { ZR_LOG_AUDIT, ZR_LOG_ERROR, ZR_LOG_WARN, ZR_LOG_INFO, ZR_LOG_DEBUG } zr_log_level_t;

/* Default: ZR_LOG_INFO. */
void zr_log_set_level(zr_log_level_t level);

/* false when `name` is none of error, warn, info, debug. */
bool zr_log_level_from_name(const char *name, zr_log_level_t *level);

/* One line; control characters in it are escaped. errno is kept. */
void zr_log(zr_log_level_t level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* For lines that peers cause: passes at most ten of one `limit` per minute and then says how many it held back.
 * `now_ms` is any monotonic clock. A zeroed struct is ready. */
typedef struct {
    uint64_t window_ms;
    unsigned passed;
    unsigned held;
} zr_log_limit_t;
bool zr_log_pass(zr_log_limit_t *limit, uint64_t now_ms);

#endif
