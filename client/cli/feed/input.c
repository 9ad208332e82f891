#include "input.h"

#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#include "fatal.h"

#define CHUNK ((size_t)256 * 1024)
#define CODED_FACTOR 6 /* a byte of a body may be \u0000 in JSON */
#define CODED_MORE 65536
#define CODED_MAX ((size_t)128 << 20) /* whatever the broker says that it takes: what a line may take of memory */

void input_init(input_t *input, const feed_job_t *job, oversize_t oversize, const progress_t *progress) {
    size_t len = job->text ? strlen(job->text) : 0;
    *input = (input_t){.job = job,
        .oversize = oversize,
        .mark = progress->mark,
        .unsure = progress->top - progress->next,
        .skip = progress->skip};
    ranges_slice(&input->todo, &progress->todo, 0, UINT64_MAX);
    input->wanted = ranges_at(&input->todo, 0);
    lines_init(&input->lines, job->text ? len + 1 : CHUNK, 0);
    input->lines.whole = job->text || job->whole;
    input->lines.delimiter = job->delimiter;
    if (!job->text)
        return;
    size_t room;
    memcpy(lines_space(&input->lines, &room), job->text, len);
    lines_fed(&input->lines, len);
    lines_end(&input->lines);
}

void input_finish(input_t *input) {
    import_finish(&input->entry);
    ranges_finish(&input->todo);
    lines_finish(&input->lines);
}

bool input_read(input_t *input, zr_error_t *error) {
    size_t room;
    char *to = lines_space(&input->lines, &room);
    ssize_t len = read(input->job->fd, to, room);
    if (len > 0)
        lines_fed(&input->lines, (size_t)len);
    else if (len == 0)
        lines_end(&input->lines);
    else if (errno != EINTR && errno != EAGAIN)
        return zr_fail(
            error, "cannot read %s: %s", input->job->fd == STDIN_FILENO ? "stdin" : "the file", strerror(errno));
    return true;
}

bool input_is_over(input_t *input) {
    lines_t *lines = &input->lines;
    zr_error_t error = {0};
    struct pollfd file = {.fd = input->job->fd, .events = POLLIN};
    if (!input->pending && lines->start == lines->end && !lines->ended && poll(&file, 1, 0) > 0)
        input_read(input, &error);
    return !input->pending && lines->start == lines->end && lines->ended;
}

static void s_count(input_t *input) {
    input->wanted = ranges_at(&input->todo, ++input->taken);
}

/* What is wrong with the line, and what that means for the others. */
__attribute__((format(printf, 3, 4))) static input_result_t s_wrong(
    const input_t *input, zr_error_t *error, const char *format, ...) {
    zr_buffer_t text = {0};
    va_list args;
    va_start(args, format);
    zr_buffer_vprintf(&text, format, args);
    va_end(args);
    if (input->lines.whole)
        zr_fail(error, "%.*s", (int)text.len, (const char *)text.data);
    else
        zr_fail(error, "line %" PRIu64 ": %.*s; it and the lines after it are not published", input->lines.number,
            (int)text.len, (const char *)text.data);
    zr_buffer_finish(&text);
    return INPUT_WRONG;
}

/* --- Bodies that are too large --- */

/* As much of `body`, which is longer, as `most` bytes hold, without a part of a character. */
static zr_span_t s_cut(zr_span_t body, size_t most) {
    size_t at = most;
    for (int back = 0; at > 0 && back < 3 && ((uint8_t)body.ptr[at] & 0xc0) == 0x80; back++)
        at--;
    bool text = ((uint8_t)body.ptr[at] & 0xc0) != 0x80; /* else it is no UTF-8 */
    return zr_span_of(body.ptr, text ? at : most);
}

static void s_tell(const input_t *input, const char *what, uint64_t most) {
    zr_buffer_t line = {0};
    if (!input->lines.whole)
        zr_buffer_printf(&line, "line %" PRIu64 ": ", input->lines.number);
    cli_say("%.*sit is larger than the %" PRIu64 " bytes that the broker takes, and is %s", (int)line.len,
        (const char *)line.data, most, what);
    zr_buffer_finish(&line);
}

