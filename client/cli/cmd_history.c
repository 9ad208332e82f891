/* zrelay history: a room's log, up to its head of now. */
#include <unistd.h>

#include "format.h"
#include "output.h"
#include "conn.h"

typedef struct {
    output_t output;
    format_t format;
} history_t;

extern const command_t cmd_history;

static int s_entry(const zrelay_event_t *event, void *ctx) {
    history_t *history = ctx;
    if (event->type != ZRELAY_ENTRY)
        return 0;
    format_entry(&history->output.buffer, event, history->format);
    return output_added(&history->output) ? 0 : CLI_USAGE;
}

static int s_run(config_t *config, int argc, char **argv) {
    bool raw = false;
    bool after_given = false;
    bool last_given = false;
    uint64_t after = 0;
    uint64_t last = 0;
    const option_t options[] = {
        {"after", 0, OPTION_NUMBER, &after, &after_given, 0, 0},
        {"last", 'n', OPTION_NUMBER, &last, &last_given, 1, 0},
        {"raw", 0, OPTION_FLAG, &raw, NULL, 0, 0},
    };
    int code = cli_options(&cmd_history, config, options, sizeof options / sizeof options[0], &argc, argv);
    if (code >= 0)
        return code;
    if (argc != 1)
        return cli_misuse(&cmd_history, argc ? "one room at a time" : "which room?");
    if (after_given && last_given)
        return cli_misuse(&cmd_history, "--after and --last exclude each other");
    if (!cli_room_valid(argv[0], false))
        return CLI_USAGE;
    history_t history = {.format = config->json                    ? FORMAT_JSON
                                   : raw || !isatty(STDOUT_FILENO) ? FORMAT_RAW
                                                                   : FORMAT_SAFE};
    output_open(&history.output, STDOUT_FILENO, NULL, NULL);
    conn_t session;
    zrelay_event_t done = {0};
    uint64_t request;
    code = conn_open(&session, config, CONN_NAMELESS);
    if (code == 0) {
        int failed = zrelay_history(session.relay, argv[0], after, last, 0, &request);
        code = failed ? conn_failed(&session, failed) : conn_answer(&session, request, s_entry, &history, &done);
    }
    code = output_close(&history.output, code);
    /* Whoever asks for all there is gets all there is; whoever names a beginning wants to know when it is gone. */
    if (code == 0 && after_given && !done.complete)
        cli_say(
            "%s: the log does not reach back to seq %llu; older messages are gone", argv[0], (unsigned long long)after);
    conn_close(&session);
    return code;
}

const command_t cmd_history = {
    .name = "history",
    .usage = "ROOM",
    .summary = "print a room's log",
    .help = "Prints the messages of ROOM that the broker still has, up to the newest of now, as 'zrelay sub'\n"
            "would.\n"
            "\n"
            "Options:\n"
            "      --after SEQ         only those after this position\n"
            "  -n, --last N            only the last N\n"
            "      --raw               bodies as they are, on a terminal too\n",
    .run = s_run,
};
