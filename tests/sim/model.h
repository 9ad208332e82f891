/* The truth: the log of each epoch and the outcome of each message. They are taken from the effects that leave the
 * relay, decoded anew; the model never looks into the relay. The effects are checked here already. check.c checks the
 * programs' events against the model. */
#ifndef MODEL_H
#define MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "log.h"
#include "outbox.h"
#include "wire.h"

struct sim;
struct client;
struct conn;

enum { ROOMS = 4, EPOCHS_MAX = 64, NO_KEY = -1 };

typedef struct {
    uint64_t seq, prev, time, tag;
    uint8_t flags;
    int key;
    char sender[ZR_NICK_MAX + 1];
    bool begins; /* nothing of the room is known from before */

    /* Of the room's group (check_work.h). */
    bool said, worked; /* a worker said that it is done; and heard that this is stored */
    unsigned holder;   /* one more than the number of the client that has it; 0: nobody */
    uint64_t held_by;  /* the route that it went by, */
    uint64_t held_at;  /* at this time, */
    uint64_t handed;   /* handed out by the relay's clock at this time or later, */
    uint32_t worker;   /* to this worker */
} record_t;

typedef struct {
    record_t *records;
    size_t count, size;
    size_t stored;    /* so many are stored */
    size_t published; /* and so many were on the back */
    uint64_t oldest;  /* the log has what comes after */
    size_t first;     /* records of runs before this one, of which the log has nothing any more */
    uint64_t base;    /* and the position that the run began after, or the room after it was forgotten */
    uint64_t *values; /* of each key the seq of its value; 0: none */
    size_t value_count;
} model_room_t;

typedef struct {
    char text[17];
    model_room_t rooms[ROOMS];
} epoch_t;

/* A message that some program published. Its tag is its place in the table and, for all but deletions, stands in its
 * body. */
typedef struct {
    const struct client *client; /* NULL: an HTTP client */
    uint64_t mid;
    unsigned room;
    int key;
    bool deletes, compares;
    uint64_t expect;
    enum { TOLD_NOTHING, TOLD_STORED, TOLD_REFUSED } told;
    uint64_t appended, stored, refused; /* sets of epochs */
    bool was_refused;                   /* by any run of the broker */
} message_t;

/* A key is deleted once at most, so that the deletion can be told by it: "k" and its number. */
typedef struct {
    unsigned room;
    uint64_t deletion; /* tag; 0: none */
} shared_key_t;

typedef struct {
    uint64_t number;
    size_t counts[ROOMS];
    bool forgets[ROOMS]; /* the room with the records before this: */
    size_t forgotten[ROOMS];
} commit_t;

typedef struct {
    epoch_t *epochs; /* EPOCHS_MAX */
    unsigned epoch_count;
    message_t *messages;
    size_t message_count, message_size;
    shared_key_t *keys;
    size_t key_count, key_size;
    commit_t *commits; /* not stored yet, in order */
    size_t commit_count, commit_size;
    commit_t gathering; /* what the next one forgets */
    zr_level_t level;
} model_t;

void model_init(model_t *model);
void model_finish(model_t *model);

/* Room names; some begin with others. */
const char *room_text(unsigned room);
int room_number(zr_span_t name); /* -1: not one of ours */

void model_epoch(struct sim *sim, const char *text, zr_level_t level); /* a broker begins */
/* A broker begins on the log of the one before: rooms of a lower level begin after `base`. */
void model_again(struct sim *sim, uint64_t base);
zr_level_t model_level(const struct sim *sim, unsigned room);
epoch_t *model_now(struct sim *sim);
int model_epoch_find(const model_t *model, const char *text); /* the newest of that name; -1: none */

/* --- What programs do --- */
uint64_t model_message(struct sim *sim, const message_t *message); /* its tag */
int model_key(struct sim *sim, unsigned room);

/* --- What leaves the relay --- */
void model_append(struct sim *sim, const log_append_t *append);
void model_forget(struct sim *sim, const log_forget_t *forget, uint64_t now);
void model_commit(struct sim *sim, uint64_t pass);
void model_stored(struct sim *sim, uint64_t pass);
void model_failed(struct sim *sim, uint64_t pass); /* and nothing that was appended since can be stored */
void model_publish(struct sim *sim, zr_span_t frame);
void model_send(struct sim *sim, const struct conn *conn, zr_span_t frame);

/* Nothing was stored there since it was forgotten, so that a reader may stand at any position a room begins at. */
bool model_fresh(const struct sim *sim, const model_room_t *room);

/* The record with that seq; NULL: none. before gives the number of records with a seq up to `seq`. */
const record_t *model_record(const model_room_t *room, uint64_t seq);
size_t model_upto(const model_room_t *room, uint64_t seq);
uint64_t model_head(const model_room_t *room); /* of the stored entries */

/* Is `entry` what `record` says? `what` tells the difference. */
bool model_same(const struct sim *sim, const record_t *record, uint64_t tag, int key, uint64_t time, bool deleted);
uint64_t model_tag(const struct sim *sim, zr_span_t body, bool deleted, int key); /* 0: it names none */
int model_key_number(zr_span_t key);                                              /* NO_KEY if empty, -2 if not ours */

#endif
