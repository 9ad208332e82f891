/* Shared by the tests of the database: a directory of their own, frames, and the whole content as a text. */
#ifndef FIXTURE_DB_H
#define FIXTURE_DB_H

#include "db_retain.h"
#include "db_write.h"
#include "unit.h"

enum { EPOCH = 0x1234567 };

typedef struct {
    char dir[64];
    db_t *db;
    zr_error_t error[1];
} store_t;

/* A new directory, in memory where the system has such, and a database in it, opened. */
void store_begin(store_t *store);
/* Closes, and removes the directory. */
void store_end(store_t *store);

/* The directory alone. */
void store_make_dir(store_t *store);
void store_remove_dir(const char *dir);

void store_open(store_t *store);
void store_reopen(store_t *store);

/* `dir`/`name`; valid until the fourth call after it. */
const char *store_path(const store_t *store, const char *name);

/* A line of the error has these words. Then it is empty. */
bool store_told(zr_error_t *error, const char *words);

#define ck_assert_ok(store, expression) ck_assert_msg((expression), "%s", (store)->error->text)

/* An entry of the frame that is being built. */
typedef struct {
    uint64_t seq;
    const char *key;  /* NULL: none */
    const char *body; /* NULL: the key is deleted */
} item_t;

/* A frame; the caller gives back append.frame. `time` is that of each entry. */
log_append_t store_frame(zr_span_t room, uint64_t prev, const item_t *items, size_t count, uint64_t time);

/* One with `count` entries after `prev`, without keys. */
log_append_t store_plain(zr_span_t room, uint64_t prev, size_t count, uint64_t time, size_t body);

/* Adds it in the transaction that is open, and gives the frame back. */
bool store_add(store_t *store, uint32_t id, log_append_t append);

/* In a transaction of its own. */
void store_room(store_t *store, uint32_t id, const char *name);
void store_put(store_t *store, uint32_t id, log_append_t append);
void store_mark(store_t *store, const char *digit, uint64_t mark, const char *refusals, uint64_t now);

/* The room's row. */
db_room_t store_look(store_t *store, uint32_t id);

/* The mark of a client id that consists of `digit`. */
log_mark_t store_mark_of(const char *digit, uint64_t mark, const char *refusals);

/* Everything that `store` holds, as its functions tell it; malloc'ed. */
char *store_dump(store_t *store);

uint64_t store_random(uint64_t *state);
/* 0 … below - 1 */
uint64_t store_below(uint64_t *state, uint64_t below);

/* How many seeds a test goes through; ZR_STORE_SEEDS multiplies it. */
unsigned store_seeds(unsigned usual);

/* Each how manyth case is enough: 1, and more where everything is so slow that the tests have more time
 * (CK_TIMEOUT_MULTIPLIER). */
unsigned store_stride(void);

#endif
