/* zrelay metrics: the broker's counters, for Prometheus. */
#include <unistd.h>

#include "format.h"
#include "metric_text.h"
#include "stats_ask.h"

extern const command_t cmd_metrics;

static int s_print(conn_t *session, output_t *output, zr_metrics_format_t format) {
    json_t *answer;
    int code = stats_ask_metrics(session, &answer);
    if (code)
        return code;
    if (session->config->json) {
        format_json(&output->buffer, answer);
        return 0;
    }
    zr_metrics_write(&output->buffer, format, json_object_get(answer, "metrics"));
    if (format == ZR_METRICS_OPEN)
        zr_buffer_printf(&output->buffer, "%s", ZR_METRICS_EOF);
    json_decref(answer);
    return 0;
}

static int s_run(config_t *config, int argc, char **argv) {
    bool prometheus = false;
    const zr_option_t options[] = {{"prometheus", 0, ZR_OPTION_FLAG, &prometheus, NULL, 0, 0}};
    int code = cli_options(&cmd_metrics, config, options, 1, &argc, argv);
    if (code >= 0)
        return code;
    if (argc > 0)
        return cli_misuse(&cmd_metrics, "what is '%s'?", argv[0]);
    output_t output;
    conn_t session;
    output_open(&output, STDOUT_FILENO, NULL, NULL);
    code = conn_open(&session, config, CONN_NAMELESS);
    if (code == 0)
        code = s_print(&session, &output, prometheus ? ZR_METRICS_PROMETHEUS : ZR_METRICS_OPEN);
    code = output_close(&output, code);
    conn_close(&session);
    return code;
}

const command_t cmd_metrics = {
    .name = "metrics",
    .usage = "",
    .summary = "print the broker's counters, for Prometheus",
    .help =
        "Prints what the broker counts as OpenMetrics, which Prometheus reads. On a broker with users it needs\n"
        "the right 'stats' or 'admin'.\n"
        "\n"
        "  zrelay metrics --prometheus > /var/lib/prometheus/node-exporter/zrelay.prom\n"
        "\n"
        "Options:\n"
        "      --prometheus        Prometheus's older text format, for node_exporter and 'promtool check metrics'\n",
    .run = s_run,
};
