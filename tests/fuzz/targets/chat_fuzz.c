/* A line typed into the chat. The lines of /help are the table that the parser is held against: which commands there
 * are, and which of ROOM, NICK, NAME, PREFIX, TEXT and so on each one takes. Written anew, a line means the same. */
#include "buffer.h"
#include "chat_parse.h"
#include "fuzz.h"

typedef struct {
    zr_span_t command;           /* "/msg" */
    bool needs, takes;           /* a name */
    bool needs_text, takes_text; /* behind it */
    bool both;                   /* or neither */
} help_t;

static bool s_is_text(zr_span_t word) {
    return zr_span_equal(word, zr_span("TEXT")) || zr_span_equal(word, zr_span("[TEXT]"));
}

/* "NICK", "[N|WHEN]", "VALUE]": words in capitals are part of the form; the explanation begins with other letters. */
static zr_span_t s_form_word(zr_span_t *form) {
    zr_span_t rest = *form, word = zr_span_word(&rest);
    for (size_t i = 0; i < word.len; i++)
        if (!((word.ptr[i] >= 'A' && word.ptr[i] <= 'Z') || memchr("[]|", word.ptr[i], 3)))
            return zr_span("");
    *form = rest;
    return word;
}

/* "/part [ROOM]     leave a room" */
static help_t s_read_help(zr_span_t form) {
    help_t help = {.command = zr_span_word(&form)};
    zr_span_t word = s_form_word(&form);
    if (word.len > 0 && !s_is_text(word)) {
        help.takes = true;
        help.both = word.ptr[0] == '[' && word.ptr[word.len - 1] != ']';
        help.needs = word.ptr[0] != '[';
        word = s_form_word(&form);
    }
    help.takes_text = word.len > 0;
    help.needs_text = help.takes_text && !help.both && word.ptr[0] != '[';
    fuzz_require(!help.takes_text || help.both || s_is_text(word));
    return help;
}

static zr_span_t s_table(void) {
    static zr_buffer_t table;
    if (table.len == 0)
        fuzz_require(chat_help(zr_span("all"), &table));
    return zr_span_of(table.data, table.len);
}

/* The line of the command of that name, or of the one command that begins so; NULL: none. */
static const char *s_find_help(zr_span_t command, help_t *help) {
    const char *found = NULL;
    size_t count = 0;
    for (zr_span_t table = s_table(); table.len > 0;) {
        zr_span_t line = zr_span_cut(&table, '\n');
        help_t each = s_read_help(line);
        bool same = zr_span_equal(each.command, command);
        if (!same && (command.len < 2 || !zr_span_starts(each.command, command)))
            continue;
        *help = each;
        found = line.ptr;
        count++;
        if (same)
            return found;
    }
    return count == 1 ? found : NULL;
}

static bool s_is_within(zr_span_t part, zr_span_t line) {
    return part.len == 0 || (part.ptr >= line.ptr && part.ptr + part.len <= line.ptr + line.len);
}

static bool s_has_blank(zr_span_t name) {
    for (size_t i = 0; i < name.len; i++)
        if (zr_is_blank(name.ptr[i]))
            return true;
    return false;
}

/* What the line must mean, by the help. */
static void s_check_command(zr_span_t line, const chat_line_t *parsed) {
    help_t help;
    zr_span_t rest = line, command = zr_span_word(&rest);
    const char *text = s_find_help(command, &help);
    if (!text) {
        fuzz_require(parsed->kind == CHAT_UNKNOWN && !s_find_help(parsed->name, &help));
        return;
    }
    zr_span_t name = help.takes ? zr_span_word(&rest) : zr_span("");
    bool good =
        (name.len > 0 || !help.needs) && (rest.len > 0 || !help.needs_text) && (rest.len == 0 || help.takes_text);
    if (help.both)
        good = (name.len > 0) == (rest.len > 0);
    fuzz_require(parsed->kind != CHAT_UNKNOWN && good == (parsed->kind != CHAT_MISUSED));
    if (!good) {
        fuzz_require(memcmp(parsed->text.ptr, text, parsed->text.len) == 0);
        return;
    }
    fuzz_require(zr_span_equal(parsed->name, name));
    fuzz_require(zr_span_equal(parsed->text, parsed->kind == CHAT_ME ? line : rest));
    fuzz_require(!s_has_blank(name) && s_is_within(name, line) && s_is_within(rest, line));
}

/* The same command with other blanks. */
static void s_check_anew(zr_span_t line, const chat_line_t *parsed) {
    zr_span_t rest = line, command = zr_span_word(&rest);
    zr_buffer_t out = {0};
    zr_buffer_append(&out, command.ptr, command.len);
    zr_buffer_append(&out, "\t ", 2);
    zr_buffer_append(&out, parsed->name.ptr, parsed->name.len);
    zr_buffer_append(&out, " \r", 2);
    zr_span_t text = parsed->kind == CHAT_ME ? rest : parsed->text;
    zr_buffer_append(&out, text.ptr, text.len);
    chat_line_t again = chat_parse(zr_span_of(out.data, out.len));
    fuzz_require(again.kind == parsed->kind && zr_span_equal(again.name, parsed->name));
    fuzz_require(parsed->kind == CHAT_ME || zr_span_equal(again.text, text));
    zr_buffer_finish(&out);
}

/* What the chat says for others can be said: the line for a text gives that text. */
static void s_check_text(zr_span_t text) {
    zr_buffer_t out = {0};
    if (text.len == 0)
        return;
    if (text.ptr[0] == '/')
        zr_buffer_u8(&out, '/');
    zr_buffer_append(&out, text.ptr, text.len);
    chat_line_t parsed = chat_parse(zr_span_of(out.data, out.len));
    fuzz_require(parsed.kind == CHAT_TEXT && zr_span_equal(parsed.text, text) && parsed.name.len == 0);
    zr_buffer_finish(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    zr_span_t line = zr_span_of(data, size);
    chat_line_t parsed = chat_parse(line);
    fuzz_require((parsed.kind == CHAT_NOTHING) == (size == 0));
    fuzz_require((parsed.kind == CHAT_TEXT) == (size > 0 && (data[0] != '/' || (size > 1 && data[1] == '/'))));
    if (size > 0 && parsed.kind != CHAT_TEXT)
        s_check_command(line, &parsed);
    if (size > 0 && parsed.kind != CHAT_TEXT && parsed.kind != CHAT_UNKNOWN && parsed.kind != CHAT_MISUSED)
        s_check_anew(line, &parsed);
    s_check_text(line);
    return 0;
}
