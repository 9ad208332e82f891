/* See secret_file.h. */
#include "secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "logger.h"

zr_file_t secret_file_read(const char *path, zr_buffer_t *text, mode_t *mode, char error[ZPL_ERROR_SIZE]) {
    const zr_file_rules_t rules = {.forbidden = ZR_FILE_OTHERS_WRITE, .max = SECRET_FILE_MAX};
    char why[ZR_FILE_WHY];
    zr_file_t result = zr_file_read(path, &rules, text, mode, why);
    if (result != ZR_FILE_READ)
        snprintf(error, ZPL_ERROR_SIZE, "%.300s: cannot use this file: %s", path, why);
    return result;
}

bool secret_file_create(const char *path, mode_t mode, zr_span_t text, char error[ZPL_ERROR_SIZE]) {
    char why[ZR_FILE_WHY];
    bool ok = zr_file_create(path, mode, text, why);
    if (!ok)
        snprintf(error, ZPL_ERROR_SIZE, "%.300s: cannot create this file: %s", path, why);
    return ok;
}

/* Without this a power cut could bring the old file back. A failure is only logged, because the new file is in force:
 * the caller must not believe that nothing has changed. */
static void s_sync_folder(const char *path) {
    char copy[PATH_MAX];
    snprintf(copy, sizeof copy, "%s", path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || (fsync(fd) != 0 && errno != EINVAL))
        zr_log(ZR_LOG_WARN, "%s: written, but its folder cannot be synchronized: %m", path);
    if (fd >= 0)
        close(fd);
}

bool secret_file_replace(const char *path, zr_span_t text, char error[ZPL_ERROR_SIZE]) {
    char partial[PATH_MAX];
    if (snprintf(partial, sizeof partial, "%s.partial", path) >= (int)sizeof partial) {
        snprintf(error, ZPL_ERROR_SIZE, "%.300s: the path is too long", path);
        return false;
    }
    unlink(partial); /* of a run that was killed */
    if (!secret_file_create(partial, 0600, text, error))
        return false;
    if (rename(partial, path) != 0) {
        snprintf(error, ZPL_ERROR_SIZE, "%.300s: cannot put the new file in its place: %s", path, strerror(errno));
        unlink(partial);
        return false;
    }
    s_sync_folder(path);
    return true;
}
