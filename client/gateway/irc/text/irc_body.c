/* See irc_body.h. */
#include "irc_body.h"

#include "names.h"

#define ACTION "\001ACTION "
#define ACTION_BODY "/me "
#define NOTICE_BODY "/notice "

enum { BINARY_SHOWN = 64, ACTION_BYTES = sizeof ACTION }; /* ACTION_BYTES: with the \001 at the end */

const char *irc_verb_name(irc_verb_t verb) {
    return verb == IRC_NOTICE ? "NOTICE" : "PRIVMSG";
}

static zr_span_t s_without(zr_span_t text, const char *prefix) {
    size_t len = strlen(prefix);
    return zr_span_of(text.ptr + len, text.len - len);
}

void irc_body_write(zr_buffer_t *out, irc_verb_t verb, zr_span_t text) {
    if (verb == IRC_NOTICE)
        zr_buffer_append(out, NOTICE_BODY, sizeof NOTICE_BODY - 1);
    else if (zr_span_starts(text, zr_span(ACTION))) {
        text = s_without(text, ACTION);
        if (text.len > 0 && text.ptr[text.len - 1] == '\001')
            text.len--;
        zr_buffer_append(out, ACTION_BODY, sizeof ACTION_BODY - 1);
    }
    zr_buffer_append(out, text.ptr, text.len);
}

/* Bytes that are not UTF-8 text are described, with the first of them. */
static void s_describe(irc_body_t *body, zr_span_t bytes) {
    zr_span_t first = zr_span_of(bytes.ptr, bytes.len < BINARY_SHOWN ? bytes.len : BINARY_SHOWN);
    zr_buffer_printf(&body->owned, "[%zu bytes that are no UTF-8 text] ", bytes.len);
    zr_escape(&body->owned, first);
    body->rest = zr_span_of(body->owned.data, body->owned.len);
}

void irc_body_begin(irc_body_t *body, zr_span_t bytes) {
    *body = (irc_body_t){.rest = bytes};
    if (!zr_utf8_valid(bytes) || (bytes.len && memchr(bytes.ptr, '\0', bytes.len)))
        s_describe(body, bytes);
    else if (zr_span_starts(bytes, zr_span(NOTICE_BODY))) {
        body->verb = IRC_NOTICE;
        body->rest = s_without(bytes, NOTICE_BODY);
    } else if (zr_span_starts(bytes, zr_span(ACTION_BODY))) {
        body->action = true;
        body->rest = s_without(bytes, ACTION_BODY);
    }
}

void irc_body_finish(irc_body_t *body) {
    zr_buffer_finish(&body->owned);
}

/* At most `max` bytes, not within a character. */
static size_t s_fitting(zr_span_t text, size_t max) {
    if (text.len <= max)
        return text.len;
    while (max > 1 && ((uint8_t)text.ptr[max] & 0xc0) == 0x80)
        max--;
    return max;
}

static size_t s_line_end(zr_span_t text) {
    size_t i = 0;
    while (i < text.len && text.ptr[i] != '\n' && text.ptr[i] != '\r')
        i++;
    return i;
}

static size_t s_break(zr_span_t text, size_t at) {
    return at < text.len ? (text.ptr[at] == '\r' && at + 1 < text.len && text.ptr[at + 1] == '\n' ? 2 : 1) : 0;
}

/* The piece stands between the marks of an action. */
static zr_span_t s_as_action(irc_body_t *body, zr_span_t piece) {
    zr_buffer_clear(&body->owned);
    zr_buffer_append(&body->owned, ACTION, sizeof ACTION - 1);
    zr_buffer_append(&body->owned, piece.ptr, piece.len);
    zr_buffer_u8(&body->owned, '\001');
    return zr_span_of(body->owned.data, body->owned.len);
}

static bool s_give_up(irc_body_t *body, size_t max, zr_span_t *piece) {
    zr_buffer_t text = {0};
    zr_buffer_printf(&text, "[%zu more bytes]", body->rest.len);
    if (text.len > max) {
        zr_buffer_clear(&text);
        zr_buffer_printf(&text, "[more]");
    }
    zr_buffer_finish(&body->owned);
    body->owned = text;
    body->concat = false;
    body->done = true;
    *piece = zr_span_of(body->owned.data, body->owned.len);
    return true;
}

bool irc_body_next(irc_body_t *body, size_t max, zr_span_t *piece) {
    if (body->done)
        return false;
    if (body->pieces == IRC_PIECES_MAX)
        return s_give_up(body, max, piece);
    if (body->action)
        max -= ACTION_BYTES;
    size_t end = s_line_end(body->rest);
    size_t len = s_fitting(zr_span_of(body->rest.ptr, end), max);
    size_t gone = len == end ? end + s_break(body->rest, end) : len;
    *piece = zr_span_of(body->rest.ptr, len);
    body->concat = body->cut;
    body->cut = len < end;
    body->done = gone >= body->rest.len;
    body->rest = zr_span_of(body->rest.ptr + gone, body->rest.len - gone);
    body->pieces++;
    if (body->action)
        *piece = s_as_action(body, *piece);
    return true;
}
