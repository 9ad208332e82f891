/* The NATS protocol, and JetStream, which is a stream that keeps a subject and an answer to each message. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "generator.h"

#define STREAM "{\"name\":\"bench\",\"subjects\":[\"" TOPIC "\"],\"storage\":\"file\",\"retention\":\"limits\"}"

static size_t s_hello(char *out, size_t size, bool reader, size_t number) {
    (void)number;
    return (size_t)snprintf(
        out, size, "CONNECT {\"verbose\":false}\r\n%sPING\r\n", reader ? "SUB " TOPIC " 1\r\n" : "");
}

static size_t s_welcome(const char *in, size_t len, bool reader) {
    (void)reader;
    const char *end = memmem(in, len, "PONG\r\n", 6);
    if (memmem(in, len, "-ERR", 4))
        return SIZE_MAX;
    return end ? (size_t)(end - in) + 6 : 0;
}

static size_t s_put(char *out, size_t size, size_t *body, const char *reply) {
    *body = (size_t)sprintf(out, "PUB " TOPIC " %s%zu\r\n", reply, size);
    memset(out + *body, 'x', size);
    memcpy(out + *body + size, "\r\n", 2);
    return *body + size + 2;
}

static size_t s_message(char *out, size_t size, size_t *body) {
    return s_put(out, size, body, "");
}

/* "MSG bench 1 100\r\n" and the body, or a line of another kind. */
static size_t s_next(const char *in, size_t len, const char **body, size_t *body_len) {
    const char *end = memchr(in, '\n', len);
    *body = NULL;
    if (!end)
        return 0;
    size_t line = (size_t)(end - in) + 1;
    if (memcmp(in, "MSG ", 4) != 0) {
        if (in[0] == '-')
            work_fail("%.*s", (int)line, in);
        return line;
    }
    size_t size = 0, scale = 1;
    for (const char *digit = end - 2; *digit != ' '; digit--, scale *= 10)
        size += (size_t)(*digit - '0') * scale;
    if (len < line + size + 2)
        return 0;
    *body = in + line;
    *body_len = size;
    return line + size + 2;
}

const protocol_t protocol_nats = {s_hello, s_welcome, s_message, s_next};

static size_t s_stream_hello(char *out, size_t size, bool reader, size_t number) {
    (void)reader;
    (void)number;
    return (size_t)snprintf(out, size,
        "CONNECT {\"verbose\":false}\r\nSUB acks 1\r\nSUB made 2\r\nPUB $JS.API.STREAM.CREATE.bench made %zu\r\n" STREAM
        "\r\n",
        sizeof STREAM - 1);
}

static size_t s_stream_welcome(const char *in, size_t len, bool reader) {
    (void)reader;
    const char *answer = memmem(in, len, "stream_create_response", 22);
    const char *end = answer ? memmem(answer, len - (size_t)(answer - in), "\r\n", 2) : NULL;
    if (memmem(in, len, "-ERR", 4) || (end && memmem(in, len, "\"error\"", 7)))
        return SIZE_MAX;
    return end ? (size_t)(end - in) + 2 : 0;
}

static size_t s_stream_message(char *out, size_t size, size_t *body) {
    return s_put(out, size, body, "acks ");
}

const protocol_t protocol_jetstream = {s_stream_hello, s_stream_welcome, s_stream_message, s_next};
