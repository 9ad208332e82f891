/* What the API counts, and the text format of Prometheus. Pure. */
#ifndef HTTP_COUNTS_H
#define HTTP_COUNTS_H

#include "buffer.h"
#include "http_route.h"

enum { HTTP_RESOURCES = HTTP_STATE_KEY + 1, HTTP_CLASSES = 4 }; /* of status: 2xx, 3xx, 4xx, 5xx */

typedef struct {
    uint64_t answers[HTTP_RESOURCES][HTTP_CLASSES];
    uint64_t streams;        /* open now */
    uint64_t stream_entries; /* sent on streams */
    uint64_t stream_bytes;   /* likewise */
    uint64_t stream_dropped; /* live frames that a slow stream did not take, and reads later */
    uint64_t stream_queued;  /* bytes that wait for streams now */
    uint64_t stream_lost;    /* losses that streams were told */
    uint64_t sessions;       /* shared ones now */
    uint64_t waiting;        /* requests that wait for the broker now */
    uint64_t timeouts;       /* requests that waited too long */
} http_counts_t;

void http_count_answer(http_counts_t *counts, http_resource_t resource, unsigned status);

#define HTTP_METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Appends a metric with one value. `type` is "counter" or "gauge". */
void http_metric(zr_buffer_t *out, const char *name, const char *type, const char *help, uint64_t value);

void http_counts_write(zr_buffer_t *out, const http_counts_t *counts);

#endif
