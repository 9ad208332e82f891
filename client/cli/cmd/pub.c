/* zrelay pub: messages from words or from the lines of stdin. */
#include <stdlib.h>

#include "feed.h"
#include "format.h"

typedef struct {
    const char *room;
    const char *key; /* NULL: not keyed */
} pub_t;

extern const command_t cmd_pub;

static feed_taken_t s_publish(zrelay_t *relay, zr_span_t line, uint64_t *mid, zr_error_t *error, void *ctx) {
    const pub_t *pub = ctx;
    int failed = pub->key ? zrelay_set(relay, pub->room, pub->key, line.ptr, line.len, mid)
                          : zrelay_publish(relay, pub->room, line.ptr, line.len, mid);
    return feed_result(failed, line.len, error);
}

static int s_run(config_t *config, int argc, char **argv) {
    pub_t pub = {.key = NULL};
    const zr_option_t options[] = {{"key", 'k', ZR_OPTION_TEXT, &pub.key, NULL, 0, 0}};
    int code = cli_options(&cmd_pub, config, options, 1, &argc, argv);
    if (code >= 0)
        return code;
    if (argc == 0)
        return cli_misuse(&cmd_pub, "which room?");
    pub.room = cli_room(argv[0], false);
    if (!pub.room || (pub.key && !(pub.key = cli_key(pub.key))))
        return CLI_USAGE;
    char *words = argc > 1 ? zr_words_join(argc - 1, argv + 1) : NULL;
    zr_span_t only = zr_span(words);
    code = feed_run(config, s_publish, &pub, words ? &only : NULL);
    free(words);
    return code;
}

const command_t cmd_pub = {
    .name = "pub",
    .usage = "ROOM [TEXT…]",
    .summary = "publish a message, or each line of stdin",
    .help = "Publishes TEXT, its words joined by spaces, as one message to ROOM. Without TEXT, each line of\n"
            "stdin becomes a message, without its newline; lines may hold any bytes. Exits with 0 only when\n"
            "the broker has acked every message; -v tells whether they are on its disk then. When it restarts\n"
            "meanwhile, what was not acked is sent again and stored once. TEXT that begins with a dash goes\n"
            "after '--'.\n"
            "\n"
            "Options:\n"
            "  -k, --key KEY           set the value of KEY in the room's shared state\n",
    .run = s_run,
};
