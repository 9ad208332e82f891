/* How the chat's lines look. Pure but for the time zone. Peers' text is escaped here. */
#ifndef CHAT_TEXT_H
#define CHAT_TEXT_H

#include "buffer.h"
#include "zrelay.h"

typedef struct {
    bool colour;
    bool rooms; /* lines name their room: there are several */
} chat_style_t;

/* "12:34 ann: text", "12:34 [room] ann: text" */
void chat_text_entry(zr_buffer_t *out, chat_style_t style, const zrelay_event_t *event);

/* "12:34 *ann* text", and what one tells others oneself: "12:34 -> ann: text" */
void chat_text_direct(zr_buffer_t *out, chat_style_t style, const zrelay_event_t *event);
void chat_text_told(zr_buffer_t *out, chat_style_t style, zr_span_t nick, zr_span_t text, uint64_t time);

/* "* text", escaped. */
void chat_text_notice(zr_buffer_t *out, chat_style_t style, zr_span_t text);

/* The notice for a coming or going; false when there is none to give (counts only). */
bool chat_text_presence(zr_buffer_t *out, chat_style_t style, const zrelay_event_t *event);

/* Columns that UTF-8 `text` takes on a terminal. */
size_t chat_text_width(zr_span_t text);

#endif
