/* Publishing lines: reading stdin no faster than the broker acks, telling progress, ending only when all is acked. */
#include "feed.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "format.h"
#include "lines.h"
#include "signals.h"

#define CHUNK (256 * 1024)
#define LINE_MAX_BYTES (64 * 1024 * 1024) /* beyond any broker's limit: what a line without end may take of memory */
#define PROGRESS_AFTER_MS 1000
#define PROGRESS_EVERY_MS 200

typedef struct {
    conn_t session;
    feed_publish_fn *publish;
    void *ctx;
    lines_t lines;
    zr_span_t pending; /* a line that found the queue full */
    bool has_pending;
    bool ended;   /* no more input is wanted */
    bool full;    /* the queue is */
    bool closing; /* zrelay_close was called */
    int code;
    uint64_t messages; /* taken by the library */
    uint64_t first_mid;
    zrelay_level_t level; /* the lowest that an ack named */
    uint64_t start_ms, shown_ms;
    bool progress, shown;
} feed_t;

/* --- What a person sees --- */

static void s_hide_progress(feed_t *feed) {
    if (feed->shown)
        fputs("\r\033[K", stderr);
    feed->shown = false;
}

static void s_show_progress(feed_t *feed) {
    uint64_t now = feed->progress ? zr_mono_ms() : 0;
    if (!feed->progress || now - feed->start_ms < PROGRESS_AFTER_MS || now - feed->shown_ms < PROGRESS_EVERY_MS)
        return;
    zr_buffer_t text = {0};
    format_progress(&text, feed->messages, feed->messages - zrelay_unacked(feed->session.relay), now - feed->start_ms);
    fprintf(stderr, "\r%.*s\033[K", (int)text.len, (const char *)text.data);
    zr_buffer_finish(&text);
    feed->shown = true;
    feed->shown_ms = now;
}

/* Shows the outcome, if progress was shown or with --verbose. */
static void s_show_end(const feed_t *feed) {
    if (feed->messages == 0 || !(feed->shown_ms || feed->session.config->verbose))
        return;
    zr_buffer_t text = {0};
    format_acked(&text, feed->messages, feed->level);
    cli_say("%.*s", (int)text.len, (const char *)text.data);
    zr_buffer_finish(&text);
}

/* Takes no more input; queued messages are still sent. */
static void s_stop(feed_t *feed, int code) {
    feed->ended = true;
    feed->has_pending = false;
    if (feed->code == 0)
        feed->code = code;
}

/* --- Publishing --- */

feed_taken_t feed_result(int failed, size_t len, zr_error_t *error) {
    if (failed == ZRELAY_EFULL)
        return FEED_FULL;
    if (failed)
        zr_fail(error, "%zu bytes: %s", len, zrelay_strerror(failed));
    return failed ? FEED_WRONG : FEED_TAKEN;
}

/* false: the queue is full. */
static bool s_publish(feed_t *feed, zr_span_t line) {
    uint64_t mid = 0;
    zr_error_t error = {0};
    feed_taken_t taken = feed->publish(feed->session.relay, line, &mid, &error, feed->ctx);
    if (taken == FEED_WRONG) {
        s_hide_progress(feed);
        if (feed->lines.number > 0)
            cli_say(
                "line %" PRIu64 ": %s; it and the lines after it are not published", feed->lines.number, error.text);
        else
            cli_say("%s", error.text);
        s_stop(feed, CLI_USAGE);
    } else if (taken == FEED_TAKEN && feed->messages++ == 0) {
        feed->first_mid = mid;
    }
    return taken != FEED_FULL;
}

static void s_publish_lines(feed_t *feed) {
    while (!feed->ended) {
        if (!feed->has_pending) {
            lines_result_t result = lines_next(&feed->lines, &feed->pending);
            if (result == LINES_LONG) {
                s_hide_progress(feed);
                cli_say("line %" PRIu64
                        " is longer than any message may be; it and the lines after it are not published",
                    feed->lines.number + 1);
                s_stop(feed, CLI_USAGE);
            }
            if (result != LINES_LINE) {
                if (feed->lines.ended)
                    feed->ended = true;
                return;
            }
        }
        feed->has_pending = !s_publish(feed, feed->pending) && !feed->ended;
        feed->full = feed->has_pending;
        if (feed->full)
            return;
    }
}

