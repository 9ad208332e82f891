/* The users present in a room, as a client knows them. */
#ifndef IRC_MEMBERS_H
#define IRC_MEMBERS_H

#include "hash.h"
#include "names.h"

typedef struct irc_member {
    UT_hash_handle hh;
    char typing; /* a, p, d: the first letter of its typing state; 0: none */
    char *away;  /* NULL: it is here */
    size_t len;
    char nick[];
} irc_member_t;

/* NULL is the empty set. */
irc_member_t *irc_member_find(irc_member_t *members, zr_span_t nick);
irc_member_t *irc_member_add(irc_member_t **members, zr_span_t nick); /* it must not be there */
void irc_member_remove(irc_member_t **members, irc_member_t *member);
void irc_members_finish(irc_member_t **members);

void irc_member_set_away(irc_member_t *member, const char *away); /* NULL: it is here */

#endif
