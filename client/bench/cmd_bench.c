/* zrelay bench: what the options mean, and showing what came of it. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "bench.h"
#include "bench_check.h"
#include "bench_process.h"
#include "format.h"
#include "output.h"
#include "typed.h"

extern const command_t cmd_bench;

enum { SIZE_MAX_BYTES = 64 << 20, COUNT_MAX = 1000000, MESSAGES_MAX = 1000000000, RATE_MAX = 100000000 };

enum { RESTART_RATE = 10 };

#define ON(mode) (1U << (mode))
enum {
    STREAM = ON(BENCH_THROUGHPUT) | ON(BENCH_LATENCY) | ON(BENCH_REPLAY), /* publishers × rooms × readers */
    LIVE = ON(BENCH_THROUGHPUT) | ON(BENCH_LATENCY) | ON(BENCH_FANOUT),
    READ = STREAM | ON(BENCH_FANOUT),
    ALL = READ | ON(BENCH_CONNECT),
};

static const struct {
    bench_run_fn *run;
    bench_plan_t plan; /* the defaults of the options */
} s_modes[BENCH_MODES] = {
    [BENCH_THROUGHPUT] = {bench_run, {.schedule = {1000000, 1, 1, 0}, .readers = 1}},
    [BENCH_LATENCY] = {bench_run, {.schedule = {0, 1, 1, 5000}, .readers = 1}},
    [BENCH_FANOUT] = {bench_run, {.schedule = {200000, 1, 1, 0}, .readers = 100}},
    [BENCH_REPLAY] = {bench_replay, {.schedule = {500000, 1, 1, 0}, .readers = 1}},
    [BENCH_CONNECT] = {bench_connect, {.schedule = {0, 1, 1, RESTART_RATE}, .readers = 1, .clients = 1000}},
};

enum { LATENCY_SECONDS = 10, CONNECT_MESSAGES = 3, JOINS_MAX = 100000 };

typedef struct {
    bench_plan_t plan;
    const char *batch, *svg;
    bool acked, readers_given;
} call_t;

static bool s_mode(const char *name, bench_mode_t *mode) {
    for (*mode = 0; *mode < BENCH_MODES; ++*mode)
        if (strcmp(bench_mode_name(*mode), name) == 0)
            return true;
    return false;
}

/* The options of these modes: others are unknown to them. -1, or the exit code. */
static int s_options(call_t *call, unsigned modes, config_t *config, int *argc, char **argv) {
    bench_plan_t *plan = &call->plan;
    const struct {
        unsigned modes;
        zr_option_t option;
    } all[] = {
        {STREAM, {"publishers", 0, ZR_OPTION_NUMBER, &plan->schedule.publishers, NULL, 1, COUNT_MAX}},
        {STREAM | ON(BENCH_CONNECT), {"rooms", 0, ZR_OPTION_NUMBER, &plan->schedule.rooms, NULL, 1, COUNT_MAX}},
        {READ, {"readers", 0, ZR_OPTION_NUMBER, &plan->readers, &call->readers_given, 0, COUNT_MAX}},
        {READ, {"messages", 'n', ZR_OPTION_NUMBER, &plan->schedule.messages, NULL, 1, MESSAGES_MAX}},
        {ON(BENCH_LATENCY) | ON(BENCH_CONNECT), {"rate", 0, ZR_OPTION_NUMBER, &plan->schedule.rate, NULL, 1, RATE_MAX}},
        {ALL, {"size", 0, ZR_OPTION_NUMBER, &plan->size, NULL, BENCH_BODY_MIN, SIZE_MAX_BYTES}},
        {READ, {"batch", 0, ZR_OPTION_TEXT, &call->batch, NULL, 0, 0}},
        {ON(BENCH_THROUGHPUT), {"acked", 0, ZR_OPTION_FLAG, &call->acked, NULL, 0, 0}},
        {READ, {"unacked", 0, ZR_OPTION_NUMBER, &plan->unacked, NULL, 1, MESSAGES_MAX}},
        {LIVE, {"ahead", 0, ZR_OPTION_NUMBER, &plan->ahead, NULL, 1, MESSAGES_MAX}},
        {ON(BENCH_CONNECT), {"clients", 0, ZR_OPTION_NUMBER, &plan->clients, NULL, 1, COUNT_MAX}},
        {ON(BENCH_CONNECT), {"joins", 0, ZR_OPTION_NUMBER, &plan->joins, NULL, 1, JOINS_MAX}},
        {LIVE | ON(BENCH_CONNECT), {"spread", 0, ZR_OPTION_FLAG, &plan->spread, NULL, 0, 0}},
        {ON(BENCH_CONNECT), {"presence", 0, ZR_OPTION_FLAG, &plan->presence, NULL, 0, 0}},
        {ON(BENCH_CONNECT), {"restart", 0, ZR_OPTION_TEXT, &plan->restart, NULL, 0, 0}},
        {ON(BENCH_CONNECT), {"hold", 0, ZR_OPTION_SECONDS, &plan->hold_ms, NULL, 0, 0}},
        {ON(BENCH_CONNECT), {"broker-pid", 0, ZR_OPTION_NUMBER, &plan->broker_pid, NULL, 1, INT32_MAX}},
        {ON(BENCH_LATENCY), {"svg", 0, ZR_OPTION_TEXT, &call->svg, NULL, 0, 0}},
        {ALL, {"room", 0, ZR_OPTION_TEXT, &plan->prefix, NULL, 0, 0}},
        {ALL, {"io-threads", 0, ZR_OPTION_NUMBER, &plan->io_threads, NULL, 1, 64}},
        {ALL, {"timeout", 't', ZR_OPTION_SECONDS, &plan->quiet_ms, NULL, 0, 0}},
    };
    zr_option_t mine[sizeof all / sizeof all[0]];
    size_t count = 0;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (all[i].modes & modes)
            mine[count++] = all[i].option;
    return cli_options(&cmd_bench, config, mine, count, argc, argv);
}

