#include "http_counts.h"

#include <inttypes.h>

#include "metric_text.h"

static const char *const s_resources[HTTP_RESOURCES] = {
    [HTTP_PAGE] = "other",
    [HTTP_HEALTH] = "health",
    [HTTP_METRICS] = "metrics",
    [HTTP_WS] = "ws",
    [HTTP_ROOMS] = "rooms",
    [HTTP_ROOM] = "room",
    [HTTP_ROOM_WS] = "room_ws",
    [HTTP_EVENTS] = "events",
    [HTTP_WHO] = "who",
    [HTTP_STATE] = "state",
    [HTTP_STATE_KEY] = "state_key",
};

void http_count_answer(http_counts_t *counts, http_resource_t resource, unsigned status) {
    unsigned class = status / 100;
    if (class >= 2 && class <= 5)
        counts->answers[resource][class - 2]++;
}

void http_metric(zr_buffer_t *out, const char *name, const char *type, const char *help, uint64_t value) {
    zr_metric_head(out, ZR_METRICS_PROMETHEUS, name, type, help);
    zr_metric_value(out, name, NULL, NULL, value, 1);
}

static void s_write_answers(zr_buffer_t *out, const http_counts_t *counts) {
    static const char name[] = "zrelay_gateway_http_answers_total";
    zr_metric_head(
        out, ZR_METRICS_PROMETHEUS, name, "counter", "Answers of the HTTP API by resource and class of status.");
    for (size_t resource = 0; resource < HTTP_RESOURCES; resource++)
        for (size_t class = 0; class < HTTP_CLASSES; class ++)
            if (counts->answers[resource][class] > 0)
                zr_buffer_printf(out, "%s{resource=\"%s\",status=\"%zuxx\"} %" PRIu64 "\n", name, s_resources[resource],
                    class + 2, counts->answers[resource][class]);
}

void http_counts_write(zr_buffer_t *out, const http_counts_t *counts) {
    static const char counter[] = "counter", gauge[] = "gauge";
    s_write_answers(out, counts);
    http_metric(out, "zrelay_gateway_http_waiting", gauge, "Requests that wait for the broker.", counts->waiting);
    http_metric(out, "zrelay_gateway_http_timeouts_total", counter, "Requests that the broker did not answer in time.",
        counts->timeouts);
    http_metric(out, "zrelay_gateway_http_sessions", gauge, "Sessions that requests share.", counts->sessions);
    http_metric(out, "zrelay_gateway_streams", gauge, "Open streams of server-sent events.", counts->streams);
    http_metric(
        out, "zrelay_gateway_stream_entries_total", counter, "Entries sent on streams.", counts->stream_entries);
    http_metric(out, "zrelay_gateway_stream_bytes_total", counter, "Bytes sent on streams.", counts->stream_bytes);
    http_metric(
        out, "zrelay_gateway_stream_queued_bytes", gauge, "Bytes that wait for slow streams.", counts->stream_queued);
    http_metric(out, "zrelay_gateway_stream_dropped_total", counter,
        "Live frames that a slow stream did not take; it reads them later.", counts->stream_dropped);
    http_metric(
        out, "zrelay_gateway_stream_lost_total", counter, "Losses that streams were told.", counts->stream_lost);
}
