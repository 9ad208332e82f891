/* zrelay import: publishes what 'zrelay export' or 'zrelay history --json' wrote. */
#include <unistd.h>

#include "feed.h"
#include "mover.h"

extern const command_t cmd_import;

static bool s_read(import_t *entry, zr_span_t line, zr_error_t *error, void *ctx) {
    const feed_job_t *job = ctx;
    return import_parse(entry, line, job->room, error);
}

static int s_run(config_t *config, int argc, char **argv) {
    feed_job_t job = {.command = &cmd_import, .read = s_read, .fd = STDIN_FILENO, .coded = true, .delimiter = '\n'};
    bool keep = false;
    const zr_option_t options[] = {
        {"keep", 0, ZR_OPTION_FLAG, &keep, NULL, 0, 0},
        {"room", 0, ZR_OPTION_TEXT, &job.room, NULL, 0, 0},
        FEED_OPTIONS(job.options),
    };
    job.ctx = &job;
    int code = cli_options(&cmd_import, config, options, sizeof options / sizeof options[0], &argc, argv);
    if (code >= 0)
        return code;
    if (argc > 0)
        return cli_misuse(&cmd_import, "it reads stdin; '%s' is too much", argv[0]);
    if (job.room && !(job.room = cli_room(job.room, false)))
        return CLI_USAGE;
    if (keep && (job.options.progress_file || job.options.oversize))
        return cli_misuse(&cmd_import, "--keep excludes --progress-file and --oversize: run it again to go on");
    if (keep)
        return mover_run(config, STDIN_FILENO, job.room);
    zr_buffer_t purpose = {0};
    zr_buffer_printf(&purpose, "import%s%s", job.room ? " --room " : "", job.room ? job.room : "");
    zr_buffer_u8(&purpose, '\0');
    job.purpose = (const char *)purpose.data;
    code = feed_run(config, &job);
    zr_buffer_finish(&purpose);
    return code;
}

const command_t cmd_import = {
    .name = "import",
    .usage = "[--room ROOM]",
    .summary = "publish what export wrote",
    .help = "Publishes each line of stdin, a JSON object as 'zrelay export' and 'zrelay history --json' print it,\n"
            "in order: its body (\"body\" or \"body_base64\"), \"key\" and \"deleted\" to its \"room\". They are new\n"
            "messages: position and time are those of now, and the sender is you; \"seq\", \"time\" and \"sender\"\n"
            "of the input are passed over, and so are blank lines. Exits with 0 only when the broker has acked\n"
            "all of them; what stands before a line that is wrong is published. When a line is refused no more\n"
            "are read; each refused line is told, and the last one that was published.\n"
            "\n"
            "Options:\n"
            "      --room ROOM         all of it to ROOM\n"
            "      --keep              for operators, to move a relay: each message keeps its position, time and\n"
            "                          sender. What the room has come to already is passed over, so after a break\n"
            "                          the same command goes on. The broker notes it in its audit. One message at\n"
            "                          a time is stored. Positions of groups, client ids, and homes of other\n"
            "                          users ('~NAME') do not move. Lines of homes are counted and left out;\n"
            "                          then the exit code is 3\n" FEED_OPTIONS_HELP
            "      --json              an object for each acked message, as 'zrelay pub --json' prints it\n",
    .run = s_run,
};
