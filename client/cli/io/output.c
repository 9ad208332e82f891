#include "output.h"

#include <errno.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "format.h"

#define FLUSH_SIZE 65536

static bool s_poll(struct pollfd *file, void *ctx) {
    (void)ctx;
    return poll(file, 1, -1) >= 0 || errno == EINTR;
}

void output_open(output_t *output, int fd, output_wait_fn *wait, void *ctx) {
    struct stat status;
    *output = (output_t){.fd = fd, .wait = wait ? wait : s_poll, .ctx = ctx};
    output->pipe = fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode);
}

/* How much may be written now without blocking: a pipe that polls writable takes PIPE_BUF bytes. */
static size_t s_room(output_t *output) {
    if (!output->pipe)
        return SIZE_MAX;
    struct pollfd file = {.fd = output->fd, .events = POLLOUT};
    if (poll(&file, 1, 0) > 0)
        return PIPE_BUF;
    while (output->wait(&file, output->ctx))
        if (file.revents)
            return PIPE_BUF;
    output->error = EINTR;
    return 0;
}

bool output_flush(output_t *output) {
    size_t done = 0;
    while (!output->error && done < output->buffer.len) {
        size_t left = output->buffer.len - done;
        size_t room = s_room(output);
        if (room == 0)
            break;
        ssize_t len = write(output->fd, output->buffer.data + done, left < room ? left : room);
        if (len >= 0) {
            done += (size_t)len;
        } else if (errno == EAGAIN) {
            /* Somebody else made the file non-blocking. */
            struct pollfd file = {.fd = output->fd, .events = POLLOUT};
            if (!output->wait(&file, output->ctx))
                output->error = EINTR;
        } else if (errno != EINTR) {
            output->error = errno;
        }
    }
    zr_buffer_clear(&output->buffer);
    return !output->error;
}

bool output_added(output_t *output) {
    if (output->buffer.len >= FLUSH_SIZE)
        return output_flush(output);
    return !output->error;
}

bool output_lost(output_t *output) {
    struct pollfd file = {.fd = output->fd};
    if (!output->error && output->pipe && poll(&file, 1, 0) > 0 && file.revents & (POLLERR | POLLHUP))
        output->error = EPIPE;
    return output->error;
}

void output_message(zr_buffer_t *out, int error) {
    if (error == EPIPE)
        zr_buffer_printf(out, "stdout was closed");
    else
        zr_buffer_printf(out, "cannot write to stdout: %s", strerror(error));
}

int output_close(output_t *output, int code) {
    output_flush(output);
    if (output->error && output->error != EINTR && !output->told) {
        zr_buffer_t text = {0};
        output_message(&text, output->error);
        cli_say("%.*s", (int)text.len, (const char *)text.data);
        zr_buffer_finish(&text);
        output->told = true;
    }
    if (output->error && output->error != EINTR)
        code = CLI_USAGE;
    zr_buffer_finish(&output->buffer);
    return code;
}
