#include "chat_parse.h"

/* What stands behind a command. */
typedef enum {
    NOTHING,
    NAME,          /* a word */
    MAYBE_NAME,    /* or nothing */
    NAME_AND_TEXT, /* both */
    MAYBE_BOTH,    /* a word and text, or neither */
    TEXT,          /* something, to the end of the line */
    MAYBE_TEXT,
    WHOLE, /* as TEXT; the message is the line with its command */
} chat_takes_t;

typedef struct {
    const char *name;
    chat_kind_t kind;
    chat_takes_t takes;
    const char *help;
} chat_command_t;

static const chat_command_t s_commands[] = {
    {"join", CHAT_JOIN, NAME, "/join ROOM        enter a room, or switch to it (Alt-n, Alt-p: the next, the previous)"},
    {"part", CHAT_PART, MAYBE_NAME, "/part [ROOM]      leave a room"},
    {"close", CHAT_PART, MAYBE_NAME, "/close [ROOM]     the same; of a /query too"},
    {"msg", CHAT_MSG, NAME_AND_TEXT, "/msg NICK TEXT    tell one person only"},
    {"query", CHAT_QUERY, NAME, "/query NICK       talk with one person only, as in a room"},
    {"me", CHAT_ME, WHOLE, "/me TEXT          say what you do: * ann waves"},
    {"reply", CHAT_REPLY, NAME_AND_TEXT, "/reply NICK TEXT  answer the last message of NICK, with its beginning"},
    {"edit", CHAT_EDIT, NOTHING, "/edit             type your last message anew; it is sent as a correction"},
    {"who", CHAT_WHO, NOTHING, "/who              the users in this room, and what they show"},
    {"whois", CHAT_WHOIS, NAME, "/whois NICK       where somebody is, and what they show"},
    {"names", CHAT_NAMES, NOTHING, "/names            the users in this room, the names alone"},
    {"nick", CHAT_NICK, NAME, "/nick NAME        take another name"},
    {"away", CHAT_AWAY, MAYBE_TEXT, "/away [TEXT]      show that you are away"},
    {"back", CHAT_BACK, NOTHING, "/back             show that you are back"},
    {"status", CHAT_STATUS, MAYBE_TEXT, "/status [TEXT]    show what you are doing; without TEXT nothing"},
    {"rooms", CHAT_ROOMS, MAYBE_NAME, "/rooms [PREFIX]   the rooms there are"},
    {"topic", CHAT_TOPIC, MAYBE_TEXT, "/topic [TEXT]     the room's topic, or a new one"},
    {"history", CHAT_HISTORY, MAYBE_NAME,
        "/history [N|WHEN] older messages: N of them, or since WHEN, such as 2h or 2026-11-20 (PageUp: 20)"},
    {"search", CHAT_SEARCH, TEXT, "/search TEXT      messages of this room that hold TEXT"},
    {"ignore", CHAT_IGNORE, MAYBE_NAME, "/ignore [NICK]    hide what NICK says; without NICK, who is hidden"},
    {"unignore", CHAT_UNIGNORE, NAME, "/unignore NICK    show it again"},
    {"clear", CHAT_CLEAR, NOTHING, "/clear            empty the screen (or Ctrl-L)"},
    {"reconnect", CHAT_RECONNECT, NOTHING, "/reconnect        connect again now, also while the next attempt waits"},
    {"set", CHAT_SET, MAYBE_BOTH, "/set [NAME VALUE] a setting; without NAME, all of them"},
    {"save", CHAT_SAVE, NOTHING, "/save             keep the settings, and who is ignored"},
    {"help", CHAT_HELP, MAYBE_NAME, "/help [COMMAND]   this list; //TEXT sends a line that begins with /"},
    {"quit", CHAT_QUIT, NOTHING, "/quit             leave (or Ctrl-D)"},
};
#define COMMANDS (sizeof s_commands / sizeof s_commands[0])

const char *chat_help(size_t index) {
    return index < COMMANDS ? s_commands[index].help : NULL;
}

