/* See reload.h. */
#include "reload.h"

#include <stdlib.h>

#include "fatal.h"
#include "logger.h"
#include "setting_show.h"
#include "settings_live.h"

static const char *s_text(const char *value) {
    return value[0] ? value : "not set";
}

static void s_tell_live(void *by, const char *name, const char *before, const char *after) {
    zr_log(ZR_LOG_AUDIT, "reload by %s: %.200s: %.1000s, was %.1000s", (const char *)by, name, s_text(after),
        s_text(before));
}

static void s_tell_restart(void *by, const char *name, const char *before, const char *after) {
    zr_log(ZR_LOG_WARN, "reload by %s: %.200s stays %.1000s: %.1000s takes a restart", (const char *)by, name,
        s_text(before), s_text(after));
}

bool reload_settings(settings_t *settings, const reload_source_t *source, const char *by) {
    settings_t *wanted = fatal_calloc(sizeof *wanted), *before = fatal_calloc(sizeof *before);
    zr_error_t error = {0};
    size_t changed = 0, left = 0;
    bool ok = source->read(source->ctx, wanted, &error);
    if (ok) {
        *before = *settings;
        settings_take_live(settings, wanted);
        changed = zr_settings_compare(&settings_table, before, settings, s_tell_live, (void *)by);
        left = zr_settings_compare(&settings_table, settings, wanted, s_tell_restart, (void *)by);
    }
    for (const char *line = NULL; !ok && (line = zr_error_next(&error, line));)
        zr_log(ZR_LOG_AUDIT, "reload by %s failed, the settings stay: %s", by, line);
    if (ok && changed + left == 0)
        zr_log(ZR_LOG_INFO, "%s: the settings are as before", by);
    free(before);
    free(wanted);
    return changed > 0;
}
