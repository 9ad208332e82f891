/* What the broker counts, in one table: the op `stats`, the counters in the log and all that is made of them come from
 * it. Pure. */
#ifndef METRICS_H
#define METRICS_H

#include <jansson.h>

#include "code.h"
#include "edge_stats.h"
#include "log.h"
#include "relay.h"

/* All that the table reads. */
typedef struct {
    relay_stats_t relay;
    edge_stats_t edge;
    log_stats_t log;
} metrics_t;

typedef struct {
    const char *name; /* as Prometheus wants it. One that ends in "_total" only rises */
    const char *help;
    size_t at;    /* of its uint64_t in metrics_t; of codes, of the first of them */
    uint64_t per; /* the number is so many times that of the unit in the name */
    bool codes;   /* a number for each error code */
} metric_t;

extern const metric_t metrics_table[];
extern const size_t metrics_count;

/* Its number; of codes, that of `code`. */
uint64_t metric_value(const metric_t *metric, const metrics_t *metrics, zr_code_t code);

bool metric_rises(const metric_t *metric);

/* An array of an object for each row (PROTOCOL.md, `stats`); the caller's. */
json_t *metrics_json(const metrics_t *metrics);

#endif
