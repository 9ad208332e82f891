/* zrelay pub: messages from words or from the lines of stdin. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "format.h"
#include "lines.h"
#include "conn.h"
#include "signals.h"

#define CHUNK (256 * 1024)
#define LINE_MAX_BYTES (64 * 1024 * 1024) /* beyond any broker's limit: what a line without end may take of memory */
#define PROGRESS_AFTER_MS 1000
#define PROGRESS_EVERY_MS 200

typedef struct {
    conn_t session;
    const char *room;
    const char *key;
    lines_t lines;
    zr_span_t pending; /* a line that found the queue full */
    bool has_pending;
    bool ended;   /* no more input is wanted */
    bool full;    /* the queue is */
    bool closing; /* zrelay_close was called */
    int code;
    uint64_t messages; /* taken by the library */
    uint64_t first_mid;
    uint64_t start_ms, shown_ms;
    bool progress, shown;
} pub_t;

extern const command_t cmd_pub;

/* --- What a person sees --- */

static void s_hide_progress(pub_t *pub) {
    if (pub->shown)
        fputs("\r\033[K", stderr);
    pub->shown = false;
}

static void s_show_progress(pub_t *pub) {
    uint64_t now = pub->progress ? conn_clock() : 0;
    if (!pub->progress || now - pub->start_ms < PROGRESS_AFTER_MS || now - pub->shown_ms < PROGRESS_EVERY_MS)
        return;
    zr_buffer_t text = {0};
    format_progress(&text, pub->messages, pub->messages - zrelay_unacked(pub->session.relay), now - pub->start_ms);
    fprintf(stderr, "\r%.*s\033[K", (int)text.len, (const char *)text.data);
    zr_buffer_finish(&text);
    pub->shown = true;
    pub->shown_ms = now;
}

/* Takes no more input; what is queued is still sent. */
static void s_stop(pub_t *pub, int code) {
    pub->ended = true;
    pub->has_pending = false;
    if (pub->code == 0)
        pub->code = code;
}

/* --- Publishing --- */

/* false: the queue is full. */
static bool s_publish(pub_t *pub, zr_span_t body) {
    uint64_t mid = 0;
    zrelay_t *relay = pub->session.relay;
    int failed = pub->key ? zrelay_set(relay, pub->room, pub->key, body.ptr, body.len, &mid)
                          : zrelay_publish(relay, pub->room, body.ptr, body.len, &mid);
    if (failed == ZRELAY_EFULL)
        return false;
    if (failed) {
        s_hide_progress(pub);
        if (pub->lines.number > 0)
            cli_say("line %" PRIu64 ": %zu bytes: %s; it and the lines after it are not published", pub->lines.number,
                body.len, zrelay_strerror(failed));
        else
            cli_say("%zu bytes: %s", body.len, zrelay_strerror(failed));
        s_stop(pub, CLI_USAGE);
        return true;
    }
    if (pub->messages++ == 0)
        pub->first_mid = mid;
    return true;
}

static void s_publish_lines(pub_t *pub) {
    while (!pub->ended) {
        if (!pub->has_pending) {
            lines_result_t result = lines_next(&pub->lines, &pub->pending);
            if (result == LINES_LONG) {
                s_hide_progress(pub);
                cli_say("line %" PRIu64
                        " is longer than any message may be; it and the lines after it are not published",
                    pub->lines.number + 1);
                s_stop(pub, CLI_USAGE);
            }
            if (result != LINES_LINE) {
                if (pub->lines.ended)
                    pub->ended = true;
                return;
            }
        }
        pub->has_pending = !s_publish(pub, pub->pending) && !pub->ended;
        pub->full = pub->has_pending;
        if (pub->full)
            return;
    }
}

static void s_read(pub_t *pub) {
    size_t room;
    char *to = lines_space(&pub->lines, &room);
    ssize_t len = read(STDIN_FILENO, to, room);
    if (len > 0) {
        lines_fed(&pub->lines, (size_t)len);
    } else if (len == 0) {
        lines_end(&pub->lines);
    } else if (errno != EINTR && errno != EAGAIN) {
        s_hide_progress(pub);
        cli_say("cannot read stdin: %s", strerror(errno));
        s_stop(pub, CLI_USAGE);
    }
}

/* --- Events --- */

