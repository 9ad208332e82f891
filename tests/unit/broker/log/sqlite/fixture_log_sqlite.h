/* Shared by the tests of the durable log: a log in a directory of its own behind the gate, rooms whose names are one
 * letter, and the sink's calls as a text. There is one, the global `rig`. */
#ifndef FIXTURE_LOG_SQLITE_H
#define FIXTURE_LOG_SQLITE_H

#include "fixture_gate.h"
#include "log_sqlite.h"
#include "unit.h"

typedef struct {
    char dir[64];
    log_t *log;
    log_sqlite_config_t config; /* of the next rig_reopen */
    policy_t policies[8];
    uint64_t epoch;
    uint64_t heads[26]; /* of rooms "a" to "z" */
    char got[8192];     /* what the sink was told since the last look */
} rig_t;

extern rig_t rig;

/* A new directory and a log in it. */
void rig_begin(void);
void rig_reopen(void); /* closes it first, which commits what waits */
void rig_finish(void);

/* For rooms that match, from rig_reopen on. */
void rig_policy(const char *pattern, policy_t policy);

/* `zrelay.db` in the directory; valid until the next call. */
const char *rig_path(void);

/* Changes the database behind the log's back. */
void rig_sql(const char *sql);

/* --- Writing --- */

/* A frame of so many entries, each with that key; NULL: none. */
void rig_append_as(char name, size_t count, const char *key, zr_level_t level);
void rig_append(char name, size_t count);
void rig_commit(uint64_t pass);

/* A pass with one mark and nothing else. The client id is `client` 32 times. */
void rig_commit_mark(uint64_t pass, char client, uint64_t mark, const char *refusals);

void rig_await_answer(void);

/* Takes answers until the sink was told `text` since the last look: "PASS " of one that is stored, "PASS! " of one that
 * failed, and of a read "#TICKET PREV: SEQ SEQ | PREV: SEQ | = SEQ", then " complete" and " more" if it is so. */
void rig_expect(const char *text);
void rig_silent(void);

/* Writes a pass, in room "h", while the gate is closed, so that later passes wait behind it. */
void rig_hold(uint64_t pass);

/* --- Reading --- */

/* With ticket 7. */
void rig_read(char name, uint64_t after, uint64_t last);
void rig_assert_bounds(char name, uint64_t oldest, uint64_t head);

/* The log's content from before: "ROOM OLDEST-HEAD@TIME; ", "ROOM.KEY=SEQ; " and "CLIENT:MARK/REFUSALS; ", where CLIENT
 * is the client id's first two letters. */
void rig_expect_restored(const char *text);

#endif
