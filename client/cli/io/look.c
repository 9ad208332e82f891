#include "look.h"

#include <inttypes.h>
#include <time.h>
#include <unistd.h>

#include "names.h"
#include "typed.h"

static void s_time(zr_buffer_t *out, uint64_t us) {
    time_t seconds = (time_t)(us / 1000000);
    struct tm tm = {0};
    gmtime_r(&seconds, &tm);
    zr_buffer_printf(out, "%04d-%02d-%02dT%02d:%02d:%02d.%06uZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
        tm.tm_hour, tm.tm_min, tm.tm_sec, (unsigned)(us % 1000000));
}

/* false: there is no such field. */
static bool s_field(char field, const zrelay_event_t *event, bool raw, zr_buffer_t *out) {
    switch (field) {
    case 'r':
        zr_escape(out, zr_span(event->room));
        return true;
    case 's':
        zr_buffer_printf(out, "%" PRIu64, event->seq);
        return true;
    case 't':
        s_time(out, event->time);
        return true;
    case 'T':
        zr_buffer_printf(out, "%" PRIu64, event->time);
        return true;
    case 'n':
        zr_escape(out, zr_span(event->sender));
        return true;
    case 'k':
        zr_escape(out, zr_span(event->key));
        return true;
    case 'l':
        zr_buffer_printf(out, "%zu", event->body_len);
        return true;
    case 'b':
        if (raw)
            zr_buffer_append(out, event->body, event->body_len);
        else
            zr_escape(out, zr_span_of(event->body, event->body_len));
        return true;
    case '%':
        zr_buffer_u8(out, '%');
        return true;
    default:
        return false;
    }
}

/* Takes an escape, as typed_char reads it, off the text. false: no escape stands there. */
static bool s_escape(const char **text, char *out) {
    char escape[5] = {0};
    size_t len = strnlen(*text, (*text)[1] == 'x' ? 4 : 2);
    memcpy(escape, *text, len);
    *text += len;
    return len > 1 && typed_char(escape, out);
}

/* NULL, or the part of the layout that is wrong. */
static const char *s_layout(const char *layout, const zrelay_event_t *event, bool raw, zr_buffer_t *out) {
    while (*layout) {
        const char *from = layout;
        char byte = *layout;
        if (byte == '%' && s_field(layout[1], event, raw, out)) {
            layout += 2;
            continue;
        }
        if (byte == '%' || (byte == '\\' && !s_escape(&layout, &byte)))
            return from;
        layout += layout == from;
        zr_buffer_u8(out, (uint8_t)byte);
    }
    return NULL;
}

int look_settle(look_t *look, const command_t *command, const config_t *config, bool several) {
    zr_buffer_t tried = {0};
    if (config->json && (look->layout || look->delimiter || look->null))
        return cli_misuse(command, "--json excludes --format, --delimiter and --null");
    const char *wrong = look->layout ? s_layout(look->layout, &(zrelay_event_t){0}, true, &tried) : NULL;
    zr_buffer_finish(&tried);
    if (wrong)
        return cli_misuse(command, "--format has no '%.2s'", wrong);
    if (!cli_delimiter(command, look->delimiter, look->null, &look->end))
        return CLI_USAGE;
    if (config->json)
        look->format = FORMAT_JSON;
    else if (look->raw || !isatty(STDOUT_FILENO))
        look->format = FORMAT_RAW;
    else
        look->format = several ? FORMAT_PREFIX : FORMAT_SAFE;
    return 0;
}

bool look_entry(const look_t *look, const zrelay_event_t *event, zr_buffer_t *out) {
    if (look->format == FORMAT_JSON)
        return format_entry(out, event, look->format);
    if (event->deleted)
        return false;
    if (look->layout) {
        s_layout(look->layout, event, look->format == FORMAT_RAW, out);
    } else {
        format_entry(out, event, look->format);
        out->len--; /* its newline */
    }
    zr_buffer_u8(out, (uint8_t)look->end);
    return true;
}
