/* Entries and direct messages as lines of IRC. What many clients get is written once for each set of capabilities that
 * makes a difference, and shared. */
#ifndef IRC_RENDER_H
#define IRC_RENDER_H

#include "irc_body.h"
#include "irc_state.h"

/* How a client sees a message. */
typedef struct {
    unsigned caps;
    const irc_people_t *people;
    zr_span_t target;  /* as IRC spells it */
    uint64_t epoch;    /* of the room; 0: of a direct message, which has no id */
    const char *batch; /* the batch that it belongs to; NULL: none */
} irc_view_t;

irc_view_t irc_view_of(const irc_t *irc, zr_span_t target, uint64_t epoch);

/* Appends a message: a line, or several. Without an id `seq` is 0. */
void irc_render_message(
    zr_buffer_t *out, const irc_view_t *view, zr_span_t nick, zr_span_t body, uint64_t us, uint64_t seq);

/* Appends an entry: a message, or a topic. Other keyed entries are no part of IRC: false. */
bool irc_render_entry(zr_buffer_t *out, const irc_view_t *view, const zr_entry_t *entry);
bool irc_entry_is_topic(const zr_entry_t *entry);
/* A topic as clients see it: text, and cut to IRC_TOPIC_MAX. */
zr_span_t irc_topic_shown(zr_span_t body);
bool irc_entry_is_message(const zr_entry_t *entry);

/* All entries of a delivery, borrowed from it; NULL: there is nothing to tell. */
zr_blob_t *irc_render_shared(delivery_t *delivery, const irc_view_t *view);

#endif
