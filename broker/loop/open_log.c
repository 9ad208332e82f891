/* See open_log.h. */
#include "open_log.h"

#include <sodium.h>
#include <stdio.h>

#include "db.h"
#include "log_sqlite.h"
#include "logger.h"
#ifdef ZRELAY_POSTGRES
#include "log_postgres.h"
#endif

static log_durable_config_t s_durable(const settings_t *settings) {
    return (log_durable_config_t){.memory = settings->log,
        .policies = settings->relay.policies,
        .mark_age = settings->mark_age_ms * 1000,
        .max_marks = settings->relay.max_clients,
        .queue_bytes = (size_t)settings->queue_bytes};
}

static log_t *s_open_sqlite(const settings_t *settings, uint64_t epoch, zr_error_t *error) {
    log_sqlite_config_t config = {.dir = settings->data,
        .refuse_corrupt = settings->refuse_corrupt,
        .durable = s_durable(settings),
        .fresh_epoch = epoch};
    char note[512];
    log_t *log = log_sqlite_new(&config, note, error);
    if (log && note[0])
        zr_log(ZR_LOG_ERROR, "%s", note);
    return log;
}

#ifdef ZRELAY_POSTGRES
static bool s_import(const settings_t *settings, const log_durable_db_t *from, zr_error_t *error) {
    uint64_t epoch;
    randombytes_buf(&epoch, sizeof epoch);
    return log_postgres_import(settings->store, from, epoch, error);
}

static log_t *s_open_postgres(const settings_t *settings, uint64_t epoch, zr_error_t *error) {
    log_postgres_config_t config = {.uri = settings->store,
        .durable = s_durable(settings),
        .fresh_epoch = epoch,
        .endpoint = settings->cluster_advertise,
        .key = settings->cluster_key};
    return log_postgres_new(&config, error);
}
#else
static bool log_postgres_check(const char *uri, zr_error_t *error) {
    (void)uri;
    return zr_fail(error, "cannot use log/store (--store): this zrelayd was built without libpq (Debian: libpq-dev)");
}

static bool s_import(const settings_t *settings, const log_durable_db_t *from, zr_error_t *error) {
    (void)from;
    return log_postgres_check(settings->store, error);
}

static log_t *s_open_postgres(const settings_t *settings, uint64_t epoch, zr_error_t *error) {
    (void)epoch;
    log_postgres_check(settings->store, error);
    return NULL;
}
#endif

log_t *open_log(const settings_t *settings, uint64_t *epoch, zr_error_t *error) {
    if (!settings_durable(settings))
        return log_memory_new(&settings->log);
    log_t *log = settings->data[0] ? s_open_sqlite(settings, *epoch, error) : s_open_postgres(settings, *epoch, error);
    if (log)
        *epoch = log_durable_epoch(log);
    return log;
}

bool open_log_check(const settings_t *settings, zr_error_t *error) {
    return (!settings->data[0] || db_dir_check(settings->data, error)) &&
           (!settings->store[0] || log_postgres_check(settings->store, error));
}

bool open_log_copy(const settings_t *settings, const char *dir, zr_error_t *error) {
    log_durable_db_t from;
    if (!log_sqlite_open(dir, &from, error))
        return false;
    bool ok = s_import(settings, &from, error) && log_sqlite_moved(&from, error);
    from.ops->close(from.db);
    return ok;
}

const char *open_log_engines(void) {
#ifdef ZRELAY_POSTGRES
    return "with PostgreSQL";
#else
    return "without PostgreSQL";
#endif
}
