#include "format.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "json_text.h"
#include "names.h"
#include "unicode.h"

/* JSON may go to a terminal too: what zr_escape would not leave alone is written as \uXXXX, which means the same. It
 * can stand in strings only. `text` is one code point. */
static void s_put_point(zr_buffer_t *out, zr_span_t text, int point) {
    size_t from = out->len;
    zr_escape(out, text);
    if (out->len - from == text.len)
        return;
    out->len = from;
    zr_buffer_printf(out, "\\u%04X", (unsigned)point);
}

/* jansson has done so with C0. */
static void s_escape_json(zr_buffer_t *out, size_t from) {
    zr_span_t text = zr_span_of(out->data + from, out->len - from);
    size_t plain = 0;
    while (plain < text.len && (uint8_t)text.ptr[plain] < 0x7f)
        plain++;
    if (plain == text.len)
        return;
    zr_buffer_t safe = {0};
    for (size_t at = 0; at < text.len;) {
        size_t begin = at;
        int point = zr_utf8_next(text, &at);
        s_put_point(&safe, zr_span_of(text.ptr + begin, at - begin), point);
    }
    out->len = from;
    zr_buffer_append(out, safe.data, safe.len);
    zr_buffer_finish(&safe);
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

/* --- Entries: written without jansson, which takes eight times as long --- */

static bool s_is_plain(uint8_t byte) {
    return byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
}

/* `text` is UTF-8. */
static void s_put_string(zr_buffer_t *out, zr_span_t text) {
    static const char short_forms[0x20] = {['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};
    zr_buffer_u8(out, '"');
    for (size_t at = 0; at < text.len;) {
        size_t begin = at;
        while (at < text.len && s_is_plain((uint8_t)text.ptr[at]))
            at++;
        zr_buffer_append(out, text.ptr + begin, at - begin);
        if (at == text.len)
            break;
        begin = at;
        int point = zr_utf8_next(text, &at);
        char simple = point < 0x20 ? short_forms[point] : point == '"' || point == '\\' ? (char)point : '\0';
        if (simple)
            zr_buffer_append(out, (char[]){'\\', simple}, 2);
        else
            s_put_point(out, zr_span_of(text.ptr + begin, at - begin), point);
    }
    zr_buffer_u8(out, '"');
}

/* Names come from the broker: a text that is not UTF-8 must not make a line that is no JSON. */
static void s_put_name(zr_buffer_t *out, const char *text) {
    zr_span_t name = zr_span(text);
    s_put_string(out, zr_utf8_valid(name) ? name : zr_span(""));
}

static void s_entry_json(zr_buffer_t *out, const zrelay_event_t *event) {
    zr_span_t body = zr_span_of(event->body, event->body_len);
    json_text_put(out, "{\"room\":");
    s_put_name(out, event->room);
    json_text_put(out, ",\"seq\":");
    json_text_number(out, event->seq);
    json_text_put(out, ",\"time\":");
    json_text_number(out, event->time);
    json_text_put(out, ",\"sender\":");
    s_put_name(out, event->sender);
    if (event->key) {
        json_text_put(out, ",\"key\":");
        s_put_name(out, event->key);
    }
    if (event->ttl) {
        json_text_put(out, ",\"ttl\":");
        json_text_number(out, event->ttl);
    }
    if (event->deleted) {
        json_text_put(out, ",\"deleted\":true");
    } else if (zr_utf8_valid(body)) {
        json_text_put(out, ",\"body\":");
        s_put_string(out, body);
    } else {
        json_text_put(out, ",\"body_base64\":\"");
        json_text_base64(out, body);
        json_text_put(out, "\"");
    }
    json_text_put(out, "}\n");
}

/* --- Entries as text --- */

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
        zr_buffer_printf(out, "%s: ", event->room);
    zr_buffer_printf(out, "refused: %s", event->text ? event->text : "the broker gave no reason");
    if (event->seq)
        zr_buffer_printf(out, " (at seq %" PRIu64 ")", event->seq);
    if (event->code)
        zr_buffer_printf(out, " [%s]", event->code);
}

/* The texts for the reasons for which a broker ends a session. */
static void s_disconnected(zr_buffer_t *out, const zrelay_event_t *event) {
    static const char *const reasons[][2] = {
        {"kicked", "kicked by an operator; connecting again"},
        {"banned", "banned by an operator; trying again in a while"},
        {"revoked", "your right to be here was taken: the user is gone, or has another key or token; trying again in a "
                    "while"},
        {"flooding", "the broker ended the session: far too much came at once; connecting again in a while"},
        {"token-expired", "your login has expired; trying again"},
        {"reconnect", "connecting again"},
        {"shutdown", "lost the broker: it is shutting down; trying again"},
    };
    for (size_t i = 0; event->code && i < sizeof reasons / sizeof reasons[0]; i++) {
        if (strcmp(event->code, reasons[i][0]) == 0) {
            zr_buffer_printf(out, "%s", reasons[i][1]);
            return;
        }
    }
    zr_buffer_printf(out, "lost the broker (%s); trying again", event->text ? event->text : "no answer");
}

/* Not each of what may be many: the first, the second, the fourth and so on. */
static bool s_forgotten(zr_buffer_t *out, const zrelay_event_t *event, bool verbose) {
    if (!verbose && (event->count & (event->count - 1)) != 0)
        return false;
    zr_buffer_printf(out,
        "%s: too many rooms to remember all positions: that of this one is forgotten, and a loss there may stay unseen "
        "(%" PRIu64 " so far)",
        event->room, event->count);
    return true;
}

bool format_note(zr_buffer_t *out, const zrelay_event_t *event, bool verbose) {
    switch (event->type) {
    case ZRELAY_CONNECTED:
        if (verbose)
            zr_buffer_printf(out, "connected as %s, epoch %s%s", event->name ? event->name : "?",
                event->epoch ? event->epoch : "?", event->resumed ? ", resumed" : "");
        else
            zr_buffer_printf(out, "connected again");
        return true;
    case ZRELAY_DISCONNECTED:
        s_disconnected(out, event);
        return true;
    case ZRELAY_EPOCH:
        zr_buffer_printf(out, "the broker has another log (epoch %s): messages not seen yet are gone",
            event->epoch ? event->epoch : "?");
        return true;
    case ZRELAY_UNHEARD:
        zr_buffer_printf(out,
            "nothing comes from %s, where the broker sends messages; does a firewall let you through there?",
            event->name);
        return true;
    case ZRELAY_LOST:
        if (event->upto > event->seq)
            zr_buffer_printf(out, "%s: messages after seq %" PRIu64 " and up to %" PRIu64 " are lost", event->room,
                event->seq, event->upto);
        else
            zr_buffer_printf(out, "%s: messages after seq %" PRIu64 " are lost", event->room, event->seq);
        return true;
    case ZRELAY_FORGOTTEN:
        return s_forgotten(out, event, verbose);
    case ZRELAY_REFUSED:
        s_refused(out, event);
        return true;
    case ZRELAY_QUEUED:
        if (verbose)
            zr_buffer_printf(out, "connected, login queued, %" PRIu64 " before it", event->count);
        return verbose;
    case ZRELAY_JOINED:
        if (verbose)
            zr_buffer_printf(out, "%s: live, head %" PRIu64, event->room, event->seq);
        return verbose;
    case ZRELAY_GAP:
        if (verbose)
            zr_buffer_printf(
                out, "%s: messages after seq %" PRIu64 " did not come; asking for them", event->room, event->seq);
        return verbose;
    case ZRELAY_REPAIRED:
        if (verbose)
            zr_buffer_printf(out, "%s: repaired up to seq %" PRIu64, event->room, event->seq);
        return verbose;
    default:
        return false;
    }
}

void format_progress(zr_buffer_t *out, uint64_t messages, uint64_t acked, uint64_t elapsed_ms) {
    uint64_t rate = elapsed_ms ? (uint64_t)((double)messages * 1000.0 / (double)elapsed_ms) : 0;
    zr_buffer_printf(out, "%" PRIu64 " message%s, %" PRIu64 "/s, %" PRIu64 " acked", messages, messages == 1 ? "" : "s",
        rate, acked);
}

void format_acked(zr_buffer_t *out, uint64_t messages, zrelay_level_t level) {
    static const char *const levels[] = {
        [ZRELAY_LEVEL_NONE] = "relayed and not kept",
        [ZRELAY_LEVEL_MEMORY] = "in memory only",
        [ZRELAY_LEVEL_DISK] = "on disk",
        [ZRELAY_LEVEL_REPLICATED] = "on disk of several machines",
    };
    zr_buffer_printf(out, "%" PRIu64 " message%s acked, %s", messages, messages == 1 ? "" : "s", levels[level]);
}
