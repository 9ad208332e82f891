/* See top_view.h. */
#include "top_view.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "names.h"

#define LINE_SIZE 512

static const char s_begin[] = "zrelay_", s_end[] = "_total";

static double s_number(const json_t *value) {
    double number = json_number_value(value);
    return number > 0 ? number : 0;
}

/* Of codes their sum. */
static json_t *s_value_of(const json_t *row) {
    json_t *codes = json_object_get(row, "codes"), *value;
    const char *code;
    double sum = s_number(json_object_get(row, "value")), per = s_number(json_object_get(row, "per"));
    json_object_foreach(codes, code, value) sum += s_number(value);
    return per > 1 ? json_real(sum / per) : json_integer((json_int_t)sum);
}

void top_sample_read(top_sample_t *sample, const json_t *answer) {
    json_t *metrics = json_object_get(answer, "metrics");
    *sample = (top_sample_t){.time = (uint64_t)s_number(json_object_get(answer, "time")), .values = json_object()};
    for (size_t i = 0; i < json_array_size(metrics); i++) {
        const json_t *row = json_array_get(metrics, i);
        const char *name = json_string_value(json_object_get(row, "name"));
        if (name)
            json_object_set_new(sample->values, name, s_value_of(row));
    }
}

void top_sample_finish(top_sample_t *sample) {
    json_decref(sample->values);
    sample->values = NULL;
}

double top_value(const top_sample_t *sample, const char *name) {
    char whole[128];
    snprintf(whole, sizeof whole, "%s%s", s_begin, name);
    const json_t *value = json_object_get(sample->values, whole);
    if (!value) {
        snprintf(whole, sizeof whole, "%s%s%s", s_begin, name, s_end);
        value = json_object_get(sample->values, whole);
    }
    return s_number(value);
}

double top_rate(const top_sample_t *sample, const top_sample_t *before, const char *name) {
    double now = top_value(sample, name), then = top_value(before, name);
    if (!before->values || sample->time <= before->time || now < then)
        return 0;
    return (now - then) * 1e6 / (double)(sample->time - before->time);
}

/* --- The head --- */

/* A line of parts, each behind two blanks; a part that does not fit is left out. */
typedef struct {
    zr_buffer_t *out;
    int width, taken;
} line_t;

static void __attribute__((format(printf, 2, 3))) s_part(line_t *line, const char *format, ...) {
    char part[LINE_SIZE];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(part, sizeof part, format, args), gap = line->taken ? 2 : 0;
    va_end(args);
    if (len >= (int)sizeof part || line->taken + gap + len > line->width)
        return;
    zr_buffer_printf(line->out, "%*s%s", gap, "", part);
    line->taken += gap + len;
}

static void s_break(line_t *line) {
    zr_buffer_u8(line->out, '\n');
    line->taken = 0;
}

static const char *s_short(double value, char out[STATS_NUMBER_SIZE]) {
    return stats_number((uint64_t)(value + 0.5), out);
}

/* "NAME 3" or, with a limit, "NAME 3/20". */
static void s_gauge(line_t *line, const top_sample_t *sample, const char *title, const char *name) {
    char limit[100], one[STATS_NUMBER_SIZE], other[STATS_NUMBER_SIZE];
    snprintf(limit, sizeof limit, "%s_max", name);
    double max = top_value(sample, limit);
    if (max > 0)
        s_part(line, "%s %s/%s", title, s_short(top_value(sample, name), one), s_short(max, other));
    else
        s_part(line, "%s %s", title, s_short(top_value(sample, name), one));
}

/* The first picture does not know rates: it shows what there was in all. */
static void s_rate(
    line_t *line, const top_sample_t *sample, const top_sample_t *before, const char *title, const char *name) {
    char number[STATS_NUMBER_SIZE];
    if (before->values)
        s_part(line, "%s %s/s", title, s_short(top_rate(sample, before, name), number));
    else
        s_part(line, "%s %s", title, s_short(top_value(sample, name), number));
}

void top_head(const top_sample_t *sample, const top_sample_t *before, const char *server, int width, zr_buffer_t *out) {
    line_t line = {.out = out, .width = width};
    char text[STATS_NUMBER_SIZE];
    zr_buffer_t safe = {0};
    zr_escape(&safe, zr_span(server));
    double up = (double)sample->time - top_value(sample, "start_time_seconds") * 1e6;
    s_part(&line, "zrelay top");
    s_part(&line, "up %s", stats_age(up > 0 ? (uint64_t)up : 0, text));
    if (before->values)
        s_part(&line, "cpu %.0f%%", 100 * top_rate(sample, before, "cpu_seconds"));
    s_part(&line, "memory %s", s_short(top_value(sample, "resident_memory_bytes"), text));
    s_part(&line, "%.*s", (int)safe.len, (const char *)safe.data);
    zr_buffer_finish(&safe);
    s_break(&line);

    s_gauge(&line, sample, "sessions", "sessions");
    s_gauge(&line, sample, "detached", "sessions_detached");
    s_gauge(&line, sample, "rooms", "rooms");
    s_gauge(&line, sample, "groups", "groups");
    s_gauge(&line, sample, "channels", "channels");
    s_gauge(&line, sample, "logins", "logins_waiting");
    s_break(&line);

    s_rate(&line, sample, before, "in", "entries");
    s_rate(&line, sample, before, "bytes", "entry_bytes");
    s_rate(&line, sample, before, "out", "deliveries");
    s_rate(&line, sample, before, "errors", "errors");
    s_rate(&line, sample, before, "slowed", "rate_limited");
    s_rate(&line, sample, before, "lost", "routes_lost");
    s_break(&line);

    if (top_value(sample, "log_failing") > 0)
        s_part(&line, "THE DISK FAILS");
    s_gauge(&line, sample, "queued: clients", "front_queue_bytes");
    s_gauge(&line, sample, "readers", "back_queue_bytes");
    s_gauge(&line, sample, "disk", "log_waiting_bytes");
    if (top_value(sample, "log_file_bytes") > 0) {
        s_gauge(&line, sample, "log", "log_file_bytes");
        s_gauge(&line, sample, "free", "log_disk_free_bytes");
    }
    s_break(&line);
}
