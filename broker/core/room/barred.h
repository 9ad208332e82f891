/* Users whom an operator keeps out of a room for a time: for sessions of that nick the room has no rights meanwhile. */
#ifndef BARRED_H
#define BARRED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "names.h"
#include "span.h"

enum { BARRED_MAX = 1000 }; /* users and rooms that they are kept out of, in all */

typedef struct {
    struct bar *all;
    uint64_t due; /* the earliest end of a ban; 0: no ban ends */
} barred_t;

void barred_finish(barred_t *barred);

/* Keeps `nick` out of `room` until `until`, instead of an earlier end. Both names are valid, and copied. False: there are
 * BARRED_MAX already. */
bool barred_add(barred_t *barred, zr_span_t room, zr_span_t nick, uint64_t until);

/* Lets `nick` in again. False: it was not kept out. */
bool barred_remove(barred_t *barred, zr_span_t room, zr_span_t nick);

bool barred_is(const barred_t *barred, zr_span_t room, zr_span_t nick);

/* May the time of one be over at `now`? */
static inline bool barred_is_due(const barred_t *barred, uint64_t now) {
    return barred->due && barred->due <= now;
}

/* Ends a ban whose time is over at `now`, and tells the nick. false: no further ban is over. */
bool barred_end(barred_t *barred, uint64_t now, char nick[ZR_NICK_MAX + 1]);

#endif
