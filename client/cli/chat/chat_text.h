/* How the chat's lines look. Pure but for the time zone. Peers' text is escaped here. */
#ifndef CHAT_TEXT_H
#define CHAT_TEXT_H

#include "buffer.h"
#include "zrelay.h"

typedef struct {
    bool colour;
    bool rooms; /* lines name their room: there are several */
    bool lines; /* a message may take several lines */
    bool date;  /* times have their date before them */
} chat_style_t;

/* "12:34 ann: text", "12:34 [room] ann: text" */
void chat_text_entry(zr_buffer_t *out, chat_style_t style, const zrelay_event_t *event);

/* "12:34 *ann* text", and what one tells others oneself: "12:34 -> ann: text" */
void chat_text_direct(zr_buffer_t *out, chat_style_t style, const zrelay_event_t *event);
void chat_text_told(zr_buffer_t *out, chat_style_t style, zr_span_t nick, zr_span_t text, uint64_t time);

/* "* text", escaped. */
void chat_text_notice(zr_buffer_t *out, chat_style_t style, zr_span_t text);

/* The notice for a coming or going; false when there is no notice (counts only). */
bool chat_text_presence(zr_buffer_t *out, chat_style_t style, const zrelay_event_t *event);

/* Equal for times of one day here. */
int64_t chat_text_day(uint64_t micros);

/* "* Friday, 2026-11-27" */
void chat_text_date(zr_buffer_t *out, chat_style_t style, uint64_t micros);

#endif
