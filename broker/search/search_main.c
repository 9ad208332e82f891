/* zrelayd-search: the command line. */
#include <getopt.h>
#include <unistd.h>

#include "db_internal.h"
#include "names.h"
#include "search.h"

static const char s_usage[] =
    "usage: zrelayd-search --data DIR [OPTION]... QUERY...\n"
    "Searches what zrelayd --data DIR keeps, also while it runs, for words: the newest first, a line each\n"
    "(ROOM SEQ TIME SENDER TEXT).\n"
    "\n"
    "  --data DIR      the directory of the log; it is read only\n"
    "  --index FILE    where the index is kept, and made if it is missing (default DIR/search.db)\n"
    "  --room ROOM     search in this room; may be repeated (default: in all)\n"
    "  --limit N       print so many at most (default 50)\n"
    "  --json          print a JSON object for each\n"
    "  --version       print the version and leave\n"
    "  --help          print this and leave\n"
    "\n"
    "QUERY is in the syntax of SQLite's FTS5; several are joined with a space. All words must be there:\n"
    "  disk full             disk OR full            disk NOT full           \"disk full\"         dis*\n"
    "  sender: ann           key: colour             body: ann               room: metrics\n"
    "What has other signs than letters and digits in it goes in double quotes: '\"metrics/cpu\"'.\n"
    "\n"
    "The index is brought up to date first: the first time that takes as long as reading the whole log.\n"
    "It may be ended at any moment, and goes on from there the next time.\n";

typedef struct {
    const char *data, *index;
    const char **rooms; /* malloc'ed */
    size_t room_count;
    uint64_t limit;
    bool json;
} flags_t;

static int s_fail(const char *text) {
    zr_buffer_t line = {0};
    zr_escape(&line, zr_span(text)); /* it quotes arguments and queries */
    fprintf(stderr, "zrelayd-search: %.*s\n", (int)line.len, (const char *)line.data);
    zr_buffer_finish(&line);
    return EXIT_FAILURE;
}

/* --- The command line --- */

enum { OPT_DATA = 256, OPT_INDEX, OPT_ROOM, OPT_LIMIT, OPT_JSON, OPT_VERSION, OPT_HELP };

static const struct option s_options[] = {
    {"data", required_argument, NULL, OPT_DATA},
    {"index", required_argument, NULL, OPT_INDEX},
    {"room", required_argument, NULL, OPT_ROOM},
    {"limit", required_argument, NULL, OPT_LIMIT},
    {"json", no_argument, NULL, OPT_JSON},
    {"version", no_argument, NULL, OPT_VERSION},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

typedef enum { PARSED, DONE, WRONG } parsed_t;

static bool s_parse_limit(const char *text, uint64_t *limit) {
    char *end;
    unsigned long long number = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || number < 1 || number > SEARCH_LIMIT_MAX)
        return false;
    *limit = number;
    return true;
}

static parsed_t s_parse(int argc, char *argv[], flags_t *flags, db_error_t error) {
    int found;
    opterr = 0;
    while ((found = getopt_long(argc, argv, ":", s_options, NULL)) != -1) {
        switch (found) {
        case OPT_DATA:
            flags->data = optarg;
            break;
        case OPT_INDEX:
            flags->index = optarg;
            break;
        case OPT_ROOM:
            flags->rooms = fatal_realloc(flags->rooms, (flags->room_count + 1) * sizeof *flags->rooms);
            flags->rooms[flags->room_count++] = optarg;
            break;
        case OPT_LIMIT:
            if (s_parse_limit(optarg, &flags->limit))
                break;
            snprintf(
                error, sizeof(db_error_t), "--limit: \"%.40s\" is no number from 1 to %d", optarg, SEARCH_LIMIT_MAX);
            return WRONG;
        case OPT_JSON:
            flags->json = true;
            break;
        case OPT_VERSION:
            puts("zrelayd-search " ZRELAY_VERSION);
            return DONE;
        case OPT_HELP:
            fputs(s_usage, stdout);
            return DONE;
        case ':':
            snprintf(error, sizeof(db_error_t), "%.80s needs a value; see --help", argv[optind - 1]);
            return WRONG;
        default:
            snprintf(error, sizeof(db_error_t), "unknown option %.80s; see --help", argv[optind - 1]);
            return WRONG;
        }
    }
    if (flags->data && optind < argc)
        return PARSED;
    snprintf(error, sizeof(db_error_t), "%s; see --help",
        flags->data ? "say what to search for" : "say where the log is: --data DIR");
    return WRONG;
}

/* The arguments, joined; malloc'ed. */
static char *s_query(char *argv[], int count) {
    zr_buffer_t text = {0};
    for (int i = 0; i < count; i++) {
        if (i > 0)
            zr_buffer_u8(&text, ' ');
        zr_buffer_append(&text, argv[i], strlen(argv[i]));
    }
    char *query = fatal_check(strndup((const char *)text.data, text.len));
    zr_buffer_finish(&text);
    return query;
}

/* --- The search --- */

/* Shows progress, only on a terminal. */
static void s_tell(void *ctx, const search_report_t *report) {
    (void)ctx;
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r%llu entries indexed\r", (unsigned long long)report->added);
}

static void s_print(void *ctx, const search_hit_t *hit) {
    const flags_t *flags = ctx;
    zr_buffer_t line = {0};
    if (flags->json)
        search_show_json(&line, hit);
    else
        search_show_line(&line, hit);
    fwrite(line.data, 1, line.len, stdout);
    zr_buffer_finish(&line);
}

static bool s_update(search_index_t *index, db_t *log, db_error_t error) {
    search_report_t report;
    bool ok = search_update(index, log, SEARCH_CHUNK_BYTES, s_tell, NULL, &report, error);
    if (report.damaged > 0)
        fprintf(stderr, "zrelayd-search: %llu frames of the log are damaged and were left out\n",
            (unsigned long long)report.damaged);
    return ok;
}

static bool s_search(flags_t *flags, const search_query_t *query, db_error_t error) {
    db_t *log = search_log_open(flags->data, error);
    if (!log)
        return false;
    char *file = flags->index ? fatal_check(strdup(flags->index)) : db_path(flags->data, "search.db");
    search_index_t *index = search_index_open(file, error);
    bool ok = index && search_check(index, query, error) && s_update(index, log, error) &&
              search_find(index, query, s_print, flags, error);
    search_index_close(index);
    db_close(log);
    free(file);
    return ok;
}

int main(int argc, char *argv[]) {
    db_error_t error;
    flags_t flags = {.limit = SEARCH_LIMIT};
    parsed_t parsed = s_parse(argc, argv, &flags, error);
    if (parsed != PARSED) {
        free(flags.rooms);
        return parsed == DONE ? EXIT_SUCCESS : s_fail(error);
    }
    char *text = s_query(argv + optind, argc - optind);
    search_query_t query = {
        .text = text, .rooms = flags.rooms, .room_count = flags.room_count, .limit = (size_t)flags.limit};
    bool ok = s_search(&flags, &query, error);
    free(text);
    free(flags.rooms);
    if (fflush(stdout) != 0 || ferror(stdout))
        return s_fail("cannot write to stdout");
    return ok ? EXIT_SUCCESS : s_fail(error);
}
