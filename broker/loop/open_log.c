/* See open_log.h. */
#include "open_log.h"

#include <stdio.h>

#include "log_sqlite.h"
#include "logger.h"

log_t *open_log(const settings_t *settings, uint64_t *epoch, zr_error_t *error) {
    if (!settings->data[0])
        return log_memory_new(&settings->log);
    log_sqlite_config_t config = {
        .dir = settings->data,
        .refuse_corrupt = settings->refuse_corrupt,
        .durable = {.memory = settings->log,
            .policies = settings->relay.policies,
            .mark_age = settings->mark_age_ms * 1000,
            .max_marks = settings->relay.max_clients,
            .queue_bytes = (size_t)settings->queue_bytes},
        .fresh_epoch = *epoch,
    };
    char note[512];
    log_t *log = log_sqlite_new(&config, note, error);
    if (!log)
        return NULL;
    if (note[0])
        zr_log(ZR_LOG_ERROR, "%s", note);
    *epoch = log_durable_epoch(log);
    return log;
}
