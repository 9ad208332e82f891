/* zrelay cluster: the brokers that share a database, and which of them leads. */
#include <inttypes.h>
#include <jansson.h>
#include <unistd.h>

#include "conn.h"
#include "format.h"
#include "output.h"
#include "stats_table.h"

extern const command_t cmd_cluster;

enum { ENDPOINT_WIDTH = 28, PART_WIDTH = 8, SEEN_WIDTH = 6 };

static const char *s_text(const json_t *row, const char *name) {
    const char *text = json_string_value(json_object_get(row, name));
    return text ? text : "";
}

static json_int_t s_number(const json_t *row, const char *name) {
    return json_integer_value(json_object_get(row, name));
}

static void s_head(zr_buffer_t *out, const json_t *answer) {
    char age[STATS_NUMBER_SIZE];
    json_int_t since = s_number(answer, "since"), now = s_number(answer, "time"), behind = s_number(answer, "behind");
    zr_buffer_printf(out, "term %" JSON_INTEGER_FORMAT " since %s, standbys of the database: %" JSON_INTEGER_FORMAT,
        s_number(answer, "term"), stats_age(now > since ? (uint64_t)(now - since) : 0, age),
        s_number(answer, "standbys"));
    if (json_object_get(answer, "behind"))
        zr_buffer_printf(out, ", the slowest %" JSON_INTEGER_FORMAT " bytes behind", behind);
    zr_buffer_u8(out, '\n');
}

/* The texts are from the database: brokers wrote them. */
static void s_cell(zr_buffer_t *out, const char *text, size_t width) {
    size_t before = out->len;
    zr_escape(out, zr_span(text));
    for (size_t i = out->len - before; i < width; i++)
        zr_buffer_u8(out, ' ');
    zr_buffer_append(out, "  ", 2);
}

static void s_row(zr_buffer_t *out, const json_t *row) {
    char age[STATS_NUMBER_SIZE];
    s_cell(out, s_text(row, "endpoint"), ENDPOINT_WIDTH);
    s_cell(out, s_text(row, "part"), PART_WIDTH);
    s_cell(out, stats_age((uint64_t)s_number(row, "seen") * 1000, age), SEEN_WIDTH);
    zr_escape(out, zr_span(s_text(row, "name")));
    zr_buffer_u8(out, '\n');
}

static void s_show(zr_buffer_t *out, const json_t *answer) {
    s_head(out, answer);
    s_cell(out, "broker", ENDPOINT_WIDTH);
    s_cell(out, "part", PART_WIDTH);
    s_cell(out, "seen", SEEN_WIDTH);
    zr_buffer_append(out, "process\n", 8);
    size_t index;
    const json_t *row;
    json_array_foreach(json_object_get(answer, "cluster"), index, row) s_row(out, row);
}

typedef struct {
    zr_buffer_t *out;
    bool json, any;
} asked_t;

static int s_take(const zrelay_event_t *event, void *ctx) {
    asked_t *asked = ctx;
    json_t *answer = event->type == ZRELAY_STATS && event->text ? json_loads(event->text, 0, NULL) : NULL;
    json_t *rows = json_object_get(answer, "cluster");
    asked->any |= json_array_size(rows) > 0;
    for (size_t i = 0; asked->json && i < json_array_size(rows); i++)
        format_json(asked->out, json_incref(json_array_get(rows, i)));
    if (!asked->json && json_array_size(rows) > 0)
        s_show(asked->out, answer);
    json_decref(answer);
    return 0;
}

static int s_print(conn_t *session, output_t *output) {
    uint64_t request;
    asked_t asked = {.out = &output->buffer, .json = session->config->json};
    int failed = zrelay_stats(session->relay, "{\"of\":\"cluster\"}", &request);
    int code = failed ? conn_failed(session, failed) : conn_answer(session, request, s_take, &asked, NULL);
    if (code == 0 && !asked.any)
        cli_say("the broker at %s knows no other: it has no cluster/advertise", session->config->server);
    return code;
}

static int s_run(config_t *config, int argc, char **argv) {
    int code = cli_options(&cmd_cluster, config, NULL, 0, &argc, argv);
    if (code >= 0)
        return code;
    if (argc > 0)
        return cli_misuse(&cmd_cluster, "what is '%s'?", argv[0]);
    output_t output;
    conn_t session;
    output_open(&output, STDOUT_FILENO, NULL, NULL);
    code = conn_open(&session, config, CONN_NAMELESS);
    if (code == 0)
        code = s_print(&session, &output);
    code = output_close(&output, code);
    conn_close(&session);
    return code;
}

const command_t cmd_cluster = {
    .name = "cluster",
    .usage = "",
    .summary = "print the brokers of a cluster, and which one leads",
    .help = "Prints the term and how long it lasts, how many standbys the database has and how far they are behind;\n"
            "then each broker: its endpoint, its part (leads, follows, or away), how long ago it was seen, and its\n"
            "machine and process. Any broker of the cluster answers. On a broker with users it needs the right\n"
            "'stats' or 'admin'.\n"
            "\n"
            "  zrelay -s a.example,b.example cluster\n",
    .run = s_run,
};
