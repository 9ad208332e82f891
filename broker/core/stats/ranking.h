/* The few things of many that have the highest values, found in one walk. Pure. */
#ifndef RANKING_H
#define RANKING_H

#include <stdbool.h>

#include "names.h"

/* A thing by its name in the order of the walk, and a number that tells those of one name apart. */
typedef struct {
    char name[ZR_ROOM_MAX];
    size_t name_len;
    uint64_t id;
} stats_key_t;

typedef struct {
    uint64_t value;
    size_t turn; /* of the walk: of equal values the earlier one counts */
    stats_key_t key;
} ranked_t;

typedef struct {
    size_t most; /* at least 1; `items` has room for so many */
    size_t count, turns;
    ranked_t *items; /* a heap, the least at the top */
} ranking_t;

/* Would ranking_add take it? The key of a thing then need not be made. */
bool ranking_takes(const ranking_t *ranking, uint64_t value);

/* The next thing of the walk. */
void ranking_add(ranking_t *ranking, uint64_t value, const stats_key_t *key);

/* After the walk: sorts the items, the highest value first. */
void ranking_sort(ranking_t *ranking);

#endif
