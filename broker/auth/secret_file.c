/* See secret_file.h. */
#include "secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <sodium/utils.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "logger.h"

/* --- Reading --- */

/* NULL, or what is wrong with it and what to do. */
static const char *s_check(const struct stat *about) {
    if (!S_ISREG(about->st_mode))
        return "this is not a regular file; name one";
    if (about->st_uid != 0 && about->st_uid != geteuid())
        return "it belongs to another user, who could change it; chown it to root or to the user zrelayd runs as";
    if (about->st_mode & (S_IWGRP | S_IWOTH))
        return "others than its owner may write it; chmod go-w it";
    if (about->st_size > SECRET_FILE_MAX)
        return "it is larger than 4 MiB; is it the right file?";
    return NULL;
}

/* NULL, or what is wrong. */
static const char *s_read_all(int fd, size_t size, zr_buffer_t *text) {
    zr_buffer_reserve(text, size + 1);
    while (text->len <= size) {
        ssize_t got = read(fd, text->data + text->len, size + 1 - text->len);
        if (got == 0)
            return NULL;
        if (got < 0 && errno != EINTR)
            return strerror(errno);
        text->len += got > 0 ? (size_t)got : 0;
    }
    return "it grew while it was read; try again";
}

secret_file_t secret_file_read(const char *path, zr_buffer_t *text, mode_t *mode, char error[ZPL_ERROR_SIZE]) {
    struct stat about = {0};
    /* O_NONBLOCK: opening a FIFO must not wait for a writer. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    bool missing = fd < 0 && errno == ENOENT;
    const char *wrong = fd < 0 || fstat(fd, &about) != 0 ? strerror(errno) : s_check(&about);
    if (!wrong)
        wrong = s_read_all(fd, (size_t)about.st_size, text);
    if (fd >= 0)
        close(fd);
    if (mode)
        *mode = about.st_mode & 07777;
    if (!wrong)
        return SECRET_FILE_READ;
    secret_file_wipe(text);
    snprintf(error, ZPL_ERROR_SIZE, "%.300s: cannot use this file: %s", path, wrong);
    return missing ? SECRET_FILE_MISSING : SECRET_FILE_REFUSED;
}

void secret_file_wipe(zr_buffer_t *text) {
    if (text->data)
        sodium_memzero(text->data, text->size);
    zr_buffer_finish(text);
}

/* --- Writing --- */

static bool s_write_all(int fd, zr_span_t text) {
    while (text.len > 0) {
        ssize_t written = write(fd, text.ptr, text.len);
        if (written < 0 && errno != EINTR)
            return false;
        if (written > 0)
            text = zr_span_of(text.ptr + written, text.len - (size_t)written);
    }
    return true;
}

bool secret_file_create(const char *path, mode_t mode, zr_span_t text, char error[ZPL_ERROR_SIZE]) {
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd < 0) {
        snprintf(error, ZPL_ERROR_SIZE, "%.300s: cannot create this file: %s", path, strerror(errno));
        return false;
    }
    bool ok = s_write_all(fd, text) && fsync(fd) == 0;
    int reason = errno;
    if (close(fd) != 0 && ok) {
        reason = errno;
        ok = false;
    }
    if (!ok) {
        snprintf(error, ZPL_ERROR_SIZE, "%.300s: cannot write this file: %s", path, strerror(reason));
        unlink(path);
    }
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
