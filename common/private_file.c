/* See private_file.h. */
#include "private_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <sodium/utils.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "logger.h"

enum { OTHERS_WRITE = 0022 };

const zr_file_rules_t zr_file_config = {.forbidden = OTHERS_WRITE, .max = 1 << 20, .pipes = true};
const zr_file_rules_t zr_file_access = {.forbidden = OTHERS_WRITE, .max = 4 << 20};
const zr_file_rules_t zr_file_secret = {.forbidden = ZR_FILE_OTHERS, .max = 65535};

/* --- Reading --- */

/* NULL, or the fault of the file and what to do. */
static const char *s_fault(const struct stat *about, const zr_file_rules_t *rules) {
    if (S_ISDIR(about->st_mode))
        return "this is a directory, and no regular file; name one";
    if (!S_ISREG(about->st_mode))
        return rules->pipes ? NULL : "this is no regular file; name one";
    if (about->st_uid != 0 && about->st_uid != geteuid())
        return "it belongs to another user; chown it to root or to the user that runs this program";
    if (!(about->st_mode & rules->forbidden))
        return NULL;
    return rules->forbidden == ZR_FILE_OTHERS ? "others than its owner may read or change it; chmod 600 it"
                                              : "others than its owner may write it; chmod go-w it";
}

/* NULL, or the reason. Reserves everything before it reads: a copy left behind would not be wiped. */
static const char *s_read_all(int fd, size_t size, size_t max, zr_buffer_t *text, const char *large) {
    size_t most = size < max ? size : max;
    zr_buffer_reserve(text, most + 1);
    while (text->len <= most) {
        ssize_t got = read(fd, text->data + text->len, most + 1 - text->len);
        if (got == 0)
            return NULL;
        if (got < 0 && errno != EINTR)
            return strerror(errno);
        text->len += got > 0 ? (size_t)got : 0;
    }
    return text->len <= max ? "it grew while it was read; try again" : large;
}

zr_file_t zr_file_read(
    const char *path, const zr_file_rules_t *rules, zr_buffer_t *text, mode_t *mode, zr_error_t *error) {
    struct stat about = {0};
    char large[80];
    snprintf(large, sizeof large, "it is larger than %zu bytes; is it the right file?", rules->max);
    /* O_NONBLOCK: opening a FIFO must not wait for a writer. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | (rules->pipes ? 0 : O_NONBLOCK));
    bool missing = fd < 0 && errno == ENOENT;
    const char *wrong = fd < 0 || fstat(fd, &about) != 0 ? strerror(errno) : s_fault(&about, rules);
    if (!wrong)
        wrong = s_read_all(fd, S_ISREG(about.st_mode) ? (size_t)about.st_size : rules->max, rules->max, text, large);
    if (fd >= 0)
        close(fd);
    if (mode)
        *mode = about.st_mode & 07777;
    if (!wrong)
        return ZR_FILE_READ;
    zr_fail(error, "%s: cannot use this file: %s", path, wrong);
    zr_file_wipe(text);
    return missing ? ZR_FILE_MISSING : ZR_FILE_REFUSED;
}

zr_file_t zr_file_read_if_there(const char *path, const zr_file_rules_t *rules, zr_buffer_t *text, zr_error_t *error) {
    zr_error_t why = {0};
    zr_file_t result = zr_file_read(path, rules, text, NULL, &why);
    if (result == ZR_FILE_REFUSED)
        zr_fail(error, "%s", why.text);
    return result;
}

void zr_file_wipe(zr_buffer_t *text) {
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
    return fsync(fd) == 0;
}

/* `*kept` (may be NULL) gets the descriptor, which holds the file; else it is closed. */
static bool s_create(const char *path, mode_t mode, zr_span_t text, int *kept, zr_error_t *error) {
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY, mode);
    int failed = fd < 0 || (kept && flock(fd, LOCK_EX | LOCK_NB) != 0) || !s_write_all(fd, text) ? errno : 0;
    if (!failed && kept)
        *kept = fd;
    else if (fd >= 0 && close(fd) != 0 && !failed)
        failed = errno;
    if (!failed)
        return true;
    if (fd >= 0)
        unlink(path);
    return zr_fail(error, "%s: cannot create this file: %s", path,
        failed == EEXIST ? "it exists already and is not overwritten" : strerror(failed));
}

bool zr_file_create(const char *path, mode_t mode, zr_span_t text, zr_error_t *error) {
    return s_create(path, mode, text, NULL, error);
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

static bool s_replace(const char *path, const char *partial, zr_span_t text, int *kept, zr_error_t *error) {
    unlink(partial); /* of a run that was killed */
    if (!s_create(partial, 0600, text, kept, error))
        return false;
    if (rename(partial, path) != 0) {
        zr_fail(error, "%s: cannot put the new file in its place: %s", path, strerror(errno));
        unlink(partial);
        if (kept)
            close(*kept);
        return false;
    }
    s_sync_folder(path);
    return true;
}

bool zr_file_replace(const char *path, const char *partial, zr_span_t text, zr_error_t *error) {
    return s_replace(path, partial, text, NULL, error);
}

bool zr_file_replace_held(const char *path, const char *partial, zr_span_t text, int *held, zr_error_t *error) {
    int fd;
    if (!s_replace(path, partial, text, &fd, error))
        return false;
    close(*held);
    *held = fd;
    return true;
}

int zr_file_hold(const char *path, zr_error_t *error) {
    for (;;) {
        struct stat ours, there;
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
        if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0 || fstat(fd, &ours) != 0) {
            zr_fail(error, "%s: cannot use this file: %s", path,
                fd >= 0 && errno == EWOULDBLOCK ? "another process uses it" : strerror(errno));
            if (fd >= 0)
                close(fd);
            return -1;
        }
        /* The process that held it before may have put another one in its place. */
        if (stat(path, &there) == 0 && ours.st_ino == there.st_ino && ours.st_dev == there.st_dev)
            return fd;
        close(fd);
    }
}
