/* Lines of IRC (modern.ircdocs.horse, "Message format"; IRCv3 "message-tags"), read and written. Pure. */
#ifndef IRC_MESSAGE_H
#define IRC_MESSAGE_H

#include "buffer.h"
#include "span.h"

enum {
    IRC_LINE = 512,         /* bytes of a line without its tags, CR LF included */
    IRC_TAGS_CLIENT = 4096, /* bytes of the tags that a client sends, with '@' and the space behind them */
    IRC_PARAMS = 15,
    IRC_INPUT = IRC_TAGS_CLIENT + IRC_LINE /* bytes of a client's whole line */
};

/* Views of the line. */
typedef struct {
    zr_span_t tags; /* without '@'; empty: none */
    zr_span_t source, command;
    zr_span_t params[IRC_PARAMS];
    size_t count;
} irc_message_t;

typedef enum {
    IRC_MESSAGE_OK,
    IRC_MESSAGE_EMPTY,    /* to be ignored */
    IRC_MESSAGE_BAD,      /* the command is missing, or has other characters than letters and digits */
    IRC_MESSAGE_TOO_LONG, /* the tags or the rest are beyond their limit */
    IRC_MESSAGE_NOT_UTF8  /* or with a NUL. `command` is set if it could be read */
} irc_message_state_t;

/* Takes a line apart, without its CR LF. */
irc_message_state_t irc_message_parse(irc_message_t *message, zr_span_t line);

/* Whether the message has the tag. The last one of several counts. Its value, unescaped, is put into `value` if that is
 * not NULL. */
bool irc_message_tag(const irc_message_t *message, const char *name, zr_buffer_t *value);

/* Calls `each` with every tag's name. */
typedef void irc_tag_fn(void *ctx, zr_span_t name);
void irc_message_tags(const irc_message_t *message, irc_tag_fn *each, void *ctx);

/* ASCII letters are equal in both cases (CASEMAPPING=ascii). */
bool irc_same(zr_span_t a, zr_span_t b);

/* Digits alone, a number of at most 10 of them. False: it is something else. */
bool irc_number(zr_span_t text, uint64_t *out);

/* Appends a tag's value, escaped. */
void irc_put_escaped(zr_buffer_t *out, zr_span_t value);

/* The text can stand as a parameter that is not the last one. */
bool irc_is_middle(zr_span_t text);

/* Appends a space and the parameter. Text that cannot be a middle parameter becomes "*". */
void irc_put_middle(zr_buffer_t *out, zr_span_t text);

/* Appends " :" and the text. CR, LF and NUL in it become spaces. */
void irc_put_trailing(zr_buffer_t *out, zr_span_t text);

#endif
