/* The file of known servers. A line `ENDPOINT KEY` has the public key of the broker at that endpoint at the first
 * connection. Another key later is not taken without a word. */
#ifndef KNOWN_H
#define KNOWN_H

#include "certificate.h"

typedef enum { KNOWN_NONE, KNOWN_FOUND, KNOWN_BAD } known_t;

/* Pure: looks `endpoint` up in the file's text. `*line` is where it stands, or where the text is wrong (KNOWN_BAD). */
known_t known_find(zr_span_t text, zr_span_t endpoint, char key[KEY_LEN + 1], unsigned *line);

/* Where the file is, the caller's; NULL: there is no home. */
char *known_path(void);

/* Appends "FILE, line N", as a person would look for it. */
void known_where(zr_buffer_t *out, unsigned line);

/* Its text, empty when there is none. false: `error` gets a sentence. */
bool known_read(const char *path, zr_buffer_t *text, zr_buffer_t *error);

/* Appends a line: writes the whole file anew and puts it in place in one step. */
bool known_record(const char *path, zr_span_t endpoint, const char *key, zr_buffer_t *error);

#endif
