/* The progress file of a feed: what the next run has to do. */
#ifndef FEED_SAVED_H
#define FEED_SAVED_H

#include "feed_state.h"

/* Writes the file. The next `ahead` ids may be used then. false: it failed, and the user was told. */
bool feed_save(feed_t *feed, uint64_t ahead);

/* Milliseconds until the file should be written; -1: it is as it should be. */
int feed_save_due(const feed_t *feed);

/* The message at `index` is acked, and so are all before it. */
void feed_advance(feed_t *feed, uint64_t index);

#endif
