#include "sse.h"

#include <sodium/utils.h>

#include "format.h"

static void s_put(zr_buffer_t *out, const char *text) {
    zr_buffer_append(out, text, strlen(text));
}

static void s_put_id(zr_buffer_t *out, uint64_t epoch, uint64_t seq) {
    char position[HTTP_POSITION_SIZE];
    s_put(out, "id: ");
    zr_buffer_append(out, position, http_position_write(position, epoch, seq));
    s_put(out, "\n");
}

/* A name as a string; the wire has at most 255 bytes of it. */
static const char *s_name(char copy[256], zr_span_t name) {
    size_t len = name.len < 255 ? name.len : 255;
    if (len > 0)
        memcpy(copy, name.ptr, len);
    copy[len] = '\0';
    return copy;
}

void sse_json_line(zr_buffer_t *out, zr_span_t room, const zr_entry_t *entry) {
    char room_name[256], sender[256], key[256];
    zrelay_event_t event = {.type = ZRELAY_ENTRY,
        .room = s_name(room_name, room),
        .sender = s_name(sender, entry->sender),
        .key = entry->key.len ? s_name(key, entry->key) : NULL,
        .seq = entry->seq,
        .time = entry->time,
        .ttl = entry->ttl,
        .body = entry->body.ptr,
        .body_len = entry->body.len,
        .deleted = entry->flags & ZR_ENTRY_DELETE};
    format_entry(out, &event, FORMAT_JSON);
}

/* --- Bodies --- */

/* The stream is read line by line, and a carriage return ends a line as a newline does. */
static bool s_fits_lines(zr_span_t body) {
    return body.len == 0 ||
           (!memchr(body.ptr, '\r', body.len) && !memchr(body.ptr, '\0', body.len) && zr_utf8_valid(body));
}

static void s_put_lines(zr_buffer_t *out, zr_span_t body) {
    bool more = true;
    while (more) {
        size_t before = body.len;
        zr_span_t line = zr_span_cut(&body, '\n');
        more = line.len < before; /* a newline stood behind it, also at the very end */
        s_put(out, "data: ");
        zr_buffer_append(out, line.ptr, line.len);
        s_put(out, "\n");
    }
}

static void s_put_base64(zr_buffer_t *out, zr_span_t body) {
    size_t size = sodium_base64_encoded_len(body.len, sodium_base64_VARIANT_ORIGINAL);
    s_put(out, "event: base64\ndata: ");
    sodium_bin2base64((char *)zr_buffer_reserve(out, size), size, (const uint8_t *)body.ptr, body.len,
        sodium_base64_VARIANT_ORIGINAL);
    out->len += size - 1;
    s_put(out, "\n");
}

static void s_put_body(zr_buffer_t *out, const zr_entry_t *entry) {
    if (entry->flags & ZR_ENTRY_DELETE) {
        s_put(out, "event: deleted\n");
        s_put_lines(out, entry->key);
    } else if (s_fits_lines(entry->body)) {
        s_put_lines(out, entry->body);
    } else {
        s_put_base64(out, entry->body);
    }
}

void sse_entry(zr_buffer_t *out, zr_span_t room, uint64_t epoch, const zr_entry_t *entry, http_format_t format) {
    s_put_id(out, epoch, entry->seq);
    if (format == HTTP_FORMAT_BODY) {
        s_put_body(out, entry);
    } else {
        s_put(out, "data: ");
        sse_json_line(out, room, entry);
    }
    s_put(out, "\n");
}

void sse_event(zr_buffer_t *out, const char *name, uint64_t epoch, uint64_t seq, const char *json) {
    if (epoch)
        s_put_id(out, epoch, seq);
    s_put(out, "event: ");
    s_put(out, name);
    s_put(out, "\n");
    s_put_lines(out, zr_span(json));
    s_put(out, "\n");
}

void sse_comment(zr_buffer_t *out, const char *text) {
    s_put(out, ": ");
    s_put(out, text);
    s_put(out, "\n\n");
}
