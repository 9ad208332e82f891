/* zrelay sub: a line, or a command, per message. */
#include <stdlib.h>
#include <inttypes.h>
#include <unistd.h>

#include "clock.h"
#include "cursor.h"
#include "group_worker.h"
#include "jobs.h"
#include "look.h"
#include "output.h"
#include "conn.h"
#include "signals.h"

enum { GROUP_CREDIT = 100 }; /* messages of a group at a time, without --exec */

typedef struct {
    bool all;
    bool after_given, last_given, count_given, timeout_given, jobs_given;
    uint64_t after, last, count, timeout_ms, jobs;
    const char *command, *durable, *cursor;
} sub_options_t;

typedef struct {
    conn_t session;
    sub_options_t options;
    output_t output;
    jobs_t jobs;
    look_t look;
    group_worker_t group;
    cursor_t cursor;
    uint64_t messages;
    bool from_now;     /* rooms without a position are read from their next message on */
    uint64_t heard_ms; /* when the last message came */
    bool ended;
    int code;
} sub_t;

extern const command_t cmd_sub;

/* stdout is full: the session is kept alive meanwhile. */
static bool s_wait_output(struct pollfd *file, void *ctx) {
    sub_t *sub = ctx;
    conn_hold(&sub->session, file, 1, -1);
    return signals_stop() == 0;
}

static void s_end(sub_t *sub, int code) {
    sub->ended = true;
    if (sub->code == 0)
        sub->code = code;
}

/* --- The file of positions --- */

/* What was read so far is written. `now`: whenever the last save was. */
static void s_save_cursor(sub_t *sub, bool now) {
    zr_error_t error = {0};
    if (sub->cursor.held < 0)
        return;
    if (sub->jobs.running == 0)
        cursor_written(&sub->cursor);
    if (cursor_save(&sub->cursor, zr_mono_ms(), now, &error))
        return;
    cli_say("%s", error.text);
    s_end(sub, CLI_USAGE);
}

/* The broker's log may be another one than that of the positions. */
static void s_see_epoch(sub_t *sub) {
    if (sub->cursor.held >= 0 && cursor_epoch(&sub->cursor, sub->session.epoch))
        cli_say("%s: the broker has another log than that of these positions (epoch %s); reading begins anew",
            sub->cursor.path, sub->session.epoch);
}

/* --- What comes --- */

static void s_entry(sub_t *sub, const zrelay_event_t *event) {
    if (sub->options.command && jobs_full(&sub->jobs)) {
        group_worker_give_back(&sub->group, event);
        return;
    }
    if (sub->cursor.held >= 0)
        cursor_read(&sub->cursor, event->room, event->seq);
    if (sub->options.command)
        jobs_start(&sub->jobs, event);
    else if (!look_entry(&sub->look, event, &sub->output.buffer))
        return; /* a deleted key, which text does not show */
    else if (!output_added(&sub->output))
        s_end(sub, CLI_USAGE);
    sub->messages++;
    sub->heard_ms = 0;
    if (sub->options.count_given && sub->messages >= sub->options.count)
        s_end(sub, CLI_DONE);
}

static void s_event(sub_t *sub, const zrelay_event_t *event) {
    bool end = false;
    if (event->type == ZRELAY_ENTRY || event->type == ZRELAY_WORK) {
        s_entry(sub, event);
        if (event->worker && !sub->options.command)
            group_worker_shown(&sub->group, event);
        return;
    }
    if (group_worker_event(&sub->group, event, &end)) {
        if (end)
            s_end(sub, CLI_REFUSED);
        return;
    }
    if (event->type == ZRELAY_EPOCH)
        s_see_epoch(sub);
    uint64_t at;
    if (event->type == ZRELAY_JOINED && sub->cursor.held >= 0 && sub->from_now &&
        !cursor_at(&sub->cursor, event->room, &at))
        cursor_read(&sub->cursor, event->room, event->seq);
    output_flush(&sub->output); /* so that the note stands where it belongs when both go to one terminal */
    conn_note(&sub->session, event);
    if (event->type == ZRELAY_REFUSED || conn_refused(&sub->session, event))
        s_end(sub, CLI_REFUSED);
    else if (event->type == ZRELAY_CLOSED)
        s_end(sub, CLI_UNREACHABLE);
}

/* Milliseconds until --timeout is over, -1 without end; 0 ends the command. */
static int s_patience(sub_t *sub) {
    if (!sub->options.timeout_given || sub->jobs.running > 0)
        return -1;
    uint64_t now = zr_mono_ms();
    if (sub->heard_ms == 0)
        sub->heard_ms = now;
    uint64_t passed = now - sub->heard_ms;
    return passed < sub->options.timeout_ms ? (int)(sub->options.timeout_ms - passed) : 0;
}

