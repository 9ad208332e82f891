/* zrelay import: publishes what 'zrelay export' or 'zrelay history --json' wrote. */
#include "feed.h"
#include "import_line.h"

extern const command_t cmd_import;

static feed_taken_t s_publish(zrelay_t *relay, zr_span_t line, uint64_t *mid, zr_error_t *error, void *ctx) {
    const char *const *room = ctx;
    import_t entry;
    int failed;
    if (!import_parse(&entry, line, *room, error))
        return FEED_WRONG;
    if (entry.deleted)
        failed = zrelay_delete(relay, entry.room, entry.key, mid);
    else if (entry.key)
        failed = zrelay_set(relay, entry.room, entry.key, entry.body.ptr, entry.body.len, mid);
    else
        failed = zrelay_publish(relay, entry.room, entry.body.ptr, entry.body.len, mid);
    feed_taken_t taken = feed_result(failed, entry.body.len, error);
    import_finish(&entry);
    return taken;
}

static int s_run(config_t *config, int argc, char **argv) {
    const char *room = NULL;
    const zr_option_t options[] = {{"room", 0, ZR_OPTION_TEXT, &room, NULL, 0, 0}};
    int code = cli_options(&cmd_import, config, options, 1, &argc, argv);
    if (code >= 0)
        return code;
    if (argc > 0)
        return cli_misuse(&cmd_import, "it reads stdin; '%s' is too much", argv[0]);
    if (room && !(room = cli_room(room, false)))
        return CLI_USAGE;
    return feed_run(config, s_publish, &room, NULL);
}

const command_t cmd_import = {
    .name = "import",
    .usage = "[--room ROOM]",
    .summary = "publish what export wrote",
    .help = "Publishes each line of stdin, a JSON object as 'zrelay export' and 'zrelay history --json' print it,\n"
            "in order: its body (\"body\" or \"body_base64\"), \"key\" and \"deleted\" to its \"room\". They are new\n"
            "messages: position and time are those of now, and the sender is you; \"seq\", \"time\" and \"sender\"\n"
            "of the input are passed over. Exits with 0 only when the broker has acked all of them; what stands\n"
            "before a line that is wrong is published.\n"
            "\n"
            "Options:\n"
            "      --room ROOM         all of it to ROOM\n",
    .run = s_run,
};
