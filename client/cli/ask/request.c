/* zrelay request: asks a user, or the readers of a room, and prints the answers. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

#include "conn.h"
#include "fatal.h"
#include "format.h"
#include "output.h"
#include "signals.h"

enum { TEXT_MOST = 1 << 20 }; /* bytes of stdin that are read; what the broker takes is less */

typedef struct {
    bool room;
    uint64_t timeout_ms, replies; /* 0 replies: all that come in time */
    conn_t session;
    output_t output;
    bool safe; /* stdout is a terminal */
    uint64_t number;
    char *ask;
    uint64_t answers, failed;
} ask_t;

extern const command_t cmd_request;

/* --- Answers --- */

static void s_print(ask_t *ask, const zrelay_event_t *event) {
    zr_buffer_t *out = &ask->output.buffer;
    zr_span_t text = zr_span_of(event->body, event->body_len);
    if (ask->session.config->json) {
        format_json(out, json_pack("{ss ss% sI sb}", "from", event->name, "text", (const char *)event->body,
                             event->body_len, "time", (json_int_t)event->time, "failed", event->failed));
        return;
    }
    if (ask->safe)
        zr_escape(out, text);
    else
        zr_buffer_append(out, text.ptr, text.len);
    zr_buffer_u8(out, '\n');
}

/* 0, or the exit code. */
static int s_answer(ask_t *ask, const zrelay_event_t *event) {
    ask->answers++;
    ask->failed += event->failed;
    if (event->failed && !ask->session.config->json)
        cli_say("%s: failed: %.*s", event->name, (int)event->body_len, (const char *)event->body);
    else
        s_print(ask, event);
    return output_flush(&ask->output) ? 0 : CLI_USAGE;
}

/* 0, or the exit code. */
static int s_event(ask_t *ask, const zrelay_event_t *event) {
    bool mine = event->request && event->request == ask->number;
    if (event->type == ZRELAY_DIRECT && ask->ask && event->answer && strcmp(event->answer, ask->ask) == 0)
        return s_answer(ask, event);
    if (event->type == ZRELAY_DONE && mine && event->ask) {
        free(ask->ask);
        ask->ask = fatal_check(strdup(event->ask));
    } else if (event->type == ZRELAY_DONE && mine) {
        cli_say("%s: this user may not read the room, and so gets no answer", event->room ? event->room : "");
        return CLI_REFUSED;
    } else if ((event->type == ZRELAY_REFUSED && mine) || conn_refused(&ask->session, event)) {
        conn_note(&ask->session, event);
        return CLI_REFUSED;
    } else if (event->type == ZRELAY_CLOSED) {
        return CLI_UNREACHABLE;
    } else if (event->type == ZRELAY_DISCONNECTED) {
        conn_note(&ask->session, event);
    }
    return 0;
}

static int s_wait(ask_t *ask) {
    uint64_t end = zr_mono_ms() + ask->timeout_ms;
    int code = 0;
    while (code == 0 && (!ask->replies || ask->answers < ask->replies)) {
        uint64_t now = zr_mono_ms();
        const zrelay_event_t *event = now < end ? conn_next(&ask->session, (int)(end - now)) : NULL;
        if (event) {
            code = s_event(ask, event);
            continue;
        }
        if (!ask->replies && ask->answers)
            break;
        if (signals_stop())
            cli_say("interrupted; answers: %" PRIu64, ask->answers);
        else if (ask->answers)
            cli_say("answers within %g seconds: %" PRIu64 " of %" PRIu64, (double)ask->timeout_ms / 1000, ask->answers,
                ask->replies);
        else
            cli_say("no answer within %g s", (double)ask->timeout_ms / 1000);
        return CLI_UNREACHABLE;
    }
    return code ? code : ask->failed ? CLI_FAILED : CLI_DONE;
}

/* --- The request --- */

/* All of stdin; malloc'ed. NULL: it was told why not. */
static char *s_stdin(void) {
    zr_buffer_t text = {0};
    char piece[4096];
    ssize_t len;
    while ((len = read(STDIN_FILENO, piece, sizeof piece)) > 0 || (len < 0 && errno == EINTR && !signals_stop()))
        if (len > 0 && text.len <= TEXT_MOST)
            zr_buffer_append(&text, piece, (size_t)len);
    if (len < 0)
        cli_say("cannot read stdin: %s", strerror(errno));
    bool whole = len == 0 && !memchr(text.data ? (char *)text.data : "", '\0', text.len);
    if (len == 0 && !whole)
        cli_say("a request is text, and stdin has a zero byte");
    if (text.len && text.data[text.len - 1] == '\n')
        text.len--;
    zr_buffer_u8(&text, '\0');
    char *copy = whole ? fatal_check(strdup((const char *)text.data)) : NULL;
    zr_buffer_finish(&text);
    return copy;
}

static int s_ask(ask_t *ask, const char *to, const char *text) {
    int failed = zrelay_ask(ask->session.relay, ask->room ? NULL : to, ask->room ? to : NULL, text, &ask->number);
    if (failed == ZRELAY_EINVAL) {
        cli_say("a request is UTF-8");
        return CLI_USAGE;
    }
    return failed ? conn_failed(&ask->session, failed) : s_wait(ask);
}

static int s_run(config_t *config, int argc, char **argv) {
    ask_t ask = {.timeout_ms = 10000, .replies = 1};
    const zr_option_t options[] = {
        {"room", 'r', ZR_OPTION_FLAG, &ask.room, NULL, 0, 0},
        {"timeout", 't', ZR_OPTION_SECONDS, &ask.timeout_ms, NULL, 0, 0},
        {"replies", 'n', ZR_OPTION_NUMBER, &ask.replies, NULL, 0, 0},
    };
    int code = cli_options(&cmd_request, config, options, sizeof options / sizeof *options, &argc, argv);
    if (code >= 0)
        return code;
    if (argc == 0)
        return cli_misuse(&cmd_request, "whom?");
    const char *to = ask.room ? cli_room(argv[0], false) : cli_nick(argv[0]);
    if (!to)
        return CLI_USAGE;
    char *text = argc > 1 ? zr_words_join(argc - 1, argv + 1) : s_stdin();
    if (!text)
        return CLI_USAGE;
    ask.safe = isatty(STDOUT_FILENO);
    output_open(&ask.output, STDOUT_FILENO, NULL, NULL);
    code = conn_open(&ask.session, config, CONN_NAMED);
    if (code == 0)
        code = s_ask(&ask, to, text);
    code = output_close(&ask.output, code);
    conn_close(&ask.session);
    free(ask.ask);
    free(text);
    return code;
}

const command_t cmd_request = {
    .name = "request",
    .usage = "NICK|-r ROOM [TEXT…]",
    .summary = "ask a user or a room, and print the answer",
    .help = "Sends TEXT, its words joined by spaces, to the sessions of NICK as a request, and prints the answer.\n"
            "Without TEXT, all of stdin is the request. 'zrelay reply' answers requests; so does a program.\n"
            "With -r it publishes TEXT in ROOM, and any of the room's readers may answer, or a worker of a group.\n"
            "Exits with 2 when no answer comes in time, with 3 when nobody has that nick, and with 4 when the\n"
            "answer says that the request failed; stderr tells why.\n"
            "\n"
            "Options:\n"
            "  -r, --room              ask the readers of a room\n"
            "  -t, --timeout S         wait S seconds for answers (10)\n"
            "  -n, --replies N         wait for N answers (1); 0: print all that come in time\n"
            "      --json              objects with from, text, time (microseconds) and failed\n",
    .run = s_run,
};
