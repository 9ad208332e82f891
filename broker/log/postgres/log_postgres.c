/* See log_postgres.h: opens the database, for the durable log to use. */
#include "log_postgres.h"

#include "pg_lead.h"
#include "pg_lease.h"
#include "pg_read.h"
#include "pg_retain.h"
#include "pg_write.h"

static const db_ops_t s_ops = {
    .each_room = pg_each_room,
    .each_value = pg_each_value,
    .each_mark = pg_each_mark,
    .each_group = pg_each_group,
    .begin = pg_begin,
    .commit = pg_commit,
    .rollback = pg_rollback,
    .add_room = pg_add_room,
    .add_frame = pg_add_frame,
    .forget_room = pg_forget_room,
    .set_group = pg_set_group,
    .set_mark = pg_set_mark,
    .retain = pg_retain,
    .forget_marks = pg_forget_marks,
    .date_marks = pg_date_marks,
    .set_hold = pg_set_hold,
    .set_base = pg_set_base,
    .give_back = pg_give_back,
    .renew = pg_lease_renew,
    .leads_until = pg_lease_until,
    .read = pg_read,
    .enter = pg_no_turn,
    .leave = pg_no_turn,
    .give_up = pg_give_up,
    .close = pg_close,
};

bool log_postgres_check(const char *uri, zr_error_t *error) {
    if (!pg_check(uri, error))
        return false;
    db_t *db = pg_new(uri, false);
    bool ok = pg_connect(db, error);
    pg_close(db);
    return ok;
}

log_t *log_postgres_new(const log_postgres_config_t *config, zr_error_t *error) {
    if (!pg_check(config->uri, error))
        return NULL;
    db_t *db = pg_new(config->uri, true), *read_db = pg_new(config->uri, false);
    if (config->endpoint && config->endpoint[0]) {
        db->endpoint = config->endpoint;
        db->key = config->key;
    }
    if (!pg_lead(db, config->fresh_epoch, error) || !pg_connect(read_db, error) || !pg_prepare(read_db, error)) {
        pg_close(read_db);
        pg_close(db);
        return NULL;
    }
    read_db->epoch = db->epoch;
    return log_durable_new(&config->durable,
        &(log_durable_db_t){.ops = &s_ops,
            .db = db,
            .read_db = read_db,
            .shared = true,
            .level = db->level,
            .epoch = db->epoch,
            .floor = db->floor,
            .base = db->base,
            .hold = db->hold},
        error);
}
