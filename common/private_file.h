/* Files that only their owner may change, or even read: configurations, users, keys, tokens. One rule for all of them.
 * The opened file is checked, as its name may lead elsewhere a moment later. */
#ifndef PRIVATE_FILE_H
#define PRIVATE_FILE_H

#include <stdbool.h>
#include <sys/types.h>

#include "buffer.h"

enum {
    ZR_FILE_OTHERS_WRITE = 0022, /* permissions that such a file must not have: others may not write it, */
    ZR_FILE_OTHERS = 0077,       /* or may not even read it */
    ZR_FILE_WHY = 160,           /* bytes of a reason, with the zero at its end */
};

typedef struct {
    mode_t forbidden;
    size_t max; /* bytes */
    bool pipes; /* pipes will do too: the parent process made them */
} zr_file_rules_t;

typedef enum { ZR_FILE_READ, ZR_FILE_MISSING, ZR_FILE_REFUSED } zr_file_t;

/* Reads the file, which must belong to root or to this process's user. `text` is an empty buffer. It gets the content,
 * and does not move meanwhile, only on ZR_FILE_READ. `*mode` (may be NULL) gets the permissions, for callers that are
 * strict about readers too. Else `why` gets the reason and what to do, without the file's name; for a missing file
 * too. */
zr_file_t zr_file_read(
    const char *path, const zr_file_rules_t *rules, zr_buffer_t *text, mode_t *mode, char why[ZR_FILE_WHY]);

/* As zr_buffer_finish, but nothing of the content stays in memory. */
void zr_file_wipe(zr_buffer_t *text);

/* Creates the file with these permissions and this content, on disk when it returns. There must be no such file. false:
 * `why` gets the reason, and no file is left behind. */
bool zr_file_create(const char *path, mode_t mode, zr_span_t text, char why[ZR_FILE_WHY]);

#endif
