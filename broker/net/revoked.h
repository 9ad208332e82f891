/* Whose connections do not count any more. A connection proves something about the moment at which it was let in: the
 * users then had a generation, which it carries. Whoever is taken out, banned, or loses a key, has no say over
 * connections of generations before that, even if the same name is a user's again. Pure. */
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
