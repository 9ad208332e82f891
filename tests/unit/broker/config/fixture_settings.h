/* Settings from the text of a file, as the broker reads them at its start. */
#ifndef FIXTURE_SETTINGS_H
#define FIXTURE_SETTINGS_H

#include "fixture_dir.h"
#include "settings.h"

/* Reads the text as the file z.conf in a folder of its own, over the defaults, and completes the settings. */
bool settings_try(settings_t *settings, const char *text, zr_error_t *error);

/* The same; it must be accepted. */
void settings_good(settings_t *settings, const char *text);

/* It must be refused with an error of one line that holds `part`. */
void settings_bad(const char *text, const char *part);

/* `expected` names all of them, with spaces between. */
void settings_assert_endpoints(const settings_endpoints_t *endpoints, const char *expected);

#endif
