/* See irc_message.h. */
#include "irc_message.h"

#include "names.h"

enum { DIGITS_MAX = 10 };

/* --- Reading --- */

static void s_skip_spaces(zr_span_t *text) {
    while (text->len > 0 && text->ptr[0] == ' ')
        *text = zr_span_of(text->ptr + 1, text->len - 1);
}

static void s_skip(zr_span_t *text, size_t count) {
    *text = zr_span_of(text->ptr + count, text->len - count);
}

static bool s_is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool s_command_valid(zr_span_t command) {
    for (size_t i = 0; i < command.len; i++)
        if (!s_is_letter(command.ptr[i]) && !(command.ptr[i] >= '0' && command.ptr[i] <= '9'))
            return false;
    return command.len > 0;
}

static void s_read_params(irc_message_t *message, zr_span_t rest) {
    for (s_skip_spaces(&rest); rest.len > 0 && message->count < IRC_PARAMS; s_skip_spaces(&rest)) {
        bool last = rest.ptr[0] == ':' || message->count + 1 == IRC_PARAMS;
        if (rest.ptr[0] == ':')
            s_skip(&rest, 1);
        message->params[message->count++] = last ? rest : zr_span_cut(&rest, ' ');
        if (last)
            return;
    }
}

irc_message_state_t irc_message_parse(irc_message_t *message, zr_span_t line) {
    zr_span_t rest = line;
    *message = (irc_message_t){.tags = zr_span("")};
    if (rest.len > 0 && rest.ptr[0] == '@') {
        s_skip(&rest, 1);
        message->tags = zr_span_cut(&rest, ' ');
        if (message->tags.len + 2 > IRC_TAGS_CLIENT)
            return IRC_MESSAGE_TOO_LONG;
    }
    if (rest.len + 2 > IRC_LINE)
        return IRC_MESSAGE_TOO_LONG;
    s_skip_spaces(&rest);
    if (rest.len > 0 && rest.ptr[0] == ':') {
        s_skip(&rest, 1);
        message->source = zr_span_cut(&rest, ' ');
        s_skip_spaces(&rest);
    }
    if (rest.len == 0)
        return message->tags.len || message->source.len ? IRC_MESSAGE_BAD : IRC_MESSAGE_EMPTY;
    message->command = zr_span_cut(&rest, ' ');
    if (!s_command_valid(message->command))
        return IRC_MESSAGE_BAD;
    if (!zr_utf8_valid(line) || memchr(line.ptr, '\0', line.len))
        return IRC_MESSAGE_NOT_UTF8;
    s_read_params(message, rest);
    return IRC_MESSAGE_OK;
}

/* --- Tags --- */

static char s_unescaped(char c) {
    return c == ':' ? ';' : c == 's' ? ' ' : c == 'r' ? '\r' : c == 'n' ? '\n' : c;
}

/* A backslash at the end is dropped (message-tags, "Escaping values"). */
static void s_unescape(zr_buffer_t *out, zr_span_t value) {
    for (size_t i = 0; i < value.len; i++)
        if (value.ptr[i] != '\\')
            zr_buffer_u8(out, (uint8_t)value.ptr[i]);
        else if (++i < value.len)
            zr_buffer_u8(out, (uint8_t)s_unescaped(value.ptr[i]));
}

bool irc_message_tag(const irc_message_t *message, const char *name, zr_buffer_t *value) {
    zr_span_t rest = message->tags;
    bool found = false;
    while (rest.len > 0) {
        zr_span_t item = zr_span_cut(&rest, ';');
        zr_span_t key = zr_span_cut(&item, '=');
        if (!zr_span_equal(key, zr_span(name)))
            continue;
        found = true;
        if (value) {
            zr_buffer_clear(value);
            s_unescape(value, item);
        }
    }
    return found;
}

void irc_message_tags(const irc_message_t *message, irc_tag_fn *each, void *ctx) {
    zr_span_t rest = message->tags;
    while (rest.len > 0) {
        zr_span_t item = zr_span_cut(&rest, ';');
        each(ctx, zr_span_cut(&item, '='));
    }
}

void irc_put_escaped(zr_buffer_t *out, zr_span_t value) {
    static const char plain[] = "; \\\r\n", escaped[] = ":s\\rn";
    for (size_t i = 0; i < value.len; i++) {
        const char *at = value.ptr[i] ? strchr(plain, value.ptr[i]) : NULL;
        if (at)
            zr_buffer_u8(out, '\\');
        if (value.ptr[i])
            zr_buffer_u8(out, (uint8_t)(at ? escaped[at - plain] : value.ptr[i]));
    }
}

bool irc_number(zr_span_t text, uint64_t *out) {
    *out = 0;
    for (size_t i = 0; i < text.len && i < DIGITS_MAX; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        *out = 10 * *out + (uint64_t)(text.ptr[i] - '0');
    }
    return text.len > 0 && text.len <= DIGITS_MAX;
}

/* --- Writing --- */

static char s_lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
}

bool irc_same(zr_span_t a, zr_span_t b) {
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (s_lower(a.ptr[i]) != s_lower(b.ptr[i]))
            return false;
    return true;
}

bool irc_is_middle(zr_span_t text) {
    if (text.len == 0 || text.ptr[0] == ':')
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] == ' ' || text.ptr[i] == '\r' || text.ptr[i] == '\n' || text.ptr[i] == '\0')
            return false;
    return true;
}

void irc_put_middle(zr_buffer_t *out, zr_span_t text) {
    zr_buffer_u8(out, ' ');
    if (irc_is_middle(text))
        zr_buffer_append(out, text.ptr, text.len);
    else
        zr_buffer_u8(out, '*');
}

void irc_put_trailing(zr_buffer_t *out, zr_span_t text) {
    zr_buffer_append(out, " :", 2);
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        zr_buffer_u8(out, c == '\r' || c == '\n' || c == '\0' ? ' ' : (uint8_t)c);
    }
}
