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
    CHAT_HELP, /* `name`: a command, "all" or "keys", may be empty */
    CHAT_QUIT,
    CHAT_UNKNOWN, /* `name`: no command is called so, or several begin so */
    CHAT_MISUSED, /* `text`: how the command is used */
} chat_kind_t;

typedef struct {
    chat_kind_t kind;
    zr_span_t name;
    zr_span_t text;
} chat_line_t;

/* Views of `line`. A beginning of a command's name that no other command has stands for it. */
chat_line_t chat_parse(zr_span_t line);

/* Appends the lines of /help, each with a newline: an overview; with a command's name, "all" or "keys" more about that.
 * false: there is no such command. */
bool chat_help(zr_span_t name, zr_buffer_t *out);

/* Appends the commands that begin with `prefix`, as "/join " and a newline each. */
void chat_match_commands(zr_span_t prefix, zr_buffer_t *out);

/* Appends what `name`, an unknown command, may have been meant for, as "/who, /whois". Nothing: no command is like it. */
void chat_suggest(zr_span_t name, zr_buffer_t *out);

#endif
