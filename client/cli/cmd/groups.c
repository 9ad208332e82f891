/* zrelay groups: the groups there are, and changes of them. */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conn.h"
#include "format.h"
#include "moment.h"
#include "names.h"
#include "options.h"
#include "output.h"
#include "when.h"

typedef struct {
    const char *to; /* of seek */
    const char *dead, *keep;
    uint64_t time_ms, deliveries, backoff_ms, each, total;
    bool to_given, time_given, deliveries_given, backoff_given, each_given, total_given;
} wishes_t;

typedef struct {
    conn_t session;
    output_t output;
    bool json, aligned;
} groups_t;

extern const command_t cmd_groups;

static const char *const s_columns[] = {"backlog", "held", "waiting", "retried", "died", "lost", "workers"};
enum { COLUMNS = sizeof s_columns / sizeof *s_columns };

/* --- The table --- */

static void s_head(groups_t *groups) {
    zr_buffer_t *out = &groups->output.buffer;
    zr_buffer_printf(out, "%-24s %-16s %8s %8s %8s %8s %8s %8s %8s %10s\n", "ROOM", "GROUP", "BACKLOG", "HELD",
        "WAITING", "RETRIED", "DIED", "LOST", "WORKERS", "OLDEST");
}

/* "3s", "5m", "2h": the age of the oldest message that is not done. */
static void s_age(char *out, size_t size, uint64_t time) {
    uint64_t now = zr_time_us(), age = now > time ? (now - time) / 1000000 : 0;
    if (!time)
        snprintf(out, size, "-");
    else if (age < 120)
        snprintf(out, size, "%" PRIu64 "s", age);
    else if (age < 7200)
        snprintf(out, size, "%" PRIu64 "m", age / 60);
    else
        snprintf(out, size, "%" PRIu64 "h", age / 3600);
}

static void s_row(groups_t *groups, const zrelay_event_t *event, const json_t *row) {
    zr_buffer_t *out = &groups->output.buffer, name = {0};
    char age[32];
    zr_escape(&name, zr_span(event->room));
    zr_buffer_printf(out, groups->aligned ? "%-24.*s " : "%.*s\t", (int)name.len, (const char *)name.data);
    zr_buffer_clear(&name);
    zr_escape(&name, zr_span(event->name));
    zr_buffer_printf(out, groups->aligned ? "%-16.*s " : "%.*s\t", (int)name.len, (const char *)name.data);
    zr_buffer_finish(&name);
    for (size_t i = 0; i < COLUMNS; i++)
        zr_buffer_printf(out, groups->aligned ? "%8lld " : "%lld\t",
            (long long)json_integer_value(json_object_get(row, s_columns[i])));
    s_age(age, sizeof age, (uint64_t)json_integer_value(json_object_get(row, "oldest")));
    bool paused = json_is_true(json_object_get(row, "paused"));
    zr_buffer_printf(out, groups->aligned ? "%10s%s\n" : "%s%s\n", age,
        !paused           ? ""
        : groups->aligned ? " paused"
                          : "\tpaused");
}

static int s_group(const zrelay_event_t *event, void *ctx) {
    groups_t *groups = ctx;
    if (event->type != ZRELAY_GROUP)
        return 0;
    json_t *row = json_loads(event->text, 0, NULL);
    if (groups->json)
        format_json(&groups->output.buffer, json_incref(row));
    else
        s_row(groups, event, row);
    json_decref(row);
    return output_added(&groups->output) ? 0 : CLI_USAGE;
}

static int s_list(groups_t *groups, const char *room) {
    uint64_t request;
    if (groups->aligned && !groups->json)
        s_head(groups);
    int failed = zrelay_groups(groups->session.relay, room, &request);
    return failed ? conn_failed(&groups->session, failed)
                  : conn_answer(&groups->session, request, s_group, groups, NULL);
}

/* --- Changes --- */

/* Where --to leads: a seq, "all", "now", or a time. */
static int s_target(groups_t *groups, const char *room, const char *to, json_t *options) {
    uint64_t seq = 0, since;
    if (strcmp(to, "all") == 0 || strcmp(to, "now") == 0) {
        json_object_set_new(options, to, json_true());
        return 0;
    }
    int code = 0;
    if (!zr_number_parse(to, ZR_INT_MAX, &seq)) {
        if (!when_parse(to, zr_time_us(), &since))
            return cli_misuse(&cmd_groups, "--to '%s' is no seq, 'all', 'now' or time; a time is " WHEN_FORMS, to);
        code = moment_at(&groups->session, room, since, &seq);
    }
    json_object_set_new(options, "after", json_integer((json_int_t)seq));
    return code;
}

static void s_number(json_t *options, const char *name, bool given, uint64_t value) {
    if (given)
        json_object_set_new(options, name, json_integer((json_int_t)value));
}

static int s_change(groups_t *groups, const wishes_t *wishes, char **argv) {
    json_t *options = json_object();
    uint64_t request;
    int code = wishes->to_given ? s_target(groups, argv[0], wishes->to, options) : 0;
    s_number(options, "time", wishes->time_given, wishes->time_ms);
    s_number(options, "deliveries", wishes->deliveries_given, wishes->deliveries);
    s_number(options, "backoff", wishes->backoff_given, wishes->backoff_ms);
    s_number(options, "each", wishes->each_given, wishes->each);
    s_number(options, "total", wishes->total_given, wishes->total);
    if (wishes->keep)
        json_object_set_new(options, "keep", json_boolean(strcmp(wishes->keep, "yes") == 0));
    if (wishes->dead)
        json_object_set_new(options, "dead", json_string(wishes->dead));
    char *text = json_dumps(options, JSON_COMPACT);
    int failed = code ? 0 : zrelay_group(groups->session.relay, argv[0], argv[1], argv[2], text, &request);
    if (failed)
        code = conn_failed(&groups->session, failed);
    else if (code == 0)
        code = conn_answer(&groups->session, request, NULL, NULL, NULL);
    free(text);
    json_decref(options);
    return code;
}

