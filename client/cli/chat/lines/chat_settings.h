/* What /set changes, and the file that /save writes. Pure but for the file. */
#ifndef CHAT_SETTINGS_H
#define CHAT_SETTINGS_H

#include "buffer.h"
#include "errors.h"

typedef enum { JOINS_SPOKEN, JOINS_ALL, JOINS_NONE } chat_joins_t;
typedef enum { BELL_MENTIONS, BELL_ALL, BELL_NEVER } chat_bell_t;
enum { CHAT_IGNORED_MAX = 64 };

typedef struct {
    int joins, bell;            /* chat_joins_t, chat_bell_t */
    int title, seconds, colour; /* 1: on */
    char *ignored[CHAT_IGNORED_MAX];
    size_t ignored_count;
} chat_settings_t;

/* The defaults. */
void settings_init(chat_settings_t *settings);
void settings_finish(chat_settings_t *settings);

/* Sets one; false: `error` says what is wrong with the name or the value. */
bool settings_set(chat_settings_t *settings, zr_span_t name, zr_span_t value, zr_error_t *error);

/* Appends "name = value" and what it may be for each setting, a line each. */
void settings_list(const chat_settings_t *settings, zr_buffer_t *out);

/* Appends the names that begin with `prefix`, or the values of `name`, each with a newline. */
void settings_match(zr_span_t name, zr_span_t prefix, zr_buffer_t *out);

/* false: the nick is ignored already, is not, or there are too many. */
bool settings_ignore(chat_settings_t *settings, const char *nick);
bool settings_unignore(chat_settings_t *settings, const char *nick);
bool settings_ignores(const chat_settings_t *settings, const char *nick);

/* A missing file changes nothing. */
bool settings_read(chat_settings_t *settings, const char *path, zr_error_t *error);
bool settings_save(const chat_settings_t *settings, const char *path, zr_error_t *error);

#endif
