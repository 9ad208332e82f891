/* Files that only their owner may change, or even read: configurations, users, keys, tokens. One rule for all of them.
 * The opened file is checked, as its name may lead elsewhere a moment later.
 *
 * Errors are one line: the file, the reason, what to do. */
#ifndef PRIVATE_FILE_H
#define PRIVATE_FILE_H

#include <sys/types.h>

#include "buffer.h"
#include "errors.h"

enum { ZR_FILE_OTHERS = 0077 }; /* permissions to read it or more */

typedef struct {
    mode_t forbidden; /* permissions that it must not have */
    size_t max;       /* bytes */
    bool pipes;       /* pipes will do too: the parent process made them */
} zr_file_rules_t;

/* Settings; what decides which peers come in; secrets, which others may not even read. */
extern const zr_file_rules_t zr_file_config, zr_file_access, zr_file_secret;

typedef enum { ZR_FILE_READ, ZR_FILE_MISSING, ZR_FILE_REFUSED } zr_file_t;

/* Reads the file, which must belong to root or to this process's user. `text` is an empty buffer. It gets the content,
 * and does not move meanwhile, only on ZR_FILE_READ. `*mode` (may be NULL) gets the permissions, for callers that are
 * strict about readers too. Else `error` gets a line, for a missing file too. */
zr_file_t zr_file_read(
    const char *path, const zr_file_rules_t *rules, zr_buffer_t *text, mode_t *mode, zr_error_t *error);

/* The same of a file that may be missing: that adds nothing to `error`. */
zr_file_t zr_file_read_if_there(const char *path, const zr_file_rules_t *rules, zr_buffer_t *text, zr_error_t *error);

/* As zr_buffer_finish, but nothing of the content stays in memory. */
void zr_file_wipe(zr_buffer_t *text);

/* Creates the file with these permissions and this content, on disk when it returns. There must be no such file. If it
 * fails, no file is left behind. */
bool zr_file_create(const char *path, mode_t mode, zr_span_t text, zr_error_t *error);

/* Puts a file in the place of `path`, whole or not at all, by way of `partial` in the same folder. Its mode is 0600. */
bool zr_file_replace(const char *path, const char *partial, zr_span_t text, zr_error_t *error);

/* Holds the file for this process alone, until the descriptor that it returns is closed. A missing file is made, empty.
 * -1: another process holds it, or it cannot be opened. */
int zr_file_hold(const char *path, zr_error_t *error);

/* As zr_file_replace, of a file that is held by `*held`: afterwards `*held` holds the new one. */
bool zr_file_replace_held(const char *path, const char *partial, zr_span_t text, int *held, zr_error_t *error);

#endif
