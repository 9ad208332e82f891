/* See log_sqlite.h: opens the database, for the durable log to use. */
#include "log_sqlite.h"

#include <stdio.h>

#include "db_internal.h"
#include "db_retain.h"
#include "db_write.h"
#include "logger.h"

static const db_ops_t s_ops = {
    .each_room = db_each_room,
    .each_value = db_each_value,
    .each_mark = db_each_mark,
    .each_group = db_each_group,
    .begin = db_begin,
    .commit = db_commit,
    .rollback = db_rollback,
    .add_room = db_add_room,
    .add_frame = db_add_frame,
    .forget_room = db_forget_room,
    .set_group = db_set_group,
    .set_mark = db_set_mark,
    .retain = db_retain,
    .forget_marks = db_forget_marks,
    .date_marks = db_date_marks,
    .set_hold = db_set_hold,
    .set_base = db_set_base,
    .give_back = db_give_back,
    .measure = db_measure,
    .read = db_read,
    .enter = db_enter,
    .leave = db_leave,
    .close = db_close,
};

/* A corrupt database is refused, or put aside, of which `note` tells then. */
static db_t *s_open(const log_sqlite_config_t *config, char note[512], zr_error_t *error) {
    db_t *db = NULL;
    db_open_t opened = db_open(&db, config->dir, config->fresh_epoch, error);
    if (opened == DB_CORRUPT && !config->refuse_corrupt) {
        char name[64];
        if (!db_put_aside(config->dir, name, error))
            return NULL;
        snprintf(note, 512, "%.350s; it was put aside as %s, and a new log begins", error->text, name);
        *error = (zr_error_t){0};
        opened = db_open(&db, config->dir, config->fresh_epoch, error);
    }
    return opened == DB_OPENED ? db : NULL;
}

bool log_sqlite_open(const char *dir, log_durable_db_t *from, zr_error_t *error) {
    db_t *db = NULL;
    if (!db_dir_has(dir, DB_NAME))
        return zr_fail(error, "there is no log in %s", dir);
    if (db_open(&db, dir, 0, error) != DB_OPENED)
        return false;
    *from = (log_durable_db_t){.ops = &s_ops,
        .db = db,
        .read_db = db,
        .level = ZR_LEVEL_DISK,
        .epoch = db_epoch(db),
        .floor = db_floor(db),
        .base = db_base(db),
        .hold = db_hold(db)};
    return true;
}

bool log_sqlite_moved(const log_durable_db_t *from, zr_error_t *error) {
    return db_exec(from->db, "INSERT OR REPLACE INTO meta VALUES ('copy', 1)") ||
           db_fail(from->db, error, "mark as a copy");
}

log_t *log_sqlite_new(const log_sqlite_config_t *config, char note[512], zr_error_t *error) {
    note[0] = '\0';
    db_t *db = s_open(config, note, error);
    if (!db)
        return NULL;
    if (db_is_alone(db))
        zr_log(ZR_LOG_WARN,
            "the disk of %s is full: make room on it. Clients can read, and publish as soon as there is room; "
            "--backup and zrelayd-search must wait until zrelayd was started again",
            config->dir);
    db_t *read_db = db_is_alone(db) ? db : db_open_reader(config->dir, error);
    if (!read_db) {
        db_close(db);
        return NULL;
    }
    return log_durable_new(&config->durable,
        &(log_durable_db_t){.ops = &s_ops,
            .db = db,
            .read_db = read_db,
            .level = ZR_LEVEL_DISK,
            .epoch = db_epoch(db),
            .floor = db_floor(db),
            .base = db_base(db),
            .hold = db_hold(db)},
        error);
}
