/* What groups keep of rooms (log_keep_t), for an engine. Rooms need not exist yet. */
#ifndef KEEPS_H
#define KEEPS_H

#include "hash.h"
#include "log.h"

typedef struct keep {
    char room[ZR_ROOM_MAX];
    log_keep_t keep;
    UT_hash_handle hh;
} keep_t;

/* A NULL pointer is an empty table. */
void keeps_set(keep_t **keeps, zr_span_t room, const log_keep_t *keep);
void keeps_finish(keep_t **keeps);

/* Of a room of which nothing is kept: `bytes` 0. */
log_keep_t keeps_of(const keep_t *keeps, zr_span_t room);

#endif
