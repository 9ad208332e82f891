/* Metrics in the text formats that Prometheus reads. Pure. */
#ifndef ZR_METRIC_TEXT_H
#define ZR_METRIC_TEXT_H

#include <jansson.h>

#include "buffer.h"

/* Prometheus's own (0.0.4), and OpenMetrics 1.0. They differ in the head of counters. In OpenMetrics a text ends with
 * ZR_METRICS_EOF. */
typedef enum { ZR_METRICS_PROMETHEUS, ZR_METRICS_OPEN } zr_metrics_format_t;

#define ZR_METRICS_EOF "# EOF\n"

/* What stands before the values of a metric. `type` is "counter" or "gauge"; the name of a counter ends in "_total". */
void zr_metric_head(zr_buffer_t *out, zr_metrics_format_t format, const char *name, const char *type, const char *help);

/* One value, divided by `per` (1: it is whole). `label` NULL: none. Neither is escaped. */
void zr_metric_value(
    zr_buffer_t *out, const char *name, const char *label, const char *label_value, uint64_t value, uint64_t per);

/* The metrics of an answer to `stats`. Rows that are no metrics are left out: they come from a broker. */
void zr_metrics_write(zr_buffer_t *out, zr_metrics_format_t format, const json_t *metrics);

#endif
