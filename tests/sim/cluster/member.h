/* A program with the real client machine in it, which knows all brokers: it reads the rooms from their beginning, and
 * publishes. */
#ifndef MEMBER_H
#define MEMBER_H

#include "driver.h"

struct cluster;
typedef struct member member_t;

member_t *member_new(struct cluster *sim, unsigned number);
void member_destroy(member_t *member);

void member_step(member_t *member); /* does something */

driver_t *member_driver(member_t *member);

/* What it still misses; false: nothing. */
bool member_missing(member_t *member, char *why, size_t size);

#endif
