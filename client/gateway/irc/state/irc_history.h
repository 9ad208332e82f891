/* CHATHISTORY (IRCv3 draft/chathistory), from the broker's log. A moment is found by looking at few entries. */
#ifndef IRC_HISTORY_H
#define IRC_HISTORY_H

#include "irc_state.h"

typedef enum { IRC_BEFORE, IRC_AFTER, IRC_LATEST, IRC_AROUND, IRC_BETWEEN } irc_span_t;

/* A message that the client names. */
typedef struct {
    enum { IRC_REF_NONE, IRC_REF_SEQ, IRC_REF_TIME } kind;
    uint64_t value; /* a seq, or microseconds since 1970 */
} irc_ref_t;

typedef struct {
    irc_span_t span;
    const char *subcommand;
    irc_ref_t refs[2];
    uint64_t limit; /* 1 or more */
} irc_history_t;

/* Shows the messages of a room, as one batch; belongs to the command that is carried out. */
void irc_history_show(irc_t *irc, zr_span_t room, const irc_name_t *channel, const irc_history_t *history);

/* Shows which of the client's rooms have their last message between two moments (µs), at most `limit`. */
void irc_history_targets(irc_t *irc, uint64_t from, uint64_t to, uint64_t limit);

#endif
