/* See stats_ask.h. */
#include "stats_ask.h"

#include <stdlib.h>
#include <unistd.h>

#include "clock.h"
#include "format.h"

enum { WIDE = 1000 }; /* columns: all cells fit */

/* What the answers are for. */
typedef struct {
    const stats_table_t *table;
    json_t *found; /* the last answer; or an array of rows */
    output_t *output;
    bool json, aligned;
} asked_t;

/* Takes over `options`. */
static int s_ask(conn_t *session, json_t *options, conn_each_fn *each, asked_t *asked) {
    uint64_t request;
    char *text = options ? json_dumps(options, JSON_COMPACT) : NULL;
    int failed = zrelay_stats(session->relay, text, &request);
    int code = failed ? conn_failed(session, failed) : conn_answer(session, request, each, asked, NULL);
    free(text);
    json_decref(options);
    return code;
}

static json_t *s_read(const zrelay_event_t *event, zrelay_event_type_t type) {
    return event->type == type && event->text ? json_loads(event->text, 0, NULL) : NULL;
}

static int s_take(const zrelay_event_t *event, void *ctx) {
    asked_t *asked = ctx;
    json_t *answer = s_read(event, ZRELAY_STATS);
    if (answer) {
        json_decref(asked->found);
        asked->found = answer;
    }
    return 0;
}

int stats_ask_metrics(conn_t *session, json_t **answer) {
    asked_t asked = {0};
    int code = s_ask(session, NULL, s_take, &asked);
    *answer = asked.found;
    if (code) {
        json_decref(*answer);
        *answer = NULL;
    } else if (!*answer) {
        *answer = json_object();
    }
    return code;
}

/* --- Groups have an op of their own, without a ranking --- */

static int s_take_group(const zrelay_event_t *event, void *ctx) {
    asked_t *asked = ctx;
    json_t *row = s_read(event, ZRELAY_GROUP);
    if (row)
        json_array_append_new(asked->found, row);
    return 0;
}

static int s_top_groups(conn_t *session, const stats_table_t *table, size_t by, size_t limit, json_t **rows) {
    uint64_t request;
    asked_t asked = {.found = json_array()};
    int failed = zrelay_groups(session->relay, NULL, &request);
    int code = failed ? conn_failed(session, failed) : conn_answer(session, request, s_take_group, &asked, NULL);
    stats_table_sort(table, by, asked.found);
    while (json_array_size(asked.found) > limit)
        json_array_remove(asked.found, json_array_size(asked.found) - 1);
    *rows = asked.found;
    return code;
}

int stats_ask_top(conn_t *session, const stats_table_t *table, size_t by, size_t limit, json_t **rows) {
    if (table == stats_table("groups"))
        return s_top_groups(session, table, by, limit, rows);
    asked_t asked = {0};
    int code = s_ask(session,
        json_pack("{ss ss sI}", "of", table->name, "by", table->cells[by].member, "limit", (json_int_t)limit), s_take,
        &asked);
    json_t *found = json_object_get(asked.found, table->name);
    *rows = json_is_array(found) ? json_incref(found) : json_array();
    json_decref(asked.found);
    return code;
}

/* --- Lists --- */

static int s_print_page(const zrelay_event_t *event, void *ctx) {
    asked_t *asked = ctx;
    json_t *answer = s_read(event, ZRELAY_STATS), *rows = json_object_get(answer, asked->table->name);
    uint64_t now = (uint64_t)json_integer_value(json_object_get(answer, "time"));
    zr_buffer_t *out = &asked->output->buffer;
    for (size_t i = 0; i < json_array_size(rows); i++) {
        json_t *row = json_array_get(rows, i);
        if (asked->json)
            format_json(out, json_incref(row));
        else if (asked->aligned)
            stats_table_row(asked->table, row, now, WIDE, out);
        else
            stats_table_tabs(asked->table, row, now, out);
    }
    json_decref(answer);
    return output_added(asked->output) ? 0 : CLI_USAGE;
}

int stats_print(conn_t *session, const stats_table_t *table, const char *prefix, output_t *output) {
    asked_t asked = {.table = table, .output = output, .json = session->config->json, .aligned = isatty(STDOUT_FILENO)};
    if (asked.aligned && !asked.json)
        stats_table_head(table, table->count, WIDE, &output->buffer);
    return s_ask(session, json_pack("{ss ss}", "of", table->name, "prefix", prefix), s_print_page, &asked);
}
