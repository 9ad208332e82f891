/* Requests of administrators under way. */
#ifndef ADMIN_H
#define ADMIN_H

#include "relay.h"

/* Drops all of them. */
void admin_forget_all(relay_t *relay);

/* Is a ban of that user under way? Then the edge writes the audit. */
bool admin_asked_to_ban(const relay_t *relay, zr_span_t name);

#endif
