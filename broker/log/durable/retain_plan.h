/* Retention's decision: which of a room's oldest frames go, and what is cut off the next one. Knows no database. */
#ifndef RETAIN_PLAN_H
#define RETAIN_PLAN_H

#include "log.h"
#include "policy.h"

/* Frames of a room up to `upto` that are dated ahead of the clock count as of `time`. */
typedef struct {
    uint64_t upto, time; /* `upto` 0: none are known */
} retain_ahead_t;

typedef struct {
    const policy_t *policy;
    log_keep_t keep;               /* what groups need */
    uint64_t upto;                 /* entries up to it go, whatever is kept */
    uint64_t now;                  /* 0: nothing goes for its age */
    uint64_t head, entries, bytes; /* of the room up to its newest frame, dropped ones counted */
    retain_ahead_t ahead;          /* as noted before */
} retain_room_t;

/* A frame: its last entry, that entry's time, and the room's entries and bytes up to it. */
typedef struct {
    uint64_t last, time, entries, bytes;
} retain_row_t;

/* All that goes, and what else changes. */
typedef struct {
    uint64_t began;                  /* `oldest` before */
    uint64_t oldest, entries, bytes; /* of the room: up to there all is gone */
    uint64_t dropped;                /* frames up to this one go */
    uint64_t cut_last;               /* the frame that is cut, by its last entry; 0: no frame is cut */
    zr_blob_t *cut;                  /* what is left of it; the caller's */
    size_t cut_count;                /* entries in that */
    retain_ahead_t ahead;            /* to be noted; upto 0: nothing is */
    bool more;
    size_t rows;      /* added */
    uint64_t pending; /* frames up to this one stay, dated ahead of the clock; 0: the one before does not */
} retain_plan_t;

/* Nothing goes yet: up to `oldest` all is gone already. */
retain_plan_t retain_plan_begin(const retain_room_t *room, uint64_t oldest, uint64_t entries, uint64_t bytes);

/* The room's frames but its newest, oldest first, of which at most `max` go. false: no further frame is wanted. */
bool retain_plan_add(retain_plan_t *plan, const retain_room_t *room, const retain_row_t *row, size_t max);

/* After the last of them. `more` tells whether there is more to do behind them. */
void retain_plan_end(retain_plan_t *plan);

/* Is something to be cut off the first frame that stays? */
bool retain_plan_cuts(const retain_plan_t *plan, const retain_room_t *room);

/* Cuts what is too much off that frame, but not the room's last entry. A damaged one stays as it is. */
void retain_plan_cut(retain_plan_t *plan, const retain_room_t *room, uint64_t last, size_t count, zr_span_t frame);

#endif
