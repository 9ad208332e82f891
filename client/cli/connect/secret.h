/* Files that hold secrets: checks that no other user can read them, and makes them so. */
#ifndef SECRET_H
#define SECRET_H

#include "buffer.h"

#define SECRET_SIZE_MAX 65536

/* Reads a file that only its owner (this user, or root) may read or write. false: `error` gets a sentence that says
 * what to do, and `out` nothing; `*missing` (may be NULL) says that there is no such file. The caller wipes `out` with
 * secret_finish. */
bool secret_read(const char *path, zr_buffer_t *out, bool *missing, zr_buffer_t *error);

/* Makes `path` with those permissions, which must not exist, and writes it through to the disk. false: `error` gets a
 * sentence, and nothing is left behind. */
bool secret_create(const char *path, unsigned mode, zr_span_t text, zr_buffer_t *error);

/* Wipes and frees. */
void secret_finish(zr_buffer_t *buffer);

#endif
