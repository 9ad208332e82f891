/* See counters.h. */
#include "counters.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "published.h"
#include "stats.h"

enum { COUNTERS_IN_LINE = 6 };

static uint64_t s_resident(void) {
    unsigned long long all = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file && fscanf(file, "%llu %llu", &all, &resident) != 2)
        resident = 0;
    if (file)
        fclose(file);
    return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t s_micros(struct timeval time) {
    return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_usec;
}

void counters_measure(void *ctx, edge_stats_t *stats) {
    const server_t *server = ctx;
    struct rusage usage = {0};
    getrusage(RUSAGE_SELF, &usage);
    *stats = (edge_stats_t){.front_bytes = front_queue_in_all(server->queued),
        .max_front_bytes = server->settings->all_route_bytes,
        .back_bytes = published_bytes(),
        .max_back_bytes = server->settings->all_reader_bytes,
        .trunk_bytes = server->effects.trunks.bytes,
        .handshakes_refused = auth_refused(server->auth),
        .logins_failed = server->logins_failed,
        .logins_slowed = server->logins_slowed,
        .turned_away = peers_turned_away(server->peers),
        .no_room = peers_no_room(server->peers),
        .incomplete = peers_incomplete(server->peers),
        .greedy = server->greedy,
        .revoked = server->revoked,
        .claimed = server->claimed,
        .multipart = server->multipart,
        .stray = server->stray,
        .began_us = server->began,
        .cpu_us = s_micros(usage.ru_utime) + s_micros(usage.ru_stime),
        .resident_bytes = s_resident()};
}

/* Of error codes, of all together. */
static uint64_t s_value(const metric_t *metric, const metrics_t *metrics) {
    uint64_t value = 0;
    for (zr_code_t code = ZR_OK; code < (metric->codes ? ZR_CODE_COUNT : ZR_OK + 1); code++)
        value += metric_value(metric, metrics, code);
    return value / metric->per;
}

/* "zrelay_sessions" as "sessions". */
static void s_put(zr_buffer_t *line, const metric_t *metric, uint64_t value) {
    static const char begin[] = "zrelay_", end[] = "_total";
    const char *name = metric->name + sizeof begin - 1;
    size_t len = strlen(name) - (metric_rises(metric) ? sizeof end - 1 : 0);
    zr_buffer_printf(line, "%s%.*s %" PRIu64, line->len ? ", " : "", (int)len, name, value);
}

void counters_log(const server_t *server, zr_log_level_t level, const char *when) {
    metrics_t metrics = {.relay = core_stats(&server->core)};
    counters_measure((void *)server, &metrics.edge);
    if (server->log)
        metrics.log = log_stats(server->log);
    zr_buffer_t line = {0};
    for (size_t i = 0; i < metrics_count; i++) {
        s_put(&line, &metrics_table[i], s_value(&metrics_table[i], &metrics));
        if (i % COUNTERS_IN_LINE < COUNTERS_IN_LINE - 1 && i + 1 < metrics_count)
            continue;
        zr_log(level, "%s: %.*s", when, (int)line.len, (const char *)line.data);
        zr_buffer_clear(&line);
    }
    zr_buffer_finish(&line);
}
