/* The tables of the durable log (SCHEMA.md): whether they are ours, made anew, brought up to date. */
#ifndef DB_SCHEMA_H
#define DB_SCHEMA_H

#include "db.h"

/* Looks at a database, before anything in it is touched. `*version` is that of its tables; 0: it is new. DB_REFUSED: it
 * is another program's, or of a version that cannot be opened. */
db_open_t db_schema_identify(db_t *db, int64_t *version, zr_error_t *error);

/* Makes the tables in a new database. */
db_open_t db_schema_create(db_t *db, uint64_t epoch, zr_error_t *error);

/* Brings tables of an older version up to date, in one transaction. Those of DB_SCHEMA_VERSION stay as they are. */
db_open_t db_schema_upgrade(db_t *db, int64_t version, zr_error_t *error);

#endif
