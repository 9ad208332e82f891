/* Input that becomes messages, until the broker has acked them all: what pub and import share. */
#ifndef FEED_H
#define FEED_H

#include "conn.h"
#include "import_line.h"

/* The shared options. */
typedef struct {
    const char *oversize, *progress_file;
    uint64_t timeout_ms;
    bool timeout_given;
} feed_options_t;

#define FEED_OPTIONS(options)                                                                                          \
    {"oversize", 0, ZR_OPTION_TEXT, &(options).oversize, NULL, 0, 0},                                                  \
        {"progress-file", 0, ZR_OPTION_TEXT, &(options).progress_file, NULL, 0, 0}, {                                  \
        "timeout", 't', ZR_OPTION_SECONDS, &(options).timeout_ms, &(options).timeout_given, 0, 0                       \
    }

#define FEED_OPTIONS_HELP                                                                                              \
    "      --oversize WHAT     a body larger than the broker takes: 'fail' ends the run there, so that nothing\n"      \
    "                          is left out unasked (default); 'skip' leaves the message out; 'truncate' cuts\n"        \
    "                          its end off, between two characters. Each is told with its line\n"                      \
    "      --progress-file F   note in F how far it came; a run with the same F and the same input goes on\n"          \
    "                          there, also after a crash, and nothing is stored twice. Lines that were refused\n"      \
    "                          are tried again. Go on within a week, or the broker's 'mark-age'\n"                     \
    "  -t, --timeout S         give up (exit code 2) when messages wait and the broker answers none for S\n"           \
    "                          seconds\n"

/* Where the messages come from. */
typedef struct {
    /* Reads a message from a line; a line without a room is passed over. The line outlives it. false: `error` says what
     * is wrong with it. */
    bool (*read)(import_t *entry, zr_span_t line, zr_error_t *error, void *ctx);
    void *ctx;
    const command_t *command;
    const char *purpose;    /* for the progress file: the command with what must not change */
    const char *room, *key; /* of all messages; NULL: each has its own */
    uint64_t ttl;           /* ms, of all values; 0: each has its own, or none */
    const char *text;       /* the only message; NULL: it comes from `fd` */
    int fd;
    bool whole;     /* all that comes from there is one message */
    bool coded;     /* a line is longer than its body */
    char delimiter; /* what ends a line */
    feed_options_t options;
} feed_job_t;

/* Connects, publishes, waits for the acks. Returns the exit code: 0 only when all is acked that was not to be left out.
 * Errors were told on stderr. */
int feed_run(config_t *config, const feed_job_t *job);

#endif
