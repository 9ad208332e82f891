/* Publishing an input: reading it no faster than the broker acks, telling progress, ending only when all is acked. */
#include "feed.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <unistd.h>

#include "code.h"
#include "feed_saved.h"
#include "feed_show.h"
#include "format.h"
#include "signals.h"
#include "wire.h"

#define AHEAD_MIN                                                                                                      \
    64 /* ids that are noted as used before they are: few in a slow stream, to know well what was under way */
#define AHEAD_MAX 65536

/* --- Publishing --- */

static int s_hand_over(feed_t *feed) {
    const import_t *entry = &feed->input.entry;
    zrelay_t *relay = feed->session.relay;
    int failed = zrelay_set_mid(relay, feed->first_mid + feed->input.taken);
    if (failed)
        return failed;
    if (entry->deleted)
        return zrelay_delete(relay, entry->room, entry->key, NULL);
    if (entry->ttl && (failed = zrelay_set_ttl(relay, entry->ttl)))
        return failed;
    if (entry->key)
        return zrelay_set(relay, entry->room, entry->key, entry->body.ptr, entry->body.len, NULL);
    return zrelay_publish(relay, entry->room, entry->body.ptr, entry->body.len, NULL);
}

/* Before a message id is used, the file must say so. */
static bool s_announce(feed_t *feed) {
    if (!feed->job->options.progress_file || feed->first_mid + feed->input.taken < feed->progress.top)
        return true;
    uint64_t now = zr_mono_ms();
    bool soon = feed->ahead && now - feed->announced_ms < FEED_SAVE_MS;
    feed->ahead = !soon ? AHEAD_MIN : feed->ahead < AHEAD_MAX ? 2 * feed->ahead : AHEAD_MAX;
    feed->announced_ms = now;
    return feed_save(feed, feed->ahead);
}

/* false: not now. */
static bool s_publish(feed_t *feed) {
    if (!s_announce(feed))
        return true;
    if (zrelay_unacked(feed->session.relay) == 0)
        feed->heard_ms = zr_mono_ms();
    int failed = s_hand_over(feed);
    if (failed == ZRELAY_EFULL)
        return false;
    if (failed) {
        feed_hide_progress(feed);
        cli_say("%s", zrelay_strerror(failed));
        feed_stop(feed, CLI_USAGE);
        return true;
    }
    feed->messages++;
    feed->last = feed->input.taken;
    if (feed->mark_index == FEED_NONE) {
        feed->mark_index = feed->last;
        feed->mark = (progress_mark_t){feed->input.lines.number, feed->input.hash};
    }
    input_took(&feed->input);
    return true;
}

static void s_wrong(feed_t *feed, const zr_error_t *error) {
    feed_hide_progress(feed);
    cli_say("%s", error->text);
    feed_stop(feed, CLI_USAGE);
    feed->unread = false; /* it is told */
}

static void s_publish_all(feed_t *feed) {
    zr_error_t error = {0};
    while (!feed->ended && !feed->full) {
        if (feed->code && feed->input.taken >= feed->input.unsure) {
            feed_stop(feed, feed->code);
            return;
        }
        /* With --json each message has an ack of its own, which names its position. */
        if (feed->session.config->json && zrelay_unacked(feed->session.relay) > 0) {
            feed->full = true;
            return;
        }
        switch (input_next(&feed->input, feed->session.relay, &error)) {
        case INPUT_MESSAGE:
            feed->full = !s_publish(feed);
            break;
        case INPUT_MORE:
            return;
        case INPUT_END:
            feed->ended = true;
            feed->input.unsure = 0; /* the run before had no more either */
            break;
        case INPUT_WRONG:
            s_wrong(feed, &error);
            break;
        }
    }
}

/* --- Events --- */

/* --json: the line of a message, and where it stands. */
static void s_put_ack(feed_t *feed, const zrelay_event_t *event, uint64_t index) {
    const import_t *entry = &feed->input.entry;
    if (!feed->session.config->json || index != feed->last || feed->refused <= index)
        return;
    json_t *ack = json_pack("{ss}", "room", entry->room);
    if (entry->key)
        json_object_set_new(ack, "key", json_string(entry->key));
    if (feed_has_lines(feed))
        json_object_set_new(ack, "line", json_integer((json_int_t)ranges_at(&feed->input.todo, index)));
    if (event->seq)
        json_object_set_new(ack, "seq", json_integer((json_int_t)event->seq));
    json_object_set_new(ack, "level", json_string(zr_level_name((zr_level_t)event->level)));
    format_json(&feed->output.buffer, ack);
    if (!output_added(&feed->output))
        feed_stop(feed, CLI_USAGE);
}

