/* zrelay state: the keyed entries of a room, its shared state. */
#include <inttypes.h>
#include <jansson.h>
#include <unistd.h>

#include "format.h"
#include "output.h"
#include "conn.h"
#include "signals.h"

typedef struct {
    conn_t session;
    output_t output;
    format_t format;
    bool json, expect_given;
    uint64_t expect;
    const char *room, *key, *value;
    uint64_t found;
} state_t;

extern const command_t cmd_state;

/* --- Reading --- */

static int s_entry(const zrelay_event_t *event, void *ctx) {
    state_t *state = ctx;
    if (event->type != ZRELAY_ENTRY || !event->key)
        return 0;
    state->found++;
    if (state->key && state->format != FORMAT_JSON)
        format_entry(&state->output.buffer, event, state->format);
    else
        format_state(&state->output.buffer, event, state->format);
    return output_added(&state->output) ? 0 : CLI_USAGE;
}

static int s_snapshot(state_t *state, zrelay_event_t *done) {
    uint64_t request;
    int failed = zrelay_state(state->session.relay, state->room, state->key, &request);
    if (failed)
        return conn_failed(&state->session, failed);
    return conn_answer(&state->session, request, s_entry, state, done);
}

static int s_list(state_t *state) {
    return s_snapshot(state, NULL);
}

static int s_get(state_t *state) {
    int code = s_snapshot(state, NULL);
    if (code == 0 && state->found == 0) {
        cli_say("%s has no key '%s'", state->room, state->key);
        return CLI_REFUSED;
    }
    return code;
}

static int s_watch(state_t *state) {
    zrelay_event_t done = {0};
    int code = s_snapshot(state, &done);
    if (code)
        return code;
    int failed = zrelay_join(state->session.relay, state->room, ZRELAY_FROM_AFTER | ZRELAY_SILENT, done.seq);
    if (failed)
        return conn_failed(&state->session, failed);
    while (!signals_stop()) {
        const zrelay_event_t *event = conn_take(&state->session);
        if (!event) {
            if (!output_flush(&state->output))
                return CLI_USAGE;
            struct pollfd file = {.fd = state->output.pipe ? STDOUT_FILENO : -1};
            conn_wait(&state->session, &file, 1, -1);
            if (file.revents && output_lost(&state->output))
                return CLI_USAGE;
            continue;
        }
        if (event->type == ZRELAY_ENTRY) {
            code = s_entry(event, state);
        } else {
            conn_note(&state->session, event);
            if (event->type == ZRELAY_REFUSED)
                code = CLI_REFUSED;
            else if (event->type == ZRELAY_CLOSED)
                code = CLI_UNREACHABLE;
        }
        if (code)
            return code;
    }
    return 0;
}

/* --- Writing --- */

static int s_stored(state_t *state, const zrelay_event_t *event) {
    if (state->json)
        format_json(&state->output.buffer,
            json_pack("{sssssI}", "room", state->room, "key", state->key, "seq", (json_int_t)event->seq));
    return 0;
}

/* A write survives a broken connection: the library sends it again. Only the first answer must come in time. */
static int s_await(state_t *state, uint64_t mid) {
    for (;;) {
        const zrelay_event_t *event = conn_next(&state->session, (int)state->session.config->connect_ms);
        if (!event || event->type == ZRELAY_CLOSED) {
            if (!signals_stop())
                cli_say("no answer from the broker at %s: it is not known whether the value was stored",
                    state->session.config->server);
            return CLI_UNREACHABLE;
        }
        if (event->type == ZRELAY_ACKED && event->mid >= mid)
            return s_stored(state, event);
        conn_note(&state->session, event);
        if (event->type == ZRELAY_REFUSED)
            return CLI_REFUSED;
    }
}

