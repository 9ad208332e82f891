/* zrelay admin: what operators ask of a broker. */
#include <jansson.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "conn.h"
#include "format.h"
#include "moment.h"
#include "names.h"
#include "options.h"
#include "output.h"
#include "when.h"

typedef struct {
    output_t output;
    bool json;
    const char *room; /* kick: of this room only; NULL: of the broker */
    uint64_t seconds;
    bool timed; /* --for is given */
    const char *before, *key; /* of delete */
} admin_t;

typedef struct {
    const char *name;
    bool user, reason;
} deed_t;

extern const command_t cmd_admin;

static const deed_t s_deeds[] = {
    {"reload", false, false},
    {"kick", true, true},
    {"ban", true, true},
    {"unban", true, false},
    {"bans", false, false},
    {"log-level", true, false},
    {"drain", false, false},
    {"drain-away", false, false},
    {"undrain", false, false},
    {"delete", true, false},
};

static const deed_t *s_deed(const char *name) {
    for (size_t i = 0; i < sizeof s_deeds / sizeof s_deeds[0]; i++)
        if (strcmp(s_deeds[i].name, name) == 0)
            return &s_deeds[i];
    return NULL;
}

/* --- Answers --- */

static void s_column(zr_buffer_t *out, const char *text, char end) {
    zr_escape(out, zr_span(text ? text : ""));
    zr_buffer_u8(out, (uint8_t)end);
}

static int s_ban(const zrelay_event_t *event, void *ctx) {
    admin_t *admin = ctx;
    zr_buffer_t *out = &admin->output.buffer;
    if (event->type != ZRELAY_USER)
        return 0;
    if (admin->json) {
        format_json(out, json_pack("{sssssIss}", "user", event->name, "by", event->sender ? event->sender : "", "time",
                             (json_int_t)event->time, "reason", event->text ? event->text : ""));
    } else {
        char when[32] = "-";
        time_t seconds = (time_t)(event->time / 1000000);
        struct tm utc;
        if (event->time)
            strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &utc));
        s_column(out, event->name, '\t');
        s_column(out, event->sender, '\t');
        s_column(out, when, '\t');
        s_column(out, event->text, '\n');
    }
    return output_added(&admin->output) ? 0 : CLI_USAGE;
}

static void s_done(admin_t *admin, const zrelay_event_t *done) {
    zr_buffer_t *out = &admin->output.buffer;
    if (!done->text)
        return;
    if (admin->json)
        format_json(out, json_pack("{ss}", "text", done->text));
    else
        s_column(out, done->text, '\n');
}

/* --- The command --- */

/* The seq up to which --before deletes. */
static int s_upto(conn_t *session, const char *room, const char *before, uint64_t *upto) {
    uint64_t since;
    *upto = ZR_INT_MAX;
    if (!before)
        return 0;
    if (zr_number_parse(before, ZR_INT_MAX, upto)) {
        *upto -= *upto > 0;
        return 0;
    }
    if (!when_parse(before, zr_time_us(), &since))
        return cli_misuse(&cmd_admin, "--before '%s' is no seq or time; a time is " WHEN_FORMS, before);
    *upto = 0;
    return moment_at(session, room, since, upto);
}

static int s_delete(conn_t *session, const admin_t *admin, const char *room) {
    uint64_t request, upto;
    int code = s_upto(session, room, admin->before, &upto);
    int failed = code ? 0 : zrelay_admin_delete(session->relay, room, upto, admin->key, &request);
    if (code || failed)
        return code ? code : conn_failed(session, failed);
    return conn_answer(session, request, NULL, NULL, NULL);
}

static int s_ask(conn_t *session, admin_t *admin, int argc, char **argv) {
    if (strcmp(argv[0], "delete") == 0)
        return s_delete(session, admin, argv[1]);
    char *reason = argc > 2 ? zr_words_join(argc - 2, argv + 2) : NULL;
    uint64_t request;
    zrelay_event_t done;
    int code;
    long seconds = !admin->timed ? 0 : admin->seconds ? (long)admin->seconds : -1;
    int failed = admin->room ? zrelay_kick(session->relay, admin->room, argv[1], seconds, reason, &request)
                             : zrelay_admin(session->relay, argv[0], argc > 1 ? argv[1] : NULL, reason, &request);
    if (failed == ZRELAY_EINVAL && reason)
        code = cli_misuse(&cmd_admin, "a reason has at most 200 bytes and no control characters");
    else
        code = failed ? conn_failed(session, failed) : conn_answer(session, request, s_ban, admin, &done);
    if (!failed && code == 0)
        s_done(admin, &done);
    free(reason);
    return code;
}

