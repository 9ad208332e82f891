/* See setting.h: which row a line or an option sets. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buffer.h"
#include "fatal.h"
#include "setting.h"
#include "zpl.h"

static const zr_setting_t *s_find(const zr_setting_table_t *table, const char *section, const char *name) {
    for (const zr_setting_t *row = table->rows; row < table->rows + table->count; row++)
        if (strcmp(row->section, section) == 0 && strcmp(row->name, name) == 0)
            return row;
    return NULL;
}

static bool s_is_listed(const zr_setting_table_t *table, const char *section) {
    return table->list && strcmp(table->list->section, section) == 0;
}

/* `base` is the program's struct, or the item that the section is about. */
static void *s_member(const zr_setting_t *row, void *base) {
    return (char *)base + row->offset;
}

/* --- The file --- */

typedef struct {
    const zr_setting_table_t *table;
    void *settings, *item; /* the item of the section being read; NULL: it is no list's */
    const char *file;
    unsigned line[ZR_SETTINGS_MAX]; /* where each row was set; 0: not yet */
    unsigned item_line;             /* where the item's section began; 0: no such section is being read */
    unsigned faults;                /* told before it: with one more, its key may be what was refused */
} reading_t;

/* "a", "b" and "c" */
static void s_name_sections(const zr_setting_table_t *table, zr_buffer_t *out) {
    const char *before = NULL;
    for (size_t i = 0; i < table->count; i++) {
        const char *section = table->rows[i].section;
        if (before && strcmp(before, section) == 0)
            continue;
        bool last = strcmp(section, table->rows[table->count - 1].section) == 0;
        zr_buffer_printf(out, "%s\"%s\"", !before ? "" : last ? " and " : ", ", section);
        before = section;
    }
    zr_buffer_u8(out, '\0');
}

static bool s_unknown_section(const zr_setting_table_t *table, zr_error_t *error) {
    zr_buffer_t sections = {0};
    s_name_sections(table, &sections);
    zr_fail(error, "no such section; there are %s", (const char *)sections.data);
    zr_buffer_finish(&sections);
    return false;
}

/* An item's section is read: without its key nothing says what it is about. */
static void s_end_item(reading_t *reading, zr_error_t *error) {
    const zr_setting_list_t *list = reading->table->list;
    if (!reading->item_line)
        return;
    const zr_setting_t *key = s_find(reading->table, list->section, list->key);
    bool keyed = reading->line[key - reading->table->rows] || error->count > reading->faults;
    for (size_t i = 0; i < reading->table->count; i++)
        if (s_is_listed(reading->table, reading->table->rows[i].section))
            reading->line[i] = 0;
    if (!keyed)
        zr_fail(zr_error_at(error, reading->item_line, list->section, NULL), "%s", list->missing);
    reading->item_line = 0;
    reading->item = NULL;
}

static bool s_on_section(reading_t *reading, const zr_zpl_item_t *item, zr_error_t *error) {
    const zr_setting_table_t *table = reading->table;
    bool known = false;
    for (size_t i = 0; i < table->count; i++) {
        known |= strcmp(table->rows[i].section, item->section) == 0;
        if (strcmp(table->rows[i].name, item->section) == 0 && item->value[0])
            return zr_fail(error, "belongs under \"%s\", indented by 4 spaces", table->rows[i].section);
    }
    if (!known)
        return s_unknown_section(table, error);
    if (item->value[0])
        return zr_fail(error, "a section has no value; its members follow below it");
    if (!s_is_listed(table, item->section))
        return true;
    reading->item = table->list->add(reading->settings, error);
    reading->item_line = reading->item ? item->line : 0;
    reading->faults = error->count;
    return reading->item;
}

static bool s_on_item(void *ctx, const zr_zpl_item_t *item, zr_error_t *error) {
    reading_t *reading = ctx;
    const zr_setting_table_t *table = reading->table;
    if (!item || !item->name)
        s_end_item(reading, error);
    if (!item)
        return true;
    if (!item->name)
        return s_on_section(reading, item, zr_error_at(error, item->line, item->section, NULL));
    const zr_setting_t *row = s_find(table, item->section, item->name);
    if (!row)
        return zr_fail(error, "no such setting; the annotated %s lists them, check the spelling", table->example);
    unsigned *line = &reading->line[row - table->rows];
    if (*line && !row->kind->clear)
        return zr_fail(error, "already set in line %u; keep one of them", *line);
    *line = item->line;
    if (!item->value[0])
        return zr_fail(error, "the value is missing; write \"name = value\"");
    const zr_setting_value_t value = {row, item->value, reading->file, reading->settings};
    return row->kind->read(&value, s_member(row, reading->item ? reading->item : reading->settings), error);
}

bool zr_settings_parse(
    const zr_setting_table_t *table, void *settings, const char *path, zr_span_t text, zr_error_t *error) {
    reading_t reading = {.table = table, .settings = settings, .file = path};
    FATAL_UNLESS(table->count <= ZR_SETTINGS_MAX);
    return zr_zpl_parse(path, text, s_on_item, &reading, error);
}

bool zr_settings_read(const zr_setting_table_t *table, void *settings, const char *path, zr_error_t *error) {
    reading_t reading = {.table = table, .settings = settings, .file = path};
    FATAL_UNLESS(table->count <= ZR_SETTINGS_MAX);
    return zr_zpl_read(path, s_on_item, &reading, error) == ZR_FILE_READ;
}

/* --- Options --- */

void zr_setting_options(zr_setting_option_t *options, size_t count, zr_option_t *out) {
    for (size_t i = 0; i < count; i++)
        out[i] = (zr_option_t){.name = options[i].option, .kind = ZR_OPTION_TEXTS, .out = &options[i].values};
}

bool zr_setting_options_given(const zr_setting_option_t *options, size_t count) {
    size_t given = 0;
    for (size_t i = 0; i < count; i++)
        given += options[i].values.count;
    return given > 0;
}

void zr_setting_options_finish(zr_setting_option_t *options, size_t count) {
    for (size_t i = 0; i < count; i++) {
        free(options[i].values.items);
        options[i].values = (zr_texts_t){0};
    }
}

static bool s_set(const zr_setting_t *row, void *settings, const char *text, zr_error_t *error) {
    const zr_setting_value_t value = {.row = row, .text = text, .settings = settings};
    return text[0] ? row->kind->read(&value, s_member(row, settings), error)
                   : zr_fail(error, "the value is empty; write one, or leave the option away");
}

static bool s_apply(
    const zr_setting_table_t *table, void *settings, const zr_setting_option_t *option, zr_error_t *error) {
    const zr_setting_t *row = s_find(table, option->section, option->name);
    FATAL_UNLESS(row && !s_is_listed(table, option->section));
    size_t count = option->values.count;
    bool ok = true;
    if (row->kind->clear && count)
        row->kind->clear(s_member(row, settings));
    for (size_t i = row->kind->clear || !count ? 0 : count - 1; i < count; i++)
        ok &= s_set(row, settings, option->values.items[i], error);
    return ok;
}

bool zr_settings_apply(const zr_setting_table_t *table, void *settings, const zr_setting_option_t *options,
    size_t count, zr_error_t *error) {
    bool ok = true;
    for (size_t i = 0; i < count; i++) {
        char option[64];
        snprintf(option, sizeof option, "--%s", options[i].option);
        ok &= s_apply(table, settings, &options[i], zr_error_at(error, 0, option, NULL));
    }
    zr_error_at(error, 0, NULL, NULL);
    return ok;
}
