/* zrelay admin: what operators ask of a broker. */
#include <jansson.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "conn.h"
#include "format.h"
#include "names.h"
#include "options.h"
#include "output.h"

typedef struct {
    output_t output;
    bool json;
    const char *room; /* kick: of this room only; NULL: of the broker */
    uint64_t seconds;
    bool timed; /* --for is given */
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

static int s_ask(conn_t *session, admin_t *admin, int argc, char **argv) {
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
        return cli_misuse(&cmd_admin, "there is no '%s'; there are reload, kick, ban, unban, bans", argv[0]);
    if (deed->user && argc < 2)
        return cli_misuse(&cmd_admin, "%s whom?", deed->name);
    if (argc > (deed->user ? 2 : 1) && !deed->reason)
        return cli_misuse(&cmd_admin, "what is '%s'?", argv[deed->user ? 2 : 1]);
    if (strcmp(deed->name, "kick") != 0 ? admin->room || admin->timed : admin->timed && !admin->room)
        return cli_misuse(&cmd_admin, "--room goes with kick, and --for goes with --room");
    if (admin->room && !(admin->room = cli_room(admin->room, false)))
        return CLI_USAGE;
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
    };
    int code = cli_options(&cmd_admin, config, options, sizeof options / sizeof *options, &argc, argv);
    if (code < 0)
        code = s_check(&admin, argc, argv);
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
    .usage = "reload | kick USER [REASON…] | ban USER [REASON…] | unban USER | bans",
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
            "                          JSON, objects with user, by, time (microseconds) and reason\n",
    .run = s_run,
};
