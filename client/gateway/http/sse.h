/* Events of text/event-stream (server-sent events), as the HTML standard has them. Pure: entries in, bytes out. */
#ifndef SSE_H
#define SSE_H

#include "http_route.h"
#include "wire.h"

#define SSE_TYPE "text/event-stream"

/* Appends the event of an entry, with the id EPOCH:SEQ. HTTP_FORMAT_BODY: the data is the body. Lines cannot carry a
 * body that is not UTF-8, or has a carriage return or a NUL: it comes as event `base64`. A deletion comes as event
 * `deleted`, with the key as data. Every other format: the data is the JSON object that `zrelay --json` writes. */
void sse_entry(zr_buffer_t *out, zr_span_t room, uint64_t epoch, const zr_entry_t *entry, http_format_t format);

/* Appends an event that is no entry: `name`, and `json`, one line. Takes the id with it unless `epoch` is 0. */
void sse_event(zr_buffer_t *out, const char *name, uint64_t epoch, uint64_t seq, const char *json);

/* Appends a comment, which clients skip: proxies see that the stream lives. */
void sse_comment(zr_buffer_t *out, const char *text);

/* Appends an entry as the JSON line that `zrelay --json` writes, with its newline. */
void sse_json_line(zr_buffer_t *out, zr_span_t room, const zr_entry_t *entry);

#endif
