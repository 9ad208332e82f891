#include "chat_settings.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fatal.h"
#include "zpl.h"

enum { VALUES = 3 };

static const struct {
    const char *name;
    size_t place; /* in chat_settings_t */
    const char *values[VALUES];
    const char *what;
} s_settings[] = {
    {"joins", offsetof(chat_settings_t, joins), {"spoken", "all", "none"}, "whose comings and goings are shown"},
    {"bell", offsetof(chat_settings_t, bell), {"mentions", "all", "never"}, "which messages ring the terminal's bell"},
    {"title", offsetof(chat_settings_t, title), {"off", "on"}, "room and unread counts in the window's title"},
    {"seconds", offsetof(chat_settings_t, seconds), {"off", "on"}, "times with seconds"},
    {"colour", offsetof(chat_settings_t, colour), {"off", "on"}, "colours, unless NO_COLOR is set"},
};
enum { SETTINGS = sizeof s_settings / sizeof s_settings[0] };

void settings_init(chat_settings_t *settings) {
    *settings = (chat_settings_t){.colour = 1};
}

void settings_finish(chat_settings_t *settings) {
    for (size_t i = 0; i < settings->ignored_count; i++)
        free(settings->ignored[i]);
    settings_init(settings);
}

static size_t s_find(zr_span_t name) {
    size_t i = 0;
    while (i < SETTINGS && !zr_span_equal(name, zr_span(s_settings[i].name)))
        i++;
    return i;
}

static void s_names(zr_buffer_t *out, zr_span_t name, const char *between) {
    size_t i = s_find(name), count = i < SETTINGS ? VALUES : SETTINGS;
    for (size_t k = 0; k < count; k++) {
        const char *word = i < SETTINGS ? s_settings[i].values[k] : s_settings[k].name;
        if (word)
            zr_buffer_printf(out, "%s%s", k ? between : "", word);
    }
}

bool settings_set(chat_settings_t *settings, zr_span_t name, zr_span_t value, zr_error_t *error) {
    size_t i = s_find(name);
    for (int k = 0; i < SETTINGS && k < VALUES; k++) {
        if (!s_settings[i].values[k] || !zr_span_equal(value, zr_span(s_settings[i].values[k])))
            continue;
        memcpy((char *)settings + s_settings[i].place, &k, sizeof k);
        return true;
    }
    zr_buffer_t words = {0};
    s_names(&words, name, ", ");
    if (i < SETTINGS)
        zr_fail(error, "%s is one of %.*s", s_settings[i].name, (int)words.len, (const char *)words.data);
    else
        zr_fail(error, "there is no setting \"%.*s\"; there are %.*s", (int)name.len, name.len ? name.ptr : "",
            (int)words.len, (const char *)words.data);
    zr_buffer_finish(&words);
    return false;
}

static const char *s_value(const chat_settings_t *settings, size_t i) {
    int value;
    memcpy(&value, (const char *)settings + s_settings[i].place, sizeof value);
    return s_settings[i].values[value];
}

void settings_list(const chat_settings_t *settings, zr_buffer_t *out) {
    for (size_t i = 0; i < SETTINGS; i++) {
        zr_buffer_printf(out, "%s = %s (", s_settings[i].name, s_value(settings, i));
        s_names(out, zr_span(s_settings[i].name), ", ");
        zr_buffer_printf(out, "): %s\n", s_settings[i].what);
    }
}

void settings_match(zr_span_t name, zr_span_t prefix, zr_buffer_t *out) {
    zr_buffer_t words = {0};
    s_names(&words, name, "\n");
    zr_span_t left = zr_span_of(words.data, words.len);
    while (left.len > 0) {
        zr_span_t word = zr_span_cut(&left, '\n');
        if (zr_span_starts(word, prefix))
            zr_buffer_printf(out, "%.*s%s\n", (int)word.len, word.ptr, name.len ? "" : " ");
    }
    zr_buffer_finish(&words);
}

/* --- Ignored nicks --- */

static size_t s_ignored(const chat_settings_t *settings, const char *nick) {
    size_t i = 0;
    while (i < settings->ignored_count && strcmp(settings->ignored[i], nick) != 0)
        i++;
    return i;
}

bool settings_ignores(const chat_settings_t *settings, const char *nick) {
    return s_ignored(settings, nick) < settings->ignored_count;
}

bool settings_ignore(chat_settings_t *settings, const char *nick) {
    if (settings_ignores(settings, nick) || settings->ignored_count == CHAT_IGNORED_MAX)
        return false;
    settings->ignored[settings->ignored_count++] = fatal_check(strdup(nick));
    return true;
}

bool settings_unignore(chat_settings_t *settings, const char *nick) {
    size_t i = s_ignored(settings, nick);
    if (i == settings->ignored_count)
        return false;
    free(settings->ignored[i]);
    settings->ignored[i] = settings->ignored[--settings->ignored_count];
    return true;
}

/* --- The file --- */

static bool s_on_item(void *ctx, const zr_zpl_item_t *item, zr_error_t *error) {
    chat_settings_t *settings = ctx;
    if (!item)
        return true;
    if (item->name && strcmp(item->section, "ignored") == 0) {
        settings_ignore(settings, item->name);
        return true;
    }
    if (item->name)
        return zr_fail(error, "a setting begins its line; take away the spaces before it");
    if (strcmp(item->section, "ignored") == 0)
        return true;
    return settings_set(settings, zr_span(item->section), zr_span(item->value), error);
}

bool settings_read(chat_settings_t *settings, const char *path, zr_error_t *error) {
    zr_file_t result = zr_zpl_read(path, s_on_item, settings, error);
    if (result == ZR_FILE_MISSING)
        *error = (zr_error_t){0};
    return result != ZR_FILE_REFUSED;
}

bool settings_save(const chat_settings_t *settings, const char *path, zr_error_t *error) {
    zr_buffer_t text = {0}, partial = {0};
    zr_buffer_printf(&text, "# Written by /save in 'zrelay chat'.\n");
    for (size_t i = 0; i < SETTINGS; i++)
        zr_buffer_printf(&text, "%s = %s\n", s_settings[i].name, s_value(settings, i));
    for (size_t i = 0; i < settings->ignored_count; i++)
        zr_buffer_printf(&text, "%s    %s = yes\n", i ? "" : "ignored\n", settings->ignored[i]);
    zr_buffer_printf(&partial, "%s.%ld%c", path, (long)getpid(), '\0');
    bool good = zr_file_replace(path, (const char *)partial.data, zr_span_of(text.data, text.len), error);
    zr_buffer_finish(&text);
    zr_buffer_finish(&partial);
    return good;
}
