/* Which settings a running broker takes over, and the file in which it shows what it has in force. */
#ifndef SETTINGS_LIVE_H
#define SETTINGS_LIVE_H

#include "settings.h"

/* Sets those of `from` in `settings` that a running broker can put in force. What differs still takes a restart
 * (zr_settings_compare). Both are complete. `from` may go afterwards.
 *
 * Live are the greeting, the log's level and format, retention, and limits that no client was told at its hello and no
 * socket was opened with. Sections `room` come, go and move only while none of them has a level: the level of a room that
 * is there cannot change. */
void settings_take_live(settings_t *settings, const settings_t *from);

/* Writes the settings in force to settings->settings_file, which this process holds by `*held` (-1: not yet) as long as it
 * runs. false: `error` says why not; an older file may be there. A file that has something else is left as it is. */
bool settings_file_write(settings_t *settings, int *held, zr_error_t *error);

typedef enum {
    SETTINGS_FILE_IDLE,   /* no broker runs that holds the file */
    SETTINGS_FILE_RUNS,   /* `out` has what one has in force */
    SETTINGS_FILE_REFUSED /* one runs, or something else is wrong: `error` says what */
} settings_file_t;

/* Reads such a file, of a broker that runs. */
settings_file_t settings_file_read(const char *path, settings_t *out, zr_error_t *error);

#endif
