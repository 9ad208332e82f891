/* BATCH of a client: a message of several lines (IRCv3 draft/multiline). irc_command hands its lines to
 * irc_multiline_take. */
#include <stdio.h>

#include "fatal.h"
#include "irc_command.h"
#include "irc_deliver.h"
#include "irc_multiline.h"
#include "irc_out.h"

static void s_drop(irc_t *irc) {
    if (!irc->multiline)
        return;
    zr_buffer_finish(&irc->multiline->text);
    free(irc->multiline);
    irc->multiline = NULL;
}

void irc_multiline_finish(irc_t *irc) {
    s_drop(irc);
}

static void s_fail(irc_t *irc, const char *code, const char *text, const char *context) {
    irc_standard(irc, "FAIL", "BATCH", code, text, context, NULL);
    s_drop(irc);
}

static void s_open(irc_t *irc, const irc_message_t *message) {
    zr_span_t reference = zr_span_of(message->params[0].ptr + 1, message->params[0].len - 1), label;
    if (message->count < 3 || !zr_span_equal(message->params[1], zr_span("draft/multiline")) ||
        !(irc->caps & IRC_MULTILINE) || !(irc->caps & IRC_BATCH)) {
        s_fail(irc, "UNKNOWN_TYPE", "clients may open batches of the type draft/multiline, with one target", NULL);
        return;
    }
    if (irc->multiline || reference.len == 0 || reference.len > IRC_LABEL_MAX ||
        message->params[2].len > IRC_CHANNEL_MAX || memchr(message->params[2].ptr, ',', message->params[2].len)) {
        s_fail(irc, "MULTILINE_INVALID", "end the batch before you open another, and name one target", NULL);
        return;
    }
    irc_multiline_t *batch = irc->multiline = fatal_calloc(sizeof *batch);
    batch->blank = true;
    snprintf(batch->reference, sizeof batch->reference, "%.*s", (int)reference.len, reference.ptr);
    snprintf(batch->target, sizeof batch->target, "%.*s", (int)message->params[2].len, message->params[2].ptr);
    if (irc_reply_labels(irc->reply, &label))
        snprintf(batch->label, sizeof batch->label, "%.*s", (int)label.len, label.ptr);
    irc_reply_cancel(irc->reply); /* the answer comes when the batch has ended */
}

static void s_close(irc_t *irc) {
    irc_multiline_t *batch = irc->multiline;
    irc_reply_t *reply = batch->label[0] ? irc_reply_new(batch->label) : NULL, *before = irc_reply_enter(irc, reply);
    if (batch->lines == 0 || batch->blank)
        s_fail(irc, "MULTILINE_INVALID", "the batch has no text", NULL);
    else
        irc_deliver(irc, zr_span(batch->target), batch->notice ? IRC_NOTICE : IRC_PRIVMSG,
            zr_span_of(batch->text.data, batch->text.len));
    s_drop(irc);
    irc_reply_enter(irc, before);
    irc_reply_release(irc, reply);
}

static void s_run(irc_t *irc, const irc_message_t *message) {
    zr_span_t reference = message->params[0];
    if (reference.len > 1 && reference.ptr[0] == '+')
        s_open(irc, message);
    else if (reference.len > 1 && reference.ptr[0] == '-' && irc->multiline &&
             zr_span_equal(zr_span_of(reference.ptr + 1, reference.len - 1), zr_span(irc->multiline->reference)))
        s_close(irc);
    else
        s_fail(irc, "MULTILINE_INVALID", "no such batch is open", NULL);
}

const irc_command_t irc_batch = {"BATCH", s_run, 1, 0};

/* --- Its lines --- */

static void s_add(irc_t *irc, const irc_message_t *message) {
    irc_multiline_t *batch = irc->multiline;
    zr_span_t text = message->params[1];
    bool concat = irc_message_tag(message, "draft/multiline-concat", NULL);
    char most[16];
    if (batch->lines > 0 && !concat)
        zr_buffer_u8(&batch->text, '\n');
    zr_buffer_append(&batch->text, text.ptr, text.len);
    batch->lines++;
    batch->blank &= text.len == 0;
    if (batch->lines > IRC_MULTILINE_LINES) {
        snprintf(most, sizeof most, "%d", IRC_MULTILINE_LINES);
        s_fail(irc, "MULTILINE_MAX_LINES", "the batch has too many lines", most);
    } else if (batch->text.len > IRC_MULTILINE_BYTES) {
        snprintf(most, sizeof most, "%d", IRC_MULTILINE_BYTES);
        s_fail(irc, "MULTILINE_MAX_BYTES", "the batch has too many bytes", most);
    }
}

bool irc_multiline_take(irc_t *irc, const irc_message_t *message) {
    irc_multiline_t *batch = irc->multiline;
    zr_buffer_t reference = {0};
    bool tagged = irc_message_tag(message, "batch", &reference);
    bool mine = tagged && batch && zr_span_equal(zr_span_of(reference.data, reference.len), zr_span(batch->reference));
    zr_buffer_finish(&reference);
    if (!tagged || !(irc->caps & IRC_MULTILINE))
        return false;
    bool notice = irc_same(message->command, zr_span("NOTICE"));
    bool text = notice || irc_same(message->command, zr_span("PRIVMSG"));
    if (!mine)
        s_fail(irc, "MULTILINE_INVALID", "no such batch is open", NULL);
    else if (!text || message->count < 2 || (batch->lines > 0 && batch->notice != notice))
        s_fail(irc, "MULTILINE_INVALID", "a batch has lines of PRIVMSG only, or of NOTICE only", NULL);
    else if (!zr_span_equal(message->params[0], zr_span(batch->target)))
        s_fail(irc, "MULTILINE_INVALID_TARGET", "all lines of a batch go to its target", batch->target);
    else {
        batch->notice = notice;
        s_add(irc, message);
    }
    return true;
}