/* `cut`: the body cannot be cut, as it is not whole. */
static input_result_t s_too_large(input_t *input, size_t most, bool cut, zr_error_t *error) {
    if (input->oversize == OVERSIZE_FAIL)
        return s_wrong(input, error, "it is larger than the %zu bytes that the broker takes (see --oversize)", most);
    if (input->oversize == OVERSIZE_TRUNCATE && !cut) {
        s_tell(input, "cut", most);
        input->entry.body = s_cut(input->entry.body, most);
        return INPUT_MESSAGE;
    }
    s_tell(input, "left out", most);
    s_count(input);
    return INPUT_MORE;
}

/* The broker that we are connected to may be another one than before. */
static input_result_t s_fit(input_t *input, zrelay_t *relay, zr_error_t *error) {
    size_t most = zrelay_body_max(relay, input->entry.room, input->entry.key);
    /* The broker knows higher ids than that of a message that was left out, and would not take it any more. */
    if (input->taken < input->unsure && input->entry.body.len > input->skip) {
        s_tell(input, "left out, as in the run before", input->skip);
        s_count(input);
        return INPUT_MORE;
    }
    return input->entry.body.len > most ? s_too_large(input, most, false, error) : INPUT_MESSAGE;
}

/* --- Lines --- */

/* The line was published by an earlier run, or is to be now. False: the input is another one. */
static bool s_check(input_t *input, zr_span_t line, zr_error_t *error) {
    if (!input->job->options.progress_file)
        return true;
    input->hash = progress_hash(input->hash, line);
    if (input->lines.number != input->mark.line || input->hash == input->mark.hash)
        return true;
    return zr_fail(error, "%s: the run before had another input, which differs up to line %" PRIu64,
        input->job->options.progress_file, input->mark.line);
}

/* A message from `line`; `cut`: it is too long, and these are its first bytes. */
static input_result_t s_message(input_t *input, zr_span_t line, bool cut, zrelay_t *relay, zr_error_t *error) {
    if (cut && input->job->coded)
        return s_too_large(input, zrelay_body_max(relay, input->job->room, NULL), true, error);
    import_finish(&input->entry);
    if (!input->job->read(&input->entry, line, &input->why, input->job->ctx))
        return s_wrong(input, error, "%s", input->why.text);
    if (!input->entry.room) {
        s_count(input);
        return INPUT_MORE;
    }
    return s_fit(input, relay, error);
}

static size_t s_longest(const input_t *input, zrelay_t *relay) {
    size_t most = zrelay_body_max(relay, input->job->room, input->job->key);
    if (!input->job->coded)
        return most;
    return most < CODED_MAX / CODED_FACTOR ? most * CODED_FACTOR + CODED_MORE : CODED_MAX;
}

input_result_t input_next(input_t *input, zrelay_t *relay, zr_error_t *error) {
    input_result_t result = input->pending ? s_fit(input, relay, error) : INPUT_MORE;
    input->pending = false;
    while (result == INPUT_MORE) {
        zr_span_t line;
        input->lines.max = s_longest(input, relay);
        lines_result_t found = lines_next(&input->lines, &line);
        if (found == LINES_MORE)
            break;
        if (!s_check(input, line, error))
            return INPUT_WRONG;
        if (input->lines.number == input->wanted)
            result = s_message(input, line, found == LINES_LONG, relay, error);
    }
    if (result != INPUT_MORE || !input->lines.ended) {
        input->pending = result == INPUT_MESSAGE;
        return result;
    }
    if (input->lines.number + 1 >= input->wanted)
        return INPUT_END;
    zr_fail(error, "%s: the run before had another input, of more than %" PRIu64 " lines",
        input->job->options.progress_file, input->lines.number);
    return INPUT_WRONG;
}

void input_took(input_t *input) {
    input->pending = false;
    s_count(input);
}
