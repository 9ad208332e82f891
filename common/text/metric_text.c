/* See metric_text.h. */
#include "metric_text.h"

#include <inttypes.h>
#include <string.h>

static const char s_total[] = "_total";

void zr_metric_head(
    zr_buffer_t *out, zr_metrics_format_t format, const char *name, const char *type, const char *help) {
    int len = (int)strlen(name);
    if (format == ZR_METRICS_OPEN && strcmp(type, "counter") == 0)
        len -= (int)sizeof s_total - 1;
    zr_buffer_printf(out, "# HELP %.*s %s\n# TYPE %.*s %s\n", len, name, help, len, name, type);
}

void zr_metric_value(
    zr_buffer_t *out, const char *name, const char *label, const char *label_value, uint64_t value, uint64_t per) {
    zr_buffer_printf(out, "%s", name);
    if (label)
        zr_buffer_printf(out, "{%s=\"%s\"}", label, label_value);
    if (per > 1)
        zr_buffer_printf(out, " %.6f\n", (double)value / (double)per);
    else
        zr_buffer_printf(out, " %" PRIu64 "\n", value);
}

/* --- Rows of the op stats --- */

static bool s_is_made_of(const char *text, const char *letters) {
    return text && text[0] && strspn(text, letters) == strlen(text);
}

static bool s_is_line(const char *text) {
    return text && !strpbrk(text, "\n\r\\");
}

static bool s_ends_in_total(const char *name) {
    size_t len = strlen(name);
    return len >= sizeof s_total && strcmp(name + len - (sizeof s_total - 1), s_total) == 0;
}

static uint64_t s_number(const json_t *value, uint64_t otherwise) {
    json_int_t number = json_is_integer(value) ? json_integer_value(value) : -1;
    return number >= 0 ? (uint64_t)number : otherwise;
}

static void s_write(zr_buffer_t *out, zr_metrics_format_t format, const json_t *row) {
    const char *name = json_string_value(json_object_get(row, "name")), *code;
    const char *type = json_string_value(json_object_get(row, "type"));
    const char *help = json_string_value(json_object_get(row, "help"));
    json_t *codes = json_object_get(row, "codes"), *value;
    uint64_t per = s_number(json_object_get(row, "per"), 1);
    if (!s_is_made_of(name, "abcdefghijklmnopqrstuvwxyz0123456789_") || !s_is_line(help) || !type)
        return;
    if (strcmp(type, s_ends_in_total(name) ? "counter" : "gauge") != 0)
        return;
    zr_metric_head(out, format, name, type, help);
    if (!codes)
        zr_metric_value(out, name, NULL, NULL, s_number(json_object_get(row, "value"), 0), per);
    json_object_foreach(codes, code, value) if (s_is_made_of(code, "abcdefghijklmnopqrstuvwxyz0123456789-"))
        zr_metric_value(out, name, "code", code, s_number(value, 0), per);
}

void zr_metrics_write(zr_buffer_t *out, zr_metrics_format_t format, const json_t *metrics) {
    for (size_t i = 0; i < json_array_size(metrics); i++)
        s_write(out, format, json_array_get(metrics, i));
}
