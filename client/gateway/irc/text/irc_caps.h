/* The capabilities that the gateway has (IRCv3 "capability-negotiation"), in one table. Pure. */
#ifndef IRC_CAPS_H
#define IRC_CAPS_H

#include "buffer.h"
#include "span.h"

typedef enum {
    IRC_ACCOUNT_NOTIFY = 1 << 0,
    IRC_ACCOUNT_TAG = 1 << 1,
    IRC_AWAY_NOTIFY = 1 << 2,
    IRC_BATCH = 1 << 3,
    IRC_CHATHISTORY = 1 << 4,
    IRC_ECHO = 1 << 5,
    IRC_EXTENDED_JOIN = 1 << 6,
    IRC_LABELS = 1 << 7,
    IRC_MESSAGE_TAGS = 1 << 8,
    IRC_MULTI_PREFIX = 1 << 9,
    IRC_MULTILINE = 1 << 10,
    IRC_SASL = 1 << 11,
    IRC_SERVER_TIME = 1 << 12,
    IRC_STANDARD_REPLIES = 1 << 13,
    IRC_USERHOST_IN_NAMES = 1 << 14,
} irc_cap_t;

enum {
    IRC_MULTILINE_BYTES = 8192, /* of a message in a draft/multiline batch */
    IRC_MULTILINE_LINES = 100,  /* the same */
    IRC_CAP_VALUES = 302        /* the version of CAP LS from which on values are shown */
};

/* The bit of a capability; 0: there is no such one. */
unsigned irc_cap_bit(zr_span_t name);

/* Appends the names of those in `mask`, with spaces between them; with `values` as CAP LS 302 shows them. */
void irc_caps_put(zr_buffer_t *out, unsigned mask, bool values);

/* All that a client may have. SASL only with `secure`: tokens are not taken elsewhere. */
unsigned irc_caps_of(bool secure);

size_t irc_caps_count(void);
const char *irc_caps_name(size_t i);

#endif
