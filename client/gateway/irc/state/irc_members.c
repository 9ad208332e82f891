/* See irc_members.h. */
#include "irc_members.h"

#include "fatal.h"

irc_member_t *irc_member_find(irc_member_t *members, zr_span_t nick) {
    irc_member_t *member = NULL;
    HASH_FIND(hh, members, nick.ptr, nick.len, member);
    return member;
}

irc_member_t *irc_member_add(irc_member_t **members, zr_span_t nick) {
    irc_member_t *member = fatal_calloc(sizeof *member + nick.len + 1);
    member->len = nick.len;
    memcpy(member->nick, nick.ptr, nick.len);
    HASH_ADD_KEYPTR(hh, *members, member->nick, member->len, member);
    return member;
}

void irc_member_remove(irc_member_t **members, irc_member_t *member) {
    HASH_DELETE(hh, *members, member);
    free(member->away);
    free(member);
}

void irc_members_finish(irc_member_t **members) {
    irc_member_t *member, *next;
    HASH_ITER(hh, *members, member, next)
    irc_member_remove(members, member);
}

void irc_member_set_away(irc_member_t *member, const char *away) {
    char *copy = away ? fatal_check(strdup(away)) : NULL;
    free(member->away);
    member->away = copy;
}