static int s_write(state_t *state) {
    zrelay_t *relay = state->session.relay;
    uint64_t mid;
    int failed;
    size_t len = state->value ? strlen(state->value) : 0;
    if (state->expect_given)
        failed = zrelay_compare_and_set(relay, state->room, state->key, state->expect, state->value, len, &mid);
    else if (state->value)
        failed = zrelay_set(relay, state->room, state->key, state->value, len, &mid);
    else
        failed = zrelay_delete(relay, state->room, state->key, &mid);
    if (failed == ZRELAY_ELARGE) {
        cli_say("the value is larger than the %zu bytes that the broker takes",
            zrelay_body_max(relay, state->room, state->key));
        return CLI_USAGE;
    }
    return failed ? conn_failed(&state->session, failed) : s_await(state, mid);
}

/* --- The command --- */

typedef struct {
    const char *name;
    int words; /* after it */
    bool writes;
    int (*run)(state_t *state);
    const char *usage;
} action_t;

static const action_t s_actions[] = {
    {"list", 0, false, s_list, "zrelay state ROOM"},
    {"get", 1, false, s_get, "zrelay state ROOM get KEY"},
    {"set", 2, true, s_write, "zrelay state ROOM set KEY VALUE [--expect SEQ]"},
    {"delete", 1, true, s_write, "zrelay state ROOM delete KEY [--expect SEQ]"},
    {"watch", 0, false, s_watch, "zrelay state ROOM watch"},
};

static const action_t *s_action(const char *name) {
    for (size_t i = 0; i < sizeof s_actions / sizeof s_actions[0]; i++)
        if (strcmp(s_actions[i].name, name) == 0)
            return &s_actions[i];
    return NULL;
}

static int s_run(config_t *config, int argc, char **argv) {
    bool raw = false;
    state_t state = {.found = 0};
    const zr_option_t options[] = {
        {"expect", 0, ZR_OPTION_NUMBER, &state.expect, &state.expect_given, 0, 0},
        {"raw", 0, ZR_OPTION_FLAG, &raw, NULL, 0, 0},
    };
    int code = cli_options(&cmd_state, config, options, 2, &argc, argv);
    if (code >= 0)
        return code;
    if (argc == 0)
        return cli_misuse(&cmd_state, "which room?");
    const action_t *action = s_action(argc > 1 ? argv[1] : "list");
    if (!action)
        return cli_misuse(&cmd_state, "'%s' is not one of get, set, delete, watch", argv[1]);
    if (argc > 1 && argc - 2 != action->words)
        return cli_misuse(&cmd_state, "usage: %s", action->usage);
    if (state.expect_given && !action->writes)
        return cli_misuse(&cmd_state, "--expect goes with set and delete");
    state.room = cli_room(argv[0], false);
    state.value = action->words > 1 ? argv[3] : NULL;
    if (!state.room || (action->words > 0 && !(state.key = cli_key(argv[2]))))
        return CLI_USAGE;
    state.json = config->json;
    state.format = config->json ? FORMAT_JSON : raw || !isatty(STDOUT_FILENO) ? FORMAT_RAW : FORMAT_SAFE;
    output_open(&state.output, STDOUT_FILENO, NULL, NULL);
    code = conn_open(&state.session, config, action->writes ? CONN_NAMED : CONN_NAMELESS);
    if (code == 0)
        code = action->run(&state);
    code = output_close(&state.output, code);
    conn_close(&state.session);
    return code;
}

const command_t cmd_state = {
    .name = "state",
    .usage = "ROOM [get KEY | set KEY VALUE | delete KEY | watch]",
    .summary = "read and write a room's shared state",
    .help = "The last message of each key in a room is the key's value; all together are the room's state.\n"
            "Without more words, prints KEY=VALUE lines. 'get' prints one value; a missing key gives exit "
            "code 3.\n"
            "'watch' prints all values, then each change: KEY=VALUE, or KEY alone when it was deleted. With\n"
            "--json, 'set' and 'delete' print the position of what they stored.\n"
            "\n"
            "Options:\n"
            "      --expect SEQ        set or delete only if the value still stands at this position (0: if\n"
            "                          there is none); else nothing changes and the exit code is 3\n"
            "      --raw               values as they are, on a terminal too\n",
    .run = s_run,
};
