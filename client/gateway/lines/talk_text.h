/* What a peer is shown: messages and presence of its room. Pure. Peers' texts are escaped, so a line stays a line. */
#ifndef TALK_TEXT_H
#define TALK_TEXT_H

#include "delivery.h"

/* How a peer wants its lines. */
typedef struct {
    bool nick; /* "nick: text"; false: the text alone, and nothing of presence */
    bool crlf; /* lines end with CR LF, as the peer's own; false: with LF */
} talk_look_t;

/* The messages of the delivery, made once for all peers that see it in the same way; borrowed. NULL: nothing is shown. */
zr_blob_t *talk_text_form(delivery_t *delivery, talk_look_t look);

/* Of the entries after `seq` only: a new blob, the caller's, or NULL. */
zr_blob_t *talk_text_after(const delivery_t *delivery, talk_look_t look, uint64_t seq);

/* Messages after `seq` that talk_text_after would show. */
size_t talk_text_count(const delivery_t *delivery, uint64_t seq);

/* Which users came, went and changed their names, as "* ann joined". The peer's own nick is left out. One reference, the
 * caller's, or NULL. Peers that the frame does not name share the text. */
zr_blob_t *talk_text_presence(delivery_t *delivery, talk_look_t look, zr_span_t own);

/* Appends a line that is no message: "* " and the text, escaped. */
void talk_text_notice(zr_buffer_t *out, talk_look_t look, zr_span_t text);

/* Appends a message to the peer alone: "*ann* text". */
void talk_text_direct(zr_buffer_t *out, talk_look_t look, zr_span_t nick, zr_span_t text);

#endif
