/* See errors.h. */
#include "errors.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "logger.h"
#include "names.h"

__attribute__((format(printf, 2, 0))) static void s_add(zr_error_t *error, const char *format, va_list args) {
    zr_buffer_t line = {0};
    if (error->file)
        zr_buffer_printf(&line, "%s:", error->file);
    if (error->line)
        zr_buffer_printf(&line, "%u:", error->line);
    if (error->what[0])
        zr_buffer_printf(&line, "%s%s:", line.len ? " " : "", error->what);
    if (line.len > 0)
        zr_buffer_u8(&line, ' ');
    zr_buffer_vprintf(&line, format, args);
    zr_buffer_u8(&line, '\0');
    size_t room = sizeof error->text - error->len, len = line.len < room ? line.len : room;
    if (error->len == 0 || len == line.len) {
        memcpy(error->text + error->len, line.data, len);
        error->len += len;
        error->text[error->len - 1] = '\0';
    }
    error->count++;
    zr_buffer_finish(&line);
}

bool zr_fail(zr_error_t *error, const char *format, ...) {
    va_list args;
    va_start(args, format);
    s_add(error, format, args);
    va_end(args);
    return false;
}

zr_error_t *zr_error_at(zr_error_t *error, unsigned line, const char *section, const char *name) {
    error->line = line;
    snprintf(
        error->what, sizeof error->what, "%.60s%s%.60s", section ? section : "", name ? "/" : "", name ? name : "");
    return error;
}

const char *zr_error_next(const zr_error_t *error, const char *line) {
    const char *next = line ? line + strlen(line) + 1 : error->text;
    return next < error->text + error->len ? next : NULL;
}

int zr_error_print(const zr_error_t *error, const char *program) {
    zr_buffer_t all = {0};
    unsigned shown = 0;
    for (const char *line = NULL; (line = zr_error_next(error, line)); shown++) {
        zr_buffer_printf(&all, "%s%s: ", zr_log_priority(ZR_LOG_ERROR), program);
        zr_escape(&all, zr_span(line));
        zr_buffer_u8(&all, '\n');
    }
    if (shown < error->count)
        zr_buffer_printf(&all, "%s%s: and %u more\n", zr_log_priority(ZR_LOG_ERROR), program, error->count - shown);
    /* In one write, so that lines of several programs do not mix. There is nobody to tell when it fails. */
    ssize_t written = write(STDERR_FILENO, all.data, all.len);
    (void)written;
    zr_buffer_finish(&all);
    return EXIT_FAILURE;
}
