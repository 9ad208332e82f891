/* See pg_lead.h. */
#include "pg_lead.h"

#include <stdio.h>
#include <sys/random.h>

#include "clock.h"
#include "fatal.h"
#include "pg_lease.h"
#include "pg_schema.h"

enum { LEASE_WAIT_MS = 8000 };

static void s_name_holder(db_t *db) {
    uint8_t random[16];
    FATAL_UNLESS(getrandom(random, sizeof random, 0) == sizeof random);
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(db->holder + 2 * i, 3, "%02x", random[i]);
}

/* The broker that had it may have ended a moment ago. */
static bool s_take_lease(db_t *db, zr_error_t *error) {
    for (uint64_t until = zr_mono_ms() + LEASE_WAIT_MS;;) {
        zr_error_t why = {0};
        if (pg_lease_take(db, true, &why) == PG_LEASE_TAKEN)
            return true;
        unsigned tries = 0;
        if (PQstatus(db->conn) != CONNECTION_OK || zr_mono_ms() >= until || !pg_pause(db, &tries, &why))
            return zr_fail(error, "%s", why.text);
    }
}

bool pg_lead(db_t *db, uint64_t fresh_epoch, zr_error_t *error) {
    s_name_holder(db);
    return pg_connect(db, error) && pg_schema_make(db, fresh_epoch, error) && pg_prepare(db, error) &&
           s_take_lease(db, error) && pg_schema_read(db, fresh_epoch, error);
}
