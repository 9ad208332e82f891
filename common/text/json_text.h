/* Writes JSON without building it first: for entries, of which there are many. */
#ifndef JSON_TEXT_H
#define JSON_TEXT_H

#include "buffer.h"

void json_text_put(zr_buffer_t *out, const char *text); /* as it is */
void json_text_number(zr_buffer_t *out, uint64_t number);

/* A JSON string; `text` is UTF-8. */
void json_text_string(zr_buffer_t *out, zr_span_t text);

/* The same of a name that the broker tells: one that is not UTF-8 becomes empty. */
void json_text_name(zr_buffer_t *out, zr_span_t text);

/* Bytes in base64 (RFC 4648, section 4), without quotes. */
void json_text_base64(zr_buffer_t *out, zr_span_t bytes);

#endif
