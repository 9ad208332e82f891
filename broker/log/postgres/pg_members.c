/* See pg_members.h. */
#include "pg_members.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "clock.h"
#include "fatal.h"
#include "hash.h"
#include "mailbox.h"
#include "names.h"
#include "pg_lease.h"
#include "pg_schema.h"

#define CLAIM_VARIABLE "ZRELAY_LEASE_CLAIM"
enum { NOTE_MS = 1000 };

struct pg_members {
    pthread_t thread;
    zr_mailbox_t news, stop; /* only their descriptors: a view, and the end */
    pthread_mutex_t lock;    /* of the next two */
    pg_view_t view;
    bool fresh;
    db_t *db;
    char endpoint[ZR_SERVER_MAX + 1], key[ZR_CURVE_LEN + 1];
    bool claims;
    uint64_t noted_at;
    uint64_t epoch, confirmed; /* of the log, and the highest batch that was confirmed under it, as far as was seen */
};

const char *pg_members_claim(void) {
    static char claim[33];
    const char *given = getenv(CLAIM_VARIABLE);
    uint8_t random[16];
    if (!claim[0] && given && zr_hex_valid(zr_span(given), 32, 32))
        memcpy(claim, given, sizeof claim);
    if (!claim[0]) {
        FATAL_UNLESS(getrandom(random, sizeof random, 0) == sizeof random);
        zr_hex(claim, random, sizeof random);
        setenv(CLAIM_VARIABLE, claim, 1);
    }
    return claim;
}

/* --- Looking --- */

static void s_text(char *out, size_t size, const PGresult *result, int row, int column) {
    snprintf(out, size, "%s", PQgetvalue(result, row, column));
}

static void s_member(pg_member_t *member, const PGresult *result, int row) {
    s_text(member->name, sizeof member->name, result, row, 0);
    s_text(member->endpoint, sizeof member->endpoint, result, row, 1);
    s_text(member->key, sizeof member->key, result, row, 2);
}

static uint64_t s_number(const PGresult *result, int row, int column) {
    return strtoull(PQgetvalue(result, row, column), NULL, 10);
}

static bool s_look_lease(db_t *db, pg_view_t *view, zr_error_t *error) {
    PGresult *result = pg_exec(db, "SELECT name, endpoint, key, " PG_LEASE_FREE ", term, holder,"
                                   " coalesce((extract(epoch FROM since) * 1000000)::bigint, 0), batch,"
                                   " (SELECT epoch FROM zrelay.log) FROM zrelay.lease");
    bool ok = pg_is_ok(db, result, "look at the lease in", error) && PQntuples(result) == 1;
    if (ok) {
        s_member(&view->leader, result, 0);
        view->free = PQgetvalue(result, 0, 3)[0] == 't';
        view->term = s_number(result, 0, 4);
        view->own = strcmp(PQgetvalue(result, 0, 5), pg_members_claim()) == 0;
        view->since = s_number(result, 0, 6);
        view->batch = s_number(result, 0, 7);
        view->epoch = strtoull(PQgetvalue(result, 0, 8), NULL, 16);
    }
    PQclear(result);
    return ok;
}

static bool s_look_members(db_t *db, pg_view_t *view, zr_error_t *error) {
    PGresult *result =
        pg_exec(db, "SELECT name, endpoint, key, greatest(0, (extract(epoch FROM clock_timestamp() - seen)"
                    " * 1000)::bigint) FROM zrelay.brokers ORDER BY seen DESC LIMIT 16");
    bool ok = pg_is_ok(db, result, "look at the brokers in", error);
    view->count = 0;
    for (int i = 0; ok && i < PQntuples(result) && view->count < PG_MEMBERS_MAX; i++) {
        pg_member_t *member = &view->items[view->count++];
        s_member(member, result, i);
        member->seen_ms = s_number(result, i, 3);
    }
    PQclear(result);
    return ok;
}

/* The database tells how far its standbys are only to an account that may see it. */
static void s_look_standbys(db_t *db, pg_view_t *view) {
    PGresult *result = pg_exec(db, "SELECT count(*), coalesce(max(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn))"
                                   "::bigint, -1) FROM pg_stat_replication");
    bool ok = PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1;
    view->standbys = ok ? (long)s_number(result, 0, 0) : 0;
    view->behind = ok ? strtoll(PQgetvalue(result, 0, 1), NULL, 10) : -1;
    PQclear(result);
}

bool pg_members_look(const char *uri, uint64_t fresh_epoch, pg_view_t *view, zr_error_t *error) {
    if (!pg_check(uri, error))
        return false;
    db_t *db = pg_new(uri, false);
    bool ok = pg_connect(db, error) && pg_schema_make(db, fresh_epoch, error) && s_look_lease(db, view, error);
    pg_close(db);
    return ok;
}

/* --- Telling --- */

static bool s_do(db_t *db, const char *sql, zr_error_t *error) {
    PGresult *result = pg_exec(db, sql);
    bool ok = pg_is_ok(db, result, "note this broker in", error);
    PQclear(result);
    return ok;
}

