/* zrelay ping: how long the broker takes to answer. */
#include <inttypes.h>
#include <jansson.h>
#include <unistd.h>

#include "clock.h"
#include "conn.h"
#include "format.h"
#include "output.h"
#include "signals.h"

#define INTERVAL_MS 1000

extern const command_t cmd_ping;

static double s_now_ms(void) {
    return (double)zr_clock(CLOCK_MONOTONIC) / 1e6;
}

static int s_ping(conn_t *session, output_t *output, uint64_t number, double *took) {
    uint64_t request;
    double start = s_now_ms();
    int failed = zrelay_ping(session->relay, &request);
    if (failed)
        return conn_failed(session, failed);
    int code = conn_answer(session, request, NULL, NULL, NULL);
    *took = s_now_ms() - start;
    if (code)
        return code;
    if (session->config->json)
        format_json(
            &output->buffer, json_pack("{sIsI}", "number", (json_int_t)number, "us", (json_int_t)(*took * 1000)));
    else
        zr_buffer_printf(
            &output->buffer, "pong from %s: %" PRIu64 " time=%.3f ms\n", zrelay_server(session->relay), number, *took);
    return output_flush(output) ? 0 : CLI_USAGE;
}

/* Lets the session live until it is time for the next. */
static void s_pause(conn_t *session, double until) {
    for (double left = until - s_now_ms(); left > 0 && !signals_stop(); left = until - s_now_ms()) {
        const zrelay_event_t *event = conn_next(session, (int)left + 1);
        if (event)
            conn_note(session, event);
    }
}

static int s_pings(conn_t *session, output_t *output, uint64_t count) {
    double least = 0, most = 0, sum = 0;
    uint64_t number = 0;
    int code = 0;
    while (code == 0 && number < count && !signals_stop()) {
        double took = 0;
        double start = s_now_ms();
        code = s_ping(session, output, ++number, &took);
        if (code)
            return code;
        least = number == 1 || took < least ? took : least;
        most = took > most ? took : most;
        sum += took;
        if (number < count)
            s_pause(session, start + INTERVAL_MS);
    }
    if (number > 0 && !session->config->json)
        zr_buffer_printf(
            &output->buffer, "least %.3f ms, mean %.3f ms, most %.3f ms\n", least, sum / (double)number, most);
    return code;
}

static int s_run(config_t *config, int argc, char **argv) {
    uint64_t count = 3;
    const zr_option_t options[] = {{"count", 'c', ZR_OPTION_NUMBER, &count, NULL, 1, 0}};
    int code = cli_options(&cmd_ping, config, options, 1, &argc, argv);
    if (code >= 0)
        return code;
    if (argc > 0)
        return cli_misuse(&cmd_ping, "what is '%s'?", argv[0]);
    output_t output;
    conn_t session;
    output_open(&output, STDOUT_FILENO, NULL, NULL);
    code = conn_open(&session, config, CONN_NAMELESS);
    if (code == 0)
        code = s_pings(&session, &output, count);
    code = output_close(&output, code);
    conn_close(&session);
    return code;
}

const command_t cmd_ping = {
    .name = "ping",
    .usage = "",
    .summary = "measure how long the broker takes to answer",
    .help = "Asks the broker for a sign of life, once a second, and prints how long each answer took.\n"
            "\n"
            "Options:\n"
            "  -c, --count N           how often (3)\n",
    .run = s_run,
};
