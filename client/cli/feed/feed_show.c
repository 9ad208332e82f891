/* See feed_show.h. */
#include "feed_show.h"

#include <inttypes.h>
#include <stdio.h>

#include "format.h"

enum { PROGRESS_AFTER_MS = 1000, TOLD_RANGES = 5 };

void feed_hide_progress(feed_t *feed) {
    if (feed->shown)
        fputs("\r\033[K", stderr);
    feed->shown = false;
}

void feed_show_progress(feed_t *feed) {
    uint64_t now = feed->shows ? zr_mono_ms() : 0;
    if (!feed->shows || now - feed->start_ms < PROGRESS_AFTER_MS || now - feed->shown_ms < FEED_PROGRESS_MS)
        return;
    zr_buffer_t text = {0};
    format_progress(&text, feed->messages, feed->messages - zrelay_unacked(feed->session.relay), now - feed->start_ms);
    fprintf(stderr, "\r%.*s\033[K", (int)text.len, (const char *)text.data);
    zr_buffer_finish(&text);
    feed->shown = true;
    feed->shown_ms = now;
}

void feed_say(feed_t *feed, zr_buffer_t *text) {
    feed_hide_progress(feed);
    cli_say("%.*s", (int)text->len, (const char *)text->data);
    zr_buffer_finish(text);
}

/* --- At the end --- */

void feed_show_done(const feed_t *feed) {
    if (feed->messages == 0 || !(feed->shown_ms || feed->session.config->verbose))
        return;
    zr_buffer_t text = {0};
    format_acked(&text, feed->messages, feed->level);
    cli_say("%.*s", (int)text.len, (const char *)text.data);
    zr_buffer_finish(&text);
}

void feed_show_refused(feed_t *feed) {
    const report_t *report = &feed->report;
    for (size_t i = 0; i < report->count; i++) {
        zr_buffer_t text = {0};
        report_item(&report->items[i], &text);
        feed_say(feed, &text);
    }
    if (report->left)
        cli_say("and %" PRIu64 " more lines", report->left);
}

void feed_show_rest(feed_t *feed, const char *why) {
    zr_buffer_t text = {0};
    size_t unacked = zrelay_unacked(feed->session.relay);
    uint64_t last = ranges_at(&feed->input.todo, feed->last);
    if (why)
        zr_buffer_printf(&text, "%s", why);
    if (unacked)
        zr_buffer_printf(&text, "%smessages not acked: %zu", text.len ? "; " : "", unacked);
    if (unacked && feed_has_lines(feed) && feed->acked)
        zr_buffer_printf(
            &text, "; up to line %" PRIu64 " all are answered", ranges_at(&feed->input.todo, feed->acked - 1));
    else if (!unacked && feed->report.lines && feed->report.lines < feed->messages)
        zr_buffer_printf(&text, "%sall other lines up to %" PRIu64 " are acked", text.len ? "; " : "", last);
    if (feed->unread && feed_has_lines(feed) && feed->messages && !input_is_over(&feed->input))
        zr_buffer_printf(&text, "%snothing after line %" PRIu64 " was published", text.len ? "; " : "", last);
    if (text.len)
        feed_say(feed, &text);
    else
        zr_buffer_finish(&text);
}

void feed_show_next_run(feed_t *feed) {
    zr_buffer_t text = {0};
    zr_buffer_printf(&text, "%s: the next run begins with line", feed->job->options.progress_file);
    bool one = feed->progress.todo.count == 1;
    if (one)
        zr_buffer_printf(&text, " %" PRIu64, ranges_at(&feed->progress.todo, 0));
    else
        zr_buffer_printf(&text, "s ");
    if (!one)
        ranges_print(&feed->progress.todo, TOLD_RANGES, &text);
    feed_say(feed, &text);
}
