/* Chooses the log's engine by the settings. The only part of the loop that knows one. */
#ifndef OPEN_LOG_H
#define OPEN_LOG_H

#include "log.h"
#include "settings.h"

/* How much it keeps. */
log_limits_t open_log_limits(const settings_t *settings);

/* Opens the log that the settings ask for. `*epoch` holds a fresh epoch; it becomes that of a log from before. Returns
 * NULL and a line in `error`, or the log: log_destroy gives it back, and `settings` must live as long. */
log_t *open_log(const settings_t *settings, uint64_t *epoch, zr_error_t *error);

/* Could the settings' log be opened? Changes nothing. A broker may be using it. */
bool open_log_check(const settings_t *settings, zr_error_t *error);

/* Copies the log in the directory `dir` into the database of the settings, where it goes on. No broker may use either. If
 * a broker uses the directory again, it begins a new epoch. */
bool open_log_copy(const settings_t *settings, const char *dir, zr_error_t *error);

/* What "--version" says of the engines. Static. */
const char *open_log_engines(void);

#endif