/* Of two times to wait; -1: without end. */
static int s_sooner(int one, int other) {
    return other >= 0 && (one < 0 || other < one) ? other : one;
}

/* Waits for the first of these: an event (only if `take`: there is a place for a command), a command's end or pipe, a
 * signal, the closing of stdout. */
static void s_wait(sub_t *sub, bool take) {
    struct pollfd files[JOBS_FILES + 1];
    nfds_t pipes = jobs_files(&sub->jobs, files);
    files[pipes] = (struct pollfd){.fd = sub->output.pipe ? sub->output.fd : -1};
    int patience = s_sooner(s_patience(sub), group_worker_go_on(&sub->group));
    if (sub->jobs.running == 0)
        patience = s_sooner(patience, cursor_due(&sub->cursor, zr_mono_ms()));
    if (take)
        conn_wait(&sub->session, files, pipes + 1, patience);
    else
        conn_hold(&sub->session, files, pipes + 1, patience);
    jobs_move(&sub->jobs, files, pipes);
    if (signals_took_child())
        jobs_reap(&sub->jobs);
    if (!sub->options.command && files[pipes].revents && output_lost(&sub->output))
        s_end(sub, CLI_USAGE);
    if (take && s_patience(sub) == 0) {
        const zrelay_event_t *event = conn_take(&sub->session);
        if (event) { /* it came while time ran out */
            s_event(sub, event);
            return;
        }
        output_flush(&sub->output);
        cli_say("no message for %g seconds", (double)sub->options.timeout_ms / 1000);
        s_end(sub, CLI_UNREACHABLE);
    }
}

static void s_loop(sub_t *sub) {
    while (!sub->ended && !signals_stop()) {
        const zrelay_event_t *event = NULL;
        bool take = !sub->options.command || !jobs_full(&sub->jobs) || group_worker_stuck(&sub->group);
        bool save = sub->jobs.running == 0 && cursor_due(&sub->cursor, zr_mono_ms()) == 0;
        if (take && !save && (event = conn_take(&sub->session))) {
            s_event(sub, event);
            if (signals_took_child())
                jobs_reap(&sub->jobs);
            continue;
        }
        if (!output_flush(&sub->output)) {
            s_end(sub, CLI_USAGE);
            continue;
        }
        group_worker_flushed(&sub->group);
        s_save_cursor(sub, false);
        if (!save)
            s_wait(sub, take);
    }
    /* The commands that run may finish; a second signal ends them too. */
    while (sub->jobs.running > 0 && signals_stop() < 2)
        s_wait(sub, false);
    bool cut = sub->jobs.running > 0;
    jobs_finish(&sub->jobs);
    if (output_flush(&sub->output)) {
        group_worker_flushed(&sub->group);
        if (!cut)
            s_save_cursor(sub, true);
    }
    if (!sub->ended && sub->options.count_given) { /* else an interrupt is how it ends */
        cli_say("interrupted; messages: %" PRIu64 " of %" PRIu64, sub->messages, sub->options.count);
        s_end(sub, CLI_UNREACHABLE);
    }
    if (sub->jobs.failed > 0)
        s_end(sub, CLI_FAILED);
}

/* --- The command --- */

static int s_work(sub_t *sub, int count, char **rooms) {
    group_worker_t *group = &sub->group;
    group->session = &sub->session;
    group->jobs = &sub->jobs;
    group->all = sub->options.all;
    group->after_given = sub->options.after_given;
    group->after = sub->options.after;
    return group_worker_begin(group, count, rooms, sub->options.command ? sub->options.jobs : GROUP_CREDIT);
}

static int s_join(sub_t *sub, const config_t *config, int count, char **rooms) {
    const sub_options_t *options = &sub->options;
    if (sub->group.name)
        return s_work(sub, count, rooms);
    int from = options->last_given                    ? ZRELAY_FROM_LAST
               : options->all || options->after_given ? ZRELAY_FROM_AFTER
                                                      : ZRELAY_FROM_NOW;
    uint64_t position = options->last_given ? options->last : options->after;
    sub->from_now = from == ZRELAY_FROM_NOW;
    s_see_epoch(sub);
    for (int i = 0; i < count; i++) {
        uint64_t at = position;
        int begin = cursor_at(&sub->cursor, rooms[i], &at) ? ZRELAY_FROM_AFTER : from;
        int failed = zrelay_join(sub->session.relay, rooms[i], begin | (config->nick_given ? 0 : ZRELAY_SILENT), at);
        if (failed) {
            cli_say("%s: %s", rooms[i], zrelay_strerror(failed));
            return CLI_USAGE;
        }
    }
    return 0;
}

