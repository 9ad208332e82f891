/* Reads and writes the files that decide which peers come in. They must be plain files of root or of the broker's own
 * user, and nobody else may be able to change them. The opened file is checked, as its name may lead elsewhere a moment
 * later.
 *
 * Errors are one line: the file, the reason, what to do. */
#ifndef SECRET_FILE_H
#define SECRET_FILE_H

#include "private_file.h"
#include "zpl.h"

enum { SECRET_FILE_MAX = 4 << 20 }; /* bytes */

/* As zr_file_read; `error` gets a line for MISSING as well. */
zr_file_t secret_file_read(const char *path, zr_buffer_t *text, mode_t *mode, char error[ZPL_ERROR_SIZE]);

/* As zr_file_create. */
bool secret_file_create(const char *path, mode_t mode, zr_span_t text, char error[ZPL_ERROR_SIZE]);

/* Puts a file in the place of `path`, whole or not at all, by way of `path`.partial. Its mode is 0600. */
bool secret_file_replace(const char *path, zr_span_t text, char error[ZPL_ERROR_SIZE]);

#endif
