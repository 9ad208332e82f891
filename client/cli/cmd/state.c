/* zrelay state: the keyed entries of a room, its shared state. */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

#include "fatal.h"
#include "format.h"
#include "output.h"
#include "conn.h"
#include "signals.h"
#include "stats_table.h"
#include "when.h"

/* A key whose value ends by itself. */
typedef struct {
    char *key;
    uint64_t seq, time, ttl; /* µs, ms; ttl 0: by the age of values in the room alone */
} ending_t;

typedef struct {
    conn_t session;
    output_t output;
    format_t format;
    bool json, expect_given;
    uint64_t expect, ttl_ms;
    const char *room, *key, *value;
    uint64_t found;
    ending_t *endings;
    size_t ending_count, ending_size;
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

/* --- What ends by itself --- */

static int s_ending(const zrelay_event_t *event, void *ctx) {
    state_t *state = ctx;
    if (event->type != ZRELAY_ENTRY || !event->key)
        return 0;
    FATAL_GROW(state->endings, state->ending_count, state->ending_size);
    char *key = fatal_check(strdup(event->key));
    state->endings[state->ending_count++] = (ending_t){key, event->seq, event->time, event->ttl};
    return 0;
}

static uint64_t s_end(const ending_t *ending) {
    return ending->time + ending->ttl * 1000;
}

static int s_by_end(const void *a, const void *b) {
    uint64_t one = s_end(a), other = s_end(b);
    return one < other ? -1 : one > other;
}

/* `age`: ms that the room keeps values, 0: without end. Keeps those that end, the soonest first. */
static void s_sort_endings(state_t *state, uint64_t age) {
    size_t kept = 0;
    for (size_t i = 0; i < state->ending_count; i++) {
        ending_t *ending = &state->endings[i];
        if (age && (!ending->ttl || ending->ttl > age))
            ending->ttl = age;
        if (ending->ttl)
            state->endings[kept++] = *ending;
        else
            free(ending->key);
    }
    state->ending_count = kept;
    if (kept > 0)
        qsort(state->endings, kept, sizeof state->endings[0], s_by_end);
}

static void s_put_ending(state_t *state, const ending_t *ending, uint64_t now) {
    char left[STATS_NUMBER_SIZE];
    uint64_t end = s_end(ending);
    if (state->json) {
        format_json(&state->output.buffer, json_pack("{sssssIsI}", "room", state->room, "key", ending->key, "seq",
                                               (json_int_t)ending->seq, "expires", (json_int_t)end));
        return;
    }
    zr_buffer_printf(
        &state->output.buffer, "%-4s %10" PRIu64 "  ", stats_age(end > now ? end - now : 0, left), ending->seq);
    zr_escape(&state->output.buffer, zr_span(ending->key));
    zr_buffer_u8(&state->output.buffer, '\n');
}

static int s_expiring(state_t *state) {
    uint64_t request;
    zrelay_event_t done = {0}, pong = {0};
    int failed = zrelay_state(state->session.relay, state->room, NULL, &request);
    int code =
        failed ? conn_failed(&state->session, failed) : conn_answer(&state->session, request, s_ending, state, &done);
    if (code == 0 && (failed = zrelay_ping(state->session.relay, &request)))
        code = conn_failed(&state->session, failed);
    if (code == 0) /* the broker's clock: values are dated by it */
        code = conn_answer(&state->session, request, NULL, NULL, &pong);
    s_sort_endings(state, done.ttl);
    for (size_t i = 0; i < state->ending_count; i++) {
        if (code == 0) {
            s_put_ending(state, &state->endings[i], pong.time);
            code = output_added(&state->output) ? 0 : CLI_USAGE;
        }
        free(state->endings[i].key);
    }
    free(state->endings);
    return code;
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
    if (state->ttl_ms && (failed = zrelay_set_ttl(relay, state->ttl_ms)))
        return conn_failed(&state->session, failed);
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
    {"set", 2, true, s_write, "zrelay state ROOM set KEY VALUE [--ttl TIME] [--expect SEQ]"},
    {"delete", 1, true, s_write, "zrelay state ROOM delete KEY [--expect SEQ]"},
    {"watch", 0, false, s_watch, "zrelay state ROOM watch"},
    {"expiring", 0, false, s_expiring, "zrelay state ROOM expiring"},
};

static const action_t *s_action(const char *name) {
    for (size_t i = 0; i < sizeof s_actions / sizeof s_actions[0]; i++)
        if (strcmp(s_actions[i].name, name) == 0)
            return &s_actions[i];
    return NULL;
}

static int s_run(config_t *config, int argc, char **argv) {
    bool raw = false;
    const char *ttl = NULL;
    state_t state = {.found = 0};
    const zr_option_t options[] = {
        {"expect", 0, ZR_OPTION_NUMBER, &state.expect, &state.expect_given, 0, 0},
        {"ttl", 0, ZR_OPTION_TEXT, &ttl, NULL, 0, 0},
        {"raw", 0, ZR_OPTION_FLAG, &raw, NULL, 0, 0},
    };
    int code = cli_options(&cmd_state, config, options, sizeof options / sizeof options[0], &argc, argv);
    if (code >= 0)
        return code;
    if (argc == 0)
        return cli_misuse(&cmd_state, "which room?");
    const action_t *action = s_action(argc > 1 ? argv[1] : "list");
    if (!action)
        return cli_misuse(&cmd_state, "'%s' is not one of get, set, delete, watch, expiring", argv[1]);
    if (argc > 1 && argc - 2 != action->words)
        return cli_misuse(&cmd_state, "usage: %s", action->usage);
    if (state.expect_given && !action->writes)
        return cli_misuse(&cmd_state, "--expect goes with set and delete");
    if (ttl && action->words < 2)
        return cli_misuse(&cmd_state, "--ttl goes with set");
    if (ttl && !when_span(ttl, &state.ttl_ms))
        return cli_misuse(&cmd_state, "--ttl: '%s' is no time; write it as 90s, 15m, 2h or 7d", ttl);
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
    .usage = "ROOM [get KEY | set KEY VALUE | delete KEY | watch | expiring]",
    .summary = "read and write a room's shared state",
    .help = "The last message of each key in a room is the key's value; all together are the room's state.\n"
            "Without more words, prints KEY=VALUE lines. 'get' prints one value; a missing key gives exit "
            "code 3.\n"
            "'watch' prints all values, then each change: KEY=VALUE, or KEY alone when it was deleted. With\n"
            "--json, 'set' and 'delete' print the position of what they stored. 'expiring' prints the keys that\n"
            "the broker is to delete by itself, the soonest first: the time left, the position, and KEY. With\n"
            "--json \"expires\" is the moment, in microseconds since 1970.\n"
            "\n"
            "Options:\n"
            "      --expect SEQ        set or delete only if the value still stands at this position (0: if\n"
            "                          there is none); else nothing changes and the exit code is 3\n"
            "      --ttl TIME          set: the broker deletes the key after TIME (90s, 15m, 2h, 7d), unless it has\n"
            "                          another value by then\n"
            "      --raw               values as they are, on a terminal too\n",
    .run = s_run,
};
