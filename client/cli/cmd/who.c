/* The command `who`: prints the members of a room. */
#include <jansson.h>
#include <unistd.h>

#include "format.h"
#include "names.h"
#include "output.h"
#include "conn.h"

typedef struct {
    output_t output;
    bool json;
} who_t;

extern const command_t cmd_who;

static int s_user(const zrelay_event_t *event, void *ctx) {
    who_t *who = ctx;
    if (event->type != ZRELAY_USER)
        return 0;
    if (who->json) {
        json_t *user = json_pack("{ss}", "nick", event->name);
        if (event->text)
            json_object_set_new(user, "meta", json_loads(event->text, 0, NULL));
        format_json(&who->output.buffer, user);
    } else {
        zr_escape(&who->output.buffer, zr_span(event->name));
        zr_buffer_u8(&who->output.buffer, '\n');
    }
    return output_added(&who->output) ? 0 : CLI_USAGE;
}

static int s_run(config_t *config, int argc, char **argv) {
    int code = cli_options(&cmd_who, config, NULL, 0, &argc, argv);
    if (code >= 0)
        return code;
    if (argc != 1)
        return cli_misuse(&cmd_who, argc ? "one room at a time" : "which room?");
    if (!cli_rooms(1, argv, false))
        return CLI_USAGE;
    who_t who = {.json = config->json};
    output_open(&who.output, STDOUT_FILENO, NULL, NULL);
    conn_t session;
    uint64_t request;
    code = conn_open(&session, config, CONN_NAMELESS);
    if (code == 0) {
        int failed = zrelay_who(session.relay, argv[0], &request);
        code = failed ? conn_failed(&session, failed) : conn_answer(&session, request, s_user, &who, NULL);
    }
    code = output_close(&who.output, code);
    conn_close(&session);
    return code;
}

const command_t cmd_who = {
    .name = "who",
    .usage = "ROOM",
    .summary = "print the users in a room",
    .help = "Prints the nicks of the users present in ROOM, one per line. Readers that joined silently, as\n"
            "'zrelay sub' does, are not named. Readers of a prefix ('zrelay sub PREFIX*') are not even counted.\n"
            "With --json each line has the user's meta, too: an avatar, a status or the like.\n",
    .run = s_run,
};
