/* See setting_show.h. */
#include "setting_show.h"

#include <stdio.h>
#include <string.h>

static bool s_is_listed(const zr_setting_table_t *table, const zr_setting_t *row) {
    return table->list && strcmp(table->list->section, row->section) == 0;
}

static const zr_setting_t *s_key_row(const zr_setting_table_t *table) {
    const zr_setting_t *row = table->rows;
    while (!s_is_listed(table, row) || strcmp(row->name, table->list->key) != 0)
        row++;
    return row;
}

/* The value of that number; false: the row has no further one. `base` NULL: it has none at all. */
static bool s_show(const zr_setting_t *row, const void *base, size_t i, zr_buffer_t *out) {
    return base && row->kind->show && (i == 0 || row->kind->clear) &&
           row->kind->show(row, (const char *)base + row->offset, i, out);
}

/* --- As a file --- */

/* A value that would be read as another one unless it stands in quotes. It came from a file, so one kind is free. */
static void s_write_value(zr_buffer_t *out, zr_span_t text) {
    bool blank = text.len && (text.ptr[0] == ' ' || text.ptr[text.len - 1] == ' ');
    bool quote = text.len && (text.ptr[0] == '"' || text.ptr[0] == '\'');
    const char *mark = memchr(text.ptr, '"', text.len) ? "'" : "\"";
    if (!blank && !quote && !memchr(text.ptr, '#', text.len))
        mark = "";
    zr_buffer_append(out, mark, strlen(mark));
    zr_buffer_append(out, text.ptr, text.len);
    zr_buffer_append(out, mark, strlen(mark));
}

static void s_write_row(const zr_setting_t *row, const void *base, zr_buffer_t *out) {
    zr_buffer_t text = {0};
    for (size_t i = 0; s_show(row, base, i, &text); i++) {
        zr_buffer_printf(out, "    %s = ", row->name);
        s_write_value(out, zr_span_of((const char *)text.data, text.len));
        zr_buffer_u8(out, '\n');
        zr_buffer_clear(&text);
    }
    zr_buffer_finish(&text);
}

static void s_write_items(const zr_setting_table_t *table, void *settings, zr_buffer_t *out) {
    const void *item;
    for (size_t i = 0; (item = table->list->at(settings, i)); i++) {
        zr_buffer_printf(out, "%s\n", table->list->section);
        for (const zr_setting_t *row = table->rows; row < table->rows + table->count; row++)
            if (s_is_listed(table, row))
                s_write_row(row, item, out);
    }
}

void zr_settings_write(const zr_setting_table_t *table, void *settings, zr_buffer_t *out) {
    const char *section = "";
    for (const zr_setting_t *row = table->rows; row < table->rows + table->count; row++) {
        if (s_is_listed(table, row))
            continue;
        if (strcmp(section, row->section) != 0)
            zr_buffer_printf(out, "%s\n", row->section);
        section = row->section;
        s_write_row(row, settings, out);
    }
    if (table->list)
        s_write_items(table, settings, out);
}

/* --- Differences --- */

typedef struct {
    const zr_setting_table_t *table;
    void *sides[2]; /* before, after */
    zr_setting_differs_fn *each;
    void *ctx;
    size_t count;
} comparing_t;

/* All values of a row, as a string. */
static void s_join(const zr_setting_t *row, const void *base, zr_buffer_t *out) {
    zr_buffer_t text = {0};
    for (size_t i = 0; s_show(row, base, i, &text); i++) {
        zr_buffer_append(out, " and ", i ? strlen(" and ") : 0);
        zr_buffer_append(out, text.data, text.len);
        zr_buffer_clear(&text);
    }
    zr_buffer_u8(out, '\0');
    zr_buffer_finish(&text);
}

static void s_compare_texts(comparing_t *comparing, const char *name, zr_buffer_t texts[2]) {
    const char *before = (const char *)texts[0].data, *after = (const char *)texts[1].data;
    if (strcmp(before, after) != 0) {
        comparing->each(comparing->ctx, name, before, after);
        comparing->count++;
    }
    zr_buffer_finish(&texts[0]);
    zr_buffer_finish(&texts[1]);
}

/* `key`: of the item; NULL: the row is in no list. */
static void s_compare_row(
    comparing_t *comparing, const zr_setting_t *row, const char *key, const void *before, const void *after) {
    zr_buffer_t name = {0}, texts[2] = {{0}, {0}};
    zr_buffer_printf(&name, "%s%s", row->section, key ? " " : "");
    if (key)
        zr_buffer_append(&name, key, strlen(key));
    zr_buffer_printf(&name, "/%s", row->name);
    zr_buffer_u8(&name, '\0');
    s_join(row, before, &texts[0]);
    s_join(row, after, &texts[1]);
    s_compare_texts(comparing, (const char *)name.data, texts);
    zr_buffer_finish(&name);
}

static void *s_item(const comparing_t *comparing, unsigned side, const char *key) {
    const zr_setting_table_t *table = comparing->table;
    void *item;
    for (size_t i = 0; (item = table->list->at(comparing->sides[side], i)); i++) {
        zr_buffer_t text = {0};
        s_join(s_key_row(table), item, &text);
        bool found = strcmp((const char *)text.data, key) == 0;
        zr_buffer_finish(&text);
        if (found)
            return item;
    }
    return NULL;
}

static void s_compare_item(comparing_t *comparing, const char *key, const void *before, const void *after) {
    const zr_setting_table_t *table = comparing->table;
    for (const zr_setting_t *row = table->rows; row < table->rows + table->count; row++)
        if (s_is_listed(table, row))
            s_compare_row(comparing, row, key, before, after);
}

/* The items of one side; those of the other side that have no counterpart there are left. Appends the keys of items that
 * both have to `order`. */
static void s_compare_items(comparing_t *comparing, unsigned side, zr_buffer_t *order) {
    const zr_setting_table_t *table = comparing->table;
    const void *item;
    for (size_t i = 0; (item = table->list->at(comparing->sides[side], i)); i++) {
        zr_buffer_t key = {0};
        s_join(s_key_row(table), item, &key);
        const char *text = (const char *)key.data;
        const void *other = s_item(comparing, !side, text);
        if (other) {
            zr_buffer_append(order, ", ", order->len ? 2 : 0);
            zr_buffer_append(order, text, strlen(text));
        }
        if (side == 1)
            s_compare_item(comparing, text, other, item);
        else if (!other)
            s_compare_item(comparing, text, item, NULL);
        zr_buffer_finish(&key);
    }
    zr_buffer_u8(order, '\0');
}

static void s_compare_list(comparing_t *comparing) {
    char name[64];
    zr_buffer_t orders[2] = {{0}, {0}};
    s_compare_items(comparing, 0, &orders[0]);
    s_compare_items(comparing, 1, &orders[1]);
    snprintf(name, sizeof name, "%s (order)", comparing->table->list->section);
    s_compare_texts(comparing, name, orders);
}

size_t zr_settings_compare(
    const zr_setting_table_t *table, void *before, void *after, zr_setting_differs_fn *each, void *ctx) {
    comparing_t comparing = {.table = table, .sides = {before, after}, .each = each, .ctx = ctx};
    for (const zr_setting_t *row = table->rows; row < table->rows + table->count; row++)
        if (!s_is_listed(table, row))
            s_compare_row(&comparing, row, NULL, before, after);
    if (table->list)
        s_compare_list(&comparing);
    return comparing.count;
}