static bool s_note(pg_members_t *members, zr_error_t *error) {
    char sql[1600], name[PG_NAME_SIZE], endpoint[2 * ZR_SERVER_MAX + 3];
    db_t *db = members->db;
    pg_lease_name(name);
    pg_lease_quote(members->endpoint, endpoint);
    snprintf(sql, sizeof sql,
        "INSERT INTO zrelay.brokers (endpoint, name, key, seen) VALUES (%s, '%s', '%s', clock_timestamp()) ON CONFLICT"
        " (endpoint) DO UPDATE SET name = excluded.name, key = excluded.key, seen = excluded.seen;"
        "DELETE FROM zrelay.brokers WHERE seen < clock_timestamp() - interval '%d seconds'",
        endpoint, name, members->key, PG_FORGET_S);
    return s_do(db, sql, error);
}

/* --- The thread --- */

static void s_publish(pg_members_t *members, const pg_view_t *view) {
    pthread_mutex_lock(&members->lock);
    members->view = *view;
    members->fresh = true;
    pthread_mutex_unlock(&members->lock);
    zr_mailbox_wake(&members->news);
}

/* A leader begins a batch when the one before is confirmed. So the last batch that is visible may be lost, as nobody was
 * told of it; but the one before it may not. */
static bool s_check_loss(pg_members_t *members, pg_view_t *view, zr_error_t *error) {
    if (view->epoch != members->epoch)
        members->confirmed = 0;
    members->epoch = view->epoch;
    if (view->batch > members->confirmed)
        members->confirmed = view->batch - 1;
    if (view->batch >= members->confirmed)
        return true;
    if (!pg_lease_tell_loss(members->db, members->epoch, members->confirmed, error))
        return false;
    zr_log(ZR_LOG_ERROR,
        "the database lost messages that it had confirmed: the next leader begins a new epoch. Look for "
        "a failover to a server that was behind");
    members->confirmed = view->batch;
    return s_look_lease(members->db, view, error);
}

static bool s_turn(pg_members_t *members, pg_view_t *view, zr_error_t *error) {
    db_t *db = members->db;
    uint64_t now = zr_mono_ms();
    bool due = now - members->noted_at >= NOTE_MS || !members->noted_at;
    if (!db->conn && (!pg_connect(db, error) || !s_do(db, "SET synchronous_commit = off", error)))
        return false;
    if (due && !s_note(members, error))
        return false;
    if (due)
        members->noted_at = now;
    if (!s_look_lease(db, view, error) || !s_check_loss(members, view, error))
        return false;
    if (view->free && members->claims) {
        if (!pg_lease_claim(db, members->endpoint, members->key, error) || !s_look_lease(db, view, error))
            return false;
    }
    if (!due)
        return true;
    s_look_standbys(db, view);
    return s_look_members(db, view, error);
}

static bool s_is_news(const pg_view_t *a, const pg_view_t *b) {
    return a->term != b->term || a->own != b->own || a->free != b->free ||
           strcmp(a->leader.endpoint, b->leader.endpoint) != 0;
}

static void *s_run(void *ctx) {
    pg_members_t *members = ctx;
    pg_view_t view = {.behind = -1}, told = view;
    uint64_t told_at = 0;
    struct pollfd stop = {.fd = members->stop.fd, .events = POLLIN};
    do {
        zr_error_t error = {0};
        if (!s_turn(members, &view, &error)) {
            zr_log(ZR_LOG_DEBUG, "the other brokers are not known: %s", error.text);
            pg_disconnect(members->db);
        } else if (!told_at || s_is_news(&view, &told) || told_at != members->noted_at) {
            told = view;
            told_at = members->noted_at;
            s_publish(members, &view);
        }
    } while (poll(&stop, 1, PG_LOOK_MS) == 0);
    return NULL;
}

pg_members_t *pg_members_begin(const char *uri, const pg_self_t *self, bool claims) {
    pg_members_t *members = fatal_calloc(sizeof *members);
    members->db = pg_new(uri, false);
    members->claims = claims;
    snprintf(members->endpoint, sizeof members->endpoint, "%s", self->endpoint);
    snprintf(members->key, sizeof members->key, "%s", self->key);
    pg_members_claim();
    zr_mailbox_init(&members->news);
    zr_mailbox_init(&members->stop);
    pthread_mutex_init(&members->lock, NULL);
    zr_thread_start(&members->thread, s_run, members);
    return members;
}

void pg_members_end(pg_members_t *members) {
    if (!members)
        return;
    pg_give_up(members->db);
    zr_mailbox_wake(&members->stop);
    pthread_join(members->thread, NULL);
    pg_close(members->db);
    pthread_mutex_destroy(&members->lock);
    zr_mailbox_finish(&members->news);
    zr_mailbox_finish(&members->stop);
    free(members);
}

int pg_members_fd(const pg_members_t *members) {
    return members->news.fd;
}

bool pg_members_take(pg_members_t *members, pg_view_t *view) {
    eventfd_t count;
    eventfd_read(members->news.fd, &count);
    pthread_mutex_lock(&members->lock);
    bool fresh = members->fresh;
    *view = members->view;
    members->fresh = false;
    pthread_mutex_unlock(&members->lock);
    return fresh;
}
