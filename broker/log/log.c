/* See log.h. */
#include "log.h"

#include <stdlib.h>

int log_fd(const log_t *log) {
    return log->engine->fd ? log->engine->fd(log) : -1;
}

void log_answer(log_t *log) {
    if (log->engine->answer)
        log->engine->answer(log);
}

bool log_is_full(const log_t *log) {
    return log->engine->is_full && log->engine->is_full(log);
}

bool log_is_idle(const log_t *log) {
    return !log->engine->is_idle || log->engine->is_idle(log);
}

uint64_t log_leads_until(const log_t *log) {
    return log->engine->leads_until ? log->engine->leads_until(log) : UINT64_MAX;
}

void log_tick(log_t *log, uint64_t now) {
    if (log->engine->tick)
        log->engine->tick(log, now);
}

log_stats_t log_stats(log_t *log) {
    log_stats_t stats = {0};
    if (log->engine->stats)
        log->engine->stats(log, &stats);
    return stats;
}

void log_destroy(log_t *log) {
    if (log)
        log->engine->destroy(log);
}

void log_commit_finish(const log_commit_t *commit) {
    for (size_t i = 0; i < commit->mark_count; i++)
        zr_blob_unref(commit->marks[i].refusals);
    free(commit->marks);
    for (size_t i = 0; i < commit->group_count; i++)
        zr_blob_unref(commit->groups[i].state);
    free(commit->groups);
}
