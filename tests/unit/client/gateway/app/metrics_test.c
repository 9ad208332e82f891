#include "metrics.h"

#include "unit.h"

TEST(test_every_count_has_its_line) {
    web_counts_t web = {.connections = 1, .requests = 2, .refused = 3, .timeouts = 4};
    ws_counts_t sockets = {.open = 5, .opened = 6, .messages_in = 7, .out = {.dropped = 8, .queued = 9}};
    stream_counts_t streams = {
        .open = 21, .opened = 22, .refused = 23, .out = {.dropped = 24, .too_slow = 25}, .dead = 26};
    queue_budget_t queues = {.held = 13, .evicted = 14};
    uplink_counts_t uplink = {.channels = 10, .losses = 11};
    metrics_t metrics = {.web = &web,
        .sockets = &sockets,
        .streams = &streams,
        .uplink = &uplink,
        .live = true,
        .topics = 12,
        .queues = &queues};
    zr_buffer_t out = {0};
    metrics_write(&out, &metrics);
    zr_buffer_u8(&out, '\0');
    static const char *const lines[] = {"\nzrelay_gateway_connections 1\n", "\nzrelay_gateway_requests_total 2\n",
        "\nzrelay_gateway_refused_total 3\n", "\nzrelay_gateway_request_timeouts_total 4\n",
        "\nzrelay_gateway_websockets 5\n", "\nzrelay_gateway_websockets_total 6\n",
        "\nzrelay_gateway_websocket_messages_received_total 7\n", "\nzrelay_gateway_websocket_dropped_total 8\n",
        "\nzrelay_gateway_websocket_queued_bytes 9\n", "\nzrelay_gateway_channels 10\n",
        "\nzrelay_gateway_broker_losses_total 11\n", "\nzrelay_gateway_topics 12\n", "\nzrelay_gateway_broker_up 1\n",
        "\nzrelay_gateway_text_connections 21\n", "\nzrelay_gateway_text_connections_total 22\n",
        "\nzrelay_gateway_text_refused_total 23\n", "\nzrelay_gateway_text_dropped_total 24\n",
        "\nzrelay_gateway_text_too_slow_total 25\n", "\nzrelay_gateway_text_dead_total 26\n",
        "\nzrelay_gateway_queued_bytes 13\n", "\nzrelay_gateway_evicted_total 14\n",
        "\n# TYPE zrelay_gateway_topics gauge\n"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        ck_assert_msg(strstr((const char *)out.data, lines[i]) != NULL, "%s is missing", lines[i]);
    zr_buffer_finish(&out);
}

UNIT_SUITE("client.gateway.app.metrics")
