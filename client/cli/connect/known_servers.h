/* The file of known servers. A line `ENDPOINT KEY` has the public key of the broker at that endpoint at the first
 * connection. Another key later is not taken without a word. */
#ifndef KNOWN_H
#define KNOWN_H

#include <limits.h>

#include "key_file.h"

typedef enum { KNOWN_NONE, KNOWN_FOUND, KNOWN_BAD } known_t;

/* Pure: looks `endpoint` up in the file's text. `*line` is where it stands, or where the text is wrong (KNOWN_BAD). */
known_t known_find(zr_span_t text, zr_span_t endpoint, char key[ZR_CURVE_LEN + 1], unsigned *line);

/* Where the file is, the caller's; NULL: there is no home. */
char *known_path(void);

/* "FILE, line N", as a person would look for it. */
enum { KNOWN_WHERE_SIZE = PATH_MAX + 20 };
void known_where(char out[KNOWN_WHERE_SIZE], unsigned line);

/* Its text, empty when there is no file. false: `error` gets a sentence. */
bool known_read(const char *path, zr_buffer_t *text, zr_error_t *error);

/* Appends a line: writes the whole file anew and puts it in place in one step. */
bool known_record(const char *path, zr_span_t endpoint, const char *key, zr_error_t *error);

#endif
