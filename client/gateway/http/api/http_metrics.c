/* GET of the metrics: the gateway's own, and behind them those of the broker, if the request's user may see them. */
#include <jansson.h>

#include "http_events.h"
#include "http_request.h"
#include "metric_text.h"

/* `metrics`: of the broker's answer; NULL: it gave none. */
static void s_answer(http_request_t *request, const json_t *metrics) {
    http_api_t *api = request->api;
    zr_buffer_t out = {0};
    http_wait_no_more(request); /* else it would count itself */
    api->counts.sessions = http_pool_count(api->pool);
    api->counts.stream_queued = http_events_queued(api);
    if (api->config.metrics)
        api->config.metrics(api->config.ctx, &out);
    http_counts_write(&out, &api->counts);
    zr_metrics_write(&out, ZR_METRICS_PROMETHEUS, metrics);
    http_answer(request, 200, HTTP_METRICS_TYPE, NULL, zr_span_of(out.data, out.len));
    zr_buffer_finish(&out);
}

static void s_on_stats(void *ctx, const json_t *answer) {
    http_request_t *request = ctx;
    request->ask = NULL;
    s_answer(request, json_object_get(answer, "metrics"));
}

/* An operator wants to see the gateway above all when the broker does not answer. */
static void s_on_failed(void *ctx, const http_problem_t *problem) {
    http_request_t *request = ctx;
    (void)problem;
    request->ask = NULL;
    s_answer(request, NULL);
}

static void s_on_late(http_request_t *request) {
    s_answer(request, NULL);
}

void http_metrics_take(http_request_t *request) {
    static const http_ask_calls_t calls = {NULL, s_on_stats, s_on_failed};
    http_problem_t problem;
    if (!http_check_broker(request->api, &problem)) {
        s_answer(request, NULL);
    } else if (http_lease(request)) {
        request->late = s_on_late;
        request->ask =
            http_session_ask(http_session(request), HTTP_ASK_FREE, json_pack("{s:s}", "op", "stats"), &calls, request);
    }
}
