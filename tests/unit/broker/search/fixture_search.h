/* Shared by the tests of the search: a log, its index, and the index's answers as a text. */
#ifndef FIXTURE_SEARCH_H
#define FIXTURE_SEARCH_H

#include "fixture_db.h"
#include "search.h"

typedef struct {
    store_t store;
    search_index_t *index;
    search_report_t report; /* of the last update */
} world_t;

/* A directory with a log that has nothing in it, and an index. */
void world_begin(world_t *world);
void world_end(world_t *world);

/* One entry in a frame of its own, by alice, at time seq. */
void world_put(world_t *world, uint32_t room, const char *name, uint64_t seq, const char *key, const char *body);

/* Brings the index up to date in chunks of so many bytes. */
void world_update(world_t *world, size_t chunk);

/* The hits as "ROOM SEQ; ROOM SEQ; ", the newest first; the text of the error if it fails. Valid until the next call.
 */
const char *world_find(world_t *world, const char *text, const char *room, size_t limit);

/* Everything in the index, as a text; malloc'ed. */
char *world_dump(world_t *world);

#endif