static void s_acked(feed_t *feed, const zrelay_event_t *event) {
    uint64_t index = event->mid - feed->first_mid;
    feed->full = false;
    feed->heard_ms = zr_mono_ms();
    if (event->level < feed->level)
        feed->level = event->level;
    if (event->mid < feed->first_mid || feed->messages == 0 || index > feed->last)
        return;
    feed_advance(feed, index);
    s_put_ack(feed, event, index);
}

static bool s_has_code(const zrelay_event_t *event, zr_code_t code) {
    return event->code && strcmp(event->code, zr_code_name(code)) == 0;
}

/* The limit fell while messages were on their way. */
static bool s_is_left_out(const feed_t *feed, const zrelay_event_t *event) {
    return feed->input.oversize != OVERSIZE_FAIL && s_has_code(event, ZR_TOO_LARGE);
}

static void s_refused(feed_t *feed, const zrelay_event_t *event) {
    zr_buffer_t text = {0};
    ranges_t lines = {0};
    uint64_t first = event->mid - feed->first_mid, last = event->upto - feed->first_mid;
    feed->full = false;
    feed->heard_ms = zr_mono_ms();
    format_note(&text, event, true);
    if (event->mid < feed->first_mid || feed->messages == 0 || last > feed->last || !feed_has_lines(feed)) {
        feed_say(feed, &text);
        feed_stop(feed, CLI_REFUSED);
        return;
    }
    ranges_slice(&lines, &feed->input.todo, first, last - first + 1);
    for (size_t i = 0; i < lines.count; i++) {
        const line_range_t *range = &lines.items[i];
        report_add(&feed->report, range->first, range->last, zr_span_of(text.data, text.len));
        /* Of some the broker does not know any more whether it has them. */
        if (!s_has_code(event, ZR_OUTCOME_UNKNOWN) && !s_is_left_out(feed, event))
            ranges_add(&feed->again, range->first, range->last);
    }
    ranges_finish(&lines);
    zr_buffer_finish(&text);
    if (s_is_left_out(feed, event))
        return;
    feed->refused = first < feed->refused ? first : feed->refused;
    /* What the run before had under way must be sent again first: it has ids that no other message may get. */
    if (feed->code == 0 && feed->input.taken < feed->input.unsure) {
        feed_hide_progress(feed);
        cli_say("refused: line %" PRIu64 "; what the run before had sent is sent again before the end",
            feed->report.items[0].first);
    }
    feed->code = feed->code ? feed->code : CLI_REFUSED;
}

/* false: the session has ended. */
static bool s_event(feed_t *feed, const zrelay_event_t *event) {
    switch (event->type) {
    case ZRELAY_REFUSED:
        if (event->mid) {
            s_refused(feed, event);
            return true;
        }
        break;
    case ZRELAY_ACKED:
        s_acked(feed, event);
        return true;
    case ZRELAY_EPOCH:
        feed_hide_progress(feed);
        cli_say("the broker has begun another log (epoch %s): what was acked before is gone, the rest goes on",
            event->epoch);
        return true;
    case ZRELAY_CLOSED:
        return false;
    default:
        break;
    }
    feed_hide_progress(feed);
    conn_note(&feed->session, event);
    if (event->type != ZRELAY_REFUSED && !conn_refused(&feed->session, event))
        return true;
    feed->code = CLI_REFUSED;
    return false;
}

/* --- The end --- */

static int s_end(feed_t *feed, int code, const char *why) {
    feed_hide_progress(feed);
    bool saved = feed->messages == 0 || feed_save(feed, 0);
    if (code == 0)
        code = feed->code;
    if (code == 0 && zrelay_unacked(feed->session.relay) > 0)
        code = CLI_UNREACHABLE;
    feed_show_refused(feed);
    feed_show_rest(feed, why);
    if (code == 0)
        feed_show_done(feed);
    else if (saved && feed->messages && feed->job->options.progress_file)
        feed_show_next_run(feed);
    return code;
}

/* --- The loop --- */

/* Milliseconds until --timeout is over; -1: no message waits. */
static int s_patience(const feed_t *feed) {
    const feed_options_t *options = &feed->job->options;
    if (!options->timeout_given || zrelay_unacked(feed->session.relay) == 0)
        return -1;
    uint64_t passed = zr_mono_ms() - feed->heard_ms;
    return passed < options->timeout_ms ? (int)(options->timeout_ms - passed) : 0;
}

static int s_sooner(int a, int b) {
    return a < 0 ? b : b < 0 || a < b ? a : b;
}

/* stdout is full: the session is kept alive meanwhile. */
static bool s_wait_output(struct pollfd *file, void *ctx) {
    feed_t *feed = ctx;
    conn_hold(&feed->session, file, 1, -1);
    return signals_stop() == 0;
}

