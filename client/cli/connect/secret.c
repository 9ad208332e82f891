#include "secret.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium/utils.h>
#include <sys/stat.h>
#include <unistd.h>

#include "format.h"

/* NULL, or what is wrong with the file and what to do. */
static const char *s_check(const struct stat *about) {
    if (!S_ISREG(about->st_mode))
        return "this is no regular file";
    if (about->st_uid != 0 && about->st_uid != geteuid())
        return "it belongs to another user, who knows what is in it";
    if (about->st_mode & (S_IRWXG | S_IRWXO))
        return "others can read it, or change it; chmod 600 it";
    return about->st_size >= SECRET_SIZE_MAX ? "it is too large to be what is wanted" : NULL;
}

/* NULL, or what is wrong. Into memory that does not move: a copy left behind would not be wiped. */
static const char *s_fill(int fd, zr_buffer_t *out) {
    uint8_t *to = zr_buffer_reserve(out, SECRET_SIZE_MAX);
    while (out->len < SECRET_SIZE_MAX) {
        ssize_t len = read(fd, to + out->len, SECRET_SIZE_MAX - out->len);
        if (len == 0)
            return NULL;
        if (len < 0 && errno != EINTR)
            return strerror(errno);
        out->len += len > 0 ? (size_t)len : 0;
    }
    return "it is too large to be what is wanted";
}

bool secret_read(const char *path, zr_buffer_t *out, bool *missing, zr_buffer_t *error) {
    struct stat about;
    /* O_NONBLOCK: opening a FIFO must not wait for a writer. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (missing)
        *missing = fd < 0 && errno == ENOENT;
    const char *wrong = fd < 0 || fstat(fd, &about) != 0 ? strerror(errno) : s_check(&about);
    if (!wrong)
        wrong = s_fill(fd, out);
    if (fd >= 0)
        close(fd);
    if (!wrong)
        return true;
    format_add(error, "%s: %s", path, wrong);
    secret_finish(out);
    return false;
}

static bool s_write(int fd, zr_span_t text) {
    for (size_t done = 0; done < text.len;) {
        ssize_t len = write(fd, text.ptr + done, text.len - done);
        if (len < 0 && errno != EINTR)
            return false;
        done += len > 0 ? (size_t)len : 0;
    }
    return fsync(fd) == 0;
}

bool secret_create(const char *path, unsigned mode, zr_span_t text, zr_buffer_t *error) {
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, mode);
    if (fd < 0 && errno == EEXIST) {
        format_add(error, "%s is there already and is not overwritten", path);
        return false;
    }
    int failed = fd < 0 || !s_write(fd, text) ? errno : 0;
    if (fd >= 0 && close(fd) != 0 && !failed)
        failed = errno;
    if (!failed)
        return true;
    if (fd >= 0)
        unlink(path);
    format_add(error, "cannot write %s: %s", path, strerror(failed));
    return false;
}

void secret_finish(zr_buffer_t *buffer) {
    if (buffer->data)
        sodium_memzero(buffer->data, buffer->size);
    zr_buffer_finish(buffer);
}
