/* Parses a line typed into the chat. Pure. */
#ifndef CHAT_PARSE_H
#define CHAT_PARSE_H

#include "span.h"

typedef enum {
    CHAT_NOTHING, /* an empty line */
    CHAT_TEXT,    /* `text` is a message; "//x" stands for "/x" */
    CHAT_JOIN,    /* `name`: the room */
    CHAT_PART,    /* `name`: the room, empty for the current one */
    CHAT_MSG,     /* `name`: the receiver, `text` */
    CHAT_WHO,
    CHAT_NICK, /* `name` */
    CHAT_AWAY, /* `text` says why, may be empty */
    CHAT_BACK,
    CHAT_STATUS, /* `text`, empty to show none */
    CHAT_ROOMS,  /* `name`: a prefix, may be empty */
    CHAT_HELP,
    CHAT_QUIT,
    CHAT_BAD, /* `text` says the fault, `name` is the command */
} chat_kind_t;

typedef struct {
    chat_kind_t kind;
    zr_span_t name;
    zr_span_t text;
} chat_line_t;

/* Views of `line`. */
chat_line_t chat_parse(zr_span_t line);

/* The lines of /help: one command each; NULL after the last. */
const char *chat_help(size_t index);

#endif