static void s_wait(feed_t *feed) {
    bool reads = !feed->ended && !feed->full;
    struct pollfd files[2] = {{.fd = reads ? feed->job->fd : -1, .events = POLLIN},
        {.fd = feed->output.pipe && feed->session.config->json ? feed->output.fd : -1}};
    int timeout = s_sooner(s_patience(feed), feed_save_due(feed));
    conn_wait(&feed->session, files, 2, s_sooner(timeout, feed->shows ? FEED_PROGRESS_MS : -1));
    if (files[1].revents && output_lost(&feed->output))
        feed_stop(feed, CLI_USAGE);
    zr_error_t error = {0};
    if (!files[0].revents || input_read(&feed->input, &error))
        return;
    feed_hide_progress(feed);
    cli_say("%s", error.text);
    feed_stop(feed, CLI_USAGE);
}

static int s_loop(feed_t *feed) {
    char why[64];
    for (;;) {
        s_publish_all(feed);
        if (feed->ended && !feed->closing) {
            feed->closing = true;
            zrelay_close(feed->session.relay);
        }
        bool heard = false;
        const zrelay_event_t *event;
        for (; (event = conn_take(&feed->session)); heard = true)
            if (!s_event(feed, event))
                return s_end(feed, 0, NULL);
        if (!output_flush(&feed->output))
            feed_stop(feed, CLI_USAGE);
        if (signals_stop()) {
            feed_stop(feed, CLI_UNREACHABLE);
            return s_end(feed, CLI_UNREACHABLE, "interrupted");
        }
        if (s_patience(feed) == 0) {
            snprintf(why, sizeof why, "no answer for %g seconds", (double)feed->job->options.timeout_ms / 1000);
            feed_stop(feed, CLI_UNREACHABLE);
            return s_end(feed, CLI_UNREACHABLE, why);
        }
        feed_show_progress(feed);
        if (feed_save_due(feed) == 0)
            feed_save(feed, 0);
        if (!heard) /* else there may be something to do */
            s_wait(feed);
    }
}

/* --- From the beginning to the end --- */

/* The session of an earlier run's client id, whose answers must be meant for the same user. */
static int s_begin(feed_t *feed, config_t *config) {
    progress_t *progress = &feed->progress;
    const char *file = feed->job->options.progress_file;
    zr_error_t error = {0};
    if (file && !progress_open(progress, file, feed->job->purpose, &error)) {
        cli_say("%s", error.text);
        return CLI_USAGE;
    }
    config->client = file ? progress->client : NULL;
    int code = conn_open(&feed->session, config, CONN_NAMED);
    if (code || !file)
        return code;
    const char *user = feed->session.user ? feed->session.nick : "";
    if (progress->epoch[0] && strcmp(progress->user, user) != 0) {
        cli_say("%s: the run before published as %s, and the broker knows what it sent as that user's only", file,
            progress->user[0] ? progress->user : "nobody, without a login");
        return CLI_USAGE;
    }
    if (progress->epoch[0] && strcmp(progress->epoch, feed->session.epoch) != 0)
        cli_say("the broker has begun another log since the run before: what was acked is gone, the rest goes on");
    snprintf(progress->user, sizeof progress->user, "%s", user);
    return 0;
}

/* false: the value is wrong, and the user was told. */
static bool s_oversize(const feed_job_t *job, oversize_t *out) {
    static const char *const names[] = {
        [OVERSIZE_FAIL] = "fail", [OVERSIZE_SKIP] = "skip", [OVERSIZE_TRUNCATE] = "truncate"};
    const char *given = job->options.oversize ? job->options.oversize : names[OVERSIZE_FAIL];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(given, names[i]) == 0) {
            *out = (oversize_t)i;
            return true;
        }
    cli_misuse(job->command, "--oversize takes fail, skip or truncate, not '%s'", given);
    return false;
}

int feed_run(config_t *config, const feed_job_t *job) {
    oversize_t oversize;
    if (!s_oversize(job, &oversize))
        return CLI_USAGE;
    feed_t feed = {.job = job, .level = ZRELAY_LEVEL_REPLICATED, .refused = FEED_NONE, .mark_index = FEED_NONE};
    bool lines = !job->text && !job->whole;
    feed.shows = lines && isatty(STDERR_FILENO) && !isatty(STDIN_FILENO);
    feed.start_ms = zr_mono_ms();
    progress_init(&feed.progress);
    output_open(&feed.output, STDOUT_FILENO, s_wait_output, &feed);
    int code = s_begin(&feed, config);
    feed.first_mid = feed.progress.next;
    feed.old_top = feed.progress.top;
    input_init(&feed.input, job, oversize, &feed.progress);
    if (code == 0)
        code = s_loop(&feed);
    code = output_close(&feed.output, code);
    conn_close(&feed.session);
    input_finish(&feed.input);
    report_finish(&feed.report);
    ranges_finish(&feed.again);
    progress_finish(&feed.progress);
    config->client = NULL;
    return code;
}
