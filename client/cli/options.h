/* Reads options from the command line by a table. Pure: no output, no exit, no global state; errors come back as text.
 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdint.h>

#include "buffer.h"
#include "errors.h"

typedef enum {
    OPTION_FLAG,    /* bool: set to true */
    OPTION_TEXT,    /* const char *: points into argv */
    OPTION_NUMBER,  /* uint64_t */
    OPTION_SECONDS, /* uint64_t, milliseconds; written as seconds with an optional fraction */
} option_kind_t;

typedef struct {
    const char *name; /* without the dashes */
    char letter;      /* 0: none */
    option_kind_t kind;
    void *out;
    bool *given; /* may be NULL; set to true when the option was there */
    uint64_t min;
    uint64_t max; /* 0: none */
} option_t;

typedef struct {
    const option_t *options;
    size_t count;
} option_list_t;

/* Takes the options out of `argv` and leaves the other words there, `*argc` of them, in their order. `--` ends the
 * options. With `stop` the first word that is no option ends them too and everything from there on stays. On false
 * `error` holds a sentence, and nothing else is to be relied on. A name is looked up in all `lists`. */
bool options_parse(const option_list_t *lists, size_t list_count, bool stop, int *argc, char **argv, zr_error_t *error);

/* Decimal digits only, at most `max`; false leaves `*out` as it was. */
bool number_parse(const char *text, uint64_t max, uint64_t *out);

/* "2", "0.5", ".25": milliseconds, at least 1 unless it is zero. At most INT_MAX of them (24 days), which is what poll
 * takes. */
bool seconds_parse(const char *text, uint64_t *out_ms);

#endif