/* Completes the options that depend on others. 0, or the exit code. */
static int s_complete(call_t *call) {
    bench_plan_t *plan = &call->plan;
    char name[BENCH_ROOM_SIZE];
    if (call->batch && strcmp(call->batch, "on") != 0 && strcmp(call->batch, "off") != 0)
        return cli_misuse(&cmd_bench, "--batch is 'on' or 'off', not '%s'", call->batch);
    plan->packed = !call->batch || strcmp(call->batch, "on") == 0;
    if (call->acked && !call->readers_given)
        plan->readers = 0;
    if (plan->readers == 0 && plan->mode != BENCH_THROUGHPUT)
        return cli_misuse(&cmd_bench, "%s needs readers", bench_mode_name(plan->mode));
    if (plan->mode == BENCH_LATENCY && plan->schedule.messages == 0)
        plan->schedule.messages = LATENCY_SECONDS * plan->schedule.rate;
    if (plan->mode == BENCH_CONNECT) {
        plan->schedule.messages = CONNECT_MESSAGES * plan->schedule.rooms;
        if (plan->joins == 0) /* as many as it takes that each room has a reader */
            plan->joins = (plan->schedule.rooms + plan->clients - 1) / plan->clients;
        if (plan->joins > plan->schedule.rooms)
            return cli_misuse(&cmd_bench, "there are fewer rooms than --joins says");
    }
    if (getrandom(&plan->run, sizeof plan->run, 0) != (ssize_t)sizeof plan->run)
        abort();
    plan->prefix = typed_name(plan->prefix);
    if (strlen(plan->prefix) > BENCH_ROOM_SIZE / 2)
        return cli_misuse(&cmd_bench, "the name in --room is too long");
    bench_room_name(plan, plan->schedule.rooms - 1, name);
    return cli_room(name, false) ? 0 : CLI_USAGE;
}

/* --- The result --- */

static int s_draw(const call_t *call, const bench_result_t *result) {
    zr_buffer_t title = {0}, picture = {0};
    bench_title(&title, &call->plan);
    zr_buffer_u8(&title, '\0');
    bench_svg(&picture, result->latency, (const char *)title.data);
    FILE *file = fopen(call->svg, "we");
    bool good = file && fwrite(picture.data, 1, picture.len, file) == picture.len;
    if (file && fclose(file) != 0)
        good = false;
    if (!good)
        cli_say("cannot write '%s': %s", call->svg, strerror(errno));
    zr_buffer_finish(&title);
    zr_buffer_finish(&picture);
    return good ? 0 : CLI_USAGE;
}

static int s_exit_code(const call_t *call, const bench_result_t *result) {
    if (bench_whole(&call->plan, result))
        return 0;
    if (result->interrupted)
        return CLI_UNREACHABLE;
    return result->refused ? CLI_REFUSED : CLI_FAILED;
}

