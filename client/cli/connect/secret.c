/* See secret.h. */
#include "secret.h"

#include "format.h"
#include "private_file.h"

bool secret_read(const char *path, zr_buffer_t *out, bool *missing, zr_buffer_t *error) {
    const zr_file_rules_t rules = {.forbidden = ZR_FILE_OTHERS, .max = SECRET_SIZE_MAX - 1};
    char why[ZR_FILE_WHY];
    zr_file_t result = zr_file_read(path, &rules, out, NULL, why);
    if (missing)
        *missing = result == ZR_FILE_MISSING;
    if (result != ZR_FILE_READ)
        format_add(error, "%s: %s", path, why);
    return result == ZR_FILE_READ;
}

bool secret_create(const char *path, unsigned mode, zr_span_t text, zr_buffer_t *error) {
    char why[ZR_FILE_WHY];
    bool ok = zr_file_create(path, mode, text, why);
    if (!ok)
        format_add(error, "cannot write %s: %s", path, why);
    return ok;
}

void secret_finish(zr_buffer_t *buffer) {
    zr_file_wipe(buffer);
}
