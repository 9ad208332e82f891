/* How the chat's lines look. Pure but for the time zone. Peers' text is escaped here. */
#ifndef CHAT_TEXT_H
#define CHAT_TEXT_H

#include "buffer.h"
#include "zrelay.h"

enum { CHAT_TRUE_COLOURS = 1 << 24 };

typedef struct {
    int colours;    /* 0, 8, 256 or CHAT_TRUE_COLOURS */
    size_t columns; /* of the terminal, where lines are wrapped; 0: a filter, whose messages take one line each */
    bool rooms;     /* lines name their room: there are several */
    bool date;      /* times have their date before them, */
    bool seconds;   /* and seconds behind */
} chat_style_t;

/* How many colours a terminal shows, by the environment's NO_COLOR, TERM and COLORTERM; each may be NULL. */
int chat_text_colours(const char *no_color, const char *term, const char *colorterm);

/* "12:34 ann: text", "12:34 [room] ann: text"; at a terminal "/me waves" is "12:34 * ann waves". `mentions`: the text
 * names the reader. */
void chat_text_entry(zr_buffer_t *out, chat_style_t style, const zrelay_event_t *event, bool mentions);

/* "12:34 *ann* text", and what one tells others oneself: "12:34 -> ann: text" */
void chat_text_direct(zr_buffer_t *out, chat_style_t style, const zrelay_event_t *event);
void chat_text_told(zr_buffer_t *out, chat_style_t style, zr_span_t nick, zr_span_t text, uint64_t time);

/* "* text", escaped. */
void chat_text_notice(zr_buffer_t *out, chat_style_t style, zr_span_t text);

/* "-- text --", escaped: a line between parts of the talk. */
void chat_text_rule(zr_buffer_t *out, chat_style_t style, const char *text);

/* Equal for times of one day here. */
int64_t chat_text_day(uint64_t micros);

/* "-- Friday, 2026-11-27 --" */
void chat_text_date(zr_buffer_t *out, chat_style_t style, uint64_t micros);

/* Does `text` have `nick` as a word of its own, in whatever case? */
bool chat_text_mentions(zr_span_t text, const char *nick);

#endif
