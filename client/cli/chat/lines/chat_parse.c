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

typedef enum { ROOMS, MESSAGES, PEOPLE, YOU, CHAT, GROUPS } chat_group_t;

static const char *const s_groups[GROUPS] = {
    [ROOMS] = "rooms", [MESSAGES] = "messages", [PEOPLE] = "people", [YOU] = "yourself", [CHAT] = "the chat"};

typedef struct {
    const char *name;
    chat_kind_t kind;
    chat_takes_t takes;
    chat_group_t group;
    const char *usage, *help;
} chat_command_t;

static const chat_command_t s_commands[] = {
    {"join", CHAT_JOIN, NAME, ROOMS, "/join ROOM", "enter a room, or switch to it"},
    {"part", CHAT_PART, MAYBE_NAME, ROOMS, "/part [ROOM]", "leave a room"},
    {"close", CHAT_PART, MAYBE_NAME, ROOMS, "/close [ROOM]", "the same; of a /query too"},
    {"rooms", CHAT_ROOMS, MAYBE_NAME, ROOMS, "/rooms [PREFIX]", "the rooms there are"},
    {"topic", CHAT_TOPIC, MAYBE_TEXT, ROOMS, "/topic [TEXT]", "the room's topic, or a new one"},
    {"msg", CHAT_MSG, NAME_AND_TEXT, MESSAGES, "/msg NICK TEXT", "tell one person only"},
    {"query", CHAT_QUERY, NAME, MESSAGES, "/query NICK", "talk with one person only, as in a room"},
    {"me", CHAT_ME, WHOLE, MESSAGES, "/me TEXT", "say what you do: * ann waves"},
    {"reply", CHAT_REPLY, NAME_AND_TEXT, MESSAGES, "/reply NICK TEXT",
        "answer the last message of NICK, with its beginning"},
    {"edit", CHAT_EDIT, NOTHING, MESSAGES, "/edit", "type your last message anew; it is sent as a correction"},
    {"history", CHAT_HISTORY, MAYBE_NAME, MESSAGES, "/history [N|WHEN]",
        "older messages: N of them, or since WHEN, such as 2h or 2026-11-20"},
    {"search", CHAT_SEARCH, TEXT, MESSAGES, "/search TEXT", "messages of this room that hold TEXT"},
    {"who", CHAT_WHO, NOTHING, PEOPLE, "/who", "the users in this room, and what they show"},
    {"whois", CHAT_WHOIS, NAME, PEOPLE, "/whois NICK", "where somebody is, and what they show"},
    {"names", CHAT_NAMES, NOTHING, PEOPLE, "/names", "the users in this room, the names alone"},
    {"ignore", CHAT_IGNORE, MAYBE_NAME, PEOPLE, "/ignore [NICK]",
        "hide messages of NICK; without NICK, list the ignored nicks"},
    {"unignore", CHAT_UNIGNORE, NAME, PEOPLE, "/unignore NICK", "show messages of NICK again"},
    {"nick", CHAT_NICK, NAME, YOU, "/nick NAME", "take another name"},
    {"away", CHAT_AWAY, MAYBE_TEXT, YOU, "/away [TEXT]", "show that you are away"},
    {"back", CHAT_BACK, NOTHING, YOU, "/back", "show that you are back"},
    {"status", CHAT_STATUS, MAYBE_TEXT, YOU, "/status [TEXT]", "show what you are doing; without TEXT nothing"},
    {"clear", CHAT_CLEAR, NOTHING, CHAT, "/clear", "empty the screen"},
    {"reconnect", CHAT_RECONNECT, NOTHING, CHAT, "/reconnect", "connect again now, also while the next attempt waits"},
    {"set", CHAT_SET, MAYBE_BOTH, CHAT, "/set [NAME VALUE]", "a setting; without NAME, all of them"},
    {"save", CHAT_SAVE, NOTHING, CHAT, "/save", "keep the settings and the ignored nicks"},
    {"help", CHAT_HELP, MAYBE_NAME, CHAT, "/help [COMMAND]", "what a command does; all: each of them; keys: the keys"},
    {"quit", CHAT_QUIT, NOTHING, CHAT, "/quit", "leave"},
};
#define COMMANDS (sizeof s_commands / sizeof s_commands[0])

