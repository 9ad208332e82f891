/* What the model knows of a group's entries, and the promises that it holds the broker to (I10): an entry is done, dead
 * or to come; never with two workers at once; one key in its order. It sees the frames and what reached the disk, and
 * nothing of the broker's insides. */
#ifndef GROUPS_MODEL_H
#define GROUPS_MODEL_H

#include "world.h"

enum { ENTRIES_MAX = 4096, KEYS = 5, WORKERS = 5 };

typedef struct {
    bool stored;     /* it is on the disk */
    bool maybe_done; /* a worker said so, */
    bool done;       /* and the broker said that it is stored */
    bool maybe_dead; /* a worker rejected it, or it was handed out as often as it may be */
    bool dead;       /* its copy is on the disk */
    bool excused;    /* it may be gone before the group is there */
    bool returned;   /* the last worker never saw it, and said so; not confirmed yet */
    int returner;
    int key;
    unsigned handed; /* in this run of the broker */
    int holder;      /* the worker that has it; -1: nobody */
    uint64_t due;    /* of the holder, by the rising clock */
} entry_t;

typedef struct {
    world_t *world;
    entry_t entries[ENTRIES_MAX + 1]; /* by seq */
    uint64_t last;                    /* seq that is stored */
    bool ordered;
    unsigned deliveries;
    unsigned credit[WORKERS];
} model_t;

void model_stored(model_t *model, uint64_t seq, int key);
void model_dead(model_t *model, uint64_t seq); /* a copy is on the disk */

/* The broker hands the entry to the worker, whose time ends at `due`. */
void model_work(model_t *model, int worker, uint64_t seq, unsigned deliveries, uint64_t rising, uint64_t due);

/* The worker says so, and the broker hears it. Only of entries that it holds: the others change nothing, but a late
 * `done` may count. */
void model_done(model_t *model, int worker, uint64_t seq);
void model_back(model_t *model, int worker, uint64_t seq, bool reject);
void model_extend(model_t *model, int worker, uint64_t seq, uint64_t rising, uint64_t due);

/* The worker gives back all that it holds, but the `count` entries that it knows of: their frames were lost. Once that is
 * confirmed it is as if these had not been handed out. */
void model_return(model_t *model, int worker, const uint64_t *holds, size_t count, uint64_t rising);
void model_returned(model_t *model, int worker);

/* The entry may be gone: there was no group that needed it. */
void model_excuse(model_t *model, uint64_t seq);

/* The broker says that it is stored: all that the worker said was done, up to now. */
void model_confirmed(model_t *model, uint64_t seq);

/* The broker says that the entry was done or dead before. */
void model_settled(model_t *model, uint64_t seq);

void model_worker_gone(model_t *model, int worker);
void model_crash(model_t *model);

/* Nothing is left to do: is every entry done or dead? */
void model_end(model_t *model);

#endif
