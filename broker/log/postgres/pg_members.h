/* The brokers that share a database: which one leads, and where each listens for clients. A broker that does not lead watches
 * the lease in a thread of its own, over a connection of its own. When the lease is free, it claims it: the lease then is
 * this process's for another while, and after its next start (`pg_members_claim`) it leads. */
#ifndef PG_MEMBERS_H
#define PG_MEMBERS_H

#include "errors.h"
#include "pg.h"
#include "servers.h"

enum {
    PG_MEMBERS_MAX = 16,    /* brokers that a view names */
    PG_NAME_SIZE = 120,     /* of "HOST pid N", its NUL included */
    PG_LOOK_MS = 200,       /* between two looks at the lease */
    PG_AWAY_MS = 5000,      /* a broker that was not seen for so long is away */
    PG_GONE_MS = 300000,    /* after so long clients are not told of it any more */
    PG_FORGET_S = 24 * 3600 /* and after so long it is forgotten */
};

typedef struct {
    char name[PG_NAME_SIZE], endpoint[ZR_SERVER_MAX + 1], key[ZR_CURVE_LEN + 1];
    uint64_t seen_ms; /* ago */
} pg_member_t;

typedef struct {
    bool free;          /* no broker leads */
    bool own;           /* this process has claimed the lease */
    uint64_t term;      /* of the lease */
    uint64_t batch;     /* the last one that is visible */
    uint64_t epoch;     /* of the log */
    uint64_t since;     /* when its holder took it, µs since 1970 */
    pg_member_t leader; /* the lease's holder; its endpoint is empty if it advertises none. `seen_ms` is not set */
    pg_member_t items[PG_MEMBERS_MAX]; /* the one seen last first; the leader too */
    size_t count;
    long standbys;  /* of the database, connected now */
    int64_t behind; /* bytes that the slowest of them has not replayed; -1: not known */
} pg_view_t;

/* How this broker shows itself. */
typedef struct {
    const char *endpoint; /* its front */
    const char *key;      /* its public key; empty: not encrypted */
} pg_self_t;

/* Makes the tables that are missing, and looks once. */
bool pg_members_look(const char *uri, uint64_t fresh_epoch, pg_view_t *view, zr_error_t *error);

typedef struct pg_members pg_members_t;

/* Starts the thread; the strings are copied. It notes this broker in the database each second. `claims`: it claims the
 * lease when that is free. Any number of views may be lost; the last one is kept. */
pg_members_t *pg_members_begin(const char *uri, const pg_self_t *self, bool claims);
void pg_members_end(pg_members_t *members); /* NULL is accepted */

/* Readable when there is a new view: then take it. false: no view is new. */
int pg_members_fd(const pg_members_t *members);
bool pg_members_take(pg_members_t *members, pg_view_t *view);

/* The name of this process in the lease, 32 hex digits. It stays the same when the process starts its program anew. */
const char *pg_members_claim(void);

#endif
