/* What the tests of groups in the relay share: the group `g` of the room `r`, whose worker has the number 7. */
#ifndef FIXTURE_GROUPS_H
#define FIXTURE_GROUPS_H

#include "fixture.h"

#define WORK "{'op':'work','room':'r','group':'g','worker':7,'credit':%d%s}"

void fx_group_start(bool durable);
void fx_group_work(route_t route, int credit, const char *options);
void fx_group_publish(uint64_t first, uint64_t last);
void fx_group_publish_key(uint64_t mid, const char *key, const char *body);
void fx_group_groups(const char *members);

#endif