static const char s_keys[] = "Alt-n, Alt-p     the next room, and the one before\n"
                             "Alt-a            the next room where something is new for you\n"
                             "Tab, Shift-Tab   complete a command, a nick, a room, a setting\n"
                             "PageUp           older messages\n"
                             "Up, Down         earlier lines; Ctrl-R searches them\n"
                             "Alt-Enter        another line of the message\n"
                             "Ctrl-W, -U, -K   cut a word, to the beginning, to the end; Ctrl-Y puts it back\n"
                             "Ctrl-_           undo\n"
                             "Ctrl-L           empty the screen\n"
                             "Ctrl-C           empty the line; leave when it is empty, as Ctrl-D does\n";

static void s_describe(const chat_command_t *command, zr_buffer_t *out) {
    zr_buffer_printf(out, "%-17s %s\n", command->usage, command->help);
}

static void s_overview(zr_buffer_t *out) {
    for (chat_group_t group = 0; group < GROUPS; group++) {
        zr_buffer_printf(out, "%s:", s_groups[group]);
        for (size_t i = 0; i < COMMANDS; i++)
            if (s_commands[i].group == group)
                zr_buffer_printf(out, " /%s", s_commands[i].name);
        zr_buffer_u8(out, '\n');
    }
    zr_buffer_printf(out, "/help COMMAND tells more, /help all tells all of them, /help keys tells the keys\n"
                          "//TEXT sends a line that begins with /\n");
}

/* By its name, or the beginning of one name alone. `*count`: how many names begin so. */
static const chat_command_t *s_find(zr_span_t name, size_t *count) {
    const chat_command_t *found = NULL;
    *count = 0;
    for (size_t i = 0; i < COMMANDS; i++) {
        if (zr_span_equal(name, zr_span(s_commands[i].name)))
            return &s_commands[i];
        if (name.len > 0 && zr_span_starts(zr_span(s_commands[i].name), name)) {
            found = &s_commands[i];
            ++*count;
        }
    }
    return *count == 1 ? found : NULL;
}

bool chat_help(zr_span_t name, zr_buffer_t *out) {
    if (name.len > 0 && name.ptr[0] == '/')
        name = zr_span_of(name.ptr + 1, name.len - 1);
    size_t count;
    const chat_command_t *command = s_find(name, &count);
    bool all = zr_span_equal(name, zr_span("all")), keys = zr_span_equal(name, zr_span("keys"));
    if (name.len == 0)
        s_overview(out);
    else if (keys)
        zr_buffer_append(out, s_keys, strlen(s_keys));
    else if (command)
        s_describe(command, out);
    for (size_t i = 0; all && i < COMMANDS; i++)
        s_describe(&s_commands[i], out);
    return name.len == 0 || keys || command || all;
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

static const char *s_nearest(zr_span_t name) {
    const char *nearest = NULL;
    size_t least = NEAR + 1;
    for (size_t i = 0; name.len <= LONGEST && i < COMMANDS; i++) {
        zr_span_t other = zr_span(s_commands[i].name);
        size_t distance = s_distance(name, other);
        if (distance >= least || distance >= other.len || distance >= name.len)
            continue;
        least = distance;
        nearest = s_commands[i].name;
    }
    return nearest;
}

void chat_suggest(zr_span_t name, zr_buffer_t *out) {
    size_t count;
    s_find(name, &count);
    const char *nearest = count == 0 ? s_nearest(name) : NULL;
    if (nearest)
        zr_buffer_printf(out, "/%s", nearest);
    for (size_t i = 0, told = 0; count > 0 && i < COMMANDS; i++)
        if (zr_span_starts(zr_span(s_commands[i].name), name))
            zr_buffer_printf(out, "%s/%s", told++ ? ", " : "", s_commands[i].name);
}

/* --- A line --- */

static chat_line_t s_misused(const chat_command_t *command) {
    return (chat_line_t){.kind = CHAT_MISUSED, .text = zr_span(command->usage)};
}

static chat_line_t s_command(const chat_command_t *command, zr_span_t rest, zr_span_t line) {
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
        return s_misused(command);
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
    size_t count;
    const chat_command_t *command = s_find(name, &count);
    return command ? s_command(command, rest, line) : (chat_line_t){.kind = CHAT_UNKNOWN, .name = name};
}