static void s_refused(pub_t *pub, const zrelay_event_t *event) {
    zr_buffer_t text = {0};
    /* The library numbers messages one by one, so that a message's number tells its line. */
    uint64_t at = event->mid - pub->first_mid;
    if (pub->lines.number > 0 && event->mid >= pub->first_mid && at < pub->messages)
        format_add(&text, "line %" PRIu64 ": ", at + 1);
    format_note(&text, event, true);
    s_hide_progress(pub);
    cli_say("%.*s", (int)text.len, (const char *)text.data);
    zr_buffer_finish(&text);
    s_stop(pub, CLI_REFUSED);
}

/* false: the session has ended. */
static bool s_event(pub_t *pub, const zrelay_event_t *event) {
    switch (event->type) {
    case ZRELAY_REFUSED:
        if (pub->code == 0)
            s_refused(pub, event);
        return event->mid; /* else the session itself was refused: nothing more will be acked */
    case ZRELAY_ACKED:
        pub->full = false;
        return true;
    case ZRELAY_EPOCH:
        s_hide_progress(pub);
        cli_say("the broker lost its log (new epoch %s): what it acked before is gone, the rest goes on", event->epoch);
        return true;
    case ZRELAY_CLOSED:
        return false;
    default:
        s_hide_progress(pub);
        conn_note(&pub->session, event);
        return true;
    }
}

static int s_interrupted(pub_t *pub) {
    s_hide_progress(pub);
    cli_say("interrupted; messages not acked: %zu", zrelay_unacked(pub->session.relay));
    return CLI_UNREACHABLE;
}

static int s_loop(pub_t *pub) {
    for (;;) {
        s_publish_lines(pub);
        if (pub->ended && !pub->closing) {
            pub->closing = true;
            zrelay_close(pub->session.relay);
        }
        const zrelay_event_t *event;
        while ((event = conn_take(&pub->session)))
            if (!s_event(pub, event))
                return pub->code;
        if (signals_stop())
            return s_interrupted(pub);
        s_show_progress(pub);
        bool reads = !pub->ended && !pub->has_pending;
        if (pub->has_pending && !pub->full)
            continue;
        struct pollfd input = {.fd = reads ? STDIN_FILENO : -1, .events = POLLIN};
        conn_wait(&pub->session, &input, 1, pub->progress ? PROGRESS_EVERY_MS : -1);
        if (input.revents)
            s_read(pub);
    }
}

/* --- The command --- */

static char *s_words(int argc, char **argv) {
    zr_buffer_t text = {0};
    for (int i = 0; i < argc; i++)
        format_add(&text, "%s%s", i ? " " : "", argv[i]);
    zr_buffer_u8(&text, '\0');
    return (char *)text.data;
}

static int s_run(config_t *config, int argc, char **argv) {
    pub_t pub = {.code = 0};
    const option_t options[] = {{"key", 'k', OPTION_TEXT, &pub.key, NULL, 0, 0}};
    int code = cli_options(&cmd_pub, config, options, 1, &argc, argv);
    if (code >= 0)
        return code;
    if (argc == 0)
        return cli_misuse(&cmd_pub, "which room?");
    pub.room = argv[0];
    if (!cli_room_valid(pub.room, false) || (pub.key && !cli_key_valid(pub.key)))
        return CLI_USAGE;
    char *words = argc > 1 ? s_words(argc - 1, argv + 1) : NULL;
    lines_init(&pub.lines, CHUNK, LINE_MAX_BYTES);
    pub.progress = !words && isatty(STDERR_FILENO) && !isatty(STDIN_FILENO);
    pub.start_ms = conn_clock();
    code = conn_open(&pub.session, config, CONN_NAMED);
    if (code == 0 && words) {
        s_publish(&pub, zr_span(words));
        pub.ended = true;
    }
    if (code == 0)
        code = s_loop(&pub);
    if (code == 0 && zrelay_unacked(pub.session.relay) > 0) {
        cli_say("messages not acked: %zu", zrelay_unacked(pub.session.relay));
        code = CLI_UNREACHABLE;
    }
    s_hide_progress(&pub);
    conn_close(&pub.session);
    lines_finish(&pub.lines);
    free(words);
    return code;
}

const command_t cmd_pub = {
    .name = "pub",
    .usage = "ROOM [TEXT…]",
    .summary = "publish a message, or each line of stdin",
    .help = "Publishes TEXT, its words joined by spaces, as one message to ROOM. Without TEXT, each line of\n"
            "stdin becomes a message, without its newline; lines may hold any bytes. Exits with 0 only when\n"
            "the broker has acked every message. When the broker restarts meanwhile, what was not acked is\n"
            "sent again and stored once. TEXT that begins with a dash goes after '--'.\n"
            "\n"
            "Options:\n"
            "  -k, --key KEY           set the value of KEY in the room's shared state\n",
    .run = s_run,
};
