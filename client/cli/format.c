#include "format.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "control.h"
#include "names.h"

void format_add(zr_buffer_t *out, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len < 0)
        return;
    char *to = (char *)zr_buffer_reserve(out, (size_t)len + 1);
    va_start(args, format);
    vsnprintf(to, (size_t)len + 1, format, args);
    va_end(args);
    out->len += (size_t)len;
}

void format_base64(zr_buffer_t *out, zr_span_t bytes) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const uint8_t *from = (const uint8_t *)bytes.ptr;
    for (size_t at = 0; at < bytes.len; at += 3) {
        size_t left = bytes.len - at;
        uint32_t group = (uint32_t)from[at] << 16;
        if (left > 1)
            group |= (uint32_t)from[at + 1] << 8;
        if (left > 2)
            group |= from[at + 2];
        char four[4] = {digits[group >> 18], digits[group >> 12 & 63], left > 1 ? digits[group >> 6 & 63] : '=',
            left > 2 ? digits[group & 63] : '='};
        zr_buffer_append(out, four, 4);
    }
}

/* JSON may go to a terminal too: what zr_escape would not leave alone is written as \uXXXX, which means the same. It
 * can stand in strings only. jansson has done so with C0. */
static void s_escape_json(zr_buffer_t *out, size_t from) {
    zr_span_t text = zr_span_of(out->data + from, out->len - from);
    size_t plain = 0;
    while (plain < text.len && (uint8_t)text.ptr[plain] < 0x7f)
        plain++;
    if (plain == text.len)
        return;
    zr_buffer_t safe = {0}, shown = {0};
    for (size_t at = 0; at < text.len;) {
        size_t begin = at;
        int point = zr_utf8_next(text, &at);
        zr_buffer_clear(&shown);
        zr_escape(&shown, zr_span_of(text.ptr + begin, at - begin));
        if (shown.len == at - begin)
            zr_buffer_append(&safe, shown.data, shown.len);
        else
            format_add(&safe, "\\u%04X", (unsigned)point);
    }
    out->len = from;
    zr_buffer_append(out, safe.data, safe.len);
    zr_buffer_finish(&safe);
    zr_buffer_finish(&shown);
}

static int s_dump(const char *text, size_t len, void *out) {
    zr_buffer_append(out, text, len);
    return 0;
}

void format_json(zr_buffer_t *out, json_t *object) {
    size_t from = out->len;
    if (!object || json_dump_callback(object, s_dump, out, JSON_COMPACT) != 0)
        abort(); /* strings are checked before: only memory can be missing */
    s_escape_json(out, from);
    zr_buffer_u8(out, '\n');
    json_decref(object);
}

/* Names come from the broker: a text that is not UTF-8 must not stop the program. */
static json_t *s_name(const char *text) {
    json_t *name = json_string(text ? text : "");
    return name ? name : json_string("");
}

static void s_entry_json(zr_buffer_t *out, const zrelay_event_t *event) {
    zr_span_t body = zr_span_of(event->body, event->body_len);
    json_t *object = json_object();
    json_object_set_new(object, "room", s_name(event->room));
    json_object_set_new(object, "seq", json_integer((json_int_t)event->seq));
    json_object_set_new(object, "time", json_integer((json_int_t)event->time));
    json_object_set_new(object, "sender", s_name(event->sender));
    if (event->key)
        json_object_set_new(object, "key", s_name(event->key));
    if (event->deleted) {
        json_object_set_new(object, "deleted", json_true());
    } else if (zr_utf8_valid(body)) {
        json_object_set_new(object, "body", body.len ? zr_json_string(body) : json_string(""));
    } else {
        zr_buffer_t text = {0};
        format_base64(&text, body);
        json_object_set_new(object, "body_base64", json_stringn((const char *)text.data, text.len));
        zr_buffer_finish(&text);
    }
    format_json(out, object);
}

bool format_entry(zr_buffer_t *out, const zrelay_event_t *event, format_t format) {
    zr_span_t body = zr_span_of(event->body, event->body_len);
    if (format == FORMAT_JSON) {
        s_entry_json(out, event);
        return true;
    }
    if (event->deleted)
        return false;
    if (format == FORMAT_PREFIX) {
        zr_escape(out, zr_span(event->room));
        zr_buffer_append(out, ": ", 2);
    }
    if (format == FORMAT_RAW)
        zr_buffer_append(out, body.ptr, body.len);
    else
        zr_escape(out, body);
    zr_buffer_u8(out, '\n');
    return true;
}

