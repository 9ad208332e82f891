/* What must hold of a cluster: an ack says the truth, a message is stored once, all readers see the same entries in the same
 * order, and an epoch ends whenever something is lost that a program knows of. It hears what the database stores, and what
 * programs hear; it never looks into brokers. */
#ifndef TRUTH_H
#define TRUTH_H

#include <stdbool.h>

#include "store.h"
#include "world.h"

struct cluster;

enum { EPOCHS = 64 };

/* A message that some program published. Its tag is its place in the table, and stands at the beginning of its body. */
typedef struct {
    unsigned member, room;
    uint64_t mid;
    bool compares;
    char key[8];
    uint64_t expect;
    enum { TOLD_NOTHING, TOLD_STORED, TOLD_REFUSED } told;
    int told_epoch;
    uint64_t seq; /* in the tables now; 0: it is not */
} message_t;

/* Entries that some program got, by their positions. */
typedef struct {
    stored_t *entries;
    size_t count, size;
} seen_t;

typedef struct {
    struct cluster *sim;
    message_t *messages;
    size_t message_count, message_size;
    uint64_t epochs[EPOCHS];
    int epoch_count;
    uint64_t first_epoch;
    seen_t seen[EPOCHS][STORE_ROOMS];
} truth_t;

void truth_init(truth_t *truth, struct cluster *sim);
void truth_finish(truth_t *truth);

uint64_t truth_message(truth_t *truth, const message_t *message); /* its tag */
message_t *truth_at(truth_t *truth, uint64_t tag);
/* Its number, in the order in which they were met; -1: there are too many. */
int truth_epoch(truth_t *truth, uint64_t epoch);

/* --- What the database does --- */
void truth_stored(void *ctx, unsigned room, const zr_entry_t *entry, uint64_t prev, bool again);
void truth_reading_anew(void *ctx); /* what follows is told again */
void truth_cut(void *ctx);

/* --- What programs hear --- */
void truth_told(truth_t *truth, uint64_t tag, int epoch, bool refused, bool unknown);

/* An entry that a program got in that epoch; gives it as it is in the tables. NULL: it is not known what it follows. */
const stored_t *truth_seen(truth_t *truth, int epoch, unsigned room, const stored_t *entry);

#endif
