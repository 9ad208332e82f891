#include "chat_text.h"

#include <time.h>

#include "cells.h"
#include "format.h"
#include "names.h"
#include "unicode.h"
#include "wrap.h"

#define ACTION "/me "

static void s_time(zr_buffer_t *out, chat_style_t style, uint64_t micros) {
    time_t seconds = (time_t)(micros / 1000000);
    struct tm local;
    char text[40];
    const char *format = style.seconds ? "%H:%M:%S " : "%H:%M ";
    if (!localtime_r(&seconds, &local))
        return;
    if (style.date && strftime(text, sizeof text, "%Y-%m-%d ", &local) > 0)
        zr_buffer_printf(out, "%s", text);
    if (strftime(text, sizeof text, format, &local) > 0)
        zr_buffer_printf(out, "%s", text);
}

int64_t chat_text_day(uint64_t micros) {
    time_t seconds = (time_t)(micros / 1000000);
    struct tm local;
    return localtime_r(&seconds, &local) ? (int64_t)local.tm_year * 1000 + local.tm_yday : 0;
}

void chat_text_date(zr_buffer_t *out, chat_style_t style, uint64_t micros) {
    time_t seconds = (time_t)(micros / 1000000);
    struct tm local;
    char text[80];
    if (localtime_r(&seconds, &local) && strftime(text, sizeof text, "%A, %Y-%m-%d", &local) > 0)
        chat_text_rule(out, style, text);
}

/* Columns of what stands in `out` from `from` on, without colours. */
static size_t s_columns(const zr_buffer_t *out, size_t from) {
    zr_span_t text = zr_span_of(out->data + from, out->len - from);
    size_t columns = 0;
    while (text.len > 0) {
        columns += cells_width(zr_span_cut(&text, '\033'));
        zr_span_cut(&text, 'm');
    }
    return columns;
}

/* Text in which newlines and tabs stay, and all else that a terminal would obey is escaped. */
static void s_escape(zr_buffer_t *out, zr_span_t text) {
    while (text.len > 0) {
        size_t len = 0;
        while (len < text.len && text.ptr[len] != '\n' && text.ptr[len] != '\t')
            len++;
        zr_escape(out, zr_span_of(text.ptr, len));
        if (len < text.len)
            zr_buffer_u8(out, (uint8_t)text.ptr[len++]);
        text = zr_span_of(text.ptr + len, text.len - len);
    }
}

/* A peer's text, behind what stands in `out` from `from` on. At a terminal it keeps its lines and tabs, and the lines are
 * indented, so that none of them can pass for another message. */
static void s_body(zr_buffer_t *out, chat_style_t style, size_t from, zr_span_t text) {
    if (!style.columns) {
        zr_escape(out, text);
        return;
    }
    if (text.len > 0 && text.ptr[text.len - 1] == '\n')
        text.len--;
    size_t column = s_columns(out, from), most = style.columns / 3;
    wrap_t wrap = {.columns = style.columns, .indent = column < most ? column : most, .column = column};
    wrap.indent += wrap.indent == 0;
    zr_buffer_t safe = {0};
    s_escape(&safe, text);
    wrap_text(&wrap, out, zr_span_of(safe.data, safe.len));
    zr_buffer_finish(&safe);
}

/* Hues around OKLCH, all of one lightness: their contrast (WCAG 2) is above 4.5 on black and on white. */
static const uint32_t s_even[] = {0xe40479, 0xe7055a, 0xea0434, 0xde3302, 0xc55205, 0xb55e01, 0xa76706, 0x9c6d00,
    0x907205, 0x847605, 0x767b00, 0x637f04, 0x448502, 0x06882d, 0x068753, 0x028666, 0x008574, 0x068380, 0x01828a,
    0x088195, 0x077fa1, 0x037db1, 0x0579c7, 0x026ff5, 0x4a65fe, 0x6c5bfe, 0x894eff, 0xa042f4, 0xb437e2, 0xc52acc,
    0xd31bb3, 0xdf0197};

int chat_text_colours(const char *no_color, const char *term, const char *colorterm) {
    if (no_color && *no_color)
        return 0;
    if (colorterm && (strcmp(colorterm, "truecolor") == 0 || strcmp(colorterm, "24bit") == 0))
        return CHAT_TRUE_COLOURS;
    return (term && strstr(term, "256")) || (colorterm && *colorterm) ? 256 : 8;
}

/* Each nick keeps its colour, in every run. Those of 256 can be read on black and on white. */
static void s_nick(zr_buffer_t *out, chat_style_t style, const char *nick, bool mentions) {
    static const uint8_t many[] = {25, 28, 31, 62, 64, 65, 67, 94, 96, 97, 101, 124, 125, 127, 130, 131, 133, 136, 160,
        161, 163, 166, 168, 170, 202, 204, 33, 35, 37, 69, 71, 99};
    uint32_t hash = 2166136261u;
    for (const char *at = nick; *at; at++)
        hash = (hash ^ (uint8_t)*at) * 16777619u;
    if (style.colours && mentions)
        zr_buffer_printf(out, "\033[7m");
    uint32_t even = s_even[hash % (sizeof s_even / sizeof *s_even)];
    if (style.colours == CHAT_TRUE_COLOURS)
        zr_buffer_printf(out, "\033[38;2;%u;%u;%um", even >> 16, even >> 8 & 255, even & 255);
    else if (style.colours == 256)
        zr_buffer_printf(out, "\033[38;5;%um", many[hash % sizeof many]);
    else if (style.colours)
        zr_buffer_printf(out, "\033[3%um", 1 + hash % 6);
    zr_escape(out, zr_span(nick));
    if (style.colours)
        zr_buffer_printf(out, "\033[0m");
}

