/* The ops, a file for each in this folder; those of groups are in core/group. dispatch.c has the table. */
#ifndef COMMANDS_H
#define COMMANDS_H

#include "request.h"

command_fn cmd_admin, cmd_bye, cmd_close, cmd_direct, cmd_follow, cmd_group, cmd_groups, cmd_hello, cmd_join, cmd_kick,
    cmd_leave, cmd_open, cmd_ping, cmd_publish_text, cmd_replay, cmd_rooms, cmd_state, cmd_unfollow, cmd_unwork,
    cmd_who, cmd_work;

enum { DIRECT_COST = 2 }; /* of a direct message, for each session that it goes to */
enum { PAGE_MAX = 500 };  /* names in a page of `who` or `rooms` */

/* The binary PUBLISH. */
void cmd_publish(relay_t *relay, session_t *session, zr_span_t frame, uint64_t now);

/* A worker's SETTLE (core/group). */
void cmd_settle(relay_t *relay, session_t *session, zr_span_t frame, uint64_t now);

#endif
