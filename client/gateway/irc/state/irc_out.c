/* See irc_out.h. */
#include "irc_out.h"

#include <stdio.h>

#include "fatal.h"
#include "irc_message.h"
#include "irc_time.h"

struct irc_reply {
    size_t holders;
    bool cancelled;
    zr_buffer_t lines;
    size_t count;
    char label[IRC_LABEL_MAX + 1];
};

/* --- One line --- */

void irc_put_mask(zr_buffer_t *out, zr_span_t nick) {
    irc_name_t shown;
    irc_nick_of(nick, &shown);
    zr_buffer_printf(out, "%s!~u@" IRC_USER_HOST, shown.text);
}

static void s_put_tag(irc_t *irc, const char *name, zr_span_t value) {
    zr_buffer_printf(&irc->tags, "%s%s", irc->tags.len ? ";" : "@", name);
    if (value.len == 0)
        return;
    zr_buffer_u8(&irc->tags, '=');
    irc_put_escaped(&irc->tags, value);
}

void irc_tag(irc_t *irc, const char *name, zr_span_t value) {
    s_put_tag(irc, name, value);
}

void irc_begin(irc_t *irc, const char *nick, uint64_t us, const char *command) {
    char time[IRC_TIME_TEXT];
    zr_buffer_clear(&irc->tags);
    zr_buffer_clear(&irc->line);
    if (irc->caps & IRC_SERVER_TIME) {
        irc_time_write(time, us ? us : irc->host->wall_us(irc->host->ctx));
        s_put_tag(irc, "time", zr_span(time));
    }
    zr_buffer_u8(&irc->line, ':');
    if (nick)
        irc_put_mask(&irc->line, zr_span(nick));
    else
        zr_buffer_append(&irc->line, IRC_SERVER, sizeof IRC_SERVER - 1);
    zr_buffer_printf(&irc->line, " %s", command);
}

void irc_middle(irc_t *irc, const char *text) {
    irc_put_middle(&irc->line, zr_span(text));
}

void irc_trailing(irc_t *irc, zr_span_t text) {
    irc_put_trailing(&irc->line, text);
}

/* A cut leaves whole characters. */
static void s_cut(zr_buffer_t *line) {
    if (line->len + 2 <= IRC_LINE)
        return;
    line->len = IRC_LINE - 2;
    while (line->len > 0 && (line->data[line->len] & 0xc0) == 0x80)
        line->len--;
}

void irc_end(irc_t *irc) {
    zr_buffer_t *out = irc->reply && !irc->reply->cancelled ? &irc->reply->lines : &irc->out;
    s_cut(&irc->line);
    if (irc->tags.len) {
        zr_buffer_append(out, irc->tags.data, irc->tags.len);
        zr_buffer_u8(out, ' ');
    }
    zr_buffer_append(out, irc->line.data, irc->line.len);
    zr_buffer_append(out, "\r\n", 2);
    if (irc->reply)
        irc->reply->count++;
}

void irc_put_lines(irc_t *irc, zr_span_t lines) {
    zr_buffer_t *out = irc->reply && !irc->reply->cancelled ? &irc->reply->lines : &irc->out;
    zr_buffer_append(out, lines.ptr, lines.len);
    for (size_t i = 0; irc->reply && i < lines.len; i++)
        irc->reply->count += lines.ptr[i] == '\n';
}

/* --- Kinds of lines --- */

static void s_begin_numeric(irc_t *irc, irc_numeric_t numeric, va_list args) {
    char number[8];
    const char *text;
    snprintf(number, sizeof number, "%03u", irc_numeric_row(numeric)->number);
    irc_begin(irc, NULL, 0, number);
    irc_middle(irc, irc->has_nick || irc->registered ? irc->shown.text : "*");
    while ((text = va_arg(args, const char *)))
        irc_middle(irc, text);
}

void irc_numeric(irc_t *irc, irc_numeric_t numeric, ...) {
    const char *text = irc_numeric_row(numeric)->text;
    va_list args;
    va_start(args, numeric);
    s_begin_numeric(irc, numeric, args);
    va_end(args);
    if (text)
        irc_trailing(irc, zr_span(text));
    irc_end(irc);
}

void irc_numeric_text(irc_t *irc, irc_numeric_t numeric, zr_span_t text, ...) {
    va_list args;
    va_start(args, text);
    s_begin_numeric(irc, numeric, args);
    va_end(args);
    irc_trailing(irc, text);
    irc_end(irc);
}

void irc_standard(irc_t *irc, const char *kind, const char *command, const char *code, const char *text, ...) {
    const char *parameter;
    va_list args;
    irc_begin(irc, NULL, 0, kind);
    irc_middle(irc, command);
    irc_middle(irc, code);
    va_start(args, text);
    while ((parameter = va_arg(args, const char *)))
        irc_middle(irc, parameter);
    va_end(args);
    irc_trailing(irc, zr_span(text));
    irc_end(irc);
}

void irc_notice(irc_t *irc, const char *text) {
    irc_reply_t *before = irc_reply_enter(irc, NULL);
    irc_begin(irc, NULL, 0, "NOTICE");
    irc_middle(irc, irc->registered ? irc->shown.text : "*");
    irc_trailing(irc, zr_span(text));
    irc_end(irc);
    irc_reply_enter(irc, before);
}

