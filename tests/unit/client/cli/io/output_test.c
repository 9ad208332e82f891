#include "output.h"

#include <errno.h>
#include <fcntl.h>

#include "unit.h"

static char s_read[300000];
static size_t s_read_len;

/* The reader reads only when the writer would block. */
static bool s_reader(struct pollfd *file, void *ctx) {
    ssize_t len = read(*(int *)ctx, s_read + s_read_len, 5000);
    ck_assert_int_gt(len, 0);
    s_read_len += (size_t)len;
    poll(file, 1, 0);
    return true;
}

TEST(test_never_blocks_on_a_pipe) {
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    output_t output;
    output_open(&output, ends[1], s_reader, &ends[0]);
    for (int i = 0; i < 200000; i++) {
        zr_buffer_u8(&output.buffer, (uint8_t)('a' + i % 26));
        ck_assert(output_added(&output));
    }
    ck_assert(output_flush(&output));
    ck_assert_int_eq(output_close(&output, 0), 0);
    close(ends[1]);
    ssize_t len;
    while ((len = read(ends[0], s_read + s_read_len, sizeof s_read - s_read_len)) > 0)
        s_read_len += (size_t)len;
    ck_assert_uint_eq(s_read_len, 200000);
    for (int i = 0; i < 200000; i++)
        ck_assert_int_eq(s_read[i], 'a' + i % 26);
}

TEST(test_closed) {
    int ends[2];
    signal(SIGPIPE, SIG_IGN);
    ck_assert_int_eq(pipe(ends), 0);
    output_t output;
    output_open(&output, ends[1], NULL, NULL);
    ck_assert(!output_lost(&output));
    close(ends[0]);
    ck_assert(output_lost(&output));
    ck_assert_int_eq(output.error, EPIPE);
    output.error = 0;
    zr_buffer_append(&output.buffer, "x", 1);
    ck_assert(!output_flush(&output));
    ck_assert_int_eq(output.error, EPIPE);
    ck_assert_int_eq(output_close(&output, 0), 1);
    close(ends[1]);
}

TEST(test_full_disk) {
    int fd = open("/dev/full", O_WRONLY);
    if (fd < 0)
        return;
    output_t output;
    output_open(&output, fd, NULL, NULL);
    zr_buffer_append(&output.buffer, "x", 1);
    ck_assert(output_added(&output));
    ck_assert_int_eq(output_close(&output, 0), 1);
    ck_assert_int_eq(output.error, ENOSPC);
    close(fd);
}

TEST(test_messages) {
    zr_buffer_t out = {0};
    output_message(&out, EPIPE);
    ck_assert_mem_eq(out.data, "stdout was closed", 17);
    zr_buffer_clear(&out);
    output_message(&out, ENOSPC);
    ck_assert_mem_eq(out.data, "cannot write to stdout: No space left on device", 47);
    zr_buffer_finish(&out);
}

UNIT_SUITE("client.cli.output")
