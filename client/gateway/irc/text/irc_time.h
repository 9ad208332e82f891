/* Times as IRCv3 writes them ("server-time"): 2026-12-01T05:00:00.123Z. Pure. */
#ifndef IRC_TIME_H
#define IRC_TIME_H

#include <stdint.h>

#include "span.h"

enum { IRC_TIME_TEXT = 32 };

/* `us`: microseconds since 1970, UTC. Times beyond the year 9999 are written as its end. */
void irc_time_write(char out[IRC_TIME_TEXT], uint64_t us);

/* The fraction may have 1 to 6 digits or be missing. False: it is no such time, or before 1970. */
bool irc_time_read(zr_span_t text, uint64_t *us);

#endif
