/* zrelay export: the logs of many rooms as JSON lines. */
#include <stdlib.h>
#include <unistd.h>

#include "conn.h"
#include "fatal.h"
#include "format.h"
#include "output.h"

typedef struct {
    conn_t session;
    output_t output;
    char **rooms;
    size_t count, size;
} export_t;

extern const command_t cmd_export;

/* --- Which rooms --- */

static void s_add(export_t *export, const char *room) {
    FATAL_GROW(export->rooms, export->count, export->size);
    char *copy = fatal_check(strdup(room));
    export->rooms[export->count++] = copy;
}

static int s_room(const zrelay_event_t *event, void *ctx) {
    if (event->type == ZRELAY_ROOM && event->seq > 0)
        s_add(ctx, event->room);
    return 0;
}

/* The rooms that a word means: itself, or with '*' those that are there. */
static int s_expand(export_t *export, const char *word) {
    size_t len = strlen(word);
    uint64_t request;
    if (len == 0 || word[len - 1] != '*') {
        s_add(export, word);
        return 0;
    }
    char *prefix = fatal_check(strndup(word, len - 1));
    int failed = zrelay_rooms(export->session.relay, prefix, &request);
    free(prefix);
    return failed ? conn_failed(&export->session, failed)
                  : conn_answer(&export->session, request, s_room, export, NULL);
}

static int s_order(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* In the order of their names, each once. */
static void s_sort(export_t *export) {
    size_t kept = 0;
    if (export->count > 0)
        qsort(export->rooms, export->count, sizeof export->rooms[0], s_order);
    for (size_t i = 0; i < export->count; i++) {
        if (kept > 0 && strcmp(export->rooms[kept - 1], export->rooms[i]) == 0)
            free(export->rooms[i]);
        else
            export->rooms[kept++] = export->rooms[i];
    }
    export->count = kept;
}

/* --- Their entries --- */

static int s_entry(const zrelay_event_t *event, void *ctx) {
    export_t *export = ctx;
    if (event->type != ZRELAY_ENTRY)
        return 0;
    format_entry(&export->output.buffer, event, FORMAT_JSON);
    return output_added(&export->output) ? 0 : CLI_USAGE;
}

static int s_export(export_t *export, int argc, char **argv) {
    int code = argc == 0 ? s_expand(export, "*") : 0;
    for (int i = 0; code == 0 && i < argc; i++)
        code = s_expand(export, argv[i]);
    s_sort(export);
    for (size_t i = 0; code == 0 && i < export->count; i++) {
        uint64_t request;
        int failed = zrelay_history(export->session.relay, export->rooms[i], 0, 0, 0, &request);
        code = failed ? conn_failed(&export->session, failed)
                      : conn_answer(&export->session, request, s_entry, export, NULL);
    }
    return code;
}

static int s_run(config_t *config, int argc, char **argv) {
    export_t export = {.count = 0};
    int code = cli_options(&cmd_export, config, NULL, 0, &argc, argv);
    if (code >= 0)
        return code;
    if (!cli_rooms(argc, argv, true))
        return CLI_USAGE;
    output_open(&export.output, STDOUT_FILENO, NULL, NULL);
    code = conn_open(&export.session, config, CONN_NAMELESS);
    if (code == 0)
        code = s_export(&export, argc, argv);
    code = output_close(&export.output, code);
    conn_close(&export.session);
    for (size_t i = 0; i < export.count; i++)
        free(export.rooms[i]);
    free(export.rooms);
    return code;
}

const command_t cmd_export = {
    .name = "export",
    .usage = "[ROOM…|PREFIX*]",
    .summary = "print the logs of rooms as JSON",
    .help = "Prints the messages that the broker still has of each ROOM, or of the rooms whose names begin with\n"
            "PREFIX, or of all: room by room, one JSON object per line, as 'zrelay history --json' does.\n"
            "'zrelay import' reads it. Homes of other users ('~NAME') are left out: nobody else may read them.\n"
            "\n",
    .run = s_run,
};
