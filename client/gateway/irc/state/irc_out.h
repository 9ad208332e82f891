/* Lines to a client. One is written at a time: irc_begin, its parameters, irc_end. Lines of a command with a label are
 * kept until the command is over (labeled-response). */
#ifndef IRC_OUT_H
#define IRC_OUT_H

#include "irc_numerics.h"
#include "irc_state.h"

/* Begins a line. `nick` is a nick of the broker; NULL: the line comes from the server. `us` is its time; 0: now. */
void irc_begin(irc_t *irc, const char *nick, uint64_t us, const char *command);
/* A tag, for clients with message-tags or that know this one. Before irc_end. */
void irc_tag(irc_t *irc, const char *name, zr_span_t value);
void irc_middle(irc_t *irc, const char *text);
void irc_trailing(irc_t *irc, zr_span_t text);
/* Ends the line. Bytes beyond IRC_LINE are cut off. */
void irc_end(irc_t *irc);

/* A numeric reply: the client's nick, the parameters up to NULL, and the table's text. */
void irc_numeric(irc_t *irc, irc_numeric_t numeric, ...) __attribute__((sentinel));
/* The same with a text of its own. */
void irc_numeric_text(irc_t *irc, irc_numeric_t numeric, zr_span_t text, ...) __attribute__((sentinel));

/* FAIL, WARN or NOTE (standard-replies); parameters up to NULL, and the text. Clients without the capability get
 * it too, since no numeric fits there. */
void irc_standard(irc_t *irc, const char *kind, const char *command, const char *code, const char *text, ...)
    __attribute__((sentinel));

/* A NOTICE of the server. */
void irc_notice(irc_t *irc, const char *text);

/* Names a batch that is to come; "" for a client without the capability. */
typedef struct {
    char text[24];
} irc_reference_t;
irc_reference_t irc_batch_new(irc_t *irc);
/* Opens it, of `type` and with a parameter (NULL: none). One without a name is not shown. */
void irc_batch_open(irc_t *irc, const irc_reference_t *reference, const char *type, const char *parameter);
void irc_batch_close(irc_t *irc, const irc_reference_t *reference);

/* Whole lines, which irc_render made. They belong to the command, as those of irc_end do. */
void irc_put_lines(irc_t *irc, zr_span_t lines);

/* Ends the connection: ERROR, and what waits. */
void irc_close(irc_t *irc, const char *reason);

/* What was written goes to the connection. */
void irc_flush(irc_t *irc);

/* A label's lines. The command that began it, and each request that it waits for, hold it. The last one to let go of it
 * sends the lines. */
irc_reply_t *irc_reply_new(const char *label);
irc_reply_t *irc_reply_hold(irc_reply_t *reply); /* NULL is accepted */
void irc_reply_release(irc_t *irc, irc_reply_t *reply);
bool irc_reply_labels(const irc_reply_t *reply, zr_span_t *label);
/* Its lines were sent in another way: nothing follows. */
void irc_reply_cancel(irc_reply_t *reply);

/* The reply of what follows; returns the one before it, to be put back. */
irc_reply_t *irc_reply_enter(irc_t *irc, irc_reply_t *reply);

/* nick!user@host of a nick of the broker. */
void irc_put_mask(zr_buffer_t *out, zr_span_t nick);

#endif