/* By its name, or the beginning of one name alone. */
static const chat_command_t *s_find(zr_span_t name) {
    const chat_command_t *found = NULL;
    size_t count = 0;
    for (size_t i = 0; i < COMMANDS; i++) {
        if (zr_span_equal(name, zr_span(s_commands[i].name)))
            return &s_commands[i];
        if (name.len > 0 && zr_span_starts(zr_span(s_commands[i].name), name)) {
            found = &s_commands[i];
            count++;
        }
    }
    return count == 1 ? found : NULL;
}

const char *chat_help_for(zr_span_t name) {
    if (name.len > 0 && name.ptr[0] == '/')
        name = zr_span_of(name.ptr + 1, name.len - 1);
    const chat_command_t *command = s_find(name);
    return command ? command->help : NULL;
}

void chat_match_commands(zr_span_t prefix, zr_buffer_t *out) {
    for (size_t i = 0; i < COMMANDS; i++)
        if (zr_span_starts(zr_span(s_commands[i].name), prefix))
            zr_buffer_printf(out, "/%s%s\n", s_commands[i].name, s_commands[i].takes == NOTHING ? "" : " ");
}

/* --- The nearest --- */

enum { NEAR = 2, LONGEST = 16 }; /* letters that may be wrong, and letters of a name */

/* Letters to put in, take out, change or swap until `a` is `b` (Damerau and Levenshtein). */
static size_t s_distance(zr_span_t a, zr_span_t b) {
    size_t rows[3][LONGEST + 1];
    for (size_t k = 0; k <= b.len; k++)
        rows[0][k] = k;
    for (size_t i = 1; i <= a.len; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *two = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t k = 1; k <= b.len; k++) {
            size_t least = above[k - 1] + (a.ptr[i - 1] != b.ptr[k - 1]);
            least = above[k] + 1 < least ? above[k] + 1 : least;
            least = row[k - 1] + 1 < least ? row[k - 1] + 1 : least;
            if (i > 1 && k > 1 && a.ptr[i - 1] == b.ptr[k - 2] && a.ptr[i - 2] == b.ptr[k - 1] &&
                two[k - 2] + 1 < least)
                least = two[k - 2] + 1;
            row[k] = least;
        }
    }
    return rows[a.len % 3][b.len];
}

const char *chat_nearest(zr_span_t name) {
    const char *nearest = NULL;
    size_t least = NEAR + 1;
    if (name.len == 0 || name.len > LONGEST)
        return NULL;
    for (size_t i = 0; i < COMMANDS; i++) {
        zr_span_t other = zr_span(s_commands[i].name);
        size_t distance = s_distance(name, other);
        if (distance >= least || distance >= other.len || distance >= name.len)
            continue;
        least = distance;
        nearest = s_commands[i].name;
    }
    return nearest;
}

/* --- A line --- */

static chat_line_t s_bad(zr_span_t name, const char *text) {
    return (chat_line_t){.kind = CHAT_BAD, .name = name, .text = zr_span(text)};
}

static chat_line_t s_command(const chat_command_t *command, zr_span_t name, zr_span_t rest, zr_span_t line) {
    chat_line_t parsed = {.kind = command->kind};
    bool named = command->takes == NAME || command->takes == MAYBE_NAME || command->takes == NAME_AND_TEXT ||
                 command->takes == MAYBE_BOTH;
    if (named)
        parsed.name = zr_span_word(&rest);
    bool good = rest.len == 0;
    if (command->takes == NAME)
        good = good && parsed.name.len > 0;
    else if (command->takes == NAME_AND_TEXT || command->takes == TEXT || command->takes == WHOLE)
        good = rest.len > 0;
    else if (command->takes == MAYBE_BOTH)
        good = (parsed.name.len > 0) == (rest.len > 0);
    else if (command->takes == MAYBE_TEXT)
        good = true;
    if (!good)
        return s_bad(name, command->help);
    parsed.text = command->takes == WHOLE ? line : rest;
    return parsed;
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
    const chat_command_t *command = s_find(name);
    return command ? s_command(command, name, rest, line) : s_bad(name, "no such command; there is /help");
}
