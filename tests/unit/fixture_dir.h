/* A directory of a test's own, with files in it. */
#ifndef FIXTURE_DIR_H
#define FIXTURE_DIR_H

#include <sys/stat.h>

#include "errors.h"
#include "unit.h"

/* Makes the directory; the test's end removes it. */
void dir_begin(void);
void dir_end(void);

/* The path of a file in it. Valid until the eighth call after it. */
const char *dir_path(const char *name);

/* Writes a file with exactly this mode; returns its path. */
const char *dir_write(const char *name, const char *text, mode_t mode);

/* The content of a file; valid until the next call. */
const char *dir_read(const char *name);

bool dir_has(const char *name);

/* `error` is one line and holds `part`. It is empty afterwards. */
void dir_assert_error(zr_error_t *error, const char *part);

#endif
