/* The settings of a program: one table with a row for each, which a configuration file and options set.
 *
 * To add a setting, add a member to the program's struct, its default, and a row to the program's table. The annotated
 * configuration file explains it. A section needs nothing but its rows. An option needs a row in main.c
 * (zr_setting_option_t) and its line of --help. */
#ifndef ZR_SETTING_H
#define ZR_SETTING_H

#include <stdint.h>

#include "buffer.h"
#include "errors.h"
#include "options.h"
#include "span.h"

typedef struct zr_setting zr_setting_t;

/* A value as it was written. */
typedef struct {
    const zr_setting_t *row;
    const char *text; /* never empty */
    const char *file; /* the configuration file; NULL: an option gave it */
    void *settings;   /* the program's struct */
} zr_setting_value_t;

/* How the values of a kind are read. */
typedef struct {
    /* Stores a value in the row's member. false: `error` has a line that says what to write. */
    bool (*read)(const zr_setting_value_t *value, void *member, zr_error_t *error);

    /* Empties the member, a list: the setting may be repeated, and each value is added. NULL: it has one value. */
    void (*clear)(void *member);

    /* Appends the value of that number, from 0 on, as `read` takes it. false: there is none, and nothing is appended.
     * NULL: values of the kind are not shown (setting_show.h). */
    bool (*show)(const zr_setting_t *row, const void *member, size_t i, zr_buffer_t *out);
} zr_setting_kind_t;

/* Rows of a section stand together. */
struct zr_setting {
    const char *section, *name;
    const zr_setting_kind_t *kind;
    size_t offset;     /* of the member, in the program's struct; in the item, if the section is a list's */
    uint64_t min, max; /* as the kind says */
};

/* --- Kinds of both programs --- */

/* Digits, perhaps with k, M or G. `min` and `max` bound the number. */
extern const zr_setting_kind_t zr_kind_size; /* size_t */
extern const zr_setting_kind_t zr_kind_u64;  /* uint64_t */

/* Milliseconds in a uint64_t; digits, perhaps with s, m, h or d. `min` and `max` bound them. */
extern const zr_setting_kind_t zr_kind_time;

extern const zr_setting_kind_t zr_kind_bool;       /* bool; 0 or 1 */
extern const zr_setting_kind_t zr_kind_text;       /* char[max + 1] */
extern const zr_setting_kind_t zr_kind_utf8;       /* the same, in UTF-8 */
extern const zr_setting_kind_t zr_kind_path;       /* the same; in a file, a relative path begins at its folder */
extern const zr_setting_kind_t zr_kind_log_level;  /* zr_log_level_t */
extern const zr_setting_kind_t zr_kind_log_format; /* bool: JSON */

/* For a kind of two words: `yes` sets the bool, `no` clears it. `both` names them for the error, "A nor B". */
bool zr_setting_choice(
    const char *text, const char *no, const char *yes, const char *both, bool *out, zr_error_t *error);

/* `show` of kinds whose member is a string; an empty one is no value. */
bool zr_setting_show_text(const zr_setting_t *row, const void *member, size_t i, zr_buffer_t *out);

/* The folder of the file with its slash, where a relative `path` begins. Empty if the path is absolute, or the value is
 * an option's. */
zr_span_t zr_setting_folder(const zr_setting_value_t *value, const char *path);

/* --- The table --- */

/* A section that may stand several times: each time it is a new item of a list. */
typedef struct {
    const char *section;
    const char *key;     /* the row that each section must have, */
    const char *missing; /* and what an error says without it */

    /* Adds an item to the list, for the section's rows. NULL: `error` says why not. */
    void *(*add)(void *settings, zr_error_t *error);

    /* The item of that number, from 0 on; NULL: there are no more. */
    void *(*at)(void *settings, size_t i);
} zr_setting_list_t;

enum { ZR_SETTINGS_MAX = 128 };

typedef struct {
    const char *example; /* the annotated file, which errors name */
    const zr_setting_t *rows;
    size_t count;                  /* at most ZR_SETTINGS_MAX */
    const zr_setting_list_t *list; /* NULL: no section may be repeated as an item */
} zr_setting_table_t;

/* Sets what the file sets; all else stays. false: `error` has a line for each fault, which names file, line and setting,
 * and what to do. */
bool zr_settings_read(const zr_setting_table_t *table, void *settings, const char *path, zr_error_t *error);

/* The same for the text of a file. */
bool zr_settings_parse(
    const zr_setting_table_t *table, void *settings, const char *path, zr_span_t text, zr_error_t *error);

/* An option that sets a row. */
typedef struct {
    const char *option; /* without the dashes */
    const char *section, *name;
    zr_texts_t values; /* as they were given; zr_setting_options_finish frees them */
} zr_setting_option_t;

/* Writes a zr_option_t for each: with them zr_options_parse takes the values. */
void zr_setting_options(zr_setting_option_t *options, size_t count, zr_option_t *out);
bool zr_setting_options_given(const zr_setting_option_t *options, size_t count); /* some of them */
void zr_setting_options_finish(zr_setting_option_t *options, size_t count);

/* Call after the file was read: sets the rows whose options were given. The last value holds; a list is replaced as a
 * whole. false: `error` has a line for each fault, which names the option. */
bool zr_settings_apply(const zr_setting_table_t *table, void *settings, const zr_setting_option_t *options,
    size_t count, zr_error_t *error);

#endif
