#include "chat_text.h"

#include <time.h>

#include "format.h"
#include "names.h"

static void s_time(zr_buffer_t *out, chat_style_t style, uint64_t micros) {
    time_t seconds = (time_t)(micros / 1000000);
    struct tm local;
    char text[40];
    const char *format = style.date ? "%Y-%m-%d %H:%M " : "%H:%M ";
    if (localtime_r(&seconds, &local) && strftime(text, sizeof text, format, &local) > 0)
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
        chat_text_notice(out, style, zr_span(text));
}

/* A peer's text. At a terminal it keeps its lines and tabs. */
static void s_body(zr_buffer_t *out, chat_style_t style, zr_span_t text) {
    if (!style.lines) {
        zr_escape(out, text);
        return;
    }
    for (bool first = true; first || text.len > 0; first = false) {
        zr_span_t line = zr_span_cut(&text, '\n');
        if (!first)
            zr_buffer_append(out, "\n    ", 5); /* so that it cannot pass for another message */
        for (bool begun = false; !begun || line.len > 0; begun = true) {
            size_t before = line.len;
            zr_span_t part = zr_span_cut(&line, '\t');
            zr_escape(out, part);
            if (before > part.len)
                zr_buffer_u8(out, '\t');
        }
    }
}

/* Each nick keeps its colour, in every run. */
static void s_nick(zr_buffer_t *out, chat_style_t style, const char *nick) {
    uint32_t hash = 2166136261u;
    for (const char *at = nick; *at; at++)
        hash = (hash ^ (uint8_t)*at) * 16777619u;
    if (style.colour)
        zr_buffer_printf(out, "\033[3%um", 1 + hash % 6);
    zr_escape(out, zr_span(nick));
    if (style.colour)
        zr_buffer_printf(out, "\033[0m");
}

void chat_text_entry(zr_buffer_t *out, chat_style_t style, const zrelay_event_t *event) {
    s_time(out, style, event->time);
    if (style.rooms) {
        zr_buffer_u8(out, '[');
        zr_escape(out, zr_span(event->room));
        zr_buffer_append(out, "] ", 2);
    }
    s_nick(out, style, event->sender ? event->sender : "?");
    if (event->key) {
        zr_buffer_printf(out, event->deleted ? " deleted " : " set ");
        zr_escape(out, zr_span(event->key));
    }
    if (!event->deleted) {
        zr_buffer_append(out, ": ", 2);
        s_body(out, style, zr_span_of(event->body, event->body_len));
    }
    zr_buffer_u8(out, '\n');
}

void chat_text_direct(zr_buffer_t *out, chat_style_t style, const zrelay_event_t *event) {
    s_time(out, style, event->time);
    zr_buffer_u8(out, '*');
    s_nick(out, style, event->name ? event->name : "?");
    zr_buffer_append(out, "* ", 2);
    s_body(out, style, zr_span_of(event->body, event->body_len));
    zr_buffer_u8(out, '\n');
}

void chat_text_told(zr_buffer_t *out, chat_style_t style, zr_span_t nick, zr_span_t text, uint64_t time) {
    s_time(out, style, time);
    zr_buffer_printf(out, "-> ");
    zr_buffer_t name = {0};
    zr_buffer_append(&name, nick.ptr, nick.len);
    zr_buffer_u8(&name, '\0');
    s_nick(out, style, (const char *)name.data);
    zr_buffer_finish(&name);
    zr_buffer_append(out, ": ", 2);
    s_body(out, style, text);
    zr_buffer_u8(out, '\n');
}

void chat_text_notice(zr_buffer_t *out, chat_style_t style, zr_span_t text) {
    if (style.colour)
        zr_buffer_printf(out, "\033[2m");
    zr_buffer_append(out, "* ", 2);
    zr_escape(out, text);
    if (style.colour)
        zr_buffer_printf(out, "\033[0m");
    zr_buffer_u8(out, '\n');
}

bool chat_text_presence(zr_buffer_t *out, chat_style_t style, const zrelay_event_t *event) {
    if (!event->name || (event->sender && event->joined)) /* a rename: the one that left has told it */
        return false;
    zr_buffer_t text = {0};
    if (event->sender) {
        zr_buffer_printf(&text, "%s is now %s", event->name, event->sender);
        if (style.rooms)
            zr_buffer_printf(&text, " in %s", event->room);
    } else {
        zr_buffer_printf(&text, "%s %s %s", event->name, event->joined ? "joined" : "left", event->room);
        if (event->text && *event->text && strcmp(event->text, "leave") != 0)
            zr_buffer_printf(&text, " (%s)", event->text);
    }
    chat_text_notice(out, style, zr_span_of(text.data, text.len));
    zr_buffer_finish(&text);
    return true;
}
