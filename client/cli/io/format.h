/* How entries, notes and progress look in text and in JSON. Pure: events in, bytes out. */
#ifndef FORMAT_H
#define FORMAT_H

#include "buffer.h"
#include "zrelay.h"

typedef enum {
    FORMAT_RAW,    /* the body as it is */
    FORMAT_SAFE,   /* the body escaped, for a terminal */
    FORMAT_PREFIX, /* the same with "ROOM: " before it */
    FORMAT_JSON,
} format_t;

/* Appends a ZRELAY_ENTRY in that format, with its newline. A deleted key has no body, so only JSON shows it: in other
 * formats nothing is appended and the result is false. */
bool format_entry(zr_buffer_t *out, const zrelay_event_t *event, format_t format);

/* KEY=BODY, or KEY alone for a deletion; FORMAT_JSON as format_entry. */
void format_state(zr_buffer_t *out, const zrelay_event_t *event, format_t format);

/* Appends a note for the person about an event that is not data: gaps, losses, reconnects, refusals. Without newline,
 * not escaped. false when there is nothing to say; `verbose` says more. */
bool format_note(zr_buffer_t *out, const zrelay_event_t *event, bool verbose);

/* "12345 messages, 4567/s, 12000 acked" */
void format_progress(zr_buffer_t *out, uint64_t messages, uint64_t acked, uint64_t elapsed_ms);

/* "12345 messages acked, on disk"; `level` is the lowest that an ack named. */
void format_acked(zr_buffer_t *out, uint64_t messages, zrelay_level_t level);

/* One JSON object and a newline; takes over the reference. */
struct json_t;
void format_json(zr_buffer_t *out, struct json_t *object);

#endif