/* --- Batches --- */

irc_reference_t irc_batch_new(irc_t *irc) {
    irc_reference_t reference = {""};
    if (irc->caps & IRC_BATCH)
        snprintf(reference.text, sizeof reference.text, "b%llu", (unsigned long long)++irc->batches);
    return reference;
}

static void s_begin_batch(irc_t *irc, char sign, const irc_reference_t *reference) {
    char text[sizeof reference->text + 1];
    snprintf(text, sizeof text, "%c%s", sign, reference->text);
    irc_begin(irc, NULL, 0, "BATCH");
    irc_middle(irc, text);
}

void irc_batch_open(irc_t *irc, const irc_reference_t *reference, const char *type, const char *parameter) {
    if (!reference->text[0])
        return;
    s_begin_batch(irc, '+', reference);
    irc_middle(irc, type);
    if (parameter)
        irc_middle(irc, parameter);
    irc_end(irc);
}

void irc_batch_close(irc_t *irc, const irc_reference_t *reference) {
    if (!reference->text[0])
        return;
    s_begin_batch(irc, '-', reference);
    irc_end(irc);
}

/* --- Labels --- */

irc_reply_t *irc_reply_new(const char *label) {
    irc_reply_t *reply = fatal_calloc(sizeof *reply);
    reply->holders = 1;
    snprintf(reply->label, sizeof reply->label, "%s", label);
    return reply;
}

irc_reply_t *irc_reply_hold(irc_reply_t *reply) {
    if (reply)
        reply->holders++;
    return reply;
}

bool irc_reply_labels(const irc_reply_t *reply, zr_span_t *label) {
    if (reply)
        *label = zr_span(reply->label);
    return reply != NULL;
}

void irc_reply_cancel(irc_reply_t *reply) {
    if (reply)
        reply->cancelled = true;
}

irc_reply_t *irc_reply_enter(irc_t *irc, irc_reply_t *reply) {
    irc_reply_t *before = irc->reply;
    irc->reply = reply;
    return before;
}

/* Puts a tag in front of those of a line. */
static void s_put_tagged(zr_buffer_t *out, const char *name, zr_span_t value, zr_span_t line) {
    bool tagged = line.len > 0 && line.ptr[0] == '@';
    zr_buffer_printf(out, "@%s=", name);
    irc_put_escaped(out, value);
    zr_buffer_u8(out, tagged ? ';' : ' ');
    zr_buffer_append(out, line.ptr + tagged, line.len - tagged);
    zr_buffer_u8(out, '\n');
}

/* Lines within a batch of their own belong to that. */
static bool s_is_batched(zr_span_t line) {
    zr_span_t tags = zr_span_cut(&line, ' ');
    return tags.len > 0 && tags.ptr[0] == '@' &&
           (zr_span_starts(tags, zr_span("@batch=")) || memmem(tags.ptr, tags.len, ";batch=", 7));
}

static void s_send_batch(irc_t *irc, irc_reply_t *reply) {
    zr_span_t rest = zr_span_of(reply->lines.data, reply->lines.len);
    irc_reference_t reference = irc_batch_new(irc);
    s_begin_batch(irc, '+', &reference);
    irc_tag(irc, "label", zr_span(reply->label));
    irc_middle(irc, "labeled-response");
    irc_end(irc);
    while (rest.len > 0) {
        zr_span_t line = zr_span_cut(&rest, '\n');
        if (s_is_batched(line)) {
            zr_buffer_append(&irc->out, line.ptr, line.len);
            zr_buffer_u8(&irc->out, '\n');
        } else
            s_put_tagged(&irc->out, "batch", zr_span(reference.text), line);
    }
    irc_batch_close(irc, &reference);
}

void irc_reply_release(irc_t *irc, irc_reply_t *reply) {
    if (!reply || --reply->holders > 0)
        return;
    irc_reply_t *before = irc_reply_enter(irc, NULL);
    if (!reply->cancelled && reply->count == 0) {
        irc_begin(irc, NULL, 0, "ACK");
        irc_tag(irc, "label", zr_span(reply->label));
        irc_end(irc);
    } else if (!reply->cancelled && reply->count == 1)
        s_put_tagged(&irc->out, "label", zr_span(reply->label), zr_span_of(reply->lines.data, reply->lines.len - 1));
    else if (!reply->cancelled)
        s_send_batch(irc, reply);
    zr_buffer_finish(&reply->lines);
    free(reply);
    irc_reply_enter(irc, before == reply ? NULL : before);
}

/* --- The connection --- */

void irc_flush(irc_t *irc) {
    if (irc->out.len == 0)
        return;
    zr_blob_t *lines = zr_blob_copy(irc->out.data, irc->out.len);
    zr_buffer_finish(&irc->out);
    if (!irc->closing)
        irc->calls->send(irc->ctx, lines, false);
    zr_blob_unref(lines);
}

void irc_close(irc_t *irc, const char *reason) {
    if (irc->closing)
        return;
    irc_reply_enter(irc, NULL);
    zr_buffer_clear(&irc->line);
    zr_buffer_clear(&irc->tags);
    zr_buffer_append(&irc->line, "ERROR", 5);
    irc_trailing(irc, zr_span(reason));
    irc_end(irc);
    irc_flush(irc);
    irc->closing = true;
    irc->calls->close(irc->ctx);
}
