/* An IRC client: what it said, what it is in, and what it waits for. The commands and the broker's frames work on it.
 * Without socket, clock or thread. */
#ifndef IRC_STATE_H
#define IRC_STATE_H

#include <jansson.h>

#include "hash.h"
#include "irc_caps.h"
#include "irc_host.h"
#include "irc_isupport.h"
#include "irc_names.h"

enum {
    IRC_LABEL_MAX = 64,  /* bytes (labeled-response) */
    IRC_ASKS_MAX = 32,   /* requests that wait for the broker; with so many the client is not read */
    IRC_SENT_MAX = 64,   /* messages that the broker has not acked; the same */
    IRC_SASL_MAX = 6000, /* bytes of base64 of a login: a JWT of 4,096 bytes, and names */
    IRC_CHUNK = 400,     /* bytes of base64 in one AUTHENTICATE */
    IRC_PASS_MAX = ZR_NICK_MAX + 1 + ZR_JWT_MAX,
    IRC_TEXT_MIN = 64, /* bytes of text that fit into a line with the longest names */
};

typedef struct irc irc_t;
typedef struct irc_room irc_room_t;
typedef struct irc_ask irc_ask_t;
typedef struct irc_reply irc_reply_t;
typedef struct irc_sent irc_sent_t;

/* A draft/multiline batch that a client sends. */
typedef struct {
    char reference[IRC_LABEL_MAX + 1];
    char target[IRC_CHANNEL_MAX + 1];
    char label[IRC_LABEL_MAX + 1];
    zr_buffer_t text;
    size_t lines;
    bool notice, blank; /* blank: so far all lines are empty */
} irc_multiline_t;

/* A nick that a client watches. */
typedef struct {
    char nick[ZR_NICK_MAX + 1];
    bool online;
} irc_watched_t;

struct irc {
    const irc_host_t *host;
    const irc_calls_t *calls;
    void *ctx;
    irc_from_t from;
    channel_t *channel;
    uint64_t now;

    /* Registration. */
    unsigned caps, cap_version;
    bool negotiating, has_nick, has_user;
    bool greeting;   /* a `hello` is under way */
    bool alive;      /* the broker gave it a session */
    bool registered; /* it got its welcome */
    bool counted;    /* its nick is among the people */
    bool closing;    /* its connection was asked to end */
    bool was_away;   /* it was told that the broker is away */
    char nick[ZR_NICK_MAX + 1];
    char was[ZR_NICK_MAX + 1];     /* the nick before; messages under way may still come under it */
    irc_name_t shown;              /* the nick as IRC spells it */
    char account[ZR_NICK_MAX + 1]; /* empty: it did not log in */
    char user[ZR_NICK_MAX + 1];    /* it logs in as this; empty: it does not */
    char *token;                   /* NULL: none */
    char client[ZR_CLIENT_ID_LEN + 1], resume[ZR_CLIENT_ID_LEN + 1];
    uint64_t epoch;
    char *motd; /* the broker's greeting; NULL: none */
    char *away; /* NULL: it is here */
    zr_buffer_t sasl;
    bool sasl_begun;

    /* Output: the line that is being written, and those of this turn. */
    zr_buffer_t tags, line, out;
    irc_reply_t *reply; /* of the command that is carried out; NULL: it has no label */
    uint64_t batches;   /* for their references */

    /* Requests to the broker. */
    irc_ask_t *asks, *reading; /* reading: the replay or snapshot that is under way */
    size_t ask_count;
    uint64_t asked; /* the last id */

    irc_room_t *rooms;
    irc_sent_t *sent;
    size_t sent_count;
    uint64_t mid;
    irc_multiline_t *multiline;
    irc_watched_t *watched;
    size_t watched_count;

    /* Input. */
    zr_buffer_t input;
    bool skipping;      /* the rest of a line that is too long */
    bool after_cr;      /* the last line ended with CR: an LF that follows belongs to it */
    uint64_t credit;    /* thousandths of lines that it may send at once */
    uint64_t credit_at; /* when that was so */
    uint64_t heard_at, born_at;
    bool pinged;
    uint64_t pause_until; /* that the broker asked for */
};

#endif
