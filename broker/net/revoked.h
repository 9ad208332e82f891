/* Users whose earlier connections do not count any more. A connection carries the generation that the users had when it
 * was let in. When a user is removed, banned or loses a key, connections of earlier generations are revoked. They stay
 * so even if a user gets the same name again. Pure. */
#ifndef REVOKED_H
#define REVOKED_H

#include <stdbool.h>
#include <stdint.h>

#include "span.h"

/* A zeroed struct knows of nobody. It grows by each name once. */
typedef struct {
    struct revoked_user *by_name;
} revoked_t;

void revoked_finish(revoked_t *revoked);

/* Connections of `user` (a valid nick) that were let in before `generation` are void. It never goes back. */
void revoked_set(revoked_t *revoked, zr_span_t user, uint64_t generation);

/* Is the one that `user` made in `generation` void? */
bool revoked_has(const revoked_t *revoked, zr_span_t user, uint64_t generation);

#endif