static void s_keyed(zr_buffer_t *out, const zrelay_event_t *event) {
    zr_buffer_printf(out, event->deleted ? " deleted " : " set ");
    zr_escape(out, zr_span(event->key));
}

void chat_text_entry(zr_buffer_t *out, chat_style_t style, const zrelay_event_t *event, bool mentions) {
    zr_span_t body = zr_span_of(event->body, event->body_len);
    bool action = style.columns && !event->key && zr_span_starts(body, zr_span(ACTION));
    size_t from = out->len;
    s_time(out, style, event->time);
    if (style.rooms) {
        zr_buffer_u8(out, '[');
        zr_escape(out, zr_span(event->room));
        zr_buffer_append(out, "] ", 2);
    }
    if (action)
        zr_buffer_append(out, "* ", 2);
    s_nick(out, style, event->sender ? event->sender : "?", mentions);
    if (event->key)
        s_keyed(out, event);
    if (action)
        body = zr_span_of(body.ptr + strlen(ACTION), body.len - strlen(ACTION));
    if (!event->deleted) {
        zr_buffer_printf(out, action ? " " : ": ");
        s_body(out, style, from, body);
    }
    zr_buffer_u8(out, '\n');
}

void chat_text_direct(zr_buffer_t *out, chat_style_t style, const zrelay_event_t *event) {
    size_t from = out->len;
    s_time(out, style, event->time);
    zr_buffer_u8(out, '*');
    s_nick(out, style, event->name ? event->name : "?", false);
    zr_buffer_append(out, "* ", 2);
    s_body(out, style, from, zr_span_of(event->body, event->body_len));
    zr_buffer_u8(out, '\n');
}

void chat_text_told(zr_buffer_t *out, chat_style_t style, zr_span_t nick, zr_span_t text, uint64_t time) {
    size_t from = out->len;
    s_time(out, style, time);
    zr_buffer_printf(out, "-> ");
    zr_buffer_t name = {0};
    zr_buffer_append(&name, nick.ptr, nick.len);
    zr_buffer_u8(&name, '\0');
    s_nick(out, style, (const char *)name.data, false);
    zr_buffer_finish(&name);
    zr_buffer_append(out, ": ", 2);
    s_body(out, style, from, text);
    zr_buffer_u8(out, '\n');
}

static void s_dim(zr_buffer_t *out, chat_style_t style, const char *before, zr_span_t text, const char *behind) {
    size_t from = out->len;
    if (style.colours)
        zr_buffer_printf(out, "\033[2m");
    zr_buffer_printf(out, "%s", before);
    zr_buffer_t safe = {0};
    zr_escape(&safe, text);
    wrap_t wrap = {.columns = style.columns, .indent = 2, .column = s_columns(out, from)};
    wrap_text(&wrap, out, zr_span_of(safe.data, safe.len));
    zr_buffer_finish(&safe);
    zr_buffer_printf(out, "%s", behind);
    if (style.colours)
        zr_buffer_printf(out, "\033[0m");
    zr_buffer_u8(out, '\n');
}

void chat_text_notice(zr_buffer_t *out, chat_style_t style, zr_span_t text) {
    s_dim(out, style, "* ", text, "");
}

void chat_text_rule(zr_buffer_t *out, chat_style_t style, const char *text) {
    s_dim(out, style, "-- ", zr_span(text), " --");
}

/* --- Mentions --- */

static bool s_is_letter(char c) {
    return (c & 0x80) || (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' || c == '-';
}

static bool s_has_word(zr_span_t text, zr_span_t word) {
    const char *end = text.ptr + text.len;
    for (const char *at = text.ptr; word.len > 0 && at < end; at++) {
        at = memmem(at, (size_t)(end - at), word.ptr, word.len);
        if (!at)
            return false;
        bool begins = at == text.ptr || !s_is_letter(at[-1]);
        bool ends = at + word.len == end || !s_is_letter(at[word.len]);
        if (begins && ends)
            return true;
    }
    return false;
}

bool chat_text_mentions(zr_span_t text, const char *nick) {
    if (!nick || text.len == 0 || !zr_utf8_valid(text))
        return false;
    zr_buffer_t where = {0}, word = {0};
    zr_fold(&where, text);
    zr_fold(&word, zr_span(nick));
    bool found = s_has_word(zr_span_of(where.data, where.len), zr_span_of(word.data, word.len));
    zr_buffer_finish(&where);
    zr_buffer_finish(&word);
    return found;
}
