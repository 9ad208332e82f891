/* Bodies of entries as messages of IRC, and back. Pure.
 *
 * A body is what a person wrote: UTF-8 text, perhaps with several lines. "/me waves" is an action (CTCP ACTION), as in
 * XEP-0245, and "/notice done" a NOTICE. So both can be read in a browser too. */
#ifndef IRC_BODY_H
#define IRC_BODY_H

#include "buffer.h"
#include "span.h"

enum { IRC_PIECES_MAX = 100 }; /* lines of one message; of the rest the client is told the length, if it fits */

typedef enum { IRC_PRIVMSG, IRC_NOTICE } irc_verb_t;
const char *irc_verb_name(irc_verb_t verb);

/* The body of a message that a client sent: appended to `out`. */
void irc_body_write(zr_buffer_t *out, irc_verb_t verb, zr_span_t text);

/* A body on its way to clients. */
typedef struct {
    irc_verb_t verb;
    bool action;
    zr_span_t rest;
    size_t pieces; /* given already */
    bool concat;   /* the piece that was given last continues the line before it */
    bool cut;      /* within a line */
    bool done;
    zr_buffer_t owned; /* of a body that is no text, and of the last piece */
} irc_body_t;

void irc_body_begin(irc_body_t *body, zr_span_t bytes);
void irc_body_finish(irc_body_t *body);

/* The next piece, of at most `max` bytes (16 or more), cut between characters. False: there are no more. */
bool irc_body_next(irc_body_t *body, size_t max, zr_span_t *piece);

#endif
