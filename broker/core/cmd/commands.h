/* The ops, a file for each in this folder. dispatch.c has the table. */
#ifndef COMMANDS_H
#define COMMANDS_H

#include "request.h"

command_fn cmd_admin, cmd_bye, cmd_direct, cmd_hello, cmd_join, cmd_leave, cmd_ping, cmd_publish_text, cmd_replay,
    cmd_rooms, cmd_state, cmd_who;
weigh_fn direct_weigh, hello_weigh, ping_weigh, who_weigh;

enum { DIRECT_COST = 2 }; /* of a direct message to one session, beside its size */
enum { PAGE_MAX = 500 };  /* names in a page of `who` or `rooms` */
enum { NAMES_UNIT = 10 }; /* names in a page that cost 1 to list */

/* The binary PUBLISH. */
void cmd_publish(relay_t *relay, session_t *session, zr_span_t frame, uint64_t now);

#endif
