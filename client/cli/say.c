/* Telling people on stderr what is wrong. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli.h"
#include "code.h"
#include "format.h"
#include "names.h"

static void s_line(const char *before, const char *format, va_list args, const char *after) {
    zr_buffer_t line = {0};
    zr_buffer_t text = {0};
    char small[1024];
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(small, sizeof small, format, args);
    char *large = len >= (int)sizeof small ? malloc((size_t)len + 1) : NULL;
    if (large)
        vsnprintf(large, (size_t)len + 1, format, again);
    va_end(again);
    format_add(&text, "%s%s%s", before, large ? large : small, after);
    zr_escape(&line, zr_span_of(text.data, text.len));
    zr_buffer_u8(&line, '\n');
    /* In one write, so that lines of several programs do not mix. There is nobody to tell when it fails. */
    if (write(STDERR_FILENO, line.data, line.len) < 0)
        errno = 0;
    free(large);
    zr_buffer_finish(&text);
    zr_buffer_finish(&line);
}

void cli_say(const char *format, ...) {
    va_list args;
    va_start(args, format);
    s_line("zrelay: ", format, args, "");
    va_end(args);
}

int cli_misuse(const command_t *command, const char *format, ...) {
    char before[64];
    char after[64];
    snprintf(before, sizeof before, "zrelay: %s: ", command->name);
    snprintf(after, sizeof after, " (see 'zrelay help %s')", command->name);
    va_list args;
    va_start(args, format);
    s_line(before, format, args, after);
    va_end(args);
    return CLI_USAGE;
}

bool cli_room_valid(const char *room, bool pattern) {
    size_t len = strlen(room);
    bool star = pattern && len > 0 && room[len - 1] == '*';
    /* The prefix itself may be empty, or end within a name: it must only be the beginning of a valid one. */
    if (star ? len == 1 || zr_room_valid(zr_span_of(room, len - 1)) : zr_room_valid(zr_span(room)))
        return true;
    cli_say("'%s' is no room: %s", room, zr_code_text(ZR_BAD_ROOM));
    return false;
}

bool cli_nick_valid(const char *nick) {
    if (zr_nick_valid(zr_span(nick)))
        return true;
    cli_say("'%s' is no nick: %s", nick, zr_code_text(ZR_BAD_NICK));
    return false;
}

bool cli_key_valid(const char *key) {
    if (zr_key_valid(zr_span(key)))
        return true;
    cli_say("'%s' is no key: %s", key, zr_code_text(ZR_BAD_KEY));
    return false;
}
