/* How a group gets entries to hand out: from the frame that was just stored, or from the log. */
#ifndef GROUP_FEED_H
#define GROUP_FEED_H

#include "groups.h"

/* Asks the log for entries, if the group needs some, and none are on their way. */
void group_feed(struct relay *relay, room_group_t *group);

/* The group goes elsewhere: an answer of the log that comes is not for it. */
void group_feed_stop(struct relay *relay, room_group_t *group);

#endif
