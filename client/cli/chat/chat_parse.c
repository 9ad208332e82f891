#include "chat_parse.h"

typedef struct {
    const char *name;
    chat_kind_t kind;
    bool needs_name, takes_name, takes_text, needs_text;
    const char *help;
} chat_command_t;

static const chat_command_t s_commands[] = {
    {"join", CHAT_JOIN, true, true, false, false, "/join ROOM       enter a room, or switch to it"},
    {"part", CHAT_PART, false, true, false, false, "/part [ROOM]     leave a room"},
    {"msg", CHAT_MSG, true, true, true, true, "/msg NICK TEXT   tell one person only"},
    {"who", CHAT_WHO, false, false, false, false, "/who             the users in this room, and what they show"},
    {"nick", CHAT_NICK, true, true, false, false, "/nick NAME       take another name"},
    {"away", CHAT_AWAY, false, false, true, false, "/away [TEXT]     show that you are away"},
    {"back", CHAT_BACK, false, false, false, false, "/back            show that you are back"},
    {"status", CHAT_STATUS, false, false, true, false,
        "/status [TEXT]   show what you are doing; without TEXT nothing"},
    {"rooms", CHAT_ROOMS, false, true, false, false, "/rooms [PREFIX]  the rooms there are"},
    {"help", CHAT_HELP, false, false, false, false,
        "/help            this list; //TEXT sends a line that begins with /"},
    {"quit", CHAT_QUIT, false, false, false, false, "/quit            leave (or Ctrl-D)"},
};
#define COMMANDS (sizeof s_commands / sizeof s_commands[0])

const char *chat_help(size_t index) {
    return index < COMMANDS ? s_commands[index].help : NULL;
}

static chat_line_t s_bad(zr_span_t name, const char *text) {
    return (chat_line_t){.kind = CHAT_BAD, .name = name, .text = zr_span(text)};
}

chat_line_t chat_parse(zr_span_t line) {
    if (line.len == 0)
        return (chat_line_t){.kind = CHAT_NOTHING};
    if (line.ptr[0] != '/')
        return (chat_line_t){.kind = CHAT_TEXT, .text = line};
    zr_span_t rest = zr_span_of(line.ptr + 1, line.len - 1);
    if (rest.len > 0 && rest.ptr[0] == '/')
        return (chat_line_t){.kind = CHAT_TEXT, .text = rest};
    zr_span_t name = rest.len > 0 && zr_is_blank(rest.ptr[0]) ? zr_span("") : zr_span_word(&rest);
    for (size_t i = 0; i < COMMANDS; i++) {
        const chat_command_t *command = &s_commands[i];
        if (!zr_span_equal(name, zr_span(command->name)))
            continue;
        chat_line_t parsed = {.kind = command->kind};
        if (command->takes_name)
            parsed.name = zr_span_word(&rest);
        if (command->needs_name && parsed.name.len == 0)
            return s_bad(name, command->help);
        if (command->takes_text) {
            parsed.text = rest;
            if (command->needs_text && rest.len == 0)
                return s_bad(name, command->help);
        } else if (rest.len > 0) {
            return s_bad(name, command->help);
        }
        return parsed;
    }
    return s_bad(name, "no such command; there is /help");
}