void format_state(zr_buffer_t *out, const zrelay_event_t *event, format_t format) {
    if (format == FORMAT_JSON) {
        s_entry_json(out, event);
        return;
    }
    zr_escape(out, zr_span(event->key)); /* a key has nothing to escape unless the broker is hostile */
    if (!event->deleted) {
        zr_buffer_u8(out, '=');
        if (format == FORMAT_RAW)
            zr_buffer_append(out, event->body, event->body_len);
        else
            zr_escape(out, zr_span_of(event->body, event->body_len));
    }
    zr_buffer_u8(out, '\n');
}

static void s_refused(zr_buffer_t *out, const zrelay_event_t *event) {
    if (event->room)
        format_add(out, "%s: ", event->room);
    format_add(out, "refused: %s", event->text ? event->text : "the broker gave no reason");
    if (event->seq)
        format_add(out, " (at seq %" PRIu64 ")", event->seq);
    if (event->code)
        format_add(out, " [%s]", event->code);
}

/* What the reasons mean for which a broker ends a session. */
static void s_disconnected(zr_buffer_t *out, const zrelay_event_t *event) {
    static const char *const reasons[][2] = {
        {"kicked", "kicked by an operator; connecting again"},
        {"banned", "banned by an operator; trying again in a while"},
        {"revoked", "your right to be here was taken: the user is gone, or has another key or token; trying again in a "
                    "while"},
        {"flooding", "the broker ended the session: far too much came at once; connecting again in a while"},
        {"shutdown", "lost the broker: it is shutting down; trying again"},
    };
    for (size_t i = 0; event->code && i < sizeof reasons / sizeof reasons[0]; i++) {
        if (strcmp(event->code, reasons[i][0]) == 0) {
            format_add(out, "%s", reasons[i][1]);
            return;
        }
    }
    format_add(out, "lost the broker (%s); trying again", event->text ? event->text : "no answer");
}

bool format_note(zr_buffer_t *out, const zrelay_event_t *event, bool verbose) {
    switch (event->type) {
    case ZRELAY_CONNECTED:
        if (verbose)
            format_add(out, "connected as %s, epoch %s%s", event->name ? event->name : "?",
                event->epoch ? event->epoch : "?", event->resumed ? ", resumed" : "");
        else
            format_add(out, "connected again");
        return true;
    case ZRELAY_DISCONNECTED:
        s_disconnected(out, event);
        return true;
    case ZRELAY_EPOCH:
        format_add(out, "the broker has another log (epoch %s): messages not seen yet are gone",
            event->epoch ? event->epoch : "?");
        return true;
    case ZRELAY_LOST:
        if (event->upto > event->seq)
            format_add(out, "%s: messages after seq %" PRIu64 " and up to %" PRIu64 " are lost", event->room,
                event->seq, event->upto);
        else
            format_add(out, "%s: messages after seq %" PRIu64 " are lost", event->room, event->seq);
        return true;
    case ZRELAY_REFUSED:
        s_refused(out, event);
        return true;
    case ZRELAY_JOINED:
        if (verbose)
            format_add(out, "%s: live, head %" PRIu64, event->room, event->seq);
        return verbose;
    case ZRELAY_GAP:
        if (verbose)
            format_add(
                out, "%s: messages after seq %" PRIu64 " did not come; asking for them", event->room, event->seq);
        return verbose;
    case ZRELAY_REPAIRED:
        if (verbose)
            format_add(out, "%s: repaired up to seq %" PRIu64, event->room, event->seq);
        return verbose;
    default:
        return false;
    }
}

void format_progress(zr_buffer_t *out, uint64_t messages, uint64_t acked, uint64_t elapsed_ms) {
    uint64_t rate = elapsed_ms ? (uint64_t)((double)messages * 1000.0 / (double)elapsed_ms) : 0;
    format_add(out, "%" PRIu64 " message%s, %" PRIu64 "/s, %" PRIu64 " acked", messages, messages == 1 ? "" : "s", rate,
        acked);
}
