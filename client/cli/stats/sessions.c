/* zrelay sessions: the sessions of a broker. */
#include <unistd.h>

#include "stats_ask.h"
#include "typed.h"

extern const command_t cmd_sessions;

static int s_run(config_t *config, int argc, char **argv) {
    int code = cli_options(&cmd_sessions, config, NULL, 0, &argc, argv);
    if (code >= 0)
        return code;
    if (argc > 1)
        return cli_misuse(&cmd_sessions, "one prefix at a time");
    output_t output;
    conn_t session;
    output_open(&output, STDOUT_FILENO, NULL, NULL);
    code = conn_open(&session, config, CONN_NAMELESS);
    if (code == 0)
        code = stats_print(&session, stats_table("sessions"), argc ? typed_name(argv[0]) : "", &output);
    code = output_close(&output, code);
    conn_close(&session);
    return code;
}

const command_t cmd_sessions = {
    .name = "sessions",
    .usage = "[PREFIX]",
    .summary = "print the sessions of a broker",
    .help = "Prints each session, or each whose nick begins with PREFIX: nick, address, state (live, gateway, or\n"
            "detached: it may resume), messages and bytes that it published in the last second, bytes that wait\n"
            "for it, rooms, how often it was told to wait, how often its queue was full, age in seconds, messages\n"
            "and bytes since it began, workers, peers that it carries, and a number of its own; separated by tabs\n"
            "when stdout is no terminal. On a broker with users it needs the right 'stats' or 'admin'.\n",
    .run = s_run,
};
