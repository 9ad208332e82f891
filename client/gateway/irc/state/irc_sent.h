/* Messages of a client on their way into rooms. They go one after the other, since message ids must stay in order when
 * the broker asks to wait. Each is sent again until the broker answers. */
#ifndef IRC_SENT_H
#define IRC_SENT_H

#include "irc_body.h"
#include "irc_state.h"

/* Publishes a body; it belongs to the command that is carried out. `channel`: as the client spells it. */
void irc_send(irc_t *irc, zr_span_t room, zr_span_t channel, irc_verb_t verb, zr_span_t body);

/* The broker's answer to `publish`. False: it is another answer. */
bool irc_sent_take(irc_t *irc, const json_t *answer);
/* The session began: messages without an answer are sent again. */
void irc_sent_again(irc_t *irc);
/* Sends what waited. */
void irc_sent_tick(irc_t *irc);
void irc_sent_finish(irc_t *irc);

/* Whether the client waits for its own messages in that room. */
bool irc_sent_expects(const irc_t *irc, zr_span_t room);
/* An entry of the client's own nick came in a room. True: it is a message of this client, and was echoed if it wants
 * that. `lines`: as it is shown. */
bool irc_sent_echo(irc_t *irc, zr_span_t room, const zr_entry_t *entry, zr_span_t lines);
/* The client has all of the room up to `seq`, or is not in it (UINT64_MAX): what was acked is echoed now. */
void irc_sent_settle(irc_t *irc, zr_span_t room, uint64_t seq);

#endif
