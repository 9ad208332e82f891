/* Reads options from the command line by a table, for all programs alike: `--name value`, `--name=value`, `-x value`,
 * `-xvalue`, flags together as in `-xyz`, and `--` before words that begin with a dash. Not from several threads. */
#ifndef ZR_OPTIONS_H
#define ZR_OPTIONS_H

#include <stdint.h>

#include "errors.h"

typedef enum {
    ZR_OPTION_FLAG,    /* bool: set to true */
    ZR_OPTION_TEXT,    /* const char *: points into argv */
    ZR_OPTION_TEXTS,   /* zr_texts_t: may be repeated */
    ZR_OPTION_NUMBER,  /* uint64_t */
    ZR_OPTION_SECONDS, /* uint64_t, milliseconds; written as seconds with an optional fraction */
} zr_option_kind_t;

typedef struct {
    const char *name; /* without the dashes */
    char letter;      /* 0: none */
    zr_option_kind_t kind;
    void *out;
    bool *given; /* may be NULL; set to true when the option was there */
    uint64_t min;
    uint64_t max; /* 0: none */
} zr_option_t;

/* A zeroed struct is an empty list. The caller frees `items`. */
typedef struct {
    const char **items;
    size_t count;
} zr_texts_t;

/* The words with a space between them; malloc'ed. */
char *zr_words_join(int count, char **words);

typedef struct {
    const zr_option_t *options;
    size_t count;
} zr_option_list_t;

/* Takes the options out of `argv`, the words behind a name (argv[-1]), and leaves the other words there, `*argc` of
 * them, in their order. With `stop` the first word that is no option ends the options, and everything from there on
 * stays. A name is looked up in all `lists`. After false nothing else is to be relied on. */
bool zr_options_parse(
    const zr_option_list_t *lists, size_t list_count, bool stop, int *argc, char **argv, zr_error_t *error);

/* What --help and --version wrote to stdout, and all else, is there: 0; else the exit code, after telling that it
 * failed, as with a full disk. */
int zr_options_shown(const char *program);

/* Tells that the program was called wrongly, and where its help is. Returns EXIT_FAILURE. */
int zr_options_misused(const char *program, const zr_error_t *error);

/* --- Numbers in text --- */

/* Decimal digits only, at most `max`; false leaves `*out` as it was. */
bool zr_number_parse(const char *text, uint64_t max, uint64_t *out);

/* "2", "0.5", ".25": milliseconds, at least 1 unless it is zero. At most INT_MAX of them (24 days), which is what poll
 * takes. */
bool zr_seconds_parse(const char *text, uint64_t *out_ms);

typedef struct {
    char letter; /* 0: the last unit, that of digits alone */
    uint64_t factor;
} zr_unit_t;

extern const zr_unit_t zr_units_of_size[]; /* k or K, M, G; bytes */
extern const zr_unit_t zr_units_of_time[]; /* s, m, h, d; milliseconds */

/* Digits, perhaps followed by the letter of a unit. What does not fit becomes UINT64_MAX. */
bool zr_quantity_parse(const char *text, const zr_unit_t *units, uint64_t *out);

#endif
