/* What a line of a peer means. Pure. */
#ifndef TALK_PARSE_H
#define TALK_PARSE_H

#include "span.h"

enum { TALK_LAST_MAX = 100 }; /* messages that /last shows at most */

typedef enum {
    TALK_NOTHING, /* an empty line */
    TALK_TEXT,    /* `text` is a message */
    TALK_NICK,    /* `name` is the nick */
    TALK_JOIN,    /* `name` is the room */
    TALK_WHO,
    TALK_MSG,   /* `name` is the nick, `text` the message */
    TALK_LAST,  /* `count` messages; 0: as many as --lines-history */
    TALK_LOGIN, /* `name` is the user, `text` the token */
    TALK_HELP,
    TALK_QUIT,
    TALK_BAD, /* `name` and then `text` say what to do instead */
} talk_kind_t;

/* Views into the line, or static. */
typedef struct {
    talk_kind_t kind;
    zr_span_t name, text;
    unsigned count;
} talk_line_t;

talk_line_t talk_parse(zr_span_t line);

/* The help of a command; NULL beyond the last one. */
const char *talk_help(size_t index);

#endif
