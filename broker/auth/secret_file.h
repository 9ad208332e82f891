/* Reads and writes the files that decide which peers come in. They must be plain files of root or of the broker's own
 * user, and nobody else may be able to change them. The opened file is checked, as its name may lead elsewhere a moment
 * later.
 *
 * Errors are one line: the file, the reason, what to do. */
#ifndef SECRET_FILE_H
#define SECRET_FILE_H

#include <stdbool.h>
#include <sys/types.h>

#include "buffer.h"
#include "zpl.h"

enum { SECRET_FILE_MAX = 4 << 20 }; /* bytes */

/* Permissions that the file of a secret must not have. */
enum { SECRET_FILE_PRIVATE = 0077 };

typedef enum { SECRET_FILE_READ, SECRET_FILE_MISSING, SECRET_FILE_REFUSED } secret_file_t;

/* `text` is an empty buffer; it gets the content, only on SECRET_FILE_READ. `*mode` (may be NULL) gets the permissions,
 * for callers that are strict about readers too. `error` is written for MISSING as well. */
secret_file_t secret_file_read(const char *path, zr_buffer_t *text, mode_t *mode, char error[ZPL_ERROR_SIZE]);

/* As zr_buffer_finish, but nothing of the content stays in memory. */
void secret_file_wipe(zr_buffer_t *text);

/* Creates `path` with these permissions and this content, on disk when it returns. There must be no such file; if it
 * fails there is none. */
bool secret_file_create(const char *path, mode_t mode, zr_span_t text, char error[ZPL_ERROR_SIZE]);

/* Puts a file in the place of `path`, whole or not at all, by way of `path`.partial. Its mode is 0600. */
bool secret_file_replace(const char *path, zr_span_t text, char error[ZPL_ERROR_SIZE]);

#endif