/* --- The command --- */

static bool s_is_deed(const char *what) {
    static const char *const deeds[] = {"delete", "pause", "resume", "seek", "set"};
    for (size_t i = 0; i < sizeof deeds / sizeof *deeds; i++)
        if (strcmp(deeds[i], what) == 0)
            return true;
    return false;
}

/* Names are what the rules of names make of them. */
static int s_check(wishes_t *wishes, int argc, char **argv) {
    if (argc == 2)
        return cli_misuse(&cmd_groups, "what is to be done with the group %s?", argv[1]);
    if (argc > 3)
        return cli_misuse(&cmd_groups, "what is '%s'?", argv[3]);
    bool seek = argc == 3 && strcmp(argv[2], "seek") == 0, set = argc == 3 && strcmp(argv[2], "set") == 0;
    bool options = wishes->time_given || wishes->deliveries_given || wishes->backoff_given || wishes->each_given ||
                   wishes->total_given || wishes->dead || wishes->keep;
    if (argc == 3 && !s_is_deed(argv[2]))
        return cli_misuse(&cmd_groups, "there is no '%s'; there are delete, pause, resume, seek, set", argv[2]);
    if (seek != wishes->to_given)
        return cli_misuse(&cmd_groups, "seek and --to go together");
    if (set != options)
        return cli_misuse(&cmd_groups, "set and the options to be set go together");
    if (wishes->keep && strcmp(wishes->keep, "yes") != 0 && strcmp(wishes->keep, "no") != 0)
        return cli_misuse(&cmd_groups, "--keep is yes or no, not '%s'", wishes->keep);
    if (argc > 0 && !cli_rooms(1, argv, false))
        return CLI_USAGE;
    if (wishes->dead && !(wishes->dead = cli_room(wishes->dead, false)))
        return CLI_USAGE;
    return argc < 3 || (argv[1] = (char *)cli_group(argv[1])) ? 0 : CLI_USAGE;
}

static int s_run(config_t *config, int argc, char **argv) {
    wishes_t wishes = {0};
    const zr_option_t options[] = {
        {"to", 0, ZR_OPTION_TEXT, &wishes.to, &wishes.to_given, 0, 0},
        {"time", 0, ZR_OPTION_SECONDS, &wishes.time_ms, &wishes.time_given, 0, 0},
        {"deliveries", 0, ZR_OPTION_NUMBER, &wishes.deliveries, &wishes.deliveries_given, 1, 1000},
        {"backoff", 0, ZR_OPTION_SECONDS, &wishes.backoff_ms, &wishes.backoff_given, 0, 0},
        {"each", 0, ZR_OPTION_NUMBER, &wishes.each, &wishes.each_given, 1, 10000},
        {"total", 0, ZR_OPTION_NUMBER, &wishes.total, &wishes.total_given, 1, 50000},
        {"dead", 0, ZR_OPTION_TEXT, &wishes.dead, NULL, 0, 0},
        {"keep", 0, ZR_OPTION_TEXT, &wishes.keep, NULL, 0, 0},
    };
    int code = cli_options(&cmd_groups, config, options, sizeof options / sizeof *options, &argc, argv);
    if (code < 0)
        code = s_check(&wishes, argc, argv);
    if (code || config->help || config->version)
        return code;
    groups_t groups = {.json = config->json, .aligned = isatty(STDOUT_FILENO)};
    output_open(&groups.output, STDOUT_FILENO, NULL, NULL);
    code = conn_open(&groups.session, config, CONN_NAMELESS);
    if (code == 0)
        code = argc == 3 ? s_change(&groups, &wishes, argv) : s_list(&groups, argc ? argv[0] : NULL);
    code = output_close(&groups.output, code);
    conn_close(&groups.session);
    return code;
}

const command_t cmd_groups = {
    .name = "groups",
    .usage = "[ROOM] | ROOM GROUP delete|pause|resume|seek|set",
    .summary = "print groups of workers, or change one",
    .help = "Prints the groups of ROOM, or of all rooms: room, group, backlog (messages that are not done, about),\n"
            "held (with workers), waiting (to be handed out, also again), retried, died, lost (gone from the room\n"
            "before), workers, and the age of the oldest that is held or waits; separated by tabs when stdout is\n"
            "no terminal. 'zrelay sub ROOM --group GROUP' makes groups, and works for them.\n"
            "\n"
            "  delete                  forgets the group; its workers end\n"
            "  pause, resume           hands out nothing more; goes on\n"
            "  seek --to WHERE         goes to WHERE, and forgets what was handed out\n"
            "  set OPTION…             changes options of the group\n"
            "\n"
            "Options:\n"
            "      --to WHERE          'all', 'now', the SEQ after which to go on, or a time: an age (90s, 15m, 2h,\n"
            "                          7d) or a date (2026-11-20, 2026-11-20T10:15, each also with Z)\n"
            "      --time S            how long a worker may take for a message\n"
            "      --deliveries N      how often a message is handed out at most\n"
            "      --backoff S         how long until it is handed out again; doubles each time\n"
            "      --each N            messages that one worker may hold\n"
            "      --total N           messages that are handed out or wait to be handed out again\n"
            "      --dead ROOM         where dead messages go\n"
            "      --keep WORD         yes: the room keeps each message until the group has finished it; no\n",
    .run = s_run,
};
