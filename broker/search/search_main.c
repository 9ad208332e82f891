/* zrelayd-search: the command line. */
#include <sys/statvfs.h>
#include <unistd.h>

#include "db_internal.h"
#include "options.h"
#include "search.h"

static const char s_usage[] =
    "usage: zrelayd-search --data DIR [OPTION]... QUERY...\n"
    "Searches what zrelayd --data DIR keeps, also while it runs, for words: the newest first, a line each\n"
    "(ROOM SEQ TIME SENDER TEXT).\n"
    "\n"
    "  --data DIR      the directory of the log; it is read only\n"
    "  --index FILE    where the index is kept, and made if it is missing (default DIR/search.db;\n"
    "                  a temporary file if DIR cannot be written)\n"
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
    zr_texts_t rooms;
    uint64_t limit;
    bool json, version, help;
} flags_t;

static bool s_parse(int *argc, char *argv[], flags_t *flags, zr_error_t *error) {
    const zr_option_t options[] = {
        {"data", 0, ZR_OPTION_TEXT, &flags->data, NULL, 0, 0},
        {"index", 0, ZR_OPTION_TEXT, &flags->index, NULL, 0, 0},
        {"room", 0, ZR_OPTION_TEXTS, &flags->rooms, NULL, 0, 0},
        {"limit", 0, ZR_OPTION_NUMBER, &flags->limit, NULL, 1, SEARCH_LIMIT_MAX},
        {"json", 0, ZR_OPTION_FLAG, &flags->json, NULL, 0, 0},
        {"version", 0, ZR_OPTION_FLAG, &flags->version, NULL, 0, 0},
        {"help", 0, ZR_OPTION_FLAG, &flags->help, NULL, 0, 0},
    };
    const zr_option_list_t list = {options, sizeof options / sizeof options[0]};
    if (!zr_options_parse(&list, 1, false, argc, argv, error))
        return false;
    if (flags->version || flags->help)
        return true;
    if (!flags->data)
        return zr_fail(error, "say where the log is: --data DIR");
    return *argc > 0 || zr_fail(error, "say what to search for");
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

/* On a medium that cannot be written the index is a temporary file. */
static char *s_index(const flags_t *flags) {
    struct statvfs status;
    if (flags->index)
        return fatal_check(strdup(flags->index));
    if (statvfs(flags->data, &status) == 0 && (status.f_flag & ST_RDONLY))
        return fatal_check(strdup(""));
    return db_path(flags->data, "search.db");
}

static bool s_update(search_index_t *index, db_t *log, zr_error_t *error) {
    search_report_t report;
    bool ok = search_update(index, log, SEARCH_CHUNK_BYTES, s_tell, NULL, &report, error);
    if (report.damaged > 0)
        fprintf(stderr, "zrelayd-search: %llu frames of the log are damaged and were left out\n",
            (unsigned long long)report.damaged);
    return ok;
}

static bool s_search(flags_t *flags, const char *text, zr_error_t *error) {
    const search_query_t query = {
        .text = text, .rooms = flags->rooms.items, .room_count = flags->rooms.count, .limit = (size_t)flags->limit};
    db_t *log = search_log_open(flags->data, error);
    if (!log)
        return false;
    char *file = s_index(flags);
    search_index_t *index = search_index_open(file, error);
    bool ok = index && search_check(index, &query, error) && s_update(index, log, error) &&
              search_find(index, &query, s_print, flags, error);
    search_index_close(index);
    db_close(log);
    free(file);
    return ok;
}

int main(int argc, char *argv[]) {
    zr_error_t error = {0};
    flags_t flags = {.limit = SEARCH_LIMIT};
    argc--;
    argv++;
    if (!s_parse(&argc, argv, &flags, &error))
        return zr_options_misused("zrelayd-search", &error);
    bool ok = true;
    if (flags.version) {
        puts("zrelayd-search " ZRELAY_VERSION);
    } else if (flags.help) {
        fputs(s_usage, stdout);
    } else {
        char *text = zr_words_join(argc, argv);
        ok = s_search(&flags, text, &error);
        free(text);
    }
    free(flags.rooms.items);
    int shown = zr_options_shown("zrelayd-search");
    return ok ? shown : zr_error_print(&error, "zrelayd-search");
}
