/* See talk_parse.h. Every command is a row of one table. */
#include "talk_parse.h"

#include <stdbool.h>

#include "names.h"

typedef enum { NOTHING, NAME, NAME_AND_TEXT, NUMBER } takes_t;

typedef struct {
    const char *name;
    talk_kind_t kind;
    takes_t takes;
    const char *(*fault)(zr_span_t name); /* of the name; NULL: any */
    const char *help;
} command_t;

static const command_t s_commands[] = {
    {"nick", TALK_NICK, NAME, zr_nick_fault, "/nick NAME         take another name"},
    {"join", TALK_JOIN, NAME, zr_room_fault, "/join ROOM         leave this room for another"},
    {"who", TALK_WHO, NOTHING, NULL, "/who               lists the users in this room"},
    {"msg", TALK_MSG, NAME_AND_TEXT, zr_nick_fault, "/msg NICK TEXT     tell one person only"},
    {"last", TALK_LAST, NUMBER, NULL, "/last [COUNT]      show the last messages again, at most 100"},
    {"login", TALK_LOGIN, NAME_AND_TEXT, zr_nick_fault, "/login USER TOKEN  log in; only on the gateway's own machine"},
    {"help", TALK_HELP, NOTHING, NULL, "/help              this list; //TEXT sends a line that begins with /"},
    {"quit", TALK_QUIT, NOTHING, NULL, "/quit              leave"},
};
enum { COMMANDS = sizeof s_commands / sizeof s_commands[0] };

const char *talk_help(size_t index) {
    return index < COMMANDS ? s_commands[index].help : NULL;
}

static talk_line_t s_misused(const command_t *command) {
    return (talk_line_t){.kind = TALK_BAD, .name = zr_span("usage: "), .text = zr_span(command->help)};
}

static talk_line_t s_bad(const char *text) {
    return (talk_line_t){.kind = TALK_BAD, .text = zr_span(text)};
}

static bool s_number(zr_span_t text, unsigned *out) {
    *out = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        *out = *out * 10 + (unsigned)(text.ptr[i] - '0');
        if (*out > TALK_LAST_MAX)
            return false;
    }
    return text.len == 0 || *out > 0;
}

static talk_line_t s_take(const command_t *command, zr_span_t rest) {
    talk_line_t line = {.kind = command->kind};
    if (command->takes == NAME || command->takes == NAME_AND_TEXT) {
        line.name = zr_span_word(&rest);
        if (line.name.len == 0)
            return s_misused(command);
        const char *fault = command->fault(line.name);
        if (fault)
            return s_bad(fault);
    }
    if (command->takes == NUMBER)
        return s_number(zr_span_trim(rest), &line.count) ? line : s_misused(command);
    line.text = rest;
    return (rest.len > 0) == (command->takes == NAME_AND_TEXT) ? line : s_misused(command);
}

talk_line_t talk_parse(zr_span_t line) {
    if (line.len == 0)
        return (talk_line_t){.kind = TALK_NOTHING};
    if (line.ptr[0] != '/')
        return (talk_line_t){.kind = TALK_TEXT, .text = line};
    zr_span_t rest = zr_span_of(line.ptr + 1, line.len - 1);
    if (rest.len > 0 && rest.ptr[0] == '/')
        return (talk_line_t){.kind = TALK_TEXT, .text = rest};
    zr_span_t name = rest.len > 0 && zr_is_blank(rest.ptr[0]) ? zr_span("") : zr_span_word(&rest);
    for (size_t i = 0; i < COMMANDS; i++)
        if (zr_span_equal(name, zr_span(s_commands[i].name)))
            return s_take(&s_commands[i], rest);
    return s_bad("no such command; /help lists them, and //TEXT sends a line that begins with /");
}
