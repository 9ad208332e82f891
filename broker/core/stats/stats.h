/* The op `stats`: the broker's counters, pages of what there is, and rankings. A ranking walks over all things of a
 * kind, some hundred at a time. */
#ifndef STATS_H
#define STATS_H

#include "metrics.h"
#include "relay.h"

enum {
    STATS_PAGE = 200,   /* rows in a page */
    STATS_RANKED = 100, /* rows in a ranking */
    STATS_JOBS = 16,    /* rankings under way in all */
    STATS_PIECE = 250,  /* things that a piece of work looks at */
};

/* All that is counted now. */
metrics_t stats_measure(const relay_t *relay);

bool stats_is_due(const relay_t *relay);

/* The next piece of the ranking that waits longest. */
void stats_work(relay_t *relay);

void stats_forget_all(relay_t *relay);

#endif
