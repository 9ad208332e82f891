/* See setting.h: the kinds of values that both programs have. */
#include <string.h>

#include "logger.h"
#include "names.h"
#include "setting.h"

/* --- Numbers --- */

typedef struct {
    const zr_unit_t *units;
    const char *what, *letters, *range; /* for errors */
} number_t;

static const number_t s_sizes = {zr_units_of_size, "number", "k, M or G", "a number"};
static const number_t s_times = {
    zr_units_of_time, "time", "s, m, h or d (else they are milliseconds)", "a time (in milliseconds)"};

static bool s_number(const zr_setting_value_t *value, const number_t *kind, uint64_t *out, zr_error_t *error) {
    const zr_setting_t *row = value->row;
    if (!zr_quantity_parse(value->text, kind->units, out))
        return zr_fail(
            error, "\"%.40s\" is no %s; write digits, perhaps followed by %s", value->text, kind->what, kind->letters);
    return (*out >= row->min && *out <= row->max) ||
           zr_fail(error, "%.40s is out of range; write %s from %llu to %llu", value->text, kind->range,
               (unsigned long long)row->min, (unsigned long long)row->max);
}

static bool s_u64(const zr_setting_value_t *value, void *member, zr_error_t *error) {
    return s_number(value, &s_sizes, member, error);
}

static bool s_size(const zr_setting_value_t *value, void *member, zr_error_t *error) {
    uint64_t number;
    bool ok = s_number(value, &s_sizes, &number, error);
    if (ok)
        *(size_t *)member = (size_t)number;
    return ok;
}

static bool s_time(const zr_setting_value_t *value, void *member, zr_error_t *error) {
    return s_number(value, &s_times, member, error);
}

/* --- Words --- */

bool zr_setting_choice(
    const char *text, const char *no, const char *yes, const char *both, bool *out, zr_error_t *error) {
    *out = strcmp(text, yes) == 0;
    return *out || strcmp(text, no) == 0 || zr_fail(error, "\"%.40s\" is neither %s", text, both);
}

static bool s_bool(const zr_setting_value_t *value, void *member, zr_error_t *error) {
    return zr_setting_choice(value->text, "0", "1", "1 (yes) nor 0 (no)", member, error);
}

static bool s_log_format(const zr_setting_value_t *value, void *member, zr_error_t *error) {
    return zr_setting_choice(value->text, "text", "json", "text nor json", member, error);
}

static bool s_log_level(const zr_setting_value_t *value, void *member, zr_error_t *error) {
    return zr_log_level_from_name(value->text, member) ||
           zr_fail(error, "must be error, warn, info or debug, not \"%.40s\"", value->text);
}

/* --- Texts --- */

static bool s_text(const zr_setting_value_t *value, void *member, zr_error_t *error) {
    if (strlen(value->text) > value->row->max)
        return zr_fail(error, "longer than %llu bytes; choose a shorter one", (unsigned long long)value->row->max);
    strcpy(member, value->text);
    return true;
}

static bool s_utf8(const zr_setting_value_t *value, void *member, zr_error_t *error) {
    if (!zr_utf8_valid(zr_span(value->text)))
        return zr_fail(error, "not valid UTF-8; save the file in UTF-8");
    return s_text(value, member, error);
}

zr_span_t zr_setting_folder(const zr_setting_value_t *value, const char *path) {
    const char *slash = value->file && path[0] != '/' ? strrchr(value->file, '/') : NULL;
    return slash ? zr_span_of(value->file, (size_t)(slash + 1 - value->file)) : zr_span("");
}

static bool s_path(const zr_setting_value_t *value, void *member, zr_error_t *error) {
    zr_span_t folder = zr_setting_folder(value, value->text);
    char *out = member;
    if (folder.len + strlen(value->text) > value->row->max)
        return zr_fail(error, "the path is longer than %llu bytes%s; choose a shorter one",
            (unsigned long long)value->row->max, folder.len ? ", with the folder of this file" : "");
    memcpy(out, folder.ptr, folder.len);
    strcpy(out + folder.len, value->text);
    return true;
}

/* --- Showing --- */

/* In the largest unit that leaves no rest. 0 below the row's bounds stands for a number that was not set. */
static bool s_show_number(const zr_setting_t *row, uint64_t number, const zr_unit_t *unit, zr_buffer_t *out) {
    const zr_unit_t *best = NULL;
    if (number < row->min)
        return false;
    for (; unit->letter; unit++)
        if (number && number % unit->factor == 0 && (!best || unit->factor > best->factor))
            best = unit;
    zr_buffer_printf(
        out, "%llu%.1s", (unsigned long long)(best ? number / best->factor : number), best ? &best->letter : "");
    return true;
}

static bool s_show_u64(const zr_setting_t *row, const void *member, size_t i, zr_buffer_t *out) {
    (void)i;
    return s_show_number(row, *(const uint64_t *)member, zr_units_of_size, out);
}

static bool s_show_size(const zr_setting_t *row, const void *member, size_t i, zr_buffer_t *out) {
    (void)i;
    return s_show_number(row, *(const size_t *)member, zr_units_of_size, out);
}

static bool s_show_time(const zr_setting_t *row, const void *member, size_t i, zr_buffer_t *out) {
    (void)i;
    return s_show_number(row, *(const uint64_t *)member, zr_units_of_time, out);
}

static bool s_show_bool(const zr_setting_t *row, const void *member, size_t i, zr_buffer_t *out) {
    (void)row, (void)i;
    zr_buffer_u8(out, *(const bool *)member ? '1' : '0');
    return true;
}

static bool s_show_log_format(const zr_setting_t *row, const void *member, size_t i, zr_buffer_t *out) {
    (void)row, (void)i;
    zr_buffer_printf(out, "%s", *(const bool *)member ? "json" : "text");
    return true;
}

static bool s_show_log_level(const zr_setting_t *row, const void *member, size_t i, zr_buffer_t *out) {
    (void)row, (void)i;
    zr_buffer_printf(out, "%s", zr_log_level_name(*(const zr_log_level_t *)member));
    return true;
}

bool zr_setting_show_text(const zr_setting_t *row, const void *member, size_t i, zr_buffer_t *out) {
    (void)row, (void)i;
    zr_buffer_append(out, member, strlen(member));
    return *(const char *)member;
}

const zr_setting_kind_t zr_kind_size = {s_size, NULL, s_show_size};
const zr_setting_kind_t zr_kind_u64 = {s_u64, NULL, s_show_u64};
const zr_setting_kind_t zr_kind_time = {s_time, NULL, s_show_time};
const zr_setting_kind_t zr_kind_bool = {s_bool, NULL, s_show_bool};
const zr_setting_kind_t zr_kind_text = {s_text, NULL, zr_setting_show_text};
const zr_setting_kind_t zr_kind_utf8 = {s_utf8, NULL, zr_setting_show_text};
const zr_setting_kind_t zr_kind_path = {s_path, NULL, zr_setting_show_text};
const zr_setting_kind_t zr_kind_log_level = {s_log_level, NULL, s_show_log_level};
const zr_setting_kind_t zr_kind_log_format = {s_log_format, NULL, s_show_log_format};