static int s_check(sub_t *sub, int argc, char **argv) {
    const sub_options_t *options = &sub->options;
    if (argc == 0)
        return cli_misuse(&cmd_sub, "which room?");
    if (options->all + options->after_given + options->last_given > 1)
        return cli_misuse(&cmd_sub, "--all, --after and --last exclude each other");
    if (options->jobs_given && !options->command)
        return cli_misuse(&cmd_sub, "--jobs goes with --exec");
    if (options->command && (sub->look.layout || sub->look.delimiter || sub->look.null))
        return cli_misuse(&cmd_sub, "--exec excludes --format, --delimiter and --null");
    if (options->durable && (sub->group.name || options->jobs > 1 || sub->group.ordered))
        return cli_misuse(
            &cmd_sub, "--durable excludes --group, --jobs and --ordered-by-key: messages come one by one");
    if (options->cursor && (options->durable || sub->group.name || options->jobs > 1))
        return cli_misuse(&cmd_sub, "--cursor excludes --durable, --group and --jobs");
    group_worker_t *group = &sub->group;
    if (options->durable) {
        group->name = options->durable;
        group->in_order = true;
    }
    bool grouped = group->time_given || group->deliveries_given || group->ordered || group->keep || group->dead;
    if (grouped && !group->name)
        return cli_misuse(&cmd_sub, "--time, --deliveries, --dead, --keep and --ordered-by-key go with --group");
    if (group->name && options->last_given)
        return cli_misuse(&cmd_sub, "--last excludes --group and --durable");
    if (!cli_rooms(argc, argv, !group->name && !options->cursor))
        return CLI_USAGE;
    for (int i = 0; i < argc; i++)
        for (int j = 0; j < i; j++)
            if (strcmp(argv[i], argv[j]) == 0)
                return cli_misuse(&cmd_sub, "%s is there twice", argv[i]);
    return 0;
}

static int s_run(config_t *config, int argc, char **argv) {
    sub_t sub = {.options = {.jobs = 1}, .cursor = {.held = -1}};
    zr_error_t error = {0};
    sub_options_t *given = &sub.options;
    const zr_option_t options[] = {
        {"after", 0, ZR_OPTION_NUMBER, &given->after, &given->after_given, 0, 0},
        {"last", 'n', ZR_OPTION_NUMBER, &given->last, &given->last_given, 1, 0},
        {"all", 'a', ZR_OPTION_FLAG, &given->all, NULL, 0, 0},
        {"count", 'c', ZR_OPTION_NUMBER, &given->count, &given->count_given, 1, 0},
        {"timeout", 't', ZR_OPTION_SECONDS, &given->timeout_ms, &given->timeout_given, 0, 0},
        {"exec", 0, ZR_OPTION_TEXT, &given->command, NULL, 0, 0},
        {"jobs", 'j', ZR_OPTION_NUMBER, &given->jobs, &given->jobs_given, 1, JOBS_MAX},
        {"group", 'g', ZR_OPTION_TEXT, &sub.group.name, NULL, 0, 0},
        {"durable", 0, ZR_OPTION_TEXT, &given->durable, NULL, 0, 0},
        {"cursor", 0, ZR_OPTION_TEXT, &given->cursor, NULL, 0, 0},
        {"time", 0, ZR_OPTION_SECONDS, &sub.group.time_ms, &sub.group.time_given, 0, 0},
        {"deliveries", 0, ZR_OPTION_NUMBER, &sub.group.deliveries, &sub.group.deliveries_given, 1, 1000},
        {"dead", 0, ZR_OPTION_TEXT, &sub.group.dead, NULL, 0, 0},
        {"ordered-by-key", 0, ZR_OPTION_FLAG, &sub.group.ordered, NULL, 0, 0},
        {"keep", 0, ZR_OPTION_FLAG, &sub.group.keep, NULL, 0, 0},
        LOOK_OPTIONS(sub.look),
    };
    int code = cli_options(&cmd_sub, config, options, sizeof options / sizeof options[0], &argc, argv);
    if (code < 0)
        code = s_check(&sub, argc, argv);
    if (code == 0 && !config->help && !config->version)
        code = look_settle(&sub.look, &cmd_sub, config, argc > 1 || strchr(argv[0], '*'));
    if (code > 0 || config->help || config->version)
        return code;
    if (given->cursor && !cursor_open(&sub.cursor, given->cursor, &error)) {
        cli_say("%s", error.text);
        cursor_finish(&sub.cursor);
        return CLI_USAGE;
    }
    signals_want_child();
    jobs_init(&sub.jobs, given->command, given->jobs);
    output_open(&sub.output, STDOUT_FILENO, s_wait_output, &sub);
    code = conn_open(&sub.session, config, CONN_NAMELESS);
    if (code == 0)
        code = s_join(&sub, config, argc, argv);
    if (code == 0) {
        s_loop(&sub);
        code = sub.code;
    }
    code = output_close(&sub.output, code);
    conn_close(&sub.session);
    group_worker_finish(&sub.group);
    cursor_finish(&sub.cursor);
    return code;
}

