/* What went wrong, for a person to read: one line, or several when a whole file was checked. A function that fills it
 * returns false. Its caller shows it, on stderr or in the log, and escapes it then: a line may quote anything. */
#ifndef ZR_ERRORS_H
#define ZR_ERRORS_H

#include <stdbool.h>
#include <stddef.h>

enum { ZR_ERROR_SIZE = 4096, ZR_ERROR_WHAT = 128 };

/* A zeroed struct is empty. */
typedef struct {
    const char *file;         /* each line begins with it; NULL: with none */
    unsigned line;            /* of the file; 0: none */
    char what[ZR_ERROR_WHAT]; /* the part of the file; empty: none */
    unsigned count;           /* lines added, those that found no room too */
    size_t len;
    char text[ZR_ERROR_SIZE]; /* the lines, a NUL after each: as a string it is the first one */
} zr_error_t;

/* Adds a line that says what happened, to which thing, and what to do. Always false. */
bool zr_fail(zr_error_t *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The lines that are added from now on are about this place of the file, "SECTION" or "SECTION/NAME"; NULL: none.
 * Returns `error`. */
zr_error_t *zr_error_at(zr_error_t *error, unsigned line, const char *section, const char *name);

/* The line after `line`, the first one for NULL; NULL: there are no more. */
const char *zr_error_next(const zr_error_t *error, const char *line);

/* Shows all lines on stderr, escaped, behind the name of the program. Returns EXIT_FAILURE. */
int zr_error_print(const zr_error_t *error, const char *program);

#endif
