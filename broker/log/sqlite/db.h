/* The database of the durable log: one SQLite file in the data directory. A handle belongs to the thread that opened
 * it: the writing thread or the reading one.
 *
 * A row of `frames` is a DELIVER frame as it was delivered. Its id is room << 40 | last seq, so that one tree holds
 * each room's frames in their order and appending needs no second index.
 *
 * Functions that return bool give false on failure and add a line about it to `error`. */
#ifndef DB_H
#define DB_H

#include "db_ops.h"

/* The version of the tables, and the oldest one that is brought up to date. */
enum { DB_SCHEMA_VERSION = 3, DB_SCHEMA_OLDEST = 2 };

typedef enum { DB_OPENED, DB_REFUSED, DB_CORRUPT } db_open_t;

/* Opens the database in `dir` for writing; both are made (0700, 0600) if they are missing. DB_REFUSED: not ours, not
 * writable, in use by another broker, no room, made by a newer version or a much older one. DB_CORRUPT: it cannot be read
 * as a database; db_put_aside may follow. On DB_OPENED `*db` is the caller's. WAL, synchronous=FULL. */
db_open_t db_open(db_t **db, const char *dir, uint64_t fresh_epoch, zr_error_t *error);

/* The disk was full when the database was opened. So no other process can open it, and there is no second handle
 * either: threads share this one, each between db_enter and db_leave. Of other handles these two do nothing. */
bool db_is_alone(const db_t *db);
void db_enter(db_t *db);
void db_leave(db_t *db);

/* A second handle that only reads; NULL when that fails. */
db_t *db_open_reader(const char *dir, zr_error_t *error);

/* Gives the handle back, and the lock on the directory if it was the writer's. NULL is accepted. */
void db_close(db_t *db);

/* Renames the database in `dir` and what belongs to it, so that the next db_open makes a fresh one. `name` gets the new
 * name (without the directory). Needs the lock, which it takes and gives back. */
bool db_put_aside(const char *dir, char name[64], zr_error_t *error);

/* The epoch kept in the database: `fresh_epoch` of the call that made it, or of the first that opened this copy
 * (db_backup). */
uint64_t db_epoch(const db_t *db);

/* Rooms without a row begin after this position. It is not below the head of any room forgotten under this epoch
 * (log.h). The value is that of when the database was opened. */
uint64_t db_floor(const db_t *db);

/* The highest position that db_set_base ever named; 0: none. The value is that of when the database was opened. */
uint64_t db_base(const db_t *db);

/* --- As db_ops_t says --- */

bool db_each_room(db_t *db, void (*each)(void *ctx, const db_room_t *room), void *ctx, zr_error_t *error);
bool db_each_value(
    db_t *db, void (*each)(void *ctx, uint32_t room, const zr_entry_t *entry), void *ctx, zr_error_t *error);
bool db_each_mark(db_t *db, void (*each)(void *ctx, const log_mark_t *mark), void *ctx, zr_error_t *error);

bool db_each_group(
    db_t *db, void (*each)(void *ctx, zr_span_t room, zr_span_t name, zr_span_t state), void *ctx, zr_error_t *error);

bool db_read(db_t *db, uint32_t room, const log_bounds_t *bounds, const log_read_t *read, log_slice_t *slice,
    zr_blob_t **frames, zr_error_t *error);

/* Adds the bytes of the database's files, and sets those that are free on their disk. */
void db_measure(const db_t *db, uint64_t *bytes, uint64_t *free_bytes);

/* Could a database be opened in this directory, or the directory be made? Changes nothing. A broker may be using it. */
bool db_dir_check(const char *dir, zr_error_t *error);

#endif
