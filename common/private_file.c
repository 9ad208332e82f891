/* See private_file.h. */
#include "private_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium/utils.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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
static const char *s_read_all(
    int fd, size_t size, const zr_file_rules_t *rules, zr_buffer_t *text, char why[ZR_FILE_WHY]) {
    size_t most = size < rules->max ? size : rules->max;
    zr_buffer_reserve(text, most + 1);
    while (text->len <= most) {
        ssize_t got = read(fd, text->data + text->len, most + 1 - text->len);
        if (got == 0)
            return NULL;
        if (got < 0 && errno != EINTR)
            return strerror(errno);
        text->len += got > 0 ? (size_t)got : 0;
    }
    if (text->len <= rules->max)
        return "it grew while it was read; try again";
    snprintf(why, ZR_FILE_WHY, "it is larger than %zu bytes; is it the right file?", rules->max);
    return why;
}

zr_file_t zr_file_read(
    const char *path, const zr_file_rules_t *rules, zr_buffer_t *text, mode_t *mode, char why[ZR_FILE_WHY]) {
    struct stat about = {0};
    /* O_NONBLOCK: opening a FIFO must not wait for a writer. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | (rules->pipes ? 0 : O_NONBLOCK));
    bool missing = fd < 0 && errno == ENOENT;
    const char *wrong = fd < 0 || fstat(fd, &about) != 0 ? strerror(errno) : s_fault(&about, rules);
    if (!wrong)
        wrong = s_read_all(fd, S_ISREG(about.st_mode) ? (size_t)about.st_size : rules->max, rules, text, why);
    if (fd >= 0)
        close(fd);
    if (mode)
        *mode = about.st_mode & 07777;
    if (!wrong)
        return ZR_FILE_READ;
    zr_file_wipe(text);
    if (wrong != why)
        snprintf(why, ZR_FILE_WHY, "%s", wrong);
    return missing ? ZR_FILE_MISSING : ZR_FILE_REFUSED;
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

bool zr_file_create(const char *path, mode_t mode, zr_span_t text, char why[ZR_FILE_WHY]) {
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY, mode);
    if (fd < 0) {
        snprintf(
            why, ZR_FILE_WHY, "%s", errno == EEXIST ? "it exists already and is not overwritten" : strerror(errno));
        return false;
    }
    int failed = s_write_all(fd, text) ? 0 : errno;
    if (close(fd) != 0 && !failed)
        failed = errno;
    if (!failed)
        return true;
    unlink(path);
    snprintf(why, ZR_FILE_WHY, "%s", strerror(failed));
    return false;
}
