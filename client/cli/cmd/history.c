/* zrelay history: a room's log, up to its head of now, or what is wanted of it. */
#include <unistd.h>

#include "clock.h"
#include "conn.h"
#include "filter.h"
#include "look.h"
#include "output.h"
#include "moment.h"
#include "when.h"

#define ENOUGH (-1) /* for conn_answer: no more entries are wanted */

typedef struct {
    const char *room;
    const char *since, *until, *grep;
    uint64_t after, last;
    bool after_given, last_given;
} wishes_t;

typedef struct {
    conn_t session;
    output_t output;
    look_t look;
    filter_t filter;
    tail_t tail; /* max 0: each entry is printed as it comes */
    zrelay_event_t done;
} history_t;

extern const command_t cmd_history;

static int s_entry(const zrelay_event_t *event, void *ctx) {
    history_t *history = ctx;
    if (event->type != ZRELAY_ENTRY)
        return 0;
    if (filter_past(&history->filter, event))
        return ENOUGH;
    bool shown = !event->deleted || history->look.format == FORMAT_JSON;
    if (!shown || !filter_wants(&history->filter, event))
        return 0;
    if (history->tail.max) {
        look_entry(&history->look, event, tail_add(&history->tail));
        return 0;
    }
    look_entry(&history->look, event, &history->output.buffer);
    return output_added(&history->output) ? 0 : CLI_USAGE;
}

/* --- Reading --- */

static int s_read(history_t *history, const wishes_t *wishes) {
    uint64_t after = wishes->after;
    uint64_t request;
    moment_entry_t newest;
    int code = history->filter.since ? moment_near(&history->session, wishes->room, history->filter.since, &after) : 0;
    if (code == 0 && history->filter.until) {
        code = moment_look(&history->session, wishes->room, 0, 1, &newest);
        history->filter.newest = newest.time;
    }
    if (code)
        return code;
    uint64_t last = history->tail.max ? 0 : wishes->last;
    int failed = zrelay_history(history->session.relay, wishes->room, after, last, 0, &request);
    if (failed)
        return conn_failed(&history->session, failed);
    history->done.complete = true; /* unless the answer says otherwise */
    code = conn_answer(&history->session, request, s_entry, history, &history->done);
    if (code == ENOUGH)
        code = 0;
    for (size_t i = 0; code == 0 && i < history->tail.count; i++) {
        zr_span_t text = tail_text(&history->tail, i);
        zr_buffer_append(&history->output.buffer, text.ptr, text.len);
        code = output_added(&history->output) ? 0 : CLI_USAGE;
    }
    /* That nothing was found before `since` needs no word. */
    if (after > wishes->after)
        history->done.complete = true;
    return code;
}

/* --- The command --- */

/* false: what is wrong was told. */
static bool s_moments(const wishes_t *wishes, filter_t *filter) {
    uint64_t now = zr_time_us();
    if (wishes->since && !when_parse(wishes->since, now, &filter->since)) {
        cli_misuse(&cmd_history, "--since takes " WHEN_FORMS ", not '%s'", wishes->since);
        return false;
    }
    if (wishes->until && !when_parse(wishes->until, now, &filter->until)) {
        cli_misuse(&cmd_history, "--until takes " WHEN_FORMS ", not '%s'", wishes->until);
        return false;
    }
    if (wishes->until && filter->until <= filter->since) {
        cli_misuse(&cmd_history, "nothing lies between --since %s and --until %s",
            wishes->since ? wishes->since : "the beginning", wishes->until);
        return false;
    }
    return true;
}

static bool s_pattern(const wishes_t *wishes, filter_t *filter) {
    zr_error_t error = {0};
    bool good = !wishes->grep || filter_set_pattern(filter, wishes->grep, &error);
    if (!good)
        cli_misuse(&cmd_history, "--grep '%s': %s", wishes->grep, error.text);
    return good;
}

static int s_print(history_t *history, config_t *config, const wishes_t *wishes) {
    if (wishes->last_given && filter_active(&history->filter))
        history->tail.max = wishes->last;
    output_open(&history->output, STDOUT_FILENO, NULL, NULL);
    int code = conn_open(&history->session, config, CONN_NAMELESS);
    if (code == 0)
        code = s_read(history, wishes);
    code = output_close(&history->output, code);
    /* Without --after the output is all that the log has. With --after the user must hear that older messages are
     * gone. */
    if (code == 0 && wishes->after_given && !history->done.complete)
        cli_say("%s: the log does not reach back to seq %llu; older messages are gone", wishes->room,
            (unsigned long long)wishes->after);
    conn_close(&history->session);
    return code;
}

static int s_run(config_t *config, int argc, char **argv) {
    wishes_t wishes = {0};
    history_t history = {.tail.max = 0};
    const zr_option_t options[] = {
        {"after", 0, ZR_OPTION_NUMBER, &wishes.after, &wishes.after_given, 0, 0},
        {"last", 'n', ZR_OPTION_NUMBER, &wishes.last, &wishes.last_given, 1, 0},
        {"since", 0, ZR_OPTION_TEXT, &wishes.since, NULL, 0, 0},
        {"until", 0, ZR_OPTION_TEXT, &wishes.until, NULL, 0, 0},
        {"grep", 0, ZR_OPTION_TEXT, &wishes.grep, NULL, 0, 0},
        {"sender", 0, ZR_OPTION_TEXT, &history.filter.sender, NULL, 0, 0},
        LOOK_OPTIONS(history.look),
    };
    int code = cli_options(&cmd_history, config, options, sizeof options / sizeof options[0], &argc, argv);
    if (code >= 0)
        return code;
    if (argc != 1)
        return cli_misuse(&cmd_history, argc ? "one room at a time" : "which room?");
    if (wishes.after_given && wishes.last_given)
        return cli_misuse(&cmd_history, "--after and --last exclude each other");
    wishes.room = cli_room(argv[0], false);
    const char *sender = history.filter.sender;
    if (!wishes.room || (sender && !(history.filter.sender = cli_nick(sender))) ||
        !s_moments(&wishes, &history.filter) || !s_pattern(&wishes, &history.filter))
        return CLI_USAGE;
    code = look_settle(&history.look, &cmd_history, config, false);
    if (code == 0)
        code = s_print(&history, config, &wishes);
    tail_finish(&history.tail);
    filter_finish(&history.filter);
    return code;
}

const command_t cmd_history = {
    .name = "history",
    .usage = "ROOM",
    .summary = "print a room's log",
    .help = "Prints the messages of ROOM that the broker still has, up to the newest of now, as 'zrelay sub'\n"
            "would. Of several conditions all must hold; with --last, the last N for which they do.\n"
            "WHEN is an age (90s, 15m, 2h, 7d) or a time: 2026-11-20, 2026-11-20T10:15, 2026-11-20T10:15:30.5;\n"
            "local, or UTC with a Z behind. A date alone is its first moment. Messages bear the broker's\n"
            "time; where its clock was set, it may have gone back.\n"
            "\n"
            "Options:\n"
            "      --after SEQ         only those after this position\n"
            "  -n, --last N            only the last N\n"
            "      --since WHEN        only those of this moment and later\n"
            "      --until WHEN        only those before this moment\n"
            "      --grep PATTERN      only those with a line that matches the extended regular expression\n"
            "      --sender NICK       only those NICK sent\n" LOOK_HELP,
    .run = s_run,
};
