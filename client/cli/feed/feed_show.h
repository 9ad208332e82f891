/* What a person sees of a feed, on stderr. */
#ifndef FEED_SHOW_H
#define FEED_SHOW_H

#include "feed_state.h"

enum { FEED_PROGRESS_MS = 200 }; /* between two lines of progress */

/* Shows or hides the line of progress. It is shown after a second, on a terminal. */
void feed_show_progress(feed_t *feed);
void feed_hide_progress(feed_t *feed);

/* Says it, and gives the buffer back. */
void feed_say(feed_t *feed, zr_buffer_t *text);

/* --- At the end --- */

/* The outcome, if progress was shown or with --verbose. */
void feed_show_done(const feed_t *feed);

/* The lines that were refused. */
void feed_show_refused(feed_t *feed);

/* What became of the lines that no other note names. `why` may be NULL. */
void feed_show_rest(feed_t *feed, const char *why);

/* Where the next run begins. */
void feed_show_next_run(feed_t *feed);

#endif
