/* Messages of a room's history, as lines, of which no more than IRC_HISTORY_BYTES are kept. Pure. */
#ifndef IRC_WINDOW_H
#define IRC_WINDOW_H

#include "buffer.h"
#include "irc_isupport.h"

enum { IRC_WINDOW_MAX = 1000 }; /* messages */

/* All 0, but for `newest` and `most`. One message is kept however long it is, so that a client that asks on comes
 * further. */
typedef struct {
    bool newest;  /* the newest messages are kept; else the oldest */
    size_t most;  /* bytes; 0: IRC_HISTORY_BYTES */
    size_t begin; /* where its lines begin in the buffer */
    bool full;    /* the messages that follow are left out */
    size_t count;
    uint32_t sizes[IRC_WINDOW_MAX];
} irc_window_t;

/* The message that begins at `at`, and reaches to the end of the lines, is the next one. */
void irc_window_add(irc_window_t *window, zr_buffer_t *lines, size_t at);

#endif
