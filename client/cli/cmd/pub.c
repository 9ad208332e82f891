/* zrelay pub: messages from words, from a file, or from the lines of stdin. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "feed.h"
#include "when.h"

typedef struct {
    const char *file, *delimiter, *ttl;
    bool null;
    feed_job_t job;
} pub_t;

extern const command_t cmd_pub;

static bool s_read(import_t *entry, zr_span_t line, zr_error_t *error, void *ctx) {
    const feed_job_t *job = ctx;
    (void)error;
    *entry = (import_t){.room = job->room, .key = job->key, .ttl = job->ttl, .body = line};
    return true;
}

static int s_check(pub_t *pub, int argc, char **argv) {
    const feed_options_t *shared = &pub->job.options;
    if (argc == 0)
        return cli_misuse(&cmd_pub, "which room?");
    if (pub->file && argc > 1)
        return cli_misuse(&cmd_pub, "--file is the whole message; '%s' is too much", argv[1]);
    if ((pub->file || argc > 1) && (pub->delimiter || pub->null || shared->progress_file))
        return cli_misuse(&cmd_pub, "%s goes with the lines of stdin",
            shared->progress_file ? "--progress-file"
            : pub->null           ? "--null"
                                  : "--delimiter");
    if (!cli_delimiter(&cmd_pub, pub->delimiter, pub->null, &pub->job.delimiter))
        return CLI_USAGE;
    if (pub->ttl && !pub->job.key)
        return cli_misuse(&cmd_pub, "--ttl goes with --key: only values of keys end by themselves");
    if (pub->ttl && !when_span(pub->ttl, &pub->job.ttl))
        return cli_misuse(&cmd_pub, "--ttl: '%s' is no time; write it as 90s, 15m, 2h or 7d", pub->ttl);
    pub->job.room = cli_room(argv[0], false);
    if (!pub->job.room || (pub->job.key && !(pub->job.key = cli_key(pub->job.key))))
        return CLI_USAGE;
    return 0;
}

static int s_publish(pub_t *pub, config_t *config, int count, char **words) {
    zr_buffer_t purpose = {0};
    feed_job_t *job = &pub->job;
    char *text = count > 0 ? zr_words_join(count, words) : NULL;
    zr_buffer_printf(&purpose, "pub %s%s%s", job->room, job->key ? " --key " : "", job->key ? job->key : "");
    if (job->delimiter != '\n')
        zr_buffer_printf(&purpose, " --delimiter \\x%02x", (unsigned)(unsigned char)job->delimiter);
    zr_buffer_u8(&purpose, '\0');
    job->purpose = (const char *)purpose.data;
    job->text = text;
    job->whole = pub->file;
    bool opens = pub->file && strcmp(pub->file, "-") != 0;
    /* O_NONBLOCK: a FIFO may have no writer yet, and an interrupt must end the wait for one. */
    job->fd = opens ? open(pub->file, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY) : STDIN_FILENO;
    int code = CLI_USAGE;
    if (job->fd < 0)
        cli_say("%s: %s", pub->file, strerror(errno));
    else
        code = feed_run(config, job);
    if (opens && job->fd >= 0)
        close(job->fd);
    free(text);
    zr_buffer_finish(&purpose);
    return code;
}

static int s_run(config_t *config, int argc, char **argv) {
    pub_t pub = {.job = {.command = &cmd_pub, .read = s_read}};
    const zr_option_t options[] = {
        {"key", 'k', ZR_OPTION_TEXT, &pub.job.key, NULL, 0, 0},
        {"ttl", 0, ZR_OPTION_TEXT, &pub.ttl, NULL, 0, 0},
        {"file", 'f', ZR_OPTION_TEXT, &pub.file, NULL, 0, 0},
        {"delimiter", 'd', ZR_OPTION_TEXT, &pub.delimiter, NULL, 0, 0},
        {"null", '0', ZR_OPTION_FLAG, &pub.null, NULL, 0, 0},
        FEED_OPTIONS(pub.job.options),
    };
    pub.job.ctx = &pub.job;
    int code = cli_options(&cmd_pub, config, options, sizeof options / sizeof options[0], &argc, argv);
    if (code < 0)
        code = s_check(&pub, argc, argv);
    if (code > 0 || config->help || config->version)
        return code;
    return s_publish(&pub, config, argc - 1, argv + 1);
}

const command_t cmd_pub = {
    .name = "pub",
    .usage = "ROOM [TEXT…]",
    .summary = "publish a message, or each line of stdin",
    .help = "Publishes TEXT, its words joined by spaces, as one message to ROOM. Without TEXT, each line of\n"
            "stdin becomes a message, without its newline; lines may hold any bytes. Exits with 0 only when\n"
            "the broker has acked every message; -v tells whether they are on its disk then. When it restarts\n"
            "meanwhile, what was not acked is sent again and stored once. TEXT that begins with a dash goes\n"
            "after '--'. When a line is refused no more are read; each refused line is told, and the last one\n"
            "that was published.\n"
            "\n"
            "Options:\n"
            "  -k, --key KEY           set the value of KEY in the room's shared state\n"
            "      --ttl TIME          with --key: the broker deletes the key after TIME (90s, 15m, 2h, 7d), unless\n"
            "                          it has another value by then\n"
            "  -f, --file FILE         the whole file, '-' for stdin, is one message, byte for byte\n"
            "  -d, --delimiter C       C ends a message on stdin, and no newline: a character, or \\n, \\r, \\t,\n"
            "                          \\0, \\\\ or \\xHH\n"
            "  -0, --null              the same with a zero byte, as 'find -print0' and 'sub --null' write "
            "it\n" FEED_OPTIONS_HELP
            "      --json              for each message an object with room, key if it has one, line, seq if known,\n"
            "                          and level (none, memory, disk, replicated) when it is acked. The next one is\n"
            "                          sent after that\n",
    .run = s_run,
};