const command_t cmd_sub = {
    .name = "sub",
    .usage = "ROOM…",
    .summary = "print the messages of rooms, or run a command for each",
    .help = "Prints the messages of each ROOM, a line per message, as they come. A ROOM that ends in '*' stands\n"
            "for all rooms whose names begin so. Those that come up later are read from their beginning. The\n"
            "positions of up to 100,000 such rooms are remembered, with about 400 bytes for each; beyond that\n"
            "those that moved least recently are forgotten, which stderr tells.\n"
            "To a terminal, control characters are escaped, and with several rooms each line begins with its\n"
            "room; otherwise the bodies are written as they are. Reconnects by itself, and asks again for what\n"
            "was missed; what is lost for good is told on stderr. Ends with 3 when the broker lets it in no more.\n"
            "\n"
            "Options:\n"
            "      --after SEQ         begin after this position\n"
            "  -n, --last N            begin with the last N messages\n"
            "  -a, --all               begin with all the broker still has\n"
            "  -c, --count N           end after N messages; exit code 2 when interrupted before\n"
            "  -t, --timeout S         give up (exit code 2) when no message came for S seconds\n" LOOK_HELP
            "      --json              objects with room, seq, time (microseconds), sender, key, body, or\n"
            "                          body_base64 when it is not UTF-8, or deleted; text does not show\n"
            "                          deletions of keys\n"
            "      --exec COMMAND      run 'sh -c COMMAND' for each message instead, which gets it on stdin and\n"
            "                          ZRELAY_ROOM, _SEQ, _SENDER, _TIME and, if it has one, _KEY in its\n"
            "                          environment. When one fails, it is told, and the exit code is 4.\n"
            "  -j, --jobs N            run up to N commands at once (1)\n"
            "      --cursor FILE       note in FILE how far each ROOM was read, and go on there the next time. After\n"
            "                          a crash up to a quarter of a second of messages comes again. When the broker\n"
            "                          has another log, that is told, and reading begins as without FILE.\n"
            "                          A COMMAND that fails is told, and not run again\n"
            "\n"
            "With a group the messages are shared with its other workers, on this machine and elsewhere. A message\n"
            "is done once it is written, or once its COMMAND exits with 0. After exit code 75 it is tried again\n"
            "later, and so it is after every other one, which is told; a message that was tried often enough is\n"
            "dead. COMMAND finds in ZRELAY_DELIVERIES how often the message was handed out. While it runs, it gets\n"
            "more time. 'zrelay groups' shows and changes groups. When stderr is a terminal, and stdout is not, a\n"
            "line shows how many messages the group has done, and how many are left.\n"
            "\n"
            "  -g, --group GROUP       work for this group of ROOM, which the first worker makes; it begins with\n"
            "                          all the broker still has, or --after SEQ. These options are for making it:\n"
            "      --time S            how long a worker may take for a message (30)\n"
            "      --deliveries N      how often a message is handed out at most (5)\n"
            "      --dead ROOM         where dead messages go, with a line of JSON that says why; else they are\n"
            "                          only counted\n"
            "      --ordered-by-key    messages of one key in their order, one at a time\n"
            "      --keep              the room keeps each message until the group has finished it\n"
            "\n"
            "      --durable NAME      the broker remembers under NAME how far ROOM was read, and the next reader of\n"
            "                          NAME goes on there, on any machine. It is a group that hands out one message\n"
            "                          at a time, so the order is kept: the next one comes when the one before it is\n"
            "                          written, or its COMMAND has exited with 0. A COMMAND that fails is run again\n"
            "                          after 1 s, 2 s, 4 s … up to 64 s, and holds up the rest. The message that a\n"
            "                          reader had when it was killed comes again. A message whose COMMAND failed, or\n"
            "                          whose reader was killed, 1,000 times is dead: 'zrelay groups' counts it,\n"
            "                          and the next one comes. Readers of one NAME share its messages. For many\n"
            "                          thousand messages a second use --cursor\n",
    .run = s_run,
};
