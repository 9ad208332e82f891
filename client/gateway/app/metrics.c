/* See metrics.h. */
#include "metrics.h"

#include "http_counts.h"

static const char s_counter[] = "counter", s_gauge[] = "gauge";

static void s_write_web(zr_buffer_t *out, const web_counts_t *web) {
    http_metric(
        out, "zrelay_gateway_connections", s_gauge, "Open connections, those of WebSockets too.", web->connections);
    http_metric(out, "zrelay_gateway_requests_total", s_counter, "HTTP requests.", web->requests);
    http_metric(out, "zrelay_gateway_refused_total", s_counter, "Connections beyond a limit.", web->refused);
    http_metric(out, "zrelay_gateway_request_timeouts_total", s_counter,
        "Connections that took too long for a request.", web->timeouts);
}

static void s_write_sockets(zr_buffer_t *out, const ws_counts_t *sockets) {
    http_metric(out, "zrelay_gateway_websockets", s_gauge, "Open WebSockets.", sockets->open);
    http_metric(out, "zrelay_gateway_websockets_total", s_counter, "WebSockets since the start.", sockets->opened);
    http_metric(out, "zrelay_gateway_websocket_messages_received_total", s_counter, "Messages from WebSockets.",
        sockets->messages_in);
    http_metric(
        out, "zrelay_gateway_websocket_bytes_received_total", s_counter, "Bytes from WebSockets.", sockets->bytes_in);
    http_metric(
        out, "zrelay_gateway_websocket_bytes_sent_total", s_counter, "Bytes to WebSockets.", sockets->out.bytes_out);
    http_metric(out, "zrelay_gateway_websocket_queued_bytes", s_gauge,
        "Bytes that wait for WebSockets; a frame in several queues counts in each.", sockets->out.queued);
    http_metric(out, "zrelay_gateway_websocket_dropped_total", s_counter,
        "Live frames that were dropped for slow readers.", sockets->out.dropped);
    http_metric(out, "zrelay_gateway_websocket_too_slow_total", s_counter,
        "WebSockets that were closed for reading too slowly.", sockets->out.too_slow);
    http_metric(out, "zrelay_gateway_websocket_dead_total", s_counter,
        "WebSockets that were closed for not answering a ping.", sockets->dead);
}

static void s_write_streams(zr_buffer_t *out, const stream_counts_t *streams) {
    http_metric(out, "zrelay_gateway_text_connections", s_gauge, "Open connections of plain text: lines and IRC.",
        streams->open);
    http_metric(out, "zrelay_gateway_text_connections_total", s_counter, "The same since the start.", streams->opened);
    http_metric(out, "zrelay_gateway_text_refused_total", s_counter, "The same that were refused beyond a limit.",
        streams->refused);
    http_metric(out, "zrelay_gateway_text_bytes_received_total", s_counter, "Bytes from plain text connections.",
        streams->bytes_in);
    http_metric(out, "zrelay_gateway_text_bytes_sent_total", s_counter, "Bytes to plain text connections.",
        streams->out.bytes_out);
    http_metric(out, "zrelay_gateway_text_queued_bytes", s_gauge,
        "Bytes that wait for plain text connections; a text in several queues counts in each.", streams->out.queued);
    http_metric(out, "zrelay_gateway_text_dropped_total", s_counter, "Texts that were dropped for slow readers.",
        streams->out.dropped);
    http_metric(out, "zrelay_gateway_text_too_slow_total", s_counter,
        "Plain text connections that were closed for reading too slowly.", streams->out.too_slow);
    http_metric(out, "zrelay_gateway_text_dead_total", s_counter,
        "Plain text connections that were closed for taking nothing.", streams->dead);
}

static void s_write_uplink(zr_buffer_t *out, const metrics_t *metrics) {
    const uplink_counts_t *uplink = metrics->uplink;
    http_metric(out, "zrelay_gateway_broker_up", s_gauge, "1: the gateway is connected to its broker.", metrics->live);
    http_metric(
        out, "zrelay_gateway_broker_losses_total", s_counter, "Connections to the broker that ended.", uplink->losses);
    http_metric(
        out, "zrelay_gateway_channels", s_gauge, "Channels at the broker, one for each session.", uplink->channels);
    http_metric(out, "zrelay_gateway_topics", s_gauge, "Topics that are subscribed to at the broker.", metrics->topics);
    http_metric(
        out, "zrelay_gateway_broker_frames_sent_total", s_counter, "Frames to the broker.", uplink->sent_frames);
    http_metric(out, "zrelay_gateway_broker_bytes_sent_total", s_counter, "Bytes to the broker.", uplink->sent_bytes);
    http_metric(out, "zrelay_gateway_broker_frames_received_total", s_counter, "Frames from the broker.",
        uplink->received_frames);
    http_metric(
        out, "zrelay_gateway_broker_bytes_received_total", s_counter, "Bytes from the broker.", uplink->received_bytes);
}

static void s_write_queues(zr_buffer_t *out, const queue_budget_t *queues) {
    http_metric(out, "zrelay_gateway_queued_bytes", s_gauge,
        "Bytes that wait for all clients and of them, at most limits/all-queues; a frame in several queues counts "
        "once.",
        queues->held);
    http_metric(out, "zrelay_gateway_evicted_total", s_counter,
        "Clients that were disconnected to keep limits/all-queues.", queues->evicted);
}

void metrics_write(zr_buffer_t *out, const metrics_t *metrics) {
    s_write_web(out, metrics->web);
    s_write_sockets(out, metrics->sockets);
    s_write_streams(out, metrics->streams);
    s_write_queues(out, metrics->queues);
    s_write_uplink(out, metrics);
}
