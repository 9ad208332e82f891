#include "log.h"

#include <stdlib.h>

void log_destroy(log_t *log) {
    if (log)
        log->engine->destroy(log);
}

void log_commit_finish(const log_commit_t *commit) {
    for (size_t i = 0; i < commit->mark_count; i++)
        zr_blob_unref(commit->marks[i].refusals);
    free(commit->marks);
}
