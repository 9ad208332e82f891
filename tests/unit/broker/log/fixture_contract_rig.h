/* The log under the contract, for the tests of the suite alone. Rooms have names of one letter. */
#ifndef FIXTURE_CONTRACT_RIG_H
#define FIXTURE_CONTRACT_RIG_H

#include "fixture_contract.h"
#include "unit.h"

extern const contract_t *ct_engine;
extern log_t *ct_log;
extern char ct_got[8192]; /* what the sink was told since the last look */

void ct_begin(void);
void ct_reopen(uint64_t keep); /* as a later run finds it */
void ct_finish(void);

/* --- Answers --- */

/* The next answers, if the engine answers later. Returns whether there may be any. */
bool ct_pump(int ms);

/* Takes answers until the sink was told `text` since the last look: "PASS " of one that is stored, "PASS! " of one that
 * failed, and of a read "PREV: SEQ SEQ | PREV: SEQ | = SEQ", then " complete" and " more" if it is so. */
void ct_expect(const char *text);
void ct_silent(void);

/* --- Writing --- */

uint64_t *ct_head(char name);

/* A frame of `count` entries, whose positions rise by `gap`. `key`: each has it; NULL: none. `deletes`: that key. */
void ct_append_as(char name, size_t count, uint64_t gap, const char *key, bool deletes);
void ct_append(char name, size_t count);
void ct_forget(char name);
void ct_trim(char name, uint64_t upto); /* and waits until it is done */
void ct_commit(uint64_t pass);

/* A pass with one mark, of the client id that is `client` 32 times. */
void ct_commit_mark(uint64_t pass, char client, uint64_t mark, const char *refusals);

/* A pass with the state of a group, in a room of one letter; NULL: the group is deleted. */
void ct_commit_group(uint64_t pass, char room, const char *name, const char *state);

/* Commits what was appended, and waits until it is stored. */
void ct_store(void);

/* Holds a pass back, in room "h", so that later passes wait behind it. */
void ct_hold(uint64_t pass);

/* --- Reading --- */

/* `read` with all that it leaves out. */
log_read_t ct_request(char name, log_read_t read);
void ct_read(char name, log_read_t read);
log_bounds_t ct_bounds(char name);
void ct_expect_bounds(char name, uint64_t oldest, uint64_t head);

/* The content from before: "ROOM OLDEST-HEAD@TIME; " and "ROOM.KEY=SEQ; " in alphabetical order, since an engine may have any
 * order of rooms; then "CLIENT:MARK/REFUSALS; " in the order of use, and
 * "ROOM#GROUP=STATE; " in alphabetical order. */
void ct_expect_restored(const char *text);

#define ct_expect_read(name, text, ...)                                                                                \
    do {                                                                                                               \
        ct_read(name, (log_read_t){__VA_ARGS__});                                                                      \
        ct_expect(text);                                                                                               \
    } while (0)

/* --- The suite's parts --- */

typedef struct {
    const TTest *tests[16];
    size_t count;
} ct_tests_t;

void ct_tests_of_keeping(ct_tests_t *tests); /* engines that keep their content over runs */
void ct_tests_of_later(ct_tests_t *tests);   /* engines that answer later */

#endif
