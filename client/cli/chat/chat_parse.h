/* Parses a line typed into the chat. Pure. */
#ifndef CHAT_PARSE_H
#define CHAT_PARSE_H

#include "buffer.h"

typedef enum {
    CHAT_NOTHING, /* an empty line */
    CHAT_TEXT,    /* `text` is a message; "//x" stands for "/x" */
    CHAT_JOIN,    /* `name`: the room */
    CHAT_PART,    /* `name`: the room, empty for the current one */
    CHAT_MSG,     /* `name`: the receiver, `text` */
    CHAT_QUERY,   /* `name`: a nick to talk with */
    CHAT_ME,      /* `text`: the whole line, as the message has it */
    CHAT_REPLY,   /* `name`: whom to, `text` */
    CHAT_EDIT,
    CHAT_WHO,
    CHAT_WHOIS, /* `name` */
    CHAT_NAMES,
    CHAT_NICK, /* `name` */
    CHAT_AWAY, /* `text` says why, may be empty */
    CHAT_BACK,
    CHAT_STATUS,  /* `text`, empty to show none */
    CHAT_ROOMS,   /* `name`: a prefix, may be empty */
    CHAT_TOPIC,   /* `text`: the new one, empty to see it */
    CHAT_HISTORY, /* `name`: a number or a moment, may be empty */
    CHAT_SEARCH,  /* `text` */
    CHAT_IGNORE,  /* `name`, may be empty */
    CHAT_UNIGNORE,
    CHAT_CLEAR,
    CHAT_RECONNECT,
    CHAT_SET, /* `name` and `text`, or neither */
    CHAT_SAVE,
    CHAT_HELP, /* `name`: a command, may be empty */
    CHAT_QUIT,
    CHAT_BAD, /* `text` says the fault, `name` is the command */
} chat_kind_t;

typedef struct {
    chat_kind_t kind;
    zr_span_t name;
    zr_span_t text;
} chat_line_t;

/* Views of `line`. A beginning of a command's name that no other command has stands for it. */
chat_line_t chat_parse(zr_span_t line);

/* The lines of /help: one command each; NULL after the last. With a command's name, in chat_help_for, its line alone. */
const char *chat_help(size_t index);
const char *chat_help_for(zr_span_t name);

/* Appends the commands that begin with `prefix`, as "/join " and a newline each. */
void chat_match_commands(zr_span_t prefix, zr_buffer_t *out);

/* The command that is the most like `name`; NULL: none is like it. */
const char *chat_nearest(zr_span_t name);

#endif