static int s_show(const call_t *call, const config_t *config, const bench_result_t *result) {
    output_t output;
    output_open(&output, STDOUT_FILENO, NULL, NULL);
    (config->json ? bench_json : bench_table)(&output.buffer, &call->plan, result);
    int code = s_exit_code(call, result), failed = call->svg ? s_draw(call, result) : 0;
    return output_close(&output, failed ? failed : code);
}

static int s_run(config_t *config, int argc, char **argv) {
    call_t call = {.batch = NULL};
    bench_mode_t mode = BENCH_THROUGHPUT;
    bool named = argc > 0 && argv[0][0] != '-';
    if (named && !s_mode(argv[0], &mode))
        return cli_misuse(&cmd_bench, "there is no benchmark '%s'", argv[0]);
    call.plan = s_modes[mode].plan;
    call.plan.mode = mode;
    call.plan.size = 100;
    call.plan.unacked = call.plan.ahead = 100000;
    call.plan.io_threads = 1;
    call.plan.quiet_ms = 10000;
    call.plan.hold_ms = 1000;
    call.plan.prefix = "bench";
    argc -= named;
    int code = s_options(&call, named ? ON(mode) : ALL, config, &argc, argv + named);
    if (code >= 0)
        return code;
    if (!named || argc > 0)
        return named ? cli_misuse(&cmd_bench, "what is '%s'?", argv[1]) : cli_misuse(&cmd_bench, "which benchmark?");
    if ((code = s_complete(&call)) != 0)
        return code;
    target_t target;
    bench_result_t result = {.one_order = true};
    bench_process_begin();
    code = target_resolve(&target, config);
    if (code == 0)
        code = s_modes[mode].run(&call.plan, &target, &result);
    if (code == 0)
        code = s_show(&call, config, &result);
    target_finish(&target);
    free(result.latency);
    free(result.late);
    return code;
}

const command_t cmd_bench = {
    .name = "bench",
    .usage = "MODE",
    .summary = "measure a broker: throughput, latency, replay, connections",
    .help = "Publishes and reads in rooms of its own, and checks at every reader that each message came, once\n"
            "and in order. Exits with 4 when something is missing. The rooms, whose names are told, stay behind\n"
            "in the broker with what is in them. Modes:\n"
            "  throughput              as many messages as go through\n"
            "  latency                 messages at a steady rate, and how long each takes, counted from the\n"
            "                          moment it was due: a stall delays all that were due meanwhile; when the\n"
            "                          machine wakes a publisher late, from that moment ('sent late' has the rest)\n"
            "  fanout                  throughput from one publisher to many readers\n"
            "  replay                  fills rooms, then reads their history\n"
            "  connect                 many idle clients, which all see the same messages in the end; also when the\n"
            "                          broker is restarted meanwhile\n"
            "\n"
            "Options:\n"
            "      --publishers N      (1)\n"
            "      --rooms N           (1)\n"
            "      --readers N         of each room (1; fanout: 100; with --acked: 0)\n"
            "  -n, --messages N        from all publishers together (1000000; fanout: 200000; replay: 500000;\n"
            "                          latency: ten seconds of them)\n"
            "      --size BYTES        of a message (100)\n"
            "      --batch HOW         'off': each message in a PUBLISH frame of its own (on)\n"
            "      --unacked N         a publisher has at most N messages unacked (100000)\n"
            "      --acked             throughput: measure the way to the ack, without readers\n"
            "      --ahead N           publishers wait when readers are N messages behind (100000)\n"
            "      --rate N            messages a second from all publishers together (latency: 5000;\n"
            "                          connect with --restart: 10)\n"
            "      --svg FILE          latency: draw the distribution\n"
            "      --clients N         connect: how many (1000)\n"
            "      --joins N           connect: rooms that each client is in (as many as it takes that all\n"
            "                          rooms have a reader)\n"
            "      --spread            of several servers (-s A,B,C), publishers are at the first, readers and\n"
            "                          clients at the others in turn\n"
            "      --presence          connect: clients are present by name and follow the others\n"
            "      --restart COMMAND   connect: when all have read what was published, 'sh -c COMMAND', which\n"
            "                          is to restart the broker at the same endpoints, and how long it takes\n"
            "                          then until all are back and have read what is published meanwhile\n"
            "      --hold S            connect: for how long they stay idle (1)\n"
            "      --broker-pid PID    connect: tell how much this process grew for each client\n"
            "      --room NAME         rooms are called NAME/RUN/NUMBER (bench)\n"
            "      --io-threads N      of libzmq in this program (1)\n"
            "  -t, --timeout S         give up when nothing moves for S seconds (10)\n",
    .run = s_run,
};
