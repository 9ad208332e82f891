/* Redis: PUBLISH, answered with a number, and SUBSCRIBE. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "generator.h"

static size_t s_hello(char *out, size_t size, bool reader, size_t number) {
    (void)number;
    return (size_t)snprintf(
        out, size, "%s", reader ? "*2\r\n$9\r\nSUBSCRIBE\r\n$5\r\n" TOPIC "\r\n" : "*1\r\n$4\r\nPING\r\n");
}

static size_t s_welcome(const char *in, size_t len, bool reader) {
    const char *answer = reader ? ":1\r\n" : "+PONG\r\n";
    const char *end = memmem(in, len, answer, strlen(answer));
    if (len && in[0] == '-')
        return SIZE_MAX;
    return end ? (size_t)(end - in) + strlen(answer) : 0;
}

static size_t s_message(char *out, size_t size, size_t *body) {
    *body = (size_t)sprintf(out, "*3\r\n$7\r\nPUBLISH\r\n$5\r\n" TOPIC "\r\n$%zu\r\n", size);
    memset(out + *body, 'x', size);
    memcpy(out + *body + size, "\r\n", 2);
    return *body + size + 2;
}

/* ":3\r\n", or "*3\r\n$7\r\nmessage\r\n$5\r\nbench\r\n$100\r\n" and the body. */
static size_t s_next(const char *in, size_t len, const char **body, size_t *body_len) {
    static const char head[] = "*3\r\n$7\r\nmessage\r\n$5\r\n" TOPIC "\r\n$";
    *body = NULL;
    if (len && in[0] == '-')
        work_fail("%.*s", (int)len, in);
    if (len && in[0] == ':') {
        const char *end = memchr(in, '\n', len);
        return end ? (size_t)(end - in) + 1 : 0;
    }
    size_t at = sizeof head - 1, size = 0;
    if (len <= at)
        return 0;
    for (; at < len && in[at] != '\r'; at++)
        size = size * 10 + (size_t)(in[at] - '0');
    if (len < at + 2 + size + 2)
        return 0;
    *body = in + at + 2;
    *body_len = size;
    return at + 2 + size + 2;
}

const protocol_t protocol_redis = {s_hello, s_welcome, s_message, s_next};
