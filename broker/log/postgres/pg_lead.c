/* See pg_lead.h. */
#include "pg_lead.h"

#include <stdio.h>
#include <sys/random.h>

#include "clock.h"
#include "fatal.h"
#include "names.h"
#include "pg_lease.h"
#include "pg_members.h"
#include "pg_schema.h"

enum { LEASE_WAIT_MS = 8000 };

/* Among others this process keeps its name when it starts its program anew. */
static void s_name_holder(db_t *db) {
    uint8_t random[16];
    if (db->endpoint[0]) {
        strcpy(db->holder, pg_members_claim());
        return;
    }
    FATAL_UNLESS(getrandom(random, sizeof random, 0) == sizeof random);
    zr_hex(db->holder, random, sizeof random);
}

/* The broker that had it may have ended a moment ago. */
static bool s_take_lease(db_t *db, zr_error_t *error) {
    for (uint64_t until = zr_mono_ms() + LEASE_WAIT_MS;;) {
        zr_error_t why = {0};
        if (pg_lease_take(db, true, &why) == PG_LEASE_TAKEN)
            return true;
        unsigned tries = 0;
        bool others = db->endpoint[0]; /* this broker follows them, and need not wait */
        if (PQstatus(db->conn) != CONNECTION_OK || others || zr_mono_ms() >= until || !pg_pause(db, &tries, &why))
            return zr_fail(error, "%s", why.text);
    }
}

bool pg_lead(db_t *db, uint64_t fresh_epoch, zr_error_t *error) {
    s_name_holder(db);
    return pg_connect(db, error) && pg_schema_make(db, fresh_epoch, error) && pg_prepare(db, error) &&
           s_take_lease(db, error) && pg_schema_read(db, fresh_epoch, error);
}
