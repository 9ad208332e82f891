/* Telling people on stderr what is wrong. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli.h"
#include "names.h"
#include "typed.h"

#define STATUS_ERASED "\r\033[K"

static bool s_status; /* a line of status stands on the terminal */

static void s_line(const char *before, const char *format, va_list args, const char *after) {
    zr_buffer_t line = {0}, text = {0};
    zr_buffer_printf(&line, "%s", s_status ? STATUS_ERASED : "");
    s_status = false;
    zr_buffer_printf(&text, "%s", before);
    zr_buffer_vprintf(&text, format, args);
    zr_buffer_printf(&text, "%s", after);
    zr_escape(&line, zr_span_of(text.data, text.len));
    zr_buffer_u8(&line, '\n');
    /* In one write, so that lines of several programs do not mix. There is nobody to tell when it fails. */
    if (write(STDERR_FILENO, line.data, line.len) < 0)
        errno = 0;
    zr_buffer_finish(&text);
    zr_buffer_finish(&line);
}

void cli_say(const char *format, ...) {
    va_list args;
    va_start(args, format);
    s_line("zrelay: ", format, args, "");
    va_end(args);
}

void cli_status(zr_span_t text) {
    zr_buffer_t line = {0};
    zr_buffer_printf(&line, "%s", s_status || text.len ? STATUS_ERASED : "");
    zr_escape(&line, text);
    if (line.len && write(STDERR_FILENO, line.data, line.len) < 0)
        errno = 0;
    s_status = text.len;
    zr_buffer_finish(&line);
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

/* `name`, or NULL after telling its fault. */
static const char *s_checked(const char *name, const char *kind, const char *fault) {
    if (fault)
        cli_say("'%s' is no %s: %s", name, kind, fault);
    return fault ? NULL : name;
}

const char *cli_room(const char *room, bool pattern) {
    room = typed_name(room);
    size_t len = strlen(room);
    bool star = pattern && len > 0 && room[len - 1] == '*';
    if (star && len == 1)
        return room;
    /* The prefix may end within a name: it must only be the beginning of a valid one. */
    return s_checked(room, "room", zr_room_fault(zr_span_of(room, len - star)));
}

bool cli_rooms(int count, char **words, bool pattern) {
    for (int i = 0; i < count; i++) {
        const char *room = cli_room(words[i], pattern);
        if (!room)
            return false;
        words[i] = (char *)room;
    }
    return true;
}

const char *cli_nick(const char *nick) {
    nick = typed_name(nick);
    return s_checked(nick, "nick", zr_nick_fault(zr_span(nick)));
}

const char *cli_group(const char *group) {
    group = typed_name(group);
    return s_checked(group, "group (the rules are those of nicks)", zr_nick_fault(zr_span(group)));
}

const char *cli_key(const char *key) {
    key = typed_name(key);
    return s_checked(key, "key", zr_key_fault(zr_span(key)));
}

bool cli_delimiter(const command_t *command, const char *text, bool null, char *out) {
    *out = null ? '\0' : '\n';
    if (text && null)
        cli_misuse(command, "--delimiter and --null exclude each other");
    else if (text && !typed_char(text, out))
        cli_misuse(command, "--delimiter takes one character, or \\n, \\r, \\t, \\0, \\\\ or \\xHH, not '%s'", text);
    else
        return true;
    return false;
}