static void s_read(feed_t *feed) {
    size_t room;
    char *to = lines_space(&feed->lines, &room);
    ssize_t len = read(STDIN_FILENO, to, room);
    if (len > 0) {
        lines_fed(&feed->lines, (size_t)len);
    } else if (len == 0) {
        lines_end(&feed->lines);
    } else if (errno != EINTR && errno != EAGAIN) {
        s_hide_progress(feed);
        cli_say("cannot read stdin: %s", strerror(errno));
        s_stop(feed, CLI_USAGE);
    }
}

/* --- Events --- */

static void s_refused(feed_t *feed, const zrelay_event_t *event) {
    zr_buffer_t text = {0};
    /* The library numbers messages one by one, so that a message's number tells its line. */
    uint64_t at = event->mid - feed->first_mid;
    if (feed->lines.number > 0 && event->mid >= feed->first_mid && at < feed->messages)
        zr_buffer_printf(&text, "line %" PRIu64 ": ", at + 1);
    format_note(&text, event, true);
    s_hide_progress(feed);
    cli_say("%.*s", (int)text.len, (const char *)text.data);
    zr_buffer_finish(&text);
    s_stop(feed, CLI_REFUSED);
}

/* false: the session has ended. */
static bool s_event(feed_t *feed, const zrelay_event_t *event) {
    switch (event->type) {
    case ZRELAY_REFUSED:
        if (feed->code == 0)
            s_refused(feed, event);
        return event->mid; /* else the session itself was refused: nothing more will be acked */
    case ZRELAY_ACKED:
        feed->full = false;
        if (event->level < feed->level)
            feed->level = event->level;
        return true;
    case ZRELAY_EPOCH:
        s_hide_progress(feed);
        cli_say("the broker has begun another log (epoch %s): what was acked before is gone, the rest goes on",
            event->epoch);
        return true;
    case ZRELAY_CLOSED:
        return false;
    default:
        s_hide_progress(feed);
        conn_note(&feed->session, event);
        if (!conn_refused(&feed->session, event))
            return true;
        if (zrelay_unacked(feed->session.relay) > 0)
            cli_say("messages not acked: %zu", zrelay_unacked(feed->session.relay));
        feed->code = CLI_REFUSED;
        return false;
    }
}

static int s_interrupted(feed_t *feed) {
    s_hide_progress(feed);
    cli_say("interrupted; messages not acked: %zu", zrelay_unacked(feed->session.relay));
    return CLI_UNREACHABLE;
}

static int s_loop(feed_t *feed) {
    for (;;) {
        s_publish_lines(feed);
        if (feed->ended && !feed->closing) {
            feed->closing = true;
            zrelay_close(feed->session.relay);
        }
        const zrelay_event_t *event;
        while ((event = conn_take(&feed->session)))
            if (!s_event(feed, event))
                return feed->code;
        if (signals_stop())
            return s_interrupted(feed);
        s_show_progress(feed);
        bool reads = !feed->ended && !feed->has_pending;
        if (feed->has_pending && !feed->full)
            continue;
        struct pollfd input = {.fd = reads ? STDIN_FILENO : -1, .events = POLLIN};
        conn_wait(&feed->session, &input, 1, feed->progress ? PROGRESS_EVERY_MS : -1);
        if (input.revents)
            s_read(feed);
    }
}

/* --- From the beginning to the end --- */

int feed_run(config_t *config, feed_publish_fn *publish, void *ctx, const zr_span_t *only) {
    feed_t feed = {.publish = publish, .ctx = ctx, .level = ZRELAY_LEVEL_DISK};
    lines_init(&feed.lines, CHUNK, LINE_MAX_BYTES);
    feed.progress = !only && isatty(STDERR_FILENO) && !isatty(STDIN_FILENO);
    feed.start_ms = zr_mono_ms();
    int code = conn_open(&feed.session, config, CONN_NAMED);
    if (code == 0 && only) {
        s_publish(&feed, *only);
        feed.ended = true;
    }
    if (code == 0)
        code = s_loop(&feed);
    if (code == 0 && zrelay_unacked(feed.session.relay) > 0) {
        cli_say("messages not acked: %zu", zrelay_unacked(feed.session.relay));
        code = CLI_UNREACHABLE;
    }
    s_hide_progress(&feed);
    if (code == 0)
        s_show_end(&feed);
    conn_close(&feed.session);
    lines_finish(&feed.lines);
    return code;
}
