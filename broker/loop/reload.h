/* The configuration file is read again: what is put in force, and what the log says of it. */
#ifndef RELOAD_H
#define RELOAD_H

#include "settings.h"

/* Reads the file and the options of this run again. */
typedef struct {
    bool (*read)(void *ctx, settings_t *out, zr_error_t *error);
    void *ctx;
} reload_source_t;

/* Takes what is live of the settings as they are now into `settings`, and logs each: what is in force now, and what takes
 * a restart. false: nothing is to be put in force; either nothing live has changed, or the settings have a fault, which
 * the log tells. `by`: for the log. */
bool reload_settings(settings_t *settings, const reload_source_t *source, const char *by);

#endif