static int s_check(admin_t *admin, int argc, char **argv) {
    const deed_t *deed = argc ? s_deed(argv[0]) : NULL;
    if (argc == 0)
        return cli_misuse(&cmd_admin, "what is to be done?");
    if (!deed)
        return cli_misuse(&cmd_admin,
            "there is no '%s'; there are reload, kick, ban, unban, bans, log-level, drain, drain-away, undrain, delete",
            argv[0]);
    bool level = strcmp(deed->name, "log-level") == 0;
    bool deletes = strcmp(deed->name, "delete") == 0;
    if (!deletes && (admin->before || admin->key))
        return cli_misuse(&cmd_admin, "--before and --key go with delete");
    if (admin->before && admin->key)
        return cli_misuse(&cmd_admin, "--before and --key do not go together");
    if (deletes && argc < 2)
        return cli_misuse(&cmd_admin, "delete in which room?");
    if (deed->user && argc < 2)
        return cli_misuse(&cmd_admin, level ? "%s: error, warn, info or debug?" : "%s whom?", deed->name);
    if (argc > (deed->user ? 2 : 1) && !deed->reason)
        return cli_misuse(&cmd_admin, "what is '%s'?", argv[deed->user ? 2 : 1]);
    if (strcmp(deed->name, "kick") != 0 ? admin->room || admin->timed : admin->timed && !admin->room)
        return cli_misuse(&cmd_admin, "--room goes with kick, and --for goes with --room");
    if (admin->room && !(admin->room = cli_room(admin->room, false)))
        return CLI_USAGE;
    if (deletes)
        return cli_rooms(1, &argv[1], false) ? 0 : CLI_USAGE;
    if (level)
        return 0;
    const char *user = deed->user ? cli_nick(argv[1]) : NULL;
    if (user)
        argv[1] = (char *)user;
    return deed->user && !user ? CLI_USAGE : 0;
}

static int s_run(config_t *config, int argc, char **argv) {
    admin_t admin = {0};
    const zr_option_t options[] = {
        {"room", 0, ZR_OPTION_TEXT, &admin.room, NULL, 0, 0},
        {"for", 0, ZR_OPTION_NUMBER, &admin.seconds, &admin.timed, 0, 604800},
        {"before", 0, ZR_OPTION_TEXT, &admin.before, NULL, 0, 0},
        {"key", 'k', ZR_OPTION_TEXT, &admin.key, NULL, 0, 0},
    };
    int code = cli_options(&cmd_admin, config, options, sizeof options / sizeof *options, &argc, argv);
    if (code < 0)
        code = s_check(&admin, argc, argv);
    if (code == 0 && admin.key && !(admin.key = cli_key(admin.key)))
        code = CLI_USAGE;
    if (code || config->help || config->version)
        return code;
    conn_t session;
    admin.json = config->json;
    output_open(&admin.output, STDOUT_FILENO, NULL, NULL);
    code = conn_open(&session, config, CONN_NAMELESS);
    if (code == 0)
        code = s_ask(&session, &admin, argc, argv);
    code = output_close(&admin.output, code);
    conn_close(&session);
    return code;
}

const command_t cmd_admin = {
    .name = "admin",
    .usage = "reload | kick USER [REASON…] | ban USER [REASON…] | unban USER | bans | log-level LEVEL |\n"
             "       drain | drain-away | undrain | delete ROOM [--before SEQ|TIME] [--key KEY]",
    .summary = "what operators ask of a broker",
    .help = "For users with the right 'admin'. To kick from a room, the right 'kick' there is enough.\n"
            "\n"
            "  reload                  the broker reads its users file again; when it is wrong nothing changes\n"
            "  kick USER [REASON…]     ends the sessions of USER, whose programs connect again by\n"
            "                          themselves: to keep USER out, ban\n"
            "  kick USER --room ROOM [--for SECONDS] [REASON…]\n"
            "                          sends USER out of ROOM only, and keeps USER out for so long, at most a\n"
            "                          week; without it USER may come back at once; --for 0 lets USER in\n"
            "  ban USER [REASON…]      ends them, and lets USER in no more, over restarts too, until\n"
            "                          unban\n"
            "  unban USER              lets USER in again\n"
            "  bans                    prints the bans: user, operator, time and reason, separated by tabs; as\n"
            "                          JSON, objects with user, by, time (microseconds) and reason\n"
            "  log-level LEVEL         the broker logs more or less until it ends: error, warn, info or debug\n"
            "  drain                   the broker takes no new sessions; those that it has go on\n"
            "  drain-away              and sends the others away, 500 a second, so that clients with several\n"
            "                          endpoints, or a balancer before them, go elsewhere\n"
            "  undrain                 it takes new sessions again\n"
            "  delete ROOM             deletes the messages of ROOM, but not its newest and the values of keys;\n"
            "                          readers that come for them are told of a loss\n"
            "\n"
            "Options:\n"
            "      --before WHEN       delete: only messages before this seq or time; a time is an age (90s, 15m, 2h,\n"
            "                          7d) or a date (2026-11-20, 2026-11-20T10:15, each also with Z), and needs the\n"
            "                          right 'read' too\n"
            "  -k, --key KEY           delete: the value of KEY, and no messages\n",
    .run = s_run,
};
